"""The pieces that a class edition is made with, each by itself."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.checking.checker import load_exercises
from course_utils.checking.draw import Draw
from course_utils.checking.exercise import Trial
from course_utils.grading.edition import given, record, recorded
from course_utils.grading.edition.given import NotWrittenYetError, given_class, given_function
from course_utils.grading.edition.needed import EVERYTHING, used_names
from course_utils.grading.edition.pages import YOURS, without_links, without_references
from course_utils.grading.edition.portable import NotPortableError, PortableFunctions
from course_utils.grading.edition.record import ChapterRecorder, record_chapter
from course_utils.grading.edition.store import Store, write_store
from course_utils.grading.judging.given_module import given_module
from course_utils.grading.places import Chapter

CHAPTER = "transformers/attention"

# --- given


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Stand for the notebook that a learner works in."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(given.used, "chapter", CHAPTER)
    given.used.names.clear()
    yield module
    given.used.names.clear()


def test_what_is_given_is_the_learners_own(notebook: types.ModuleType):
    notebook.double = lambda number, times=2: number * times
    double = given_function("double", CHAPTER)
    assert double(4) == 8
    assert double(4, times=3) == 12
    assert double.__name__ == "double"
    assert list(given.used.names) == ["double"]


def test_an_own_class_is_built_and_recognized(notebook: types.ModuleType):
    notebook.Cache = type("Cache", (), {"size": 7})
    stand_in = given_class("Cache", CHAPTER)
    assert stand_in().size == 7
    assert isinstance(notebook.Cache(), stand_in)
    assert not isinstance(7, stand_in)


@pytest.mark.parametrize("written", ["nothing", "the stand-in itself", "a stub"])
def test_what_is_not_written_is_named(notebook: types.ModuleType, written: str, tmp_path: Path):
    function = given_function("double", CHAPTER)
    if written == "the stand-in itself":
        notebook.double = function
    if written == "a stub":
        # As in a cell of a notebook: the frame belongs to no file of the course.
        exec(compile("def double(*_):\n    raise NotImplementedError", "<cell 3>", "exec"), vars(notebook))
    with pytest.raises(NotWrittenYetError, match=r"^write double first: this item builds on it$"):
        function(4)


def test_what_torch_cannot_do_is_no_stub(notebook: types.ModuleType):
    notebook.inverse = lambda x: torch.linalg.inv(x)
    with pytest.raises((NotImplementedError, RuntimeError)) as caught:
        given_function("inverse", CHAPTER)(torch.ones(2, 2, dtype=torch.float16))
    assert not isinstance(caught.value, NotWrittenYetError)


def test_an_answer_to_another_chapter_comes_from_its_saved_notebook(
    notebook: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    folder = tmp_path / "exercises" / "transformers"
    folder.mkdir(parents=True)
    cells = [
        "def double(x):\n    return 2 * x",
        "raise RuntimeError('fails by itself')",
        "def half(x):\n    return x / 2",
    ]
    saved = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbformat.write(saved, folder / "earlier.ipynb")
    monkeypatch.setattr(given, "ROOT", tmp_path)
    given._saved.cache_clear()
    assert given_function("double", "transformers/earlier")(4) == 8
    assert given_function("half", "transformers/earlier")(4) == 2
    with pytest.raises(NotWrittenYetError, match=r"write triple first \(in exercises/transformers/earlier"):
        given_function("triple", "transformers/earlier")(4)
    with pytest.raises(NotWrittenYetError, match=r"write double first \(in exercises/transformers/none"):
        given_function("double", "transformers/none")(4)
    given._saved.cache_clear()


# --- given_module

MODULE = '''
"""A module."""
import math
__all__ = ["answer", "other", "SIZE"]
SIZE = 3
UNUSED = 4
def answer(x):
    return _helper(x)
def _helper(x):
    return x
def other(x):
    return near(x) + SIZE
def near(x):
    return answer(x)
class Unneeded:
    pass
'''


def test_only_what_is_needed_stays_in_a_module(tmp_path: Path):
    file = tmp_path / "module.py"
    file.write_text(MODULE)
    imports = "given_function = given_class = str"
    source = given_module(file, {"answer"}, imports=imports, needed={"other"})
    names: dict[str, object] = {}
    exec(source, names)
    assert names["answer"] == "answer"
    assert {"other", "near", "SIZE", "math"} <= set(names)
    assert not {"_helper", "UNUSED", "Unneeded"} & set(names)
    assert names["__all__"] == ["answer", "other", "SIZE"]


def test_uses_of_a_module_are_found():
    sources = [
        "import a.b\na.b.f(1)",
        "from a import b as c\nx = c.g",
        "from a.b import h\nimport d.e as k\nk.n",
    ]
    assert used_names(sources, ["a.b"]) == {"a.b": {"f", "g", "h"}}
    assert EVERYTHING in used_names(["from a import b\nprint(b)"], ["a.b"])["a.b"]
    assert EVERYTHING in used_names(["from a.b import *"], ["a.b"])["a.b"]


# --- pages

INCLUDE = "```{{literalinclude}} ../../course_utils/part/chapter.py\n:pyobject: {}\n```\n"
SHOWN, HIDDEN = INCLUDE.format("shown"), INCLUDE.format("hidden")
BLOCK = "````{{admonition}} Show the reference\n:class: dropdown\n\n{}````\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BLOCK.format(HIDDEN), f"{YOURS}\n"),
        (BLOCK.format(HIDDEN + HIDDEN), f"{YOURS}\n"),
        (BLOCK.format(SHOWN + HIDDEN), BLOCK.format(SHOWN)),
        (HIDDEN, f"{YOURS}\n"),
        (SHOWN, SHOWN),
        ("```python\nprint(1)\n```\n", "```python\nprint(1)\n```\n"),
    ],
)
def test_references_are_taken_out_of_pages(before: str, after: str):
    found = without_references(f"Before.\n\n{before}\nAfter.\n", lambda _path, name: name == "shown")
    assert found == f"Before.\n\n{after}\nAfter.\n"


def test_links_to_missing_pages_become_text():
    text = "See [one](../one/page.ipynb) and [two](two.md#part).\n- More: [one](../one/page.ipynb).\n"
    found = without_links(text, "book/part/this.ipynb", {"book/one/page.ipynb"})
    assert found == "See one and [two](two.md#part).\n"


# --- portable functions, and what cannot be recorded


def test_functions_stand_alone_with_what_they_close_over(tmp_path: Path):
    exercise = load_exercises("training/backpropagation")["numerical_gradient"]
    function = exercise.cases[0].draw(Draw(5))["function"]
    portable = PortableFunctions()
    assert portable.number(function) == portable.number(function) == 0
    (tmp_path / "alone.py").write_text(portable.source())
    write_store(tmp_path, "alone", {"one": ["callback", 0]}, portable.table, portable.encoder.buffers)
    assert "reference" not in portable.source()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        alone = Store(tmp_path, "alone", "alone").read()["one"]
    point = exercise.cases[0].draw(Draw(5))["point"]
    assert alone(point) == function(point)


def test_a_function_that_reaches_into_the_course_is_refused():
    with pytest.raises(NotPortableError, match="course_utils"):
        PortableFunctions().number(reaches)
    with pytest.raises(NotPortableError, match="not a function written in Python"):
        PortableFunctions().number(len)


def reaches(result: object) -> object:
    return load_exercises(str(result))


def test_a_case_that_cannot_be_recorded_is_named_on_the_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    real = ChapterRecorder._require_same

    def require(self: ChapterRecorder, tree: Any, expected: Any, trial: Trial, right: Any) -> None:
        if trial.case.name == "a batch":
            raise NotPortableError("no reason")
        real(self, tree, expected, trial, right)

    monkeypatch.setattr(ChapterRecorder, "_require_same", require)
    monkeypatch.setattr(record, "ROUND_SECONDS", 0.0)
    (tmp_path / "transformers").mkdir()
    made = record_chapter(Chapter.parse(CHAPTER), tmp_path / "transformers")
    assert made.left_out == {"split_heads": {"a batch": "no reason"}, "merge_heads": {"a batch": "no reason"}}
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    recorded._records.cache_clear()
    check = recorded.checker(CHAPTER)
    report = check.report(lambda x, num_heads: x, "split_heads")
    assert [case.name for case in report.cases] == ["two tokens, two heads", "no batch axis"]
    assert report.notes[-1] == 'Judged only when the instructor grades: "a batch".'
    assert check.graded(None, "split_heads") is None
    assert "instructor's machine judges this" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no exercise named 'nothing'"):
        check(None, "nothing")
    with pytest.raises(
        ValueError, match="no checks for the chapter 'a/b'; there are: transformers/attention"
    ):
        recorded.checker("a/b")
    recorded._records.cache_clear()


def test_a_wrong_item_names_the_own_answers_that_it_was_run_with(
    notebook: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "transformers").mkdir()
    monkeypatch.setattr(record, "ROUND_SECONDS", 0.0)
    record_chapter(Chapter.parse(CHAPTER), tmp_path / "transformers")
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    recorded._records.cache_clear()
    notebook.merge_heads = lambda x: x
    merge = given_function("merge_heads", CHAPTER)
    check = recorded.checker(CHAPTER)
    note = check.report(lambda x, num_heads: merge(x), "split_heads").notes[-1]
    assert note.startswith("It was run with your own `merge_heads`: look there too.")
    recorded._records.cache_clear()
