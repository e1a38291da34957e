"""Links and oversized files beside a notebook are kept apart: no secret is copied, and nothing is lost."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from course_utils.grading import journal as journal_module
from course_utils.grading.engine import grade_class
from course_utils.grading.journal import Journal
from course_utils.grading.places import Places
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
    aside = folder.parents[2] / "aside" / "eve" / "part" / "1"
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
    kept = {path.relative_to(aside).as_posix(): str(path.readlink()) for path in aside.glob("*/*")}
    assert kept == {"1/notes": "first", "2/notes": "second", "3/notes": "third"}


def test_a_notebook_that_is_a_link_still_counts_as_handed_in(folder: Path) -> None:
    (folder / "chapter.ipynb").symlink_to(folder.parents[2] / "secret")
    (folder / "large.ipynb").write_bytes(b"x" * 101)  # read with a limit of its own
    assert move(folder) == {"chapter.ipynb": "it is a link"}
    assert not (folder / "chapter.ipynb").is_symlink()
    assert SECRET not in (folder / "chapter.ipynb").read_text()


@pytest.mark.parametrize("level", ["student", "part"])
def test_a_folder_that_is_a_link_is_not_followed(folder: Path, level: str) -> None:
    other = folder.parents[1] / "bob" / "part"
    other.mkdir(parents=True)
    (other / "mine").symlink_to("kept")
    (other / "chapter.ipynb").write_text(SECRET)
    folder.rmdir()
    if level == "student":
        folder.parent.rmdir()
    link = folder.parent if level == "student" else folder
    link.symlink_to(other.parent if level == "student" else other)
    (moved,) = set_aside(folder, folder.parents[2] / "aside", SMALL)
    assert (moved.path, moved.why) == (link, "the folder is a link")
    assert moved.now.is_symlink()
    assert (other / "mine").is_symlink()
    assert (other / "chapter.ipynb").read_text() == SECRET
    # It still counts as handed in, and says why it is not marked.
    assert not link.is_symlink()
    assert [path.name for path in folder.iterdir()] == ["chapter.ipynb"]
    assert "the folder is a link" in (folder / "chapter.ipynb").read_text()


def test_a_name_as_long_as_can_be_is_set_aside_twice(folder: Path) -> None:
    name = "x" * 255
    for _ in range(2):
        (folder / name).symlink_to("secret")
        assert move(folder) == {name: "it is a link"}
    assert list(folder.iterdir()) == []


def test_folders_without_rights_are_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "large.bin").write_bytes(b"x" * 101)
    (folder / "sub").chmod(0o555)
    folder.chmod(0o111)
    rename, listdir = os.rename, os.listdir

    # As for an ordinary user: whoever is root may do everything.
    def guarded_rename(source: Path, target: Path) -> None:
        if not Path(source).parent.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        rename(source, target)

    def guarded_listdir(path: Path) -> list[str]:
        if not path.stat().st_mode & 0o400:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "rename", guarded_rename)
    monkeypatch.setattr(os, "listdir", guarded_listdir)
    assert move(folder) == {"sub/large.bin": "it is larger than 100 bytes"}


def test_submissions_on_another_file_system(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_file_system(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", another_file_system)
    (folder / "link").symlink_to("secret")
    (folder / "large.bin").write_bytes(b"x" * 101)
    os.mkfifo(folder / "pipe")
    assert set(move(folder)) == {"link", "large.bin", "pipe"}
    assert list(folder.iterdir()) == []
    aside = folder.parents[2] / "aside" / "eve" / "part" / "1"
    assert (aside / "link").is_symlink()
    assert (aside / "large.bin").stat().st_size == 101


def nest(folder: Path, name: str, levels: int) -> None:
    """Make folders in one another, and a link in the innermost, whose whole path may be too long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.symlink("/secret", "link", dir_fd=here)
    os.close(here)


def test_folders_nested_without_end_are_set_aside_whole(folder: Path) -> None:
    nest(folder, "d", 1100)
    try:
        (why,) = move(folder).values()
        assert why == "more than 50 folders lie in one another"
        left = list(folder.rglob("*"))
        assert len(left) == 49
        assert not any(path.is_symlink() for path in left)
    finally:
        # pytest, which would remove it later, calls itself for each level.
        subprocess.run(["rm", "-rf", str(folder), str(folder.parents[2] / "aside")], check=True)


