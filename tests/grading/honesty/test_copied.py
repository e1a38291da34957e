"""Answers that hold the course's own text are told; answers that anybody would write are not."""

from __future__ import annotations

import inspect

import pytest

from course_utils.checking.checker import load_exercises
from course_utils.grading.honesty import examine
from course_utils.grading.honesty.copied import references
from course_utils.grading.honesty.reading import released_cells
from tests.grading.honesty.answers import CHAPTERS, answered, released, renamed

LONG = {
    "basics/data_with_pandas": ["column_scores"],
    "basics/first_models": ["best_split", "DecisionTree"],
    "basics/embeddings": ["RandomProjectionIndex"],
    "training/backpropagation": ["topological_sort"],
    "transformers/attention": ["MultiHeadAttention"],
    "deepseek/latent_attention": ["latent_attention", "LatentCache", "MultiHeadLatentAttention"],
}
"""The references that are long enough for their text to say something."""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_only_long_references_count(chapter: str) -> None:
    found = references(load_exercises(chapter), released_cells(released(chapter)))
    assert [name for name, reference in found.items() if reference.counts] == LONG.get(chapter, [])


@pytest.mark.parametrize(("chapter", "name"), [(key, name) for key, names in LONG.items() for name in names])
def test_a_copy_of_the_reference_is_found_whatever_it_looks_like(chapter: str, name: str) -> None:
    source = inspect.getsource(load_exercises(chapter)[name].reference)
    submission = answered(released(chapter), **{name: f"# My own work.\nunused = 1\n{renamed(source)}"})
    found = examine(chapter, {"ada": submission}, released(chapter), load_exercises(chapter)).findings["ada"]
    whole = [finding for finding in found if "statements of the course's own answer" in finding.what]
    assert [(finding.kind, finding.exercise, finding.cell) for finding in whole] == [("copy", name, name)]


def test_statements_between_and_left_out_guards_hide_nothing() -> None:
    chapter, name = "training/backpropagation", "topological_sort"
    source = inspect.getsource(load_exercises(chapter)[name].reference)
    source = source.replace(
        "    while stack:\n", "    print('start')\n    count = 0\n    while stack:\n        count += 1\n"
    )
    submission = answered(released(chapter), **{name: renamed(source)})
    found = examine(chapter, {"ada": submission}, released(chapter), load_exercises(chapter)).findings["ada"]
    assert any("all 17 statements" in finding.what for finding in found)


def test_the_course_s_own_messages_are_found() -> None:
    chapter, name = "transformers/attention", "padding_mask"
    source = inspect.getsource(load_exercises(chapter)[name].reference)
    submission = answered(released(chapter), **{name: source})
    (finding,) = examine(chapter, {"ada": submission}, released(chapter), load_exercises(chapter)).findings[
        "ada"
    ]
    assert (finding.kind, finding.exercise, finding.cell) == ("copy", name, name)
    assert "Lengths must be between 0 and" in finding.what
    assert "Lengths must be" in source.split("\n")[finding.line - 1]


def test_who_fills_in_what_is_missing_has_copied_nothing_of_what_is_given() -> None:
    chapter, name = "basics/arrays_and_tensors", "RoundTrip"
    exercises, notebook = load_exercises(chapter), released(chapter)
    source = inspect.getsource(exercises[name].reference)
    submission = answered(notebook, **{name: source})
    assert "ada" not in examine(chapter, {"ada": submission}, notebook, exercises).findings
    # With the first line, which is given too, it would be six assignments; two are the learner's.
    reference = references(exercises, released_cells(notebook))[name]
    assert len([statement for statement in reference.statements if "Assign" in statement.tokens]) == 2
