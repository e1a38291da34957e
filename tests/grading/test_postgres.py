"""A gradebook on PostgreSQL holds the same marks as one in a file.

Without a server both are files; where COURSE_REQUIRE_POSTGRES is set, as in CI, that is a failure.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from course_utils.grading import nbgrader_run
from course_utils.grading.engine import grade_class
from course_utils.grading.exporting import write_marks
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import GradingError, Places
from course_utils.grading.schedule import ThisProcess
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, answered, exercises, solutions
from tests.grading.postgres_server import Server, server
from tests.grading.submissions import TEXT
from tests.grading.test_clerk import rows

FIRST, SECOND, *_ = exercises()
STUDENTS = ("blank", "right", "wrong")


def there_if_required(running: Server | None) -> Server | None:
    """Return the server, or None where there is none and none is asked for."""
    if running is None and os.environ.get("COURSE_REQUIRE_POSTGRES"):
        pytest.fail(
            "COURSE_REQUIRE_POSTGRES is set, but PostgreSQL's initdb and postgres were not found and could "
            "not be installed. Install the package postgresql, or unset the variable."
        )
    return running


@pytest.fixture(scope="module")
def running_server() -> Iterator[Server | None]:
    with server() as running:
        yield there_if_required(running)


def test_a_missing_server_fails_where_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_REQUIRE_POSTGRES", raising=False)
    assert there_if_required(None) is None
    monkeypatch.setenv("COURSE_REQUIRE_POSTGRES", "yes")
    with pytest.raises(pytest.fail.Exception, match="COURSE_REQUIRE_POSTGRES is set"):
        there_if_required(None)


@dataclass(frozen=True)
class Pair:
    """The same class twice: with its gradebook on a server, and in a file."""

    served: Classroom
    in_a_file: Classroom
    url: str


def keep_gradebook_at(classroom: Classroom, url: str) -> None:
    with (classroom.root / "nbgrader_config.py").open("a", encoding="utf-8") as settings:
        settings.write(f"\nc.CourseDirectory.db_url = {url!r}\n")


@pytest.fixture
def pair(classroom: Classroom, running_server: Server | None, tmp_path: Path) -> Pair:
    """Two classes of three students, nobody graded yet."""
    served = Classroom(Places(tmp_path / "served"))
    shutil.copytree(classroom.root, served.root)
    (served.places.grading / "gradebook.db").unlink()
    url = f"sqlite:///{tmp_path}/other.db"
    if running_server is not None:
        url = running_server.make_database(f"class-{uuid.uuid4().hex[:8]}")
    keep_gradebook_at(served, url)
    served.run("course", "release", str(CHAPTER))
    right = solutions()
    wrong = {**right, FIRST: f"def {FIRST}(*_, **__):\n    return 7"}
    for each in (served, classroom):
        released = each.released()
        each.hand_in("right", answered(released, right, TEXT))
        each.hand_in("wrong", answered(released, wrong, TEXT))
        each.hand_in("blank", released)
    return Pair(served, classroom, url)


def mark_by_hand(classroom: Classroom) -> None:
    """Do what the formgrader's page does."""
    with NbGrader(classroom.places).gradebook() as gradebook:
        for student in ("right", "wrong"):
            grade = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            grade.manual_score, grade.needs_manual_grade = 1.5, False
            comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            comment.manual_comment = "Ordered ⟂ unordered?"
        gradebook.db.commit()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_class_is_graded_with_the_same_marks(pair: Pair, running_server: Server | None) -> None:
    pair.served.run("course", "grade", str(CHAPTER))
    assert grade_class(pair.in_a_file.places, [CHAPTER], ThisProcess()).failed == {}
    assert make_url(pair.url).get_backend_name() == ("postgresql" if running_server else "sqlite")
    assert not (pair.served.places.grading / "gradebook.db").exists()
    first = rows(pair.served)
    assert sorted(first) == sorted(STUDENTS)
    assert first == rows(pair.in_a_file)
    assert "[1/" not in pair.served.run("course", "grade", str(CHAPTER))
    assert rows(pair.served) == first

    mark_by_hand(pair.served)
    mark_by_hand(pair.in_a_file)
    marked = rows(pair.served)
    assert marked["right"]["grades"][WRITTEN] == (None, 1.5, False)
    assert grade_class(pair.served.places, [CHAPTER], ThisProcess(), force=True).graded == len(STUDENTS)
    pair.served.run("nbgrader", "autograde", CHAPTER.part, "--student", "right", "--force")
    again = rows(pair.served)
    for student in STUDENTS:
        automatic = {cell: grade[:2] for cell, grade in again[student]["grades"].items()}
        assert automatic == {cell: grade[:2] for cell, grade in marked[student]["grades"].items()}
    with NbGrader(pair.served.places).gradebook() as gradebook:
        comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, "right")
        assert comment.manual_comment == "Ordered ⟂ unordered?"
    # Looked at once more, as nbgrader asks for after a new run.
    mark_by_hand(pair.served)

    pair.served.run("course", "export", str(CHAPTER), "--to", "marks.csv", "--format", "csv")
    exported = (pair.served.root / "marks.csv").read_text()
    expected = pair.in_a_file.root / "marks.csv"
    assert write_marks(pair.in_a_file.places, [CHAPTER], to=expected, form="csv").missing == []
    assert exported == expected.read_text()
    assert len(exported.splitlines()) == 1 + len(STUDENTS)
    said = pair.served.run("course", "regrade", str(CHAPTER))
    assert "3 submissions were played again; no mark changes." in said


@contextmanager
def written_by_somebody_else(url: str) -> Iterator[None]:
    """Hold the gradebook so that it can be read but not written."""
    engine = create_engine(url)
    with engine.connect() as connection:
        served = engine.dialect.name == "postgresql"
        connection.exec_driver_sql("LOCK TABLE grade IN SHARE MODE" if served else "BEGIN IMMEDIATE")
        yield
        connection.rollback()
    engine.dispose()


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_locked_gradebook_is_not_waited_for_without_end(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nbgrader_run, "LOCK_SECONDS", 1)
    with written_by_somebody_else(pair.url):
        run = grade_class(pair.served.places, [CHAPTER], ThisProcess(), students=["right"])
        assert "lock" in run.failed[(CHAPTER, "right")]
    assert grade_class(pair.served.places, [CHAPTER], ThisProcess()).failed == {}
    assert rows(pair.served)["right"]["grades"][f"check_{FIRST}"][0] > 0


@pytest.mark.slow
def test_a_gradebook_that_does_not_answer_is_said(classroom: Classroom, tmp_path: Path) -> None:
    keep_gradebook_at(classroom, f"postgresql+psycopg://nobody@/none?host={tmp_path}")
    said = classroom.run("course", "grade", str(CHAPTER), status=2)
    assert "The gradebook could not be read or written" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_missing_driver_is_said(classroom: Classroom) -> None:
    keep_gradebook_at(classroom, "postgresql+pg8000://somebody@localhost/course")
    with pytest.raises(GradingError, match=r"needs pg8000.*requirements-postgresql\.lock"):
        NbGrader(classroom.places).gradebook()
