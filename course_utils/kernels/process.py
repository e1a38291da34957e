"""A forked kernel as seen by the one who asked for it: as much of `subprocess.Popen` as is used of it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

START_SECONDS = 120.0
"""How long the preloaded process may take to load everything, on a busy machine."""


class NotForkedError(Exception):
    """There is no fork to be had; the message says why."""


class ServerEndedError(NotForkedError):
    """The preloaded process has ended."""


class ForkedKernel:
    """A kernel that the preloaded process has forked. What is closed here ends there."""

    stdin = stdout = stderr = None

    def __init__(
        self,
        address: str,
        command: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        streams: Sequence[int],
    ) -> None:
        """Have a kernel forked.

        Args:
            address: The preloaded process's address.
            command: What an ordinary kernel would be started by.
            cwd: The folder that the kernel starts in, an absolute path.
            env: All of the kernel's variables.
            streams: The descriptors of its output and its errors.

        Raises:
            NotForkedError: The process has ended, or refuses.
        """
        self.args = list(command)
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._said = b""
        try:
            self._connection.settimeout(START_SECONDS)
            self._connection.connect(address)
            request = json.dumps({"command": self.args, "cwd": cwd, "env": dict(env)}).encode() + b"\n"
            # The descriptors travel with the first byte; all of it need not fit into the socket at once.
            sent = socket.send_fds(self._connection, [request], list(streams))
            self._connection.sendall(request[sent:])
            answer = self._hear()
        except OSError as error:
            self._connection.close()
            raise ServerEndedError(f"the preloaded process does not answer ({error})") from None
        if "pid" not in answer:
            self._connection.close()
            if "refused" in answer:
                raise NotForkedError(answer["refused"])
            raise ServerEndedError("the preloaded process has ended")
        self.pid: int = answer["pid"]

    def _hear(self) -> dict[str, Any]:
        """Return the next line, or nothing when the preloaded process has ended."""
        while b"\n" not in self._said:
            part = self._connection.recv(4096)
            if not part:
                return {}
            self._said += part
        line, _, self._said = self._said.partition(b"\n")
        return json.loads(line)

    def _see(self, seconds: float | None) -> int | None:
        """Return the status if the kernel ends within some seconds."""
        if self.returncode is None and (self._said or select.select([self._connection], [], [], seconds)[0]):
            try:
                status = self._hear().get("ended", -signal.SIGKILL)
            except OSError:
                # The preloaded process was killed, and its kernels end with it.
                status = -signal.SIGKILL
            self.returncode = status
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the status, or None while the kernel runs."""
        return self._see(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the kernel's end and return its status.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        status = self._see(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask the kernel's process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel's process."""
        self.send_signal(signal.SIGKILL)
