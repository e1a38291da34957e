"""Links and oversized files beside a notebook are kept apart: no secret is copied, and nothing is lost."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.grading import journal as journal_module
from course_utils.grading.engine import grade_class
from course_utils.grading.journal import Journal
from course_utils.grading.reading import UnreadableError, read_bytes
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.schedule import ThisProcess
from course_utils.grading.set_aside import set_aside
from tests.grading.classroom import CHAPTER, Classroom, answered, exercises, solutions
from tests.grading.submissions import TEXT

SECRET = "what nobody else may read"
SMALL = replace(Limits(), file_bytes=100, disk_bytes=250, files=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "submitted" / "eve" / "part"
    made.mkdir(parents=True)
    (tmp_path / "secret").write_text(SECRET)
    return made


def move(folder: Path, limits: Limits = SMALL) -> dict[str, str]:
    """Set aside; return why, by name."""
    aside = folder.parents[2] / "aside" / "eve" / "part"
    return {
        moved.path.relative_to(folder).as_posix(): moved.why for moved in set_aside(folder, aside, limits)
    }


def test_usual_files_stay(folder: Path) -> None:
    (folder / "data" / "more").mkdir(parents=True)
    for name in ("chapter.ipynb", "timestamp.txt", "data/table.csv", "data/more/picture.png"):
        (folder / name).write_text("x" * 60)
    assert move(folder) == {}
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 4
    assert not (folder.parents[2] / "aside").exists()


def test_links_pipes_and_sizes(folder: Path) -> None:
    secret = folder.parents[2] / "secret"
    (folder / "deep").mkdir()
    (folder / "link.csv").symlink_to(secret)
    (folder / "deep" / "link").symlink_to(secret)
    (folder / "home").symlink_to(folder.parents[2])
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "large.bin").write_bytes(b"x" * 101)
    assert move(folder) == {
        "link.csv": "it is a link",
        "deep/link": "it is a link",
        "home": "it is a link",
        "broken": "it is a link",
        "pipe": "it is a pipe, a socket or a device",
        "large.bin": "it is larger than 100 bytes",
    }
    assert [path.name for path in folder.rglob("*")] == ["deep"]
    aside = folder.parents[2] / "aside" / "eve" / "part"
    assert (aside / "link.csv").readlink() == secret
    assert (aside / "large.bin").stat().st_size == 101
    assert secret.read_text() == SECRET


def test_all_files_together(folder: Path) -> None:
    for number in range(3):
        (folder / f"part{number}").write_bytes(b"x" * 90)
    assert move(folder) == {"part2": "all files together are larger than 250 bytes"}
    for number in range(4):
        (folder / f"tiny{number}").write_bytes(b"")
    assert move(folder) == {f"tiny{number}": "there are more than 4 files" for number in (2, 3)}


def test_what_was_set_aside_before_stays(folder: Path) -> None:
    for text in ("first", "second", "third"):
        (folder / "notes").symlink_to(text)
        move(folder)
    aside = folder.parents[2] / "aside" / "eve" / "part"
    kept = {path.name: str(path.readlink()) for path in aside.iterdir()}
    assert kept == {"notes": "first", "notes.2": "second", "notes.3": "third"}


def test_a_notebook_that_is_a_link_still_counts_as_handed_in(folder: Path) -> None:
    (folder / "chapter.ipynb").symlink_to(folder.parents[2] / "secret")
    (folder / "large.ipynb").write_bytes(b"x" * 101)  # read with a limit of its own
    assert move(folder) == {"chapter.ipynb": "it is a link"}
    assert not (folder / "chapter.ipynb").is_symlink()
    assert SECRET not in (folder / "chapter.ipynb").read_text()


def test_a_folder_that_is_a_link_is_not_followed(folder: Path) -> None:
    other = folder.parents[1] / "bob" / "part"
    other.mkdir(parents=True)
    (other / "mine").symlink_to("kept")
    folder.rmdir()
    folder.symlink_to(other)
    assert move(folder) == {".": "the folder is a link"}
    assert (other / "mine").is_symlink()


def test_what_cannot_be_moved_stops_the_run(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "get_logger", lambda: logging.getLogger("test"))
    journal = Journal(folder.parents[2] / "grading" / "journal")
    (folder / "link").symlink_to("secret")
    (folder.parents[2] / "grading").mkdir()
    (folder.parents[2] / "grading" / "set_aside").write_text("a file where a folder should be")
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit):
        journal.begin(notebooks=[str(folder / "chapter.ipynb")])
    assert "cannot be moved" in caplog.text


def test_reading_follows_no_link_and_waits_for_no_pipe(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parents[2] / "secret")
    os.mkfifo(folder / "pipe")
    for name, why in {"link": "a link to another file", "pipe": "not a file", ".": "directory"}.items():
        with pytest.raises(UnreadableError, match=why):
            read_bytes(folder / name)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_plain_nbgrader_copies_no_secret(classroom: Classroom) -> None:
    """Three submissions with links, and all that comes out of them is looked through."""
    places, right = classroom.places, solutions()
    (places.grading / "private.txt").write_text(SECRET)
    good = answered(classroom.released(), right, TEXT)
    eve = classroom.hand_in("eve", good).parent
    (eve / "data.csv").symlink_to(places.grading / "private.txt")
    (eve / "seed.txt").symlink_to(places.grading / "secret_seed")
    (eve / "course").symlink_to(places.grading)
    (eve / "kept.csv").write_text("1,2,3")
    with (eve / "huge.bin").open("wb") as huge:
        huge.truncate(Limits().file_bytes + 1)
    classroom.hand_in("bob", good)
    thief = places.submitted(CHAPTER, "thief")
    thief.parent.mkdir(parents=True)
    thief.symlink_to(places.submitted(CHAPTER, "bob"))

    said = classroom.run("nbgrader", "autograde", CHAPTER.part)
    classroom.run("nbgrader", "generate_feedback", CHAPTER.part)
    marks = classroom.marks()
    assert sum(filter(None, marks["eve"].values())) == sum(filter(None, marks["bob"].values())) > 10
    assert not any(marks["thief"].values())
    for name in ("data.csv", "seed.txt", "course", "huge.bin"):
        assert f"eve/{CHAPTER.part}/{name}: it is" in said
        assert os.path.lexists(places.grading / "set_aside" / "eve" / CHAPTER.part / name)
        assert not os.path.lexists(eve / name)
    secrets = [SECRET, (places.grading / "secret_seed").read_text().strip()]
    copied = [path for kind in ("autograded", "feedback") for path in (places.grading / kind).rglob("*")]
    assert {path.name for path in copied} >= {"kept.csv", f"{CHAPTER.name}.ipynb", f"{CHAPTER.name}.html"}
    for path in copied:
        assert not path.is_symlink()
        if path.is_file():
            content = path.read_text(encoding="utf-8", errors="replace")
            assert not [secret for secret in secrets if secret in content], path
    assert (places.grading / "private.txt").read_text() == SECRET


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_link_to_somebody_else_s_notebook_earns_nothing(classroom: Classroom) -> None:
    right = answered(classroom.released(), {exercises()[1]: solutions()[exercises()[1]]})
    bob = classroom.hand_in("bob", right)
    thief = classroom.places.submitted(CHAPTER, "thief")
    thief.parent.mkdir(parents=True)
    thief.symlink_to(bob)
    run = grade_class(classroom.places, [CHAPTER], ThisProcess())
    assert run.failed == {}
    marks = classroom.marks()
    assert any(marks["bob"].values())
    assert not any(marks["thief"].values())
    found = {standing.student: standing.record for standing in run.standings[CHAPTER]}["thief"]
    assert found is not None
    assert any("a link to another file" in problem.what for problem in found.problems)
