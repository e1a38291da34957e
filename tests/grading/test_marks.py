"""A mark is the last graded record of its cell, whatever else the cell shows."""

from __future__ import annotations

import math
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.checking.report import MIME_TYPE, CaseResult, Report
from course_utils.grading.marks import expected_exercise, mark_cell
from course_utils.grading.places import Chapter
from course_utils.grading.save import shown_outputs

CHAPTER = Chapter("transformers", "attention")
SOURCE = "check(softmax)\n### BEGIN HIDDEN TESTS\ncheck.graded(softmax)\n### END HIDDEN TESTS"


def record(points: float = 3.0, **changes: Any) -> dict[str, Any]:
    """Return the data of a graded report."""
    case = CaseResult("finite", "failed", 1.0, "private 0.123", "public")
    status = "passed" if points == 4.0 else "failed"
    report = Report(str(CHAPTER), "softmax", 4.0, points, status, (case,), ("because",), graded=True)
    return {**report.to_data(), **changes}


def shown(*data: dict[str, Any]) -> list[NotebookNode]:
    """Return outputs that show records."""
    made = [{"text/plain": "table", "text/html": "<b>table</b>", MIME_TYPE: one} for one in data]
    return [nbformat.v4.new_output("display_data", data=one) for one in made]


def cell(*outputs: NotebookNode, source: str = SOURCE) -> NotebookNode:
    """Return a test cell that was run."""
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def points(*outputs: NotebookNode, source: str = SOURCE, most: float = 4.0) -> float:
    """Return the points of a cell with these outputs."""
    return mark_cell(cell(*outputs, source=source), CHAPTER, most).points


STDERR = nbformat.v4.new_output("stream", name="stderr", text="UserWarning: 0.0")
PRINTED = nbformat.v4.new_output("stream", name="stdout", text="4.0\n")
NUMBER = nbformat.v4.new_output("execute_result", data={"text/plain": "4.0"}, execution_count=1)
ERROR = nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=["KeyError: 'x'"])


def test_the_last_graded_record_counts() -> None:
    assert points(*shown(record(4.0), record(1.0))) == 1.0
    assert points(*shown(record(1.0), record(4.0))) == 4.0
    assert points(*shown(record(2.0), record(4.0, graded=False))) == 2.0


def test_what_else_is_shown_changes_nothing() -> None:
    assert points(STDERR, PRINTED, *shown(record(3.0)), STDERR, NUMBER) == 3.0
    assert points(STDERR, PRINTED, NUMBER) == 0.0
    assert points() == 0.0


def test_an_exception_earns_nothing() -> None:
    mark = mark_cell(cell(*shown(record(4.0)), ERROR), CHAPTER, 4.0)
    assert (mark.points, mark.status) == (0.0, "no record")
    assert "KeyError" in mark.reason


@pytest.mark.parametrize(
    "change",
    [
        {"exercise": "mask"},
        {"chapter": "training/attention"},
        {"graded": 1},
        {"points": 5.0},
        {"points": -1.0},
        {"points": math.nan},
        {"points": True},
        {"points": "4"},
        {"max_points": 0},
        {"max_points": math.inf},
        {"status": "perfect"},
        {"cases": None},
        {"cases": [7]},
    ],
)
def test_a_record_that_is_not_of_this_exercise_or_malformed_earns_nothing(change: dict[str, Any]) -> None:
    assert points(*shown(record(**{"points": 4.0, **change}))) == 0.0


def test_a_record_of_another_exercise_behind_the_right_one_earns_nothing() -> None:
    mark = mark_cell(cell(*shown(record(4.0), record(4.0, exercise="mask"))), CHAPTER, 4.0)
    assert mark.points == 0.0
    assert "mask" in mark.reason


def test_the_points_of_the_cell_count_where_the_declaration_has_changed() -> None:
    assert points(*shown(record(3.0)), most=2.0) == 1.5


@pytest.mark.parametrize(
    ("source", "exercise"),
    [
        (SOURCE, "softmax"),
        ("check.graded(8.6, 'ratio')", "ratio"),
        ("check.graded(mine, exercise='ratio')", "ratio"),
        ("x = 1\ncheck.graded(first)\ncheck.graded(second)", "second"),
        ("check(softmax)", None),
        ("check.graded(", None),
        ("check.graded(1 + 1)", None),
    ],
)
def test_the_exercise_is_read_from_the_cell(source: str, exercise: str | None) -> None:
    assert expected_exercise(source) == exercise


def test_a_cell_without_a_graded_check_earns_nothing() -> None:
    assert points(*shown(record(4.0)), source="check(softmax)") == 0.0


def test_a_test_cell_shows_the_own_check_and_the_graded_outcome_only() -> None:
    own = record(4.0, graded=False)
    leak = nbformat.v4.new_output("display_data", data={"text/plain": "secret inputs"})
    late = record(4.0, graded=False, notes=["secret inputs"])
    ran = cell(leak, *shown(own), STDERR, PRINTED, *shown(record(4.0), late, record(3.0)), NUMBER)
    outputs = shown_outputs(ran, CHAPTER, mark_cell(ran, CHAPTER, 4.0))
    assert [output["data"][MIME_TYPE] for output in outputs] == [own, record(3.0)]
    text = str(outputs)
    assert "secret" not in text
    assert "private" not in outputs[-1]["data"]["text/html"]
    assert "public" in outputs[-1]["data"]["text/html"]


def test_a_cell_without_a_mark_says_why() -> None:
    ran = cell(*shown(record(4.0, graded=False)), ERROR)
    outputs = shown_outputs(ran, CHAPTER, mark_cell(ran, CHAPTER, 4.0))
    assert outputs[-1].text == "softmax: no points, because the check did not come to its end (KeyError).\n"
