"""Build the book into `_build/html` when something that it is made from changed."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from environment import Environment, SetUpError, run_tool, say

SETTINGS = ["_config.yml", "_toc.yml", "concepts.yml", "course.yml", "requirements.lock"]
SOURCES = ["book", "course_utils", "exercises", *SETTINGS]
PASSED_OVER = {"__pycache__", ".ipynb_checkpoints"}


def index(root: Path) -> Path:
    """Return the first page of the built book."""
    return root / "_build" / "html" / "index.html"


def fingerprint(root: Path) -> str:
    """Return a hash that changes when a source of the book does (by name, size and time of change)."""
    digest = hashlib.sha256()
    for source in SOURCES:
        path = root / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not PASSED_OVER & set(file.parts):
                facts = file.stat()
                digest.update(f"{file.relative_to(root)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def build(environment: Environment, python: Path) -> None:
    """Build the book unless it is up to date."""
    root = environment.root
    record = environment.notes / "book"
    wanted = fingerprint(root)
    if index(root).is_file() and record.is_file() and record.read_text() == wanted:
        return
    say("Building the book (about half a minute)")
    environment.notes.mkdir(exist_ok=True)
    record.unlink(missing_ok=True)
    log = environment.notes / "book.log"
    with log.open("w") as file:
        done = subprocess.run(
            [str(python.with_name("jupyter-book")), "build", str(root)],
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode or not index(root).is_file():
        last = "\n".join(log.read_text().strip().splitlines()[-8:])
        raise SetUpError(f"The book could not be built:\n{last}\nAll of the builder's output is in {log}.")
    record.write_text(wanted)


def main() -> int:
    """Set up the environment and build the book."""
    environment = Environment()
    build(environment, environment.ensure([]))
    say(f"The book: {index(environment.root)}")
    return 0


if __name__ == "__main__":
    run_tool(main)
