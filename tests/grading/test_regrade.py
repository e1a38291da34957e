"""After an exercise was mended, a class is graded again: first shown, then written, nothing lost."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from course_utils.checking.checker import load_exercises
from course_utils.grading import results, verbs, work
from course_utils.grading.engine import grade_class
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Places
from course_utils.grading.regrade import Change
from course_utils.grading.schedule import Done, ThisProcess
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, answered, declared, solutions
from tests.grading.submissions import TEXT
from tests.grading.test_clerk import records, rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MENDED = "causal_mask"
CELL = f"check_{MENDED}"
# The mistake that costs points in these two cases alone: 1.2 points of 2 remain.
MISTAKE = 3
DROPPED = {"the queries are the last tokens", "one query, as in generation"}
BY_HAND = 1.75


@pytest.fixture(scope="module")
def graded_class(
    released_classroom: Classroom, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Classroom]:
    """Three students: one with everything right, two with the mistake; a person changed one of the marks."""
    root = tmp_path_factory.mktemp("regrade") / "course"
    shutil.copytree(released_classroom.root, root)
    classroom = Classroom(Places(root))
    mistaken = {**solutions(), MENDED: declared("mistakes", MENDED, MISTAKE)}
    for student, answers in {"ada": mistaken, "bob": solutions(), "eve": mistaken}.items():
        classroom.hand_in(student, answered(classroom.released(), answers, TEXT))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_benches", {})
        assert grade_class(classroom.places, [CHAPTER], ThisProcess()).failed == {}
        with NbGrader(classroom.places).gradebook() as gradebook:
            changed = gradebook.find_grade(CELL, CHAPTER.name, CHAPTER.part, "eve")
            changed.manual_score, changed.needs_manual_grade = BY_HAND, False
            for student in ("ada", "eve"):
                written = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, student)
                written.manual_score, written.needs_manual_grade = 2.0, False
                comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, student)
                comment.manual_comment = f"Well said, {student}."
            gradebook.db.commit()
        yield classroom


@pytest.fixture
def course(graded_class: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """A class of one's own that is graded; the verbs run in it."""
    root = tmp_path / "course"
    shutil.copytree(graded_class.root, root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "200")
    return Classroom(Places(root))


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend an exercise: two of its cases asked for what the task does not say."""
    exercise = load_exercises(str(CHAPTER))[MENDED]
    monkeypatch.setattr(exercise, "cases", [case for case in exercise.cases if case.name not in DROPPED])
    # What a changed file of the package does.
    monkeypatch.setattr(results, "engine_fingerprint", lambda: "mended")
    monkeypatch.setattr(work, "_benches", {})


def regrade(**options: Any) -> int:
    return verbs.regrade(str(CHAPTER), jobs=1, **options)


def log_of(course: Classroom) -> list[dict[str, Any]]:
    path = course.places.grading / "journal" / "replaced_marks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def listed(said: str) -> dict[str, list[str]]:
    """Return the rows of the table that was shown, by student."""
    lines = [line.split() for line in said.splitlines() if CELL in line]
    return {words[0]: words[2:] for words in lines}


def test_where_nothing_was_mended_it_says_so(course: Classroom, capsys: pytest.CaptureFixture[str]) -> None:
    before, kept = rows(course), records(course)
    assert regrade(yes=True) == 0
    assert "3 submissions were played again; no mark changes." in capsys.readouterr().out
    assert (rows(course), records(course), log_of(course)) == (before, kept, [])


@pytest.mark.usefixtures("mended")
def test_it_shows_then_asks_then_writes_and_then_is_done(
    course: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, kept = rows(course), records(course)
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    # Nobody to ask, as in a script or behind a pipe: nothing is written.
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(typer, "confirm", refuse)
    assert regrade() == 1
    said = capsys.readouterr().out
    assert listed(said) == {
        "ada": [CELL, "1.2", "2", "+0.8"],
        "eve": [CELL, "1.2", "2", "stays,", "given", "by", "hand"],
    }
    assert "2 marks of 2 students would change; 3 submissions were played again." in said
    assert "Nothing was written." in said
    assert "--yes" in said
    assert (rows(course), records(course), log_of(course), asked) == (before, kept, [], [])

    # Somebody who says no.
    monkeypatch.setattr("sys.stdin", Terminal())
    assert regrade() == 1
    assert len(asked) == 1
    assert "Nothing was written." in capsys.readouterr().out
    assert (rows(course), records(course), log_of(course)) == (before, kept, [])

    assert regrade(yes=True) == 0
    assert "replaced_marks.jsonl" in capsys.readouterr().out
    after = rows(course)
    assert after["ada"]["grades"][CELL] == (2.0, None, False)
    assert after["eve"]["grades"][CELL] == (2.0, BY_HAND, True)  # to be looked at again
    for student, found in after.items():
        same = {cell: marks[:2] for cell, marks in found["grades"].items() if cell != CELL}
        assert same == {cell: m[:2] for cell, m in before[student]["grades"].items() if cell != CELL}
    with NbGrader(course.places).gradebook() as gradebook:
        for student in ("ada", "eve"):
            written = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            assert (written.manual_score, comment.manual_comment) == (2.0, f"Well said, {student}.")
    log = log_of(course)
    assert [{**entry, "when": ""} for entry in log] == [
        {"when": "", "chapter": str(CHAPTER), "student": student, "cell": CELL, "old": 1.2, "new": 2.0}
        | {"by_hand": by_hand}
        for student, by_hand in (("ada", None), ("eve", BY_HAND))
    ]
    assert all(entry["when"].endswith("UTC") for entry in log)

    assert regrade(yes=True) == 0
    assert "no mark changes" in capsys.readouterr().out
    assert rows(course) == after
    assert log_of(course) == log


class Terminal:
    """Somebody sits before it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("mended")
