"""Starting the preloaded process, and seeing to it that it ends with the one who started it."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from course_utils.kernels.server import OWN_ENVIRONMENT

END_SECONDS = 5.0
NOT_INHERITED = ("JPY_PARENT_PID", "MPLBACKEND")
"""What belongs to one kernel; a kernel that has them gets them when it is forked."""


def unsupported() -> str | None:
    """Return why this system has no preloaded kernels, or None if it has them.

    On macOS a process that has loaded torch must not fork, and Windows has no fork.
    """
    return None if sys.platform == "linux" else "they need Linux"


class PreloadedServer:
    """The process that kernels are forked from. It loads in the background; who asks meanwhile waits.

    Its `address` is a name without a file, so that nothing is left, however it and its owner end. Only
    processes of the same user are served.
    """

    def __init__(self) -> None:
        self.address = f"\0course-kernels-{secrets.token_hex(16)}"
        self._words = ""
        self._life, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        with theirs, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen()
            descriptors = [theirs.fileno(), listener.fileno()]
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("server.py")), *map(str, descriptors)],
                pass_fds=descriptors,
                env={**environment, **OWN_ENVIRONMENT},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the owner and for single kernels
            )

    def last_words(self) -> str:
        """Return what the process said when it ended by itself; empty if it was killed, or runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        if not self._words and self.process.returncode is not None and self.process.stderr is not None:
            lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
            self._words = lines[-1] if lines else ""
        return self._words

    def close(self) -> None:
        """End the process and the kernels that are left."""
        self._life.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def __enter__(self) -> PreloadedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