@pytest.fixture
def journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal of a course whose `submitted` is that of the folder."""
    monkeypatch.setattr(journal_module, "get_logger", lambda: logging.getLogger("test"))
    return Journal(folder.parents[2] / "grading" / "journal")


def test_what_cannot_be_looked_through_is_set_aside_whole(
    folder: Path, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    nest(folder, "d" * 250, 30)
    (folder / "chapter.ipynb").write_text("{}")
    (folder / "other.ipynb").write_text("{}")
    with caplog.at_level(logging.ERROR):
        journal.begin(notebooks=[str(folder / "chapter.ipynb")])
    assert "not all of it can be looked through (OSError: " in caplog.text
    assert sorted(path.name for path in folder.iterdir()) == ["chapter.ipynb", "other.ipynb"]
    assert "This was set aside" in (folder / "chapter.ipynb").read_text()
    kept = folder.parents[2] / "grading" / "set_aside" / "eve" / "part" / "1" / "part"
    assert (kept / "chapter.ipynb").read_text() == "{}"
    assert (kept / ("d" * 250)).is_dir()


def test_whatever_goes_wrong_nothing_is_left_to_be_copied(
    folder: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(*_: Any) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(journal_module, "set_aside", stumbles)
    (folder / "chapter.ipynb").write_text("{}")
    (folder / "link").symlink_to("/secret")
    journal.begin(notebooks=[str(folder / "chapter.ipynb")])
    assert [path.name for path in folder.iterdir()] == ["chapter.ipynb"]


def test_where_nothing_at_all_can_be_moved_the_run_stops(
    folder: Path, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
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


def link_to_bob(places: Places) -> None:
    """Hand in somebody else's folder: as that of a part, and as a student's own."""
    submitted = places.grading / "submitted"
    (submitted / "thief2").mkdir()
    (submitted / "thief2" / CHAPTER.part).symlink_to(submitted / "bob" / CHAPTER.part)
    (submitted / "thief3").symlink_to("bob")


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
    link_to_bob(places)
    # Setting aside fails for this one alone, and stops nobody whose turn comes after.
    deep = classroom.hand_in("deep", good).parent
    nest(deep, "d" * 250, 30)

    said = classroom.run("nbgrader", "autograde", CHAPTER.part)
    classroom.run("nbgrader", "generate_feedback", CHAPTER.part)
    marks = classroom.marks()
    assert sum(filter(None, marks["eve"].values())) == sum(filter(None, marks["bob"].values())) > 10
    for student in ("thief", "thief2", "thief3", "deep"):
        assert not any(marks[student].values()), student
    assert f"grading/submitted/thief2/{CHAPTER.part}: the folder is a link" in said
    assert "grading/submitted/thief3: the folder is a link" in said
    assert f"grading/submitted/deep/{CHAPTER.part}: not all of it can be looked through" in said
    assert said.count("the file cannot be read") == 4
    for name in ("data.csv", "seed.txt", "course", "huge.bin"):
        assert f"eve/{CHAPTER.part}/{name}: it is" in said
        assert os.path.lexists(places.grading / "set_aside" / "eve" / CHAPTER.part / "1" / name)
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
    link_to_bob(classroom.places)
    # The instructor's own folders may be links.
    submitted = classroom.places.grading / "submitted"
    submitted.rename(classroom.root / "elsewhere")
    submitted.symlink_to(classroom.root / "elsewhere")
    run = grade_class(classroom.places, [CHAPTER], ThisProcess())
    assert run.failed == {}
    marks = classroom.marks()
    assert any(marks["bob"].values())
    records = {standing.student: standing.record for standing in run.standings[CHAPTER]}
    for student, kind in {"thief": "file", "thief2": "folder", "thief3": "folder"}.items():
        assert not any(marks[student].values()), student
        found = records[student]
        assert found is not None
        assert any(f"a link to another {kind}" in problem.what for problem in found.problems)
