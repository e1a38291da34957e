"""The built book, shared by the tests of this folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_utils.authoring.course_map import Course, load_course
from tests.book.weights import WEIGHTS, table

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class BuiltBook:
    """A build of the book: where its pages are, and what the build said."""

    html: Path
    status: int
    log: str

    @property
    def pages(self) -> list[Path]:
        """All pages, without those that the theme keeps for itself."""
        return [page for page in sorted(self.html.rglob("*.html")) if "_static" not in page.parts]

    @property
    def names(self) -> list[str]:
        """The pages by their address in the book."""
        return [page.relative_to(self.html).as_posix() for page in self.pages]


def _fingerprint() -> str:
    """Return a hash of everything that the book is built from."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [ROOT / name for name in ("_config.yml", "_toc.yml", "concepts.yml", "course.yml")]
    sources += (ROOT / "exercises").rglob("*.ipynb")  # pages say how long an exercise takes
    sources += [path for path in (ROOT / "book").rglob("*") if path.is_file()]
    sources += (ROOT / "course_utils").rglob("*.py")  # chapters show the reference from its module
    for path in sorted(sources):
        if ".ipynb_checkpoints" not in path.parts:
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def book() -> BuiltBook:
    """The book, built from nothing with every warning an error; an earlier build of the same files is reused.

    It is built beside the reader's own build, which may come from an incremental update: such an update does
    not repeat the warnings of pages that did not change.
    """
    folder = ROOT / "_build" / "tested"
    folder.mkdir(parents=True, exist_ok=True)
    html, stamp, log = folder / "_build" / "html", folder / "fingerprint", folder / "log"
    with (folder / "lock").open("w") as lock:
        # Tests may run in several processes; one of them builds.
        fcntl.flock(lock, fcntl.LOCK_EX)
        fingerprint = _fingerprint()
        if not stamp.is_file() or stamp.read_text().split()[0] != fingerprint:
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder / "_build", ignore_errors=True)  # a page that is gone must be gone here too
            command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT)]
            done = subprocess.run(
                [*command, "-W", "-n", "--keep-going", "--path-output", str(folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                check=False,
            )
            log.write_text(done.stdout)
            stamp.write_text(f"{fingerprint} {done.returncode}")
        return BuiltBook(html=html, status=int(stamp.read_text().split()[1]), log=log.read_text())


@pytest.fixture(scope="session")
def course() -> Course:
    """The course map."""
    return load_course(ROOT)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


def pytest_terminal_summary(terminalreporter, config):
    """Say how heavy each page is, when the pages were opened."""
    if WEIGHTS in config.stash:
        terminalreporter.section("weight of the pages")
        for line in table(config.stash[WEIGHTS]):
            terminalreporter.write_line(line)
