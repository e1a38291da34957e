"""The journal: what is graded is known, and what was cut off is graded again."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from course_utils.grading.journal import Journal, Record
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.problems import unreadable
from course_utils.grading.secret import secret_seed

CHAPTER = Chapter("transformers", "attention")
CELLS = {"check_one": {"exercise": "one", "points": 1.5, "max_points": 2.0, "status": "failed", "reason": ""}}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty course."""
    return Places(tmp_path)


def journal_of(places: Places) -> Journal:
    """Return the journal of a course."""
    return Journal(places.grading / "journal")


def half_made(places: Places, student: str, *, process: int, started: float, host: str = "") -> list[str]:
    """Leave a submission as an interrupted run does; return its notebooks."""
    notebooks = [str(places.submitted(CHAPTER, student))]
    journal = journal_of(places)
    journal.begin(notebooks=notebooks)
    mark = next((journal.folder / "running").rglob(f"{student}.json"))
    data = json.loads(mark.read_text()) | {"process": process, "started": started}
    mark.write_text(json.dumps(data | ({"host": host} if host else {})))
    path = places.autograded(CHAPTER, student)
    path.parent.mkdir(parents=True)
    path.write_text("half")
    path.with_name("timestamp.txt").write_text("now")
    return notebooks


def ended_process() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "folder", ["results/a8", "journal/graded/transformers", "autograded/ada/transformers"]
)
def test_files_that_a_killed_run_had_begun_are_removed(places: Places, folder: str) -> None:
    kept = [
        f".a.json.{socket.gethostname()}.{os.getpid()}.tmp",
        f".a.json.elsewhere.{ended_process()}.tmp",
        "a.tmp",
    ]
    begun = f".a.json.{socket.gethostname()}.{ended_process()}.tmp"
    written = places.grading / folder
    written.mkdir(parents=True)
    for name in (*kept, begun):
        (written / name).touch()
    journal_of(places).recover(places.grading / "autograded")
    assert sorted(path.name for path in written.iterdir()) == sorted(kept)


def test_a_record_is_read_as_it_was_written(places: Places) -> None:
    journal = journal_of(places)
    record = Record("abc", "def", CELLS, (unreadable("it is empty"),), 1.25)
    assert journal.read(CHAPTER, "ada") is None
    journal.write(CHAPTER, "ada", record)
    assert journal.read(CHAPTER, "ada") == record
    assert (record.points, record.max_points) == (1.5, 2.0)
    journal.forget(CHAPTER, "ada")
    assert journal.read(CHAPTER, "ada") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 99}', '{"schema": 1, "problems": 3}'])
def test_a_damaged_record_counts_as_none(places: Places, text: str) -> None:
    journal = journal_of(places)
    journal.write(CHAPTER, "ada", Record("a", "b", CELLS))
    next(journal.folder.rglob("ada.json")).write_text(text)
    assert journal.read(CHAPTER, "ada") is None


def test_what_is_being_graded_is_marked_until_it_is_done(places: Places) -> None:
    journal = journal_of(places)
    notebooks = [str(places.submitted(CHAPTER, "ada"))]
    journal.write(CHAPTER, "ada", Record("a", "b", CELLS))
    journal.begin(assignment="transformers", student="*", notebooks=notebooks)
    assert journal.is_running(CHAPTER, "ada")
    assert journal.read(CHAPTER, "ada") is None
    journal.finish(assignment="transformers", student="*", notebooks=notebooks)
    assert not journal.is_running(CHAPTER, "ada")
    journal.begin(notebooks=[])
    journal.finish(notebooks=[])


def test_what_a_dead_process_left_is_cleared(places: Places) -> None:
    half_made(places, "ada", process=ended_process(), started=0.0)
    # Another process has got the number since.
    half_made(places, "bob", process=os.getpid(), started=1.0)
    assert journal_of(places).recover(places.grading / "autograded") == [
        (CHAPTER.part, "ada"),
        (CHAPTER.part, "bob"),
    ]
    for student in ("ada", "bob"):
        assert not places.autograded(CHAPTER, student).parent.exists()
        assert not journal_of(places).is_running(CHAPTER, student)


def test_what_other_processes_work_on_is_left_alone(places: Places) -> None:
    own = psutil.Process()
    half_made(places, "ada", process=own.pid, started=own.create_time())
    half_made(places, "bob", process=ended_process(), started=0.0, host="another.machine")
    assert journal_of(places).recover(places.grading / "autograded") == []
    assert places.autograded(CHAPTER, "ada").is_file()
    assert places.autograded(CHAPTER, "bob").is_file()


def test_other_chapters_of_the_part_are_kept(places: Places) -> None:
    other = Chapter(CHAPTER.part, "other")
    half_made(places, "ada", process=ended_process(), started=0.0)
    places.autograded(other, "ada").write_text("done")
    journal_of(places).recover(places.grading / "autograded")
    assert not places.autograded(CHAPTER, "ada").exists()
    assert places.autograded(other, "ada").read_text() == "done"


def test_a_mark_that_cannot_be_read_is_cleared(places: Places) -> None:
    half_made(places, "ada", process=1, started=0.0)
    next((places.grading / "journal" / "running").rglob("ada.json")).write_text("{")
    assert journal_of(places).recover(places.grading / "autograded") == [(CHAPTER.part, "ada")]


def test_the_secret_seed_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "grading" / "secret_seed"
    seed = secret_seed(path)
    assert len(seed) == 32
    assert secret_seed(path) == seed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret_seed"]
    assert secret_seed(tmp_path / "another") != seed


def test_a_seed_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "secret_seed"
    seed = secret_seed(path)
    path.chmod(0o644)
    assert secret_seed(path) == seed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"123\n", b"\xff\xfe", b"g" * 32])
def test_a_damaged_seed_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret_seed"
    path.write_bytes(content)
    with pytest.raises(GradingError, match="Put back its copy"):
        secret_seed(path)
    assert path.read_bytes() == content


def test_processes_that_ask_at_once_get_the_same_seed(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        seeds = pool.map(secret_seed, [tmp_path / "secret_seed"] * 16)
    assert len(set(seeds)) == 1


def test_a_chapter_is_read_from_a_word() -> None:
    for text in (
        "transformers/attention",
        "exercises/transformers/attention.ipynb",
        "transformers/attention/",
    ):
        assert Chapter.parse(text) == CHAPTER
    for text in ("attention", "", "a/b/c", "../x", "a/../b", "transformers/at tention"):
        with pytest.raises(GradingError, match="PART/CHAPTER"):
            Chapter.parse(text)


def test_a_part_means_all_of_its_chapters(places: Places) -> None:
    for chapter in (CHAPTER, Chapter("transformers", "other"), Chapter("basics", "data")):
        places.solution(chapter).parent.mkdir(parents=True, exist_ok=True)
        places.solution(chapter).write_text("")
    assert places.chapters("transformers") == [CHAPTER, Chapter("transformers", "other")]
    assert places.chapters("basics/data") == [Chapter("basics", "data")]
    with pytest.raises(GradingError, match="no exercise 'moon'; the exercises are: basics/data, "):
        places.chapters("moon")
    with pytest.raises(GradingError, match="nbgrader_config"):
        Places.find(places.root)
