"""A class is graded by the workers of a real Dask scheduler, one of which is killed meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import pytest
from distributed import Client

from course_utils.grading.cluster import JudgeLostError, JudgeProcess
from course_utils.grading.engine import grade_class
from course_utils.grading.places import GradingError
from course_utils.grading.schedule import ThisProcess, scheduler
from course_utils.grading.work import Unit
from tests.grading.classroom import CHAPTER, Classroom, environment
from tests.grading.test_clerk import rows
from tests.grading.test_killed import STUDENTS, hand_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
WORKERS = 2
START_SECONDS = 90
MOST_CHARACTERS = 20_000


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a command of Dask in an empty folder: workers have nothing of the course but its package."""
    with (folder / f"{words[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"],
            cwd=folder,
            env={**environment(), "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "30s"},
            stdout=log,
            stderr=log,
        )


@dataclass
class Cluster:
    """A scheduler and its workers."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose workers have all arrived. What it says is shown when a test fails."""
    folder, file = tmp_path / "elsewhere", tmp_path / "scheduler.json"
    folder.mkdir()
    running = [start(folder, "scheduler", "--port", "0", "--scheduler-file", str(file))]
    try:
        deadline = time.monotonic() + START_SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        words = ("--nworkers", "1", "--nthreads", "1", "--no-nanny")
        running += [start(folder, "worker", address, *words) for _ in range(WORKERS)]
        with Client(address, timeout=START_SECONDS) as client:
            client.wait_for_workers(WORKERS, timeout=START_SECONDS)
        yield Cluster(address, running[0], running[1:])
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()
        for log in sorted(folder.glob("*.log")):
            print(f"{log.name}:\n{log.read_text()[-MOST_CHARACTERS:]}")


def test_a_cluster_gives_the_same_marks_though_a_worker_is_killed(
    classroom: Classroom, cluster: Cluster
) -> None:
    hand_in(classroom)
    seen: list[str] = []

    def kill_one(done: int, total: int, task: object, reason: str) -> None:
        seen.append(reason)
        if done == 1:
            cluster.workers[0].kill()

    with scheduler(1, cluster.address) as workforce:
        run = grade_class(classroom.places, [CHAPTER], workforce, tell=kill_one)
    assert run.failed == {}
    assert seen == [""] * STUDENTS
    assert cluster.workers[0].wait(10) != 0
    # Only the clerk wrote: neither a worker nor its judge has the gradebook or the course's folder open.
    worker = psutil.Process(cluster.workers[1].pid)
    opened = [
        file.path for process in [worker, *worker.children(recursive=True)] for file in process.open_files()
    ]
    assert len(worker.children()) == 1
    assert not [path for path in opened if path.startswith(str(classroom.root))]
    found = rows(classroom)
    grade_class(classroom.places, [CHAPTER], ThisProcess(), force=True)
    assert rows(classroom) == found


def test_a_scheduler_that_is_lost_is_said_and_what_was_graded_is_kept(
    classroom: Classroom, cluster: Cluster
) -> None:
    hand_in(classroom)
    seen: list[str] = []

    def end(done: int, total: int, task: object, reason: str) -> None:
        seen.append(reason)
        cluster.scheduler.kill()

    with (
        pytest.raises(GradingError, match=r"does not answer any more\. What was graded is kept"),
        scheduler(1, cluster.address) as workforce,
    ):
        grade_class(classroom.places, [CHAPTER], workforce, tell=end)
    assert 1 <= len(seen) < STUDENTS
    again = grade_class(classroom.places, [CHAPTER], ThisProcess())
    assert again.failed == {}
    assert again.graded == STUDENTS - len(seen)


def test_a_judge_that_was_ended_is_replaced() -> None:
    judge = JudgeProcess()
    assert judge.alive
    judge.close()
    assert not judge.alive
    with pytest.raises(JudgeLostError, match="the judge has ended"):
        judge.play(cast(Unit, object()))


def test_a_judge_ends_with_its_owner(tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "from course_utils.grading.cluster import JudgeProcess\n"
        "print(JudgeProcess()._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment()
    ) as owner:
        assert owner.stdout is not None
        judge = psutil.Process(int(owner.stdout.readline()))
        assert judge.is_running()
        owner.kill()
    judge.wait(20)


def test_a_scheduler_that_is_not_there_is_said() -> None:
    with pytest.raises(GradingError, match="no Dask scheduler answers"), scheduler(1, "tcp://127.0.0.1:9"):
        pass
