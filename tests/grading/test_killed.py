"""A run that is killed at any moment is finished by the next one, with the marks of an undisturbed one."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_utils.grading.engine import grade_class
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Places
from course_utils.grading.schedule import ThisProcess
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, answered, choices, environment, exercises
from tests.grading.submissions import TEXT
from tests.grading.test_clerk import records, rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 50
STUDENTS = 6
LONGEST_SECONDS = 6.0


def hand_in(classroom: Classroom) -> None:
    """Hand in a small class in which nearly everybody has another mark."""
    known = {name: choices(name) for name in exercises()}
    for number in range(STUDENTS):
        answers = {name: sources[(3 * number) % len(sources)] for name, sources in known.items()}
        given = {name: source for name, source in answers.items() if source}
        classroom.hand_in(f"student{number}", answered(classroom.released(), given, TEXT))


def kill_somewhere(classroom: Classroom, chance: random.Random) -> bool:
    """Start a run and kill one of its processes at some moment; say whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "course_utils.cli", "grade", str(CHAPTER), "--force"],
        cwd=classroom.root,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    time.sleep(chance.uniform(0.0, LONGEST_SECONDS))
    if process.poll() is not None:
        return False
    # Half of the kills hit the command itself, the others a judge, a server or a player.
    victims = psutil.Process(process.pid).children(recursive=True)
    victim = psutil.Process(process.pid) if not victims or chance.random() < 0.5 else chance.choice(victims)
    with contextlib.suppress(psutil.Error):
        victim.send_signal(signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0.0, 2.0))
    if process.poll() is None:
        process.kill()
    process.wait()
    return True


def mark_by_hand(classroom: Classroom, student: str) -> None:
    with NbGrader(classroom.places).gradebook() as gradebook:
        grade = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, student)
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()


def without_seconds(found: dict[str, Any]) -> dict[str, Any]:
    return {student: record and (record.cells, record.problems) for student, record in found.items()}


def test_fifty_kills_lose_no_mark(classroom: Classroom, tmp_path: Path) -> None:
    hand_in(classroom)
    twin = Classroom(Places(tmp_path / "undisturbed"))
    shutil.copytree(classroom.root, twin.root)
    assert grade_class(twin.places, [CHAPTER], ThisProcess()).failed == {}
    chance = random.Random(2026)
    kills = runs = 0
    while kills < KILLS and runs < 3 * KILLS:
        runs += 1
        kills += kill_somewhere(classroom, chance)
        if runs % 12 == 0:  # from the beginning again, so that every stage of a run is hit
            shutil.rmtree(classroom.places.grading / "results", ignore_errors=True)
    assert kills == KILLS
    classroom.run("course", "grade", str(CHAPTER))
    mark_by_hand(classroom, "student1")
    mark_by_hand(twin, "student1")
    assert rows(classroom) == rows(twin)
    assert without_seconds(records(classroom)) == without_seconds(records(twin))
    assert len(rows(classroom)) == STUDENTS
    for student in rows(twin):
        assert classroom.graded_notebook(student) == twin.graded_notebook(student)
    # Nothing is left behind: no half-written file, no process.
    assert not list(classroom.root.rglob("*.tmp"))
    left = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(classroom.root)]
    assert left == []


def test_a_worker_that_is_killed_is_replaced(classroom: Classroom) -> None:
    hand_in(classroom)
    running = classroom.start("course", "grade", str(CHAPTER), "--jobs", "2")
    deadline = time.monotonic() + 120
    killed = False
    while not killed and running.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psutil.Error):
            workers = [
                child
                for child in psutil.Process(running.process.pid).children()
                if child.cmdline()[-3:] == psutil.Process(running.process.pid).cmdline()[-3:]
            ]
            journal = classroom.places.grading / "journal" / "graded"
            if len(workers) == 2 and list(journal.rglob("*.json")):
                workers[0].kill()
                killed = True
        time.sleep(0.05)
    output, status = running.finish()
    assert killed, output
    assert status == 0, output
    assert len(rows(classroom)) == STUDENTS
    assert "not graded" not in output
