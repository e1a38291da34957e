"""The tools of other people that judge the built book: axe-core and Lighthouse, from npm."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
LIGHTHOUSE = FOLDER / "lighthouse.mjs"
TRIES = 3


class AuditError(Exception):
    """The tools cannot be had; the message says why and what to do."""


def install() -> None:
    """Install what package-lock.json names, once; a second process waits for the first.

    Raises:
        AuditError: Node.js is missing, or npm could not install.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise AuditError("the book is judged with Node.js and npm: apt-get install nodejs npm")
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / "installed-lock.json"
    with (FOLDER / "installing.tmp").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        if installed.is_file() and installed.read_bytes() == lock.read_bytes():
            return
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        for left in reversed(range(TRIES)):  # a network that stalls often answers at the next try
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                installed.write_bytes(lock.read_bytes())
                return
            if not left:
                raise AuditError(f"npm could not install axe-core and Lighthouse:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        install()
    except AuditError as problem:
        sys.exit(str(problem))
