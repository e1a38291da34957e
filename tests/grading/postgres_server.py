"""A PostgreSQL server of a test's own: made, used and thrown away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

OWNER = "course"
# Debian starts a server of its own with the package, unless it is told not to.
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/course-tests.conf")


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the newest version; None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)
    return next((f for f in folders if (f / "initdb").is_file() and (f / "postgres").is_file()), None)


def install() -> None:
    """Install PostgreSQL where this process may; what goes wrong leaves things as they are."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    NO_CLUSTER.write_text("create_main_cluster = off\n")
    quiet: dict[str, Any] = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False}
    quiet |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run(["apt-get", "update", "-q"], timeout=120, **quiet)
        install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "postgresql"]
        subprocess.run(install, timeout=240, **quiet)
    except subprocess.TimeoutExpired:
        print("PostgreSQL could not be installed in time", file=sys.stderr)
    finally:
        NO_CLUSTER.unlink(missing_ok=True)


def _as_owner() -> dict[str, Any]:
    """Return how to start a program as somebody who is not root: the server refuses root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _end_with_this_process() -> None:
    from course_utils.grading.sandbox.system import die_with_parent

    die_with_parent()


class Server:
    """A running server that listens on a socket in its own folder and nowhere else."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        make = [programs / "initdb", "-D", folder / "data", "-U", OWNER, "--auth=trust", "--no-sync"]
        subprocess.run(
            [*map(str, make), "--encoding=UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=120,
            **_as_owner(),
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.log = self.folder / "log"
        settings = [f"unix_socket_directories={self.folder}", "listen_addresses=", "fsync=off"]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        for setting in settings:
            command += ["-c", setting]
        with self.log.open("ab") as log:
            # Whatever becomes of the tests, the server does not outlive them.
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_this_process if sys.platform == "linux" else None,
                **_as_owner(),
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        engine = create_engine(self.url("postgres"))
        try:
            engine.connect().close()
        except OperationalError:
            return False
        finally:
            engine.dispose()
        return True

    def url(self, database: str) -> str:
        """Return how SQLAlchemy reaches a database of this server."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}"

    def make_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        engine.dispose()
        return self.url(name)

    def stop(self) -> None:
        """End the server; who is connected is cut off."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def server() -> Iterator[Server | None]:
    """Give a server of one's own, installed if need be; None where there can be none."""
    if programs() is None:
        install()
    found = programs()
    if found is None:
        yield None
        return
    # Not pytest's own folder: nobody else may look into that, and the name of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        running = Server(found, folder)
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
