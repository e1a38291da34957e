"""The proof itself: it passes a sharp exercise and finds each kind of dullness."""

from __future__ import annotations

import pytest
import torch

from course_utils.checking import Exercise, function
from course_utils.checking.altered import altered_models, altered_values
from course_utils.checking.compare import Tolerance
from course_utils.checking.judge import Evidence
from course_utils.checking.mutants import mutants_of
from course_utils.checking.teeth import examine, main
from tests.checking import exercises, sample


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for a released notebook, which the sample exercises do not have."""

    def stub(*args: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(
        "course_utils.checking.teeth.released_names",
        lambda chapter: {"softmax_attention": stub, "double_all": stub, "row_sums": stub},
    )


def sharp() -> Exercise:
    exercise = function(sample.double_all, points=1)
    exercise.case("values")(lambda draw: {"values": draw.normal(3, 5)})
    exercise.mistake("One is not added.", edit=("values + 1", "values"), of=sample.helper)
    exercise.mistake("It is not doubled.", edit=("* 2", ""))
    exercise.mistake("It is tripled.", edit=("* 2", "* 3"))
    exercise.variant(lambda values: 2 * values + 2)
    exercise.variant(lambda values: (values + 1) + (values + 1))
    return exercise


@pytest.mark.usefixtures("released")
def test_sharp_exercise_passes() -> None:
    teeth = examine("part/chapter", sharp(), seeds=4)
    assert teeth.problems == []
    assert teeth.mutants >= 5
    assert teeth.caught_share == 1


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda e: e.mistakes.pop(), "2 known mistakes, at least 3"),
        (lambda e: e.variants.pop(), "1 variants, at least 2"),
        (lambda e: e.variants.append(lambda values: values), "loses marks"),
        (lambda e: e.mistake("Not wrong at all.", edit=("* 2", "* 2.0")), "loses no marks"),
        (lambda e: e.mistake("Tripled again.", edit=("* 2", "* (1 + 2)")), "is explained as"),
        (lambda e: e.equivalent("return helper(values) * 9", "no reason"), "caught or does not exist"),
        (lambda e: e.mistake("Stale.", edit=("* 7", "* 8")), "must apply exactly once"),
    ],
)
def test_dull_exercise_is_reported(spoil, problem: str) -> None:
    exercise = sharp()
    spoil(exercise)
    problems = examine("part/chapter", exercise, seeds=2).problems
    assert any(problem in found for found in problems)


@pytest.mark.usefixtures("released")
def test_surviving_mutant_is_reported_until_it_is_explained() -> None:
    dull = Exercise("double_all", "function", sample.double_all, 1, Tolerance(absolute=100))
    dull.case("anything goes")(lambda draw: {"values": draw.normal(3)})
    problems = examine("part/chapter", dull, seeds=1).problems
    assert any("survives unexplained: return helper(values) * 2  =>" in problem for problem in problems)
    assert any("of the mutants are caught" in problem for problem in problems)


@pytest.mark.usefixtures("released")
def test_draws_that_the_reference_often_refuses_are_reported() -> None:
    exercise = sharp()
    exercise.case("nothing is refused", raises=TypeError)(
        lambda draw: {"values": draw.normal(3) if draw.integer(0, 9) > 7 else None}
    )
    problems = examine("part/chapter", exercise, seeds=25).problems
    assert any(
        problem.startswith("the reference refuses") and "nothing is" in problem for problem in problems
    )


def test_missing_release_is_reported() -> None:
    problems = examine("part/chapter", sharp(), seeds=1).problems
    assert any("make exercises" in problem for problem in problems)


def test_worked_stub_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "course_utils.checking.teeth.released_names", lambda chapter: {"double_all": sample.double_all}
    )
    problems = examine("part/chapter", sharp(), seeds=1).problems
    assert "the released stub reads 'passed', not 'not attempted'" in problems


@pytest.mark.parametrize("name", ["attention", "doubled", "split", "sums", "affine", "mean"])
def test_mutants_differ_from_the_reference_and_from_one_another(name: str) -> None:
    mutants = mutants_of(getattr(exercises, name))
    assert len({(mutant.before, mutant.after, mutant.line) for mutant in mutants}) == len(mutants)
    assert all(mutant.before != mutant.after for mutant in mutants)
    assert len(mutants) >= 3


def test_mutants_contain_the_slips_that_people_make() -> None:
    made = {mutant.after for mutant in mutants_of(exercises.attention)}
    assert "scores = query @ key.transpose(-2, -1) * math.sqrt(query.shape[-1])" in made
    assert "return torch.softmax(scores, dim=-2) @ value" in made
    assert "scores = scores.masked_fill(mask, float('-inf'))" in made
    assert "scores = query @ key / math.sqrt(query.shape[-1])" in made
    assert "if mask is None:" in made


@pytest.mark.parametrize("right", [4, 0.25, -3.0, torch.tensor([1.0, 2.0]), (1, 2), True, "text"])
def test_altered_values_are_all_wrong(right) -> None:
    exercise = Exercise("x", "value", right, 1, Tolerance())
    exercise.case("value")(lambda draw: None)
    evidence = Evidence(exercise, 1, graded=True)
    for name, wrong in altered_values(right).items():
        assert not evidence.behaviors(wrong)[0].result.passed, name


def test_altered_models_are_all_caught() -> None:
    evidence = Evidence(exercises.classifier, 1, graded=True)
    for name, model in altered_models(exercises.classifier.reference_answer).items():
        assert not evidence.behaviors(model)[0].result.passed, name


def test_unknown_chapter_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="no checks for the chapter 'no/such'"):
        main(["no/such"])
