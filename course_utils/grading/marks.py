"""The mark of a test cell, read from the record that its check left in the output."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

from nbformat import NotebookNode

from course_utils.checking.report import MIME_TYPE, CaseResult, Report, Status
from course_utils.grading.places import Chapter

STATUSES = frozenset(get_args(Status))


@dataclass(frozen=True)
class Mark:
    """The mark of a test cell. `status` is the check's, or "no record"; `reason` says why there is none."""

    exercise: str
    points: float
    max_points: float
    status: str
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def expected_exercise(source: str) -> str | None:
    """Return the exercise that a test cell is about: what its last call of `check.graded` names.

    >>> expected_exercise("check(softmax)\\ncheck.graded(softmax)")
    'softmax'
    >>> expected_exercise("check.graded(answer, 'cache_ratio')")
    'cache_ratio'
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "graded"
    ]
    names = [_named(call) for call in calls]
    return names[-1] if names else None


def _named(call: ast.Call) -> str | None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    name = call.args[1] if len(call.args) > 1 else given.get("exercise")
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return name.value
    answer = call.args[0] if call.args else given.get("answer")
    return answer.id if name is None and isinstance(answer, ast.Name) else None


def records(cell: NotebookNode) -> Iterator[Report]:
    """Yield what the checks of a cell found, in the order shown, without what is malformed."""
    for output in cell.get("outputs", []):
        if output.get("output_type") == "display_data" and MIME_TYPE in output.get("data", {}):
            report = report_from_data(output["data"][MIME_TYPE])
            if report is not None:
                yield report


def report_from_data(data: Any) -> Report | None:
    """Read a report from the data in a notebook's output; None if it is not such data."""
    try:
        cases = tuple(
            CaseResult(
                str(case["name"]),
                _status(case["status"]),
                float(case["weight"]),
                str(case["message"]),
                str(case["message"]),
            )
            for case in data["cases"]
        )
        report = Report(
            chapter=str(data["chapter"]),
            exercise=str(data["exercise"]),
            max_points=_number(data["max_points"]),
            points=_number(data["points"]),
            status=_status(data["status"]),
            cases=cases,
            explanations=tuple(map(str, data["explanations"])),
            notes=tuple(map(str, data["notes"])),
            graded=data["graded"] is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return report if 0 <= report.points <= report.max_points and report.max_points > 0 else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _status(value: Any) -> Status:
    if value not in STATUSES:
        raise ValueError(value)
    return value


def graded_record(cell: NotebookNode, chapter: Chapter, exercise: str) -> Report | None:
    """Return the last graded record of a cell, if it is of the right exercise."""
    graded = [report for report in records(cell) if report.graded]
    if not graded or (graded[-1].chapter, graded[-1].exercise) != (str(chapter), exercise):
        return None
    return graded[-1]


def mark_cell(cell: NotebookNode, chapter: Chapter, max_points: float) -> Mark:
    """Return the mark of a test cell.

    It is that of the last graded record for the cell's own exercise. Whatever else the cell shows, prints or
    warns changes nothing; without a record, or when the cell ends in an exception, it earns nothing.

    Args:
        cell: The cell as it was run, its text as released.
        chapter: The chapter that is graded.
        max_points: The points of the cell.
    """
    exercise = expected_exercise(cell.source)
    if exercise is None:
        return Mark("", 0.0, max_points, "no record", "the cell has no graded check")
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors:
        return Mark(
            exercise, 0.0, max_points, "no record", f"the check did not come to its end ({errors[-1].ename})"
        )
    report = graded_record(cell, chapter, exercise)
    if report is None:
        shown = [other.exercise for other in records(cell) if other.graded]
        reason = f"the record is of {shown[-1]}" if shown else "the check left no record"
        return Mark(exercise, 0.0, max_points, "no record", reason)
    points = round(max_points * report.points / report.max_points, 2)
    return Mark(exercise, points, max_points, report.status)
