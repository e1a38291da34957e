"""The mark of a test cell: what the judge recorded of it."""

from __future__ import annotations

import ast
import math
from dataclasses import asdict, dataclass
from typing import Any, get_args

from course_utils.checking.report import CaseResult, Report, Status
from course_utils.grading.judging.judge import CellRecord

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


def report_from_data(data: Any) -> Report | None:
    """Read a report from its data; None if it is not such data."""
    try:
        cases = tuple(
            CaseResult(
                str(case["name"]),
                _status(case["status"]),
                float(case["weight"]),
                str(case["message"]),
                str(case["message"]),
                tuple(map(str, case.get("trace", ()))),
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
            printed=str(data.get("printed", "")),
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


def mark_cell(source: str, record: CellRecord | None, max_points: float, lost: str = "") -> Mark:
    """Return the mark of a test cell.

    It is that of the judge's last record for the cell's own exercise. Whatever the cell shows, prints or
    warns changes nothing; without a record it earns nothing.

    Args:
        source: The cell's text, as released.
        record: What the judge recorded while the cell ran; None if it was not run.
        max_points: The points of the cell.
        lost: Why the cell brought its kernel down, or was not run; empty if neither.
    """
    exercise = expected_exercise(source)
    if exercise is None:
        return Mark("", 0.0, max_points, "no record", "the cell has no graded check")
    if lost:
        return Mark(exercise, 0.0, max_points, "no record", f"the cell {lost}")
    if record is None or record.graded is None:
        others = record.others if record else []
        reason = f"the record is of {others[-1]}" if others else "the check left no record"
        return Mark(exercise, 0.0, max_points, "no record", reason)
    report = record.graded
    points = round(max_points * report.points / report.max_points, 2)
    return Mark(exercise, points, max_points, report.status)
