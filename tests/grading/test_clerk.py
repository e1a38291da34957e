"""The clerk writes what nbgrader's own pipeline writes, and loses nothing when it cannot write."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from course_utils.grading import journal as journal_module
from course_utils.grading.engine import Run, grade_class
from course_utils.grading.journal import Journal
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Places
from course_utils.grading.schedule import ThisProcess
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, answered, exercises, solutions
from tests.grading.submissions import TEXT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FIRST, SECOND, *_ = exercises()
LATE = "2026-01-08 12:00:00 UTC"


def hand_in_a_small_class(classroom: Classroom) -> list[str]:
    released, right = classroom.released(), solutions()
    classroom.hand_in("right", answered(released, right, TEXT))
    classroom.hand_in("wrong", answered(released, {**right, FIRST: f"def {FIRST}(*_, **__):\n    return 7"}))
    classroom.hand_in("blank", released)
    classroom.hand_in("cutoff", b'{"cells": [')
    late = classroom.hand_in("late", answered(released, {FIRST: right[FIRST]}, TEXT))
    (late.parent / "timestamp.txt").write_text(LATE)
    return ["blank", "cutoff", "late", "right", "wrong"]


def grade(classroom: Classroom, **options: Any) -> Run:
    return grade_class(classroom.places, [CHAPTER], ThisProcess(), **options)


def rows(classroom: Classroom) -> dict[str, Any]:
    """Return all that the gradebook knows of the submissions."""
    with NbGrader(classroom.places).gradebook() as gradebook:
        return {
            notebook.student.id: {
                "grades": {
                    grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                    for grade in notebook.grades
                },
                "comments": {comment.name: comment.auto_comment for comment in notebook.comments},
                "penalty": notebook.late_submission_penalty,
                "timestamp": notebook.assignment.timestamp,
            }
            for notebook in gradebook.find_notebook(CHAPTER.name, CHAPTER.part).submissions
        }


def records(classroom: Classroom) -> dict[str, Any]:
    journal = Journal(classroom.places.grading / "journal")
    return {student: journal.read(CHAPTER, student) for student in rows(classroom)}


def test_the_clerk_writes_what_plain_nbgrader_writes(classroom: Classroom, tmp_path: Path) -> None:
    students = hand_in_a_small_class(classroom)
    twin = Classroom(Places(tmp_path / "twin"))
    shutil.copytree(classroom.root, twin.root)
    assert grade(classroom).failed == {}
    twin.run("nbgrader", "autograde", CHAPTER.part)
    assert sorted(rows(classroom)) == students
    assert rows(classroom) == rows(twin)
    assert records(classroom) == records(twin)
    for student in students:
        assert classroom.graded_notebook(student) == twin.graded_notebook(student)
    late = classroom.places.autograded(CHAPTER, "late").with_name("timestamp.txt")
    assert late.read_text() == LATE
    again = twin.run("nbgrader", "autograde", CHAPTER.part)
    assert again.count("Skipping existing assignment") == len(students)


def test_marks_by_hand_and_comments_stay(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    grade(classroom)
    with NbGrader(classroom.places).gradebook() as gradebook:
        by_hand = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, "right")
        by_hand.manual_score, by_hand.needs_manual_grade = 2.5, False
        gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, "right").manual_comment = "Good."
        changed = gradebook.find_grade(f"check_{FIRST}", CHAPTER.name, CHAPTER.part, "wrong")
        changed.manual_score = 1.0
        gradebook.db.commit()
    run = grade(classroom, force=True)
    assert run.graded == 5
    found = rows(classroom)
    # Nothing has changed since the instructor looked: nothing is to be looked at again.
    assert found["right"]["grades"][WRITTEN] == (None, 2.5, False)
    assert found["wrong"]["grades"][f"check_{FIRST}"] == (0.0, 1.0, False)
    with NbGrader(classroom.places).gradebook() as gradebook:
        comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, "right")
        assert comment.manual_comment == "Good."


def test_plain_nbgrader_asks_for_another_look_where_the_clerk_does(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    grade(classroom)
    with NbGrader(classroom.places).gradebook() as gradebook:
        for student in ("right", "wrong"):
            for name in (WRITTEN, f"check_{FIRST}"):
                by_hand = gradebook.find_grade(name, CHAPTER.name, CHAPTER.part, student)
                by_hand.manual_score, by_hand.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    another = answered(classroom.released(), {FIRST: solutions()[FIRST]}, TEXT + " Always.")
    classroom.hand_in("wrong", another)
    classroom.run("nbgrader", "autograde", CHAPTER.part, "--force")
    found = {student: row["grades"] for student, row in rows(classroom).items()}
    for name in (WRITTEN, f"check_{FIRST}"):
        assert found["right"][name][1:] == (1.5, False)
        assert found["wrong"][name][1:] == (1.5, True)
    assert found["late"][WRITTEN] == (None, None, True)  # nobody has marked it yet


def test_marks_by_hand_are_looked_at_again_when_the_answer_is_another(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    grade(classroom)
    with NbGrader(classroom.places).gradebook() as gradebook:
        for name in (WRITTEN, f"check_{FIRST}"):
            by_hand = gradebook.find_grade(name, CHAPTER.name, CHAPTER.part, "wrong")
            by_hand.manual_score, by_hand.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    another = answered(classroom.released(), {FIRST: solutions()[FIRST]}, TEXT + " Always.")
    classroom.hand_in("wrong", another)
    assert grade(classroom).graded == 1
    found = rows(classroom)["wrong"]["grades"]
    assert found[WRITTEN] == (None, 1.5, True)
    assert found[f"check_{FIRST}"][1:] == (1.5, True)
    assert found[f"check_{FIRST}"][0] > 0


def test_only_what_is_new_is_graded(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    seen: list[str] = []
    grade(classroom, tell=lambda done, total, task, reason: seen.append(task[1]))
    assert len(seen) == 5
    classroom.hand_in("new", answered(classroom.released(), {SECOND: solutions()[SECOND]}))
    seen.clear()
    grade(classroom, tell=lambda done, total, task, reason: seen.append(task[1]))
    assert seen == ["new"]


def test_a_full_disk_loses_nothing(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in_a_small_class(classroom)
    replace, moments = os.replace, iter(range(10_000))

    def often_full(source: Any, target: Any) -> None:
        if next(moments) % 3 == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(journal_module.os, "replace", often_full)
    run = grade(classroom)
    assert run.failed
    assert all("No space left" in reason for reason in run.failed.values())
    monkeypatch.undo()
    assert not list(classroom.root.rglob("*.tmp"))
    assert grade(classroom).failed == {}
    again = rows(classroom)
    grade(classroom, force=True)
    assert rows(classroom) == again


def test_a_locked_gradebook_loses_nothing(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    path = classroom.places.grading / "gradebook.db"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        run = grade(classroom, students=["right"])
        assert "locked" in run.failed[(CHAPTER, "right")]
        other.rollback()
    assert grade(classroom).failed == {}
    assert rows(classroom)["right"]["grades"][f"check_{FIRST}"][0] > 0


def test_a_gradebook_that_nobody_can_read_is_said(classroom: Classroom) -> None:
    path = classroom.places.grading / "gradebook.db"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = classroom.run("course", "grade", str(CHAPTER), status=2)
        other.rollback()
    assert "The gradebook could not be read or written" in said
    assert "Traceback" not in said


def test_a_file_that_goes_away_meanwhile_is_said_and_stops_nobody(classroom: Classroom) -> None:
    students = hand_in_a_small_class(classroom)

    def take_away(done: int, total: int, task: Any, reason: str) -> None:
        classroom.places.submitted(CHAPTER, "wrong").unlink(missing_ok=True)

    run = grade(classroom, tell=take_away)
    assert set(rows(classroom)) >= set(students) - {"wrong"}
    assert not [task for task in run.failed if task[1] != "wrong"]


def test_a_damaged_result_is_made_again(classroom: Classroom) -> None:
    hand_in_a_small_class(classroom)
    grade(classroom)
    before = rows(classroom)
    for path in (classroom.places.grading / "results").rglob("*.json"):
        path.write_text(json.dumps({"schema": 1}) if path.name < "8" else "{")
    grade(classroom, force=True)
    assert rows(classroom) == before
