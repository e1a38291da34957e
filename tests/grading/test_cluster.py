"""A class is graded by the workers of a real Dask scheduler, one of which is killed meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from course_utils.grading.engine import grade_class
from course_utils.grading.places import GradingError
from course_utils.grading.schedule import ThisProcess, scheduler
from tests.grading.classroom import CHAPTER, Classroom, environment
from tests.grading.test_clerk import rows
from tests.grading.test_killed import STUDENTS, hand_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
WORKERS = 2


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a command of Dask in an empty folder: workers have nothing of the course but its package."""
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        cwd=folder,
        env={**environment(), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its workers."""
    folder, file = tmp_path / "elsewhere", tmp_path / "scheduler.json"
    folder.mkdir()
    running = [start(folder, "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))]
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    words = ("--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--no-nanny")
    running += [start(folder, "worker", address, *words) for _ in range(WORKERS)]
    yield address, running[1:]
    for process in reversed(running):
        process.kill()
        process.wait()


def test_a_cluster_gives_the_same_marks_though_a_worker_is_killed(
    classroom: Classroom, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    hand_in(classroom)
    seen: list[str] = []

    def kill_one(done: int, total: int, task: object, reason: str) -> None:
        seen.append(reason)
        if done == 1:
            workers[0].kill()

    with scheduler(1, address) as workforce:
        run = grade_class(classroom.places, [CHAPTER], workforce, tell=kill_one)
    assert run.failed == {}
    assert seen == [""] * STUDENTS
    assert workers[0].wait(10) != 0
    found = rows(classroom)
    grade_class(classroom.places, [CHAPTER], ThisProcess(), force=True)
    assert rows(classroom) == found
    # Only the clerk wrote: a worker has neither the gradebook nor the course's folder open.
    opened = [file.path for file in psutil.Process(workers[1].pid).open_files()]
    assert not [path for path in opened if path.startswith(str(classroom.root))]


def test_a_scheduler_that_is_not_there_is_said() -> None:
    with pytest.raises(GradingError, match="no Dask scheduler answers"), scheduler(1, "tcp://127.0.0.1:9"):
        pass
