"""The instructor's verbs, an interrupted run, and the formgrader."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils import cli
from course_utils.grading import verbs
from course_utils.grading.edition.write import without_colab_cell
from course_utils.grading.journal import Journal
from course_utils.grading.places import Places
from tests.grading.classroom import (
    CHAPTER,
    LIMITS,
    ROOT,
    Classroom,
    answered,
    as_bytes,
    environment,
    exercises,
    solutions,
)
from tests.grading.submissions import TEXT

VERBS = ("check", "progress", "release", "collect", "grade", "feedback", "export")
FULL = {f"check_{name}" for name in exercises()}


def full_marks(classroom: Classroom) -> set[str]:
    """Return the students who have all points of all test cells."""
    best: dict[str, float] = {}
    for marks in classroom.marks().values():
        for name, points in marks.items():
            best[name] = max(best.get(name, 0.0), points or 0.0)
    return {
        student
        for student, marks in classroom.marks().items()
        if all(marks[name] == best[name] > 0 for name in FULL)
    }


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_is_enough_to_use_it(verb: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "course_utils.cli", verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert cli.VERBS[verb].help in done.stdout
    assert f"Example: course {verb}" in done.stdout
    assert "Ends with" in done.stdout or verb in ("progress", "release")


def test_what_is_released_is_what_is_committed(released_classroom: Classroom) -> None:
    released = released_classroom.places.exercise(CHAPTER).read_text(encoding="utf-8")
    committed = Places(ROOT).exercise(CHAPTER).read_text(encoding="utf-8")
    # A class does without the cell that fetches the public course, in which the answers stand.
    assert "google.colab" in committed
    assert released == without_colab_cell(committed)
    assert (released_classroom.places.grading / "secret_seed").is_file()


def test_verbs_say_what_is_missing(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(classroom.root)
    chapter = str(CHAPTER)
    refused = {
        "no exercise 'moon'": lambda: verbs.release("moon"),
        "does not exist": lambda: verbs.collect(chapter, Path("nowhere.zip")),
        "no format 'word'": lambda: verbs.export(chapter, form="word"),
        "ada handed in no transformers/attention": lambda: verbs.grade(chapter, student=["ada"], jobs=1),
    }
    for message, verb in refused.items():
        assert verb() == 2
        assert message in capsys.readouterr().err
    (classroom.places.grading / "gradebook.db").unlink()
    for unreleased in (
        lambda: verbs.grade(chapter, jobs=1),
        lambda: verbs.feedback(chapter),
        lambda: verbs.export(chapter),
    ):
        assert unreleased() == 2
        assert f"run `course release {chapter}` first" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_small_class_with_the_verbs(classroom: Classroom, tmp_path: Path) -> None:
    released = classroom.released()
    folder = tmp_path / "in"
    for student, answers in {"ada": solutions(), "bob": {}, "eve": solutions()}.items():
        (folder / student).mkdir(parents=True)
        (folder / student / "work.ipynb").write_text(json.dumps(answered(released, answers, TEXT)))
    (folder / "eve" / "work.ipynb").write_text("{")
    assert "3 collected" in classroom.run("course", "collect", CHAPTER.part, str(folder), status=1)
    report = classroom.run("course", "grade", CHAPTER.part, "--jobs", "2", status=1)
    assert sorted(re.findall(r"^\[\d/3\] (\w+)/", report, re.M)) == ["ada", "bob", "eve"]
    assert "ask the student to hand in" in report.lower()
    assert full_marks(classroom) == {"ada"}
    # A new file from one student, a misplaced one of another: only the first is graded.
    shutil.copy(folder / "ada" / "work.ipynb", folder / "eve" / "work.ipynb")
    assert "1 collected, 2 already there" in classroom.run("course", "collect", CHAPTER.part, str(folder))
    stray = classroom.places.submitted(CHAPTER, "kim").with_name("Attention final.ipynb")
    stray.parent.mkdir(parents=True)
    shutil.copy(folder / "ada" / "work.ipynb", stray)
    report = classroom.run("course", "grade", CHAPTER.part, status=1)
    assert re.findall(r"^\[\d/\d\] (\w+)/", report, re.M) == ["eve"]
    assert f"kim/{CHAPTER.part}/Attention final.ipynb: no chapter has this name" in report
    assert full_marks(classroom) == {"ada", "eve"}
    assert "3 pages" in classroom.run("course", "feedback", CHAPTER.part)
    left_out = classroom.run("course", "export", CHAPTER.part, status=1)
    assert "to be marked by hand" in left_out
    classroom.run("course", "export", CHAPTER.part, "--partial")
    table = (classroom.places.grading / "export" / "transformers-attention-csv.csv").read_text()
    assert len(table.splitlines()) == 4


def test_plain_nbgrader_collects_archives_too(classroom: Classroom) -> None:
    folder = classroom.places.grading / "downloaded" / CHAPTER.part / "archive"
    folder.mkdir(parents=True)
    whole = as_bytes(classroom.released())
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        archive.writestr("smithjane_LATE_12_34_my work.ipynb", whole)
        archive.writestr("Ann Lee_99_assignsubmission_file_/attention.ipynb", whole)
        archive.writestr("bob/attention.ipynb", whole)
        archive.writestr("kim/attention.py", b"")
        archive.writestr("lee/attention.ipynb", b"{")
    printed = classroom.run("nbgrader", "zip_collect", CHAPTER.part)
    found = {
        path.parent.parent.name for path in classroom.places.grading.glob("submitted/*/*/attention.ipynb")
    }
    assert found == {"smithjane_12", "ann-lee", "bob", "lee"}
    assert "kim/attention.py: it is not a notebook" in printed
    assert "lee/attention.ipynb: it cannot be read" in printed


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_run_is_taken_up_again_by_plain_nbgrader(classroom: Classroom) -> None:
    released = classroom.released()
    for student in ("ada", "bob", "eve"):
        classroom.hand_in(student, answered(released, solutions()))
    slow = {**solutions(), exercises()[0]: "import time; time.sleep(15)"}
    classroom.hand_in("bob", answered(released, slow))
    running = classroom.start("nbgrader", "autograde", CHAPTER.part, *LIMITS)
    journal = Journal(classroom.places.grading / "journal")
    half = classroom.places.autograded(CHAPTER, "bob")
    wait_for(lambda: journal.is_running(CHAPTER, "bob") and half.is_file())
    os.kill(running.process.pid, signal.SIGKILL)
    running.finish()
    done = {student for student in ("ada", "bob", "eve") if journal.read(CHAPTER, student)}
    assert "bob" not in done
    # No feedback on what was never graded.
    classroom.run("nbgrader", "generate_feedback", CHAPTER.part, status=0 if done else 1)
    assert not classroom.places.feedback(CHAPTER, "bob").exists()
    classroom.hand_in("bob", answered(released, solutions()))
    again = classroom.run("nbgrader", "autograde", CHAPTER.part, *LIMITS)
    skipped = re.findall(rf"Skipping existing assignment: .*/(\w+)/{CHAPTER.part}$", again, re.M)
    assert set(skipped) == done
    assert full_marks(classroom) == {"ada", "bob", "eve"}
    assert "All marks can be relied on." in classroom.run("course", "grade", str(CHAPTER))


def get(address: str) -> tuple[int, str]:
    """Return the status and the text of a page."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_formgrader_lists_what_is_to_be_marked_by_hand(classroom: Classroom) -> None:
    classroom.hand_in("ada", answered(classroom.released(), solutions(), TEXT))
    classroom.run("course", "grade", str(CHAPTER))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    home = classroom.root.parent / "jupyter"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    options = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    with (classroom.root.parent / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *options],
            cwd=classroom.root,
            env={**environment(), "JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_DATA_DIR": str(home)},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        address = f"http://127.0.0.1:{port}/formgrader"
        wait_for(lambda: get(f"{address}?token={token}")[0] == 200)
        # Without the token there is the page to log in, not the marks.
        assert CHAPTER.part not in get(f"{address}/api/assignments")[1]
        status, text = get(f"{address}/api/assignments?token={token}")
        assignment = next(one for one in json.loads(text) if one["name"] == CHAPTER.part)
        assert (status, assignment["num_submissions"]) == (200, 1)
        _, text = get(f"{address}/api/submitted_notebooks/{CHAPTER.part}/{CHAPTER.name}?token={token}")
        (submitted,) = json.loads(text)
        assert (submitted["student"], submitted["needs_manual_grade"]) == ("ada", True)
        status, page = get(f"{address}/submissions/{submitted['id']}/?token={token}")
        assert status == 200
        assert TEXT in page
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
