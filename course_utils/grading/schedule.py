"""Who does the work: processes of this machine, or those of a Dask cluster."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from course_utils.grading.places import GradingError
from course_utils.grading.terms import Terms
from course_utils.grading.workers import process_pool

if TYPE_CHECKING:
    from course_utils.grading.judging.stage import Stage
    from course_utils.grading.work import Unit

Name = TypeVar("Name")
# So many more are handed out than are being worked on, so that nobody waits, and memory stays flat.
AHEAD = 2
MOST_ATTEMPTS = 3
BROKEN = "the process that played it was ended, again and again"


@dataclass(frozen=True)
class Done:
    """A unit's result, or why there is none."""

    content: bytes | None
    reason: str = ""


class Scheduler(Protocol):
    """Has units done, several at once, in any order."""

    def warm_up(self) -> None:
        """Begin what takes time and needs nothing to be known yet."""
        ...

    def prepare(self, terms: Terms, stage: Stage, count: int) -> None:
        """Get ready for so many units of a chapter."""
        ...

    def work(self, units: Iterable[tuple[Name, Unit]]) -> Iterator[tuple[Name, Done]]:
        """Yield each name with what came of its unit."""
        ...


class ThisProcess:
    """Does one after the other."""

    def warm_up(self) -> None:
        """Do nothing."""

    def prepare(self, terms: Terms, stage: Stage, count: int) -> None:
        """Do nothing: what is needed is made when it is needed."""

    def work(self, units: Iterable[tuple[Name, Unit]]) -> Iterator[tuple[Name, Done]]:
        """Yield each name with what came of its unit."""
        for name, unit in units:
            yield name, attempt(unit)


def attempt(unit: Unit) -> Done:
    """Play a unit in this process."""
    from course_utils.grading.work import play_unit

    try:
        return Done(play_unit(unit))
    except GradingError:
        raise
    except Exception as error:
        # One submission must not cost the others their run, whatever it makes the judge stumble over.
        return Done(None, f"{type(error).__name__}: {error}")


def _nothing() -> None:
    """Have a pool start its processes."""


class Processes:
    """Processes of this machine. One that dies is replaced, and what it did is done again.

    They are forked from this process when it has worked out what is right, so that this is done once and held
    once in memory. A fork copies no threads: it happens before anything here has started one.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def warm_up(self) -> None:
        """Start the process that players are forked from: its imports go on while this one does its own."""
        from course_utils.grading.judging.preloading import start_preloading

        start_preloading()

    def prepare(self, terms: Terms, stage: Stage, count: int) -> None:
        """Work out what is right for a chapter, and start the processes."""
        self._end_pool()
        import torch

        from course_utils.grading.work import bench_for

        torch.set_num_threads(1)
        jobs = min(self.jobs, count)
        if jobs > 1:
            bench_for(terms).prepare(stage, jobs)
            self._pool = process_pool(jobs, "fork")
            self._pool.submit(_nothing).result()

    def work(self, units: Iterable[tuple[Name, Unit]]) -> Iterator[tuple[Name, Done]]:
        """Yield each name with what came of its unit."""
        if self._pool is None:
            yield from ThisProcess().work(units)
            return
        waiting: deque[tuple[Name, Unit, int]] = deque()
        source = iter(units)
        while True:
            running: dict[Future[Done], tuple[Name, Unit, int]] = {}
            try:
                while True:
                    while len(running) < self.jobs * AHEAD:
                        if not waiting and (task := _next(source)) is not None:
                            waiting.append(task)
                        if not waiting:
                            break
                        running[self._pool.submit(attempt, waiting[0][1])] = waiting[0]
                        waiting.popleft()
                    if not running:
                        return
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        done = future.result()
                        yield running.pop(future)[0], done
            except BrokenProcessPool:
                # Nobody knows which of them it was: all that ran are tried again, by processes of their own.
                self._pool.shutdown(wait=False)
                self._pool = process_pool(self.jobs, "spawn")
                for name, unit, attempts in running.values():
                    if attempts + 1 < MOST_ATTEMPTS:
                        waiting.append((name, unit, attempts + 1))
                    else:
                        yield name, Done(None, BROKEN)

    def close(self) -> None:
        """End the processes."""
        from course_utils.grading.judging.preloading import end_preloading

        self._end_pool()
        end_preloading()

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _next(source: Iterator[tuple[Name, Unit]]) -> tuple[Name, Unit, int] | None:
    item = next(source, None)
    return None if item is None else (*item, 0)


@contextmanager
def scheduler(jobs: int, address: str = "") -> Iterator[Scheduler]:
    """Return who does the work: a cluster, so many processes, or for one job this process.

    Raises:
        GradingError: the cluster cannot be reached.
    """
    if address:
        from course_utils.grading.cluster import DaskCluster

        cluster = DaskCluster(address)
        try:
            yield cluster
        finally:
            cluster.close()
        return
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    processes = Processes(jobs)
    try:
        yield processes
    finally:
        processes.close()
        if before is None:
            os.environ.pop("OMP_NUM_THREADS", None)
