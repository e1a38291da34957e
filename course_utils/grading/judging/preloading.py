"""The process that players are forked from, from the moment that it is started.

It imports libraries for seconds, so that a run starts it first and does the rest meanwhile. This module needs
none of these libraries itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_utils.grading.player import preload
from course_utils.grading.player.server import ENVIRONMENT

END_SECONDS = 5.0


class Preloading:
    """A process that imports what notebooks use, and waits to be told the chapter.

    Attributes:
        folder: A folder of its own that players may read.
        address: The socket where it will wait for judges.
        process: The process.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="course-player-")
        self.folder = Path(self._temporary.name)
        self.folder.chmod(0o755)
        # Nobody else may ask for players: the folder of the socket is its owner's alone. It is the process's
        # home too, since IPython makes folders there.
        private = self.folder / "private"
        private.mkdir(mode=0o700)
        self.address = str(private / "socket")
        # A copy: a player can read how its process was started, and where the course lies is nothing to it.
        program = shutil.copy(preload.__file__, self.folder)
        self._life, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(self.address)
            listener.listen()
            descriptors = [theirs.fileno(), listener.fileno()]
            self.process = subprocess.Popen(
                [sys.executable, "-P", program, *map(str, descriptors)],
                pass_fds=descriptors,
                env={**ENVIRONMENT, "HOME": str(private)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the judge
            )
        theirs.close()

    def tell(self, package: Path, libraries: Sequence[str]) -> None:
        """Say where the package is that players see, and what else their notebooks import."""
        wanted = {"package": str(package), "libraries": list(libraries)}
        with contextlib.suppress(OSError):  # it has ended; whoever asks it for a player is told why
            self._life.sendall(json.dumps(wanted).encode() + b"\n")

    def last_words(self) -> str:
        """Return why the process ended, as far as it is known."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        if self.process.stderr is None or self.process.returncode is None:
            return "it does not answer"
        lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the process and the players that are left."""
        self._life.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self._temporary.cleanup()


_started: dict[int, Preloading] = {}


def start_preloading() -> None:
    """Start a process now for the chapter that comes next."""
    if os.getpid() not in _started:
        _started[os.getpid()] = Preloading()


def end_preloading() -> None:
    """End the process that was started and that nobody needed."""
    if os.getpid() in _started:
        unused = _started.pop(os.getpid())
        unused.process.kill()  # it may be in the midst of its imports
        unused.close()


def take_preloading() -> Preloading:
    """Return the process that was started, or a new one."""
    return _started.pop(os.getpid(), None) or Preloading()
