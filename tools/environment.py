"""Make the course's environment `.venv` from the locks, or mend it; do nothing when it is in order.

A file in `.venv` records which locks were installed completely. It is written after an installation and
taken away before the next one, so that whatever interrupts a set-up, the next run knows what is
unfinished and does it again.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Measured on Linux with the CPU build of torch, in megabytes: what each lock adds to .venv, and what pip
# needs beside it while it downloads and unpacks. A CUDA build of torch needs several thousand more.
MEGABYTES = {
    "": 1700,
    "test": 370,
    "oracles": 500,
    "cluster": 30,
    "postgresql": 20,
    "embeddings": 110,
    "llm": 120,
}
PIP_WORKING_SPACE = 500
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class SetUpError(Exception):
    """An end of the work that the reader can do something about; the message says what is wrong and what to
    do.
    """


def say(text: str) -> None:
    """Print a line at once, also when the output is a file."""
    print(text, flush=True)


def run_tool(main: object) -> None:
    """Run a tool's `main`; turn what a person can mend, and Ctrl-C, into a plain message."""
    try:
        status = main()  # type: ignore[operator]
    except SetUpError as stop:
        sys.exit(f"\n{stop}")
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # Where even pip's output could not be written down.
        sys.exit(f"\nThe disk of {ROOT} is full: free some space and run the same command again.")
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on from here.")
    sys.exit(status)


