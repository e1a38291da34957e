"""A class of a hundred, five of them hostile, is graded by one command that is killed twice on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils.grading.judging.outputs import CUT
from tests.grading import submissions as made
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, Running, cell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HOSTILE = ("kernelexit", "endlessloop", "stubborn", "megabytes", "forgedrecord")
STUDENTS = 100
KILLED_AT = (25, 60)
"""How many submissions are graded when the run is killed."""


def graded(classroom: Classroom) -> int:
    """Return how many submissions are graded, by the journal."""
    return len(list((classroom.places.grading / "journal" / "graded").rglob("*.json")))


def kill_at(classroom: Classroom, running: Running, number: int) -> None:
    """Kill the command as soon as so many submissions are graded."""
    while graded(classroom) < number:
        assert running.process.poll() is None, running.finish()[0]
        time.sleep(0.02)
    running.process.kill()
    running.finish()


def test_a_hundred_submissions_killed_twice(
    classroom: Classroom, expected_points: Callable[[str, str], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = classroom.released()
    monkeypatch.setattr(made, "USUAL", STUDENTS - len(HOSTILE))
    odd = made.odd(released)
    everyone = made.usual(released) | {f"hostile{number}": odd[name] for number, name in enumerate(HOSTILE)}
    assert len(everyone) == STUDENTS
    for student, submission in everyone.items():
        classroom.hand_in(student, submission.content)
    command = ("course", "grade", str(CHAPTER))
    for number in KILLED_AT:
        kill_at(classroom, classroom.start(*command), number)
        assert graded(classroom) < STUDENTS
    before = graded(classroom)
    report = classroom.run(*command)
    assert f"[{STUDENTS - before}/{STUDENTS - before}]" in report
    wrong = {}
    marks = classroom.marks()
    for student, submission in everyone.items():
        wanted = {f"check_{name}": expected_points(name, text) for name, text in submission.answers.items()}
        wanted[WRITTEN] = None if submission.written else 0.0
        if marks.get(student) != wanted:
            wrong[student] = (marks.get(student), wanted)
    assert wrong == {}
    assert set(marks) == set(everyone)
    assert len({tuple(found.values()) for found in marks.values()}) > 20  # nearly everybody has another mark
    # The other two leave nothing to report: their marks are as they should be, and long output is cut.
    found = {name: odd[name].finding for name in HOSTILE if odd[name].finding}
    assert set(HOSTILE) - set(found) == {"megabytes", "forgedrecord"}
    assert [name for name, finding in found.items() if finding not in report] == []
    flooded = classroom.graded_notebook(f"hostile{HOSTILE.index('megabytes')}")
    assert cell(flooded, made.FIRST).outputs[-1].text.endswith(CUT)
    assert not list(Path(classroom.root).rglob("*.tmp"))
