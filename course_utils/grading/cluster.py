"""A class is played by the workers of a Dask cluster.

A worker does not play in its own process, whose threads see to the cluster besides: limits of time are exact
only in a main thread, and a worker that is stuck must not take the run with it. It hands each submission to a
judge of its own, which is a process that can be ended and started again.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import TYPE_CHECKING, Any

from course_utils.grading.places import GradingError
from course_utils.grading.schedule import AHEAD, BROKEN, MOST_ATTEMPTS, Done, Name, attempt
from course_utils.grading.terms import Terms

if TYPE_CHECKING:
    from course_utils.grading.judging.stage import Stage
    from course_utils.grading.work import Unit

START_SECONDS = 300.0
"""How long a judge may need besides the submission's own time: for imports, and for what is right."""
LOOK_SECONDS = 10.0
END_SECONDS = 5.0


class JudgeLostError(Exception):
    """A judge ended, or did not come to an end."""


class JudgeProcess:
    """A process that plays what it is handed, one submission after the other. It ends with its owner."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # its end is the end of this process
                stdout=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self._connection = ours

    def play(self, unit: Unit) -> Done:
        """Have a unit played.

        Raises:
            GradingError: submissions cannot be played there.
            JudgeLostError: the process ended, or did not answer in time and was ended.
        """
        try:
            self._connection.send(unit)
            if not self._connection.poll(2 * unit.terms.limits.notebook_seconds + START_SECONDS):
                raise JudgeLostError("the judge does not come to an end")
            answer = self._connection.recv()
        except (OSError, EOFError):
            self.close()
            raise JudgeLostError("the judge has ended") from None
        except JudgeLostError:
            self.close()
            raise
        if isinstance(answer, GradingError):
            raise answer
        return answer

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait(END_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()


def serve(connection: Connection) -> None:
    """Play what comes on a connection until it ends."""
    while True:
        try:
            unit = connection.recv()
        except EOFError:
            return
        try:
            answer: Done | GradingError = attempt(unit)
        except GradingError as error:
            answer = error
        connection.send(answer)


_own = threading.local()


def attempt_apart(unit: Unit) -> Done:
    """Play a unit in a process that belongs to this thread of a worker."""
    if not hasattr(_own, "judge") or not _own.judge.alive:
        _own.judge = JudgeProcess()
    return _own.judge.play(unit)


class DaskCluster:
    """The workers of a Dask cluster, which have the locked environment and get a submission's bytes."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise GradingError(
                "--scheduler needs the extra `cluster`: .venv/bin/pip install -r requirements-cluster.lock"
            ) from None
        self.address = address
        try:
            self.client: Any = Client(address, timeout=15)
        except (OSError, ValueError, TimeoutError) as error:
            raise GradingError(
                f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, "
                "and workers with `dask worker ADDRESS`"
            ) from None

    def warm_up(self) -> None:
        """Do nothing: the workers are there."""

    def prepare(self, terms: Terms, stage: Stage, count: int) -> None:
        """Do nothing: each worker makes what it needs."""

    def work(self, units: Iterable[tuple[Name, Unit]]) -> Iterator[tuple[Name, Done]]:
        """Yield each name with what came of its unit.

        Without workers it waits for some, and says so: those of a queue may come hours later.
        """
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        source = iter(units)
        names: dict[str, Name] = {}
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def hand_out() -> None:
            item = next(source, None)
            if item is None:
                return
            if self.client.status == "closed":
                raise GradingError(self._lost())
            # Not pure: Dask may do it again elsewhere when a worker is lost, with the same result.
            future = self.client.submit(attempt_apart, item[1], retries=MOST_ATTEMPTS - 1, pure=False)
            names[future.key] = item[0]
            future.add_done_callback(finished.put)

        for _ in range(max(2, AHEAD * len(self.client.nthreads()))):
            hand_out()
        while names:
            future = self._next(finished)
            try:
                done = future.result()
            except (KilledWorker, JudgeLostError):
                done = Done(None, BROKEN)
            except (CancelledError, CommClosedError):
                raise GradingError(self._lost()) from None
            yield names.pop(future.key), done
            hand_out()

    def _next(self, finished: queue.SimpleQueue[Any]) -> Any:
        """Return the next future that is done."""
        waiting = False
        while True:
            with contextlib.suppress(queue.Empty):
                return finished.get(timeout=LOOK_SECONDS)
            if self.client.status != "running":
                raise GradingError(self._lost())
            if not waiting and not self.client.nthreads():
                waiting = True
                print(
                    f"no workers at {self.address}: waiting (start some with `dask worker {self.address}`)",
                    file=sys.stderr,
                )

    def _lost(self) -> str:
        return (
            f"the Dask scheduler at {self.address} does not answer any more. What was graded is kept: "
            "start it again, and run the same command"
        )

    def close(self) -> None:
        """Leave the cluster."""
        self.client.close()


def _end_with_owner() -> None:
    """End this process as soon as the one that started it has ended."""

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _end_with_owner()
    with Connection(int(sys.argv[1])) as given:
        serve(given)