def test_one_student_only(
    course: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(course)
    assert regrade(student=["ada"], yes=True) == 0
    assert set(listed(capsys.readouterr().out)) == {"ada"}
    assert {student for student, found in rows(course).items() if found != before[student]} == {"ada"}
    assert [entry["student"] for entry in log_of(course)] == ["ada"]


@pytest.mark.usefixtures("mended")
def test_a_submission_that_cannot_be_played_does_not_keep_the_others_from_their_marks(
    course: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(course)
    honest = ThisProcess.work

    def bob_is_lost(self: ThisProcess, units: Any) -> Iterator[Any]:
        for name, done in honest(self, units):
            yield name, Done(None, "it was lost") if name[1] == "bob" else done

    monkeypatch.setattr(ThisProcess, "work", bob_is_lost)
    assert regrade(yes=True) == 1
    said = capsys.readouterr().out
    assert f"grading/submitted/bob/{CHAPTER}.ipynb: it could not be played: it was lost" in said
    after = rows(course)
    assert after["ada"]["grades"][CELL][0] == 2.0
    assert after["bob"] == before["bob"]


@pytest.mark.usefixtures("mended")
def test_no_mark_is_written_that_was_not_shown(
    course: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(course)
    honest, passes = ThisProcess.work, iter(range(9))

    def ada_is_lost_at_first(self: ThisProcess, units: Any) -> Iterator[Any]:
        first = next(passes) == 0
        for name, done in honest(self, units):
            yield name, Done(None, "it was lost") if first and name[1] == "ada" else done

    monkeypatch.setattr(ThisProcess, "work", ada_is_lost_at_first)
    assert regrade(yes=True) == 1
    assert set(listed(capsys.readouterr().out)) == {"eve"}
    after = rows(course)
    assert after["ada"] == before["ada"]
    assert after["eve"]["grades"][CELL] == (2.0, BY_HAND, True)
    assert [entry["student"] for entry in log_of(course)] == ["eve"]

    assert regrade(yes=True) == 0
    assert rows(course)["ada"]["grades"][CELL][0] == 2.0
    assert [entry["student"] for entry in log_of(course)] == ["eve", "ada"]


def test_the_difference_of_a_mark_that_a_person_gave_is_none() -> None:
    assert Change("a/b", "ada", "cell", 1.25, 2.0).difference == 0.75
    assert Change("a/b", "ada", "cell", None, 2.0).difference == 2.0
    assert Change("a/b", "ada", "cell", 1.25, 2.0, by_hand=1.5).difference == 0.0
