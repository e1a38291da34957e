"""The judge's eye on one player: kills it when a limit is passed, and says which."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time

from course_utils.grading.sandbox import processes
from course_utils.grading.sandbox.limits import in_words
from course_utils.grading.sandbox.policy import Policy

LOOK_SECONDS = 0.05
DISK_LOOK_SECONDS = 0.5


class Watchdog(threading.Thread):
    """Looks at a player 20 times a second, from its start until it ends or `close` is called.

    Parameters
    ----------
    policy
        The player's policy, with its limits.
    pid
        What `fork_player` returned, as the judge sees it (`host_pid(pidfd)` says it in any case).
    pidfd
        The player's pidfd, which stays the caller's to close (after `close`).

    Attributes
    ----------
    reason
        None, or one phrase that names the limit: "memory over 2 GiB".
    cpu
        CPU time when it was last seen, in seconds.
    """

    def __init__(self, policy: Policy, pid: int, pidfd: int) -> None:
        super().__init__(name=f"watchdog of {pid}", daemon=True)
        self.policy = policy
        self.pid = pid
        self.reason: str | None = None
        self.cpu = 0.0
        self._pidfd = os.dup(pidfd)
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._deadlines: dict[str, float] = {}
        self._next_disk_look = 0.0
        seconds = policy.limits.notebook_seconds
        self.allow(seconds, f"the notebook ran longer than {seconds:g} s")

    def allow(self, seconds: float, reason: str) -> None:
        """Kill the player `seconds` from now, for this reason, unless `forget(reason)` comes before."""
        with self._guard:
            self._deadlines[reason] = time.monotonic() + seconds

    def forget(self, reason: str) -> None:
        """Take a deadline of `allow` back."""
        with self._guard:
            self._deadlines.pop(reason, None)

    def kill(self, reason: str) -> None:
        """Kill the player and all that it started; the first reason given stays."""
        with self._guard:
            self.reason = self.reason or reason
        if not self.policy.layers:
            self._stop_tree()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Kill what is left of the player and end the thread."""
        self._closing.set()
        if self.is_alive():
            self.join()
        if self._pidfd >= 0:
            if not self._has_ended():
                reason = self.reason
                self.kill("the judge was done with it")
                self.reason = reason
            os.close(self._pidfd)
            self._pidfd = -1

    def run(self) -> None:
        """Look until the player has ended."""
        while not self._closing.wait(LOOK_SECONDS) and not self._has_ended():
            if self.look():
                return

    def look(self) -> bool:
        """Look now, and kill the player if it has passed a limit; say whether it was killed for one."""
        reason = self.reason or self._passed_limit()
        if reason is not None:
            self.kill(reason)
        return reason is not None

    def _has_ended(self) -> bool:
        """Say whether the player, or process 1 of its namespace, has ended."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def _passed_limit(self) -> str | None:
        """Return what limit is passed now, in words."""
        limits = self.policy.limits
        now = time.monotonic()
        with self._guard:
            late = [reason for reason, end in self._deadlines.items() if now > end]
        if late:
            return late[0]
        running = processes.tree(self.pid)
        if self.policy.own_namespaces:
            running.pop(self.pid, None)  # process 1 is ours
        threads = sum(running.values())
        if len(running) > limits.processes:
            return f"more than {limits.processes} processes"
        if threads > limits.threads:
            return f"more than {limits.threads} threads"
        # What is resident is never less than what is its own: look closely only where it could matter.
        resident = processes.resident_bytes(list(running))
        if resident > limits.memory_bytes and processes.own_bytes(list(running)) > limits.memory_bytes:
            return f"memory over {in_words(limits.memory_bytes)}"
        self.cpu = max(self.cpu, processes.cpu_seconds(self.pid))
        if self.cpu > limits.cpu_seconds:
            return f"CPU time over {limits.cpu_seconds:g} s"
        return self._passed_disk_limit(now)

    def _passed_disk_limit(self, now: float) -> str | None:
        """Return what limit of the home folder is passed; in tier A the kernel keeps it."""
        if self.policy.own_namespaces or now < self._next_disk_look:
            return None
        self._next_disk_look = now + DISK_LOOK_SECONDS
        limits = self.policy.limits
        size, files = processes.disk_use(self.policy.home, limits.files)
        if files > limits.files:
            return f"more than {limits.files} files"
        if size > limits.disk_bytes:
            return f"files over {in_words(limits.disk_bytes)} together"
        return None

    def _stop_tree(self) -> None:
        """Kill a trusted player's processes one by one, as far as they can be found."""
        for process in processes.tree(self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def host_pid(pidfd: int) -> int | None:
    """Return the number, as this process sees it, of the process behind a pidfd; None once it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
        numbers = [int(line.split()[1]) for line in file if line.startswith("Pid:")]
    return numbers[0] if numbers and numbers[0] > 0 else None


def death_in_words(status: int, policy: Policy) -> str:
    """Return why a player ended, from its exit status (negative: killed by a signal).

    >>> from course_utils.grading.sandbox.view import View
    >>> death_in_words(-24, Policy("A", View(())))
    'CPU time over 900 s'
    >>> death_in_words(128 + 11, Policy("A", View(())))
    'it was ended by SIGSEGV (segmentation fault)'
    >>> death_in_words(3, Policy("A", View(())))
    'it ended with status 3'
    """
    number = -status if status < 0 else status - 128
    if number == signal.SIGXCPU:
        return f"CPU time over {policy.limits.cpu_seconds:g} s"
    if number == signal.SIGSYS:
        return "it made a system call of another architecture"
    if number in set(signal.Signals):
        meaning = (signal.strsignal(number) or "").lower()
        return f"it was ended by {signal.Signals(number).name} ({meaning})"
    return f"it ended with status {status}"
