"""A mark is the judge's record of its cell."""

from __future__ import annotations

import math
from typing import Any

import pytest

from course_utils.checking.report import MIME_TYPE, CaseResult, Report
from course_utils.grading.judging.judge import CellRecord
from course_utils.grading.marks import expected_exercise, mark_cell, report_from_data
from course_utils.grading.save import shown_outputs

SOURCE = "check(softmax)\n### BEGIN HIDDEN TESTS\ncheck.graded(softmax)\n### END HIDDEN TESTS"


def report(points: float = 3.0, *, graded: bool = True) -> Report:
    case = CaseResult("finite", "failed", 1.0, "private 0.123", "public", ("line 3, in softmax: ...",))
    status = "passed" if points == 4.0 else "failed"
    return Report(
        "transformers/attention",
        "softmax",
        4.0,
        points,
        status,
        (case,),
        ("because",),
        ("a note",),
        "printed",
        graded,
    )


def test_the_record_is_the_mark() -> None:
    mark = mark_cell(SOURCE, CellRecord("softmax", report(3.0)), 4.0)
    assert (mark.points, mark.status, mark.exercise) == (3.0, "failed", "softmax")


def test_the_points_of_the_cell_count_where_the_declaration_has_changed() -> None:
    assert mark_cell(SOURCE, CellRecord("softmax", report(3.0)), 2.0).points == 1.5


@pytest.mark.parametrize(
    ("record", "lost", "reason"),
    [
        (None, "", "the check left no record"),
        (CellRecord("softmax"), "", "the check left no record"),
        (CellRecord("softmax", shown=report(4.0, graded=False)), "", "the check left no record"),
        (CellRecord("softmax", others=["mask"]), "", "the record is of mask"),
        (CellRecord("softmax", report(4.0)), "ended its kernel", "the cell ended its kernel"),
    ],
)
def test_without_a_record_there_is_no_mark(record: CellRecord | None, lost: str, reason: str) -> None:
    mark = mark_cell(SOURCE, record, 4.0, lost)
    assert (mark.points, mark.status, mark.reason) == (0.0, "no record", reason)


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
    assert mark_cell("check(softmax)", CellRecord("softmax", report(4.0)), 4.0).points == 0.0


@pytest.mark.parametrize("graded", [False, True])
def test_a_report_is_read_as_it_was_written(graded: bool) -> None:
    written = report(graded=graded).to_data()
    read = report_from_data(written)
    assert read is not None
    assert read.to_data() == written
    assert "private" not in str(written) or not graded
    assert "printed" not in written["printed"] or not graded


@pytest.mark.parametrize(
    "change",
    [
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
def test_a_malformed_report_is_none(change: dict[str, Any]) -> None:
    assert report_from_data({**report().to_data(), **change}) is None


def test_a_test_cell_shows_the_own_check_and_the_graded_outcome() -> None:
    record = CellRecord("softmax", report(3.0), report(4.0, graded=False))
    outputs = shown_outputs(mark_cell(SOURCE, record, 4.0), record)
    own, graded = [output["data"] for output in outputs]
    assert own[MIME_TYPE]["graded"] is False
    assert "private" in own["text/html"]
    assert "line 3" in own["text/plain"]
    assert graded[MIME_TYPE]["graded"] is True
    for shown in graded.values():
        assert "private" not in str(shown)
        assert "line 3" not in str(shown)
    assert "public" in graded["text/html"]


def test_a_cell_without_a_mark_says_why() -> None:
    record = CellRecord("softmax", others=["mask"])
    outputs = shown_outputs(mark_cell(SOURCE, record, 4.0), record)
    assert outputs[-1].text == "softmax: no points, because the record is of mask.\n"