class Environment:
    """The `.venv` of one copy of the course."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.record = self.venv / "course.json"
        self.notes = root / ".setup"

    # What is wanted, and what is there

    def lock(self, extra: str) -> Path:
        """Return the lock of an extra, or of the base install for the empty name."""
        path = self.root / (f"requirements-{extra}.lock" if extra else "requirements.lock")
        if not path.is_file():
            extras = sorted(lock.stem.partition("-")[2] for lock in self.root.glob("requirements-*.lock"))
            raise SetUpError(f"There is no extra named {extra!r}: the extras are {', '.join(extras)}.")
        return path

    def key(self, extra: str) -> str:
        """Return what identifies a finished installation: the lock, and for the base what is installed
        beside it.
        """
        content = self.lock(extra).read_bytes()
        if not extra:
            # A moved .venv does not work, and the `course` command is made from pyproject.toml.
            content += str(self.venv).encode() + (self.root / "pyproject.toml").read_bytes()
        return hashlib.sha256(content).hexdigest()

    def installed(self) -> dict[str, str]:
        """Return the finished installations, by extra; empty when there is no record that can be read."""
        try:
            record = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) and self.python.exists() else {}

    def missing(self, extras: list[str]) -> list[str]:
        """Return the installations that are wanted and not finished."""
        there = self.installed()
        return [extra for extra in ["", *extras] if there.get(extra) != self.key(extra)]

    # Setting up

    def ensure(self, extras: list[str]) -> Path:
        """Install what is missing and return the environment's Python."""
        if self.missing(extras) or self.of_another_python():
            self.notes.mkdir(exist_ok=True)
            with self.alone():
                if self.of_another_python():
                    say("Making .venv again with the Python that PYTHON= names.")
                    shutil.rmtree(self.venv)
                missing = self.missing(extras)
                self.check_space(missing)
                there = self.make_venv()
                for extra in missing:
                    self.install(extra, there)
        return self.python

    def of_another_python(self) -> bool:
        """Tell whether PYTHON= names another version than the one .venv was made with."""
        settings = self.venv / "pyvenv.cfg"
        if "PYTHON" not in os.environ or not settings.is_file():
            return False
        made_with = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", settings.read_text(), re.MULTILINE)
        return made_with is not None and made_with.group(1) != THIS_PYTHON

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the set-up for this process; two at once would spoil each other's files."""
        with (self.notes / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SetUpError(
                    "Another set-up of this copy is running: wait until it is done, or stop it."
                ) from None
            yield

    def check_space(self, missing: list[str]) -> None:
        """SetUpError before anything is written when the disk cannot hold what is missing."""
        needed = sum(MEGABYTES.get(extra, 0) for extra in missing)
        free = shutil.disk_usage(self.root).free // 2**20
        temporary = Path(tempfile.gettempdir())
        if temporary.stat().st_dev == self.root.stat().st_dev:
            needed += PIP_WORKING_SPACE
        elif (left := shutil.disk_usage(temporary).free // 2**20) < PIP_WORKING_SPACE:
            raise SetUpError(
                f"The disk of {temporary} has {left:,} MB free and pip needs {PIP_WORKING_SPACE:,} MB there: "
                "free some, or name another folder: make start TMPDIR=FOLDER"
            )
        if free < needed:
            raise SetUpError(
                f"The disk of {self.root} has {free:,} MB free and the course needs {needed:,} MB: "
                "free some space and run the same command again."
            )

    def make_venv(self) -> dict[str, str]:
        """Make an empty .venv unless a usable one is there; return the installations it holds."""
        there = self.installed()
        if not there and (self.venv / "unfinished").exists():
            say("An earlier set-up was interrupted: starting it afresh.")
            shutil.rmtree(self.venv)
        elif self.venv.exists() and not self.python.exists():
            say("The Python that .venv was made with is gone: making .venv again.")
            shutil.rmtree(self.venv)
        if not self.python.exists():
            say(f"Making .venv with Python {sys.version.partition(' ')[0]} ({sys.executable})")
            self.venv.mkdir(exist_ok=True)
            (self.venv / "unfinished").touch()
            made = subprocess.run(
                [sys.executable, "-m", "venv", str(self.venv)], capture_output=True, text=True, check=False
            )
            if made.returncode:
                self.explain_venv(made.stdout + made.stderr)
        return there

    def explain_venv(self, output: str) -> None:
        """Say why `python -m venv` failed."""
        if "No space left" in output:
            raise SetUpError(
                f"The disk of {self.root} is full: free some space and run the same command again."
            )
        if "ensurepip" in output or "No module named venv" in output:
            raise SetUpError(
                f"{sys.executable} cannot make an environment: its venv module is missing or incomplete. "
                f"Install it (Debian and Ubuntu: sudo apt install python{THIS_PYTHON}-venv), or name another "
                "Python with PYTHON=, and run the same command again."
            )
        raise SetUpError(f"{sys.executable} could not make .venv:\n{output.strip()}")

    def install(self, extra: str, there: dict[str, str]) -> None:
        """Install one lock completely, and record it."""
        lock = self.lock(extra)
        before = there.pop(extra, None)
        # Without a record of its base a new .venv is started afresh; see make_venv.
        self.write_record({**there, extra: "unfinished"} if extra or before else {})
        say(f"Installing {lock.name}" + ("" if extra else " (some minutes the first time)"))
        arguments = ["install", "--requirement", str(lock)]
        if extra:
            # An extra's lock is complete, and must change nothing of the base.
            arguments += ["--no-deps", "--constraint", str(self.lock(""))]
        if before == "unfinished":
            arguments += ["--force-reinstall"]
        self.pip(arguments, lock.name)
        if not extra:
            self.pip(
                ["install", "--no-deps", "--no-build-isolation", "--editable", str(self.root)],
                "the course itself",
            )
            self.leave_out_news()
            (self.venv / "unfinished").unlink(missing_ok=True)
        there[extra] = self.key(extra)
        self.write_record(there)

    def leave_out_news(self) -> None:
        """Have JupyterLab ask nobody whether to look for news: the course works without a network."""
        settings = self.venv / "etc" / "jupyter" / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        disabled = {"@jupyterlab/apputils-extension:announcements": True}
        settings.write_text(json.dumps({"disabledExtensions": disabled}, indent=1) + "\n")

    def write_record(self, record: dict[str, str]) -> None:
        """Write which installations are finished, all at once."""
        temporary = self.record.with_suffix(".tmp")
        temporary.write_text(json.dumps(record))
        temporary.replace(self.record)

    def pip(self, arguments: list[str], what: str) -> None:
        """Run pip, show how far it is, keep its output in a file and explain a failure."""
        log = self.notes / "pip.log"
        command = [
            str(self.python),
            "-m",
            "pip",
            *arguments,
            "--progress-bar",
            "off",
            "--disable-pip-version-check",
        ]
        # Not the course's own folder: a module there could shadow one that pip imports.
        with (
            log.open("w") as file,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.venv
            ) as process,
        ):
            try:
                assert process.stdout is not None
                seen = 0
                for line in process.stdout:
                    file.write(line)
                    seen += line.startswith("Collecting")
                    if line.startswith("Collecting") and (seen % 20 == 0 or "torch=" in line):
                        say(f"  {seen:4} packages found, now {line.split()[1]}")
                    elif line.startswith("Installing collected"):
                        say("       unpacking them")
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise SetUpError(explain_pip(log.read_text(), what, self.root, log))


NO_NETWORK = (
    "NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|ProxyError"
    "|ConnectTimeoutError|Network is unreachable|from versions: none|Could not fetch URL|ReadTimeoutError"
    "|Connection broken|Could not install packages due to an OSError: HTTPSConnectionPool"
)


def explain_pip(output: str, what: str, root: Path, log: Path) -> str:
    """Return one sentence on why pip failed and one on the way out."""
    if re.search(r"No space left on device|Errno 28|Disk quota exceeded|Errno 122", output):
        return (
            f"The disk became full while {what} was installed: free some space (folders {root} and "
            f"{tempfile.gettempdir()}) and run the same command again."
        )
    if re.search(NO_NETWORK, output):
        return (
            f"There is no connection to the package registry, so {what} could not be installed. "
            "Connect to the network (behind a proxy, set HTTPS_PROXY) and run the same command again."
        )
    unmatched = re.search(r"No matching distribution found for (\S+)", output)
    if unmatched:
        return (
            f"The package registry has no {unmatched.group(1)} for this machine: the course runs on "
            "64-bit Linux and on macOS with Apple's processors. If yours is one of these, try another Python "
            "with PYTHON=. "
            f"pip's output is in {log}."
        )
    last = "\n".join(output.strip().splitlines()[-8:])
    return (
        f"pip could not install {what}:\n{last}\n"
        f"All of its output is in {log}. Run the same command again once that is mended."
    )


def main() -> int:
    """Set up the base install and the extras named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extras", nargs="*", help="test, oracles, cluster, postgresql, embeddings, llm")
    python = Environment().ensure(parser.parse_args().extras)
    say(f"{python} is ready.")
    return 0


if __name__ == "__main__":
    run_tool(main)
