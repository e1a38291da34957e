"""What was graded, and what was being graded when a run was cut off.

nbgrader takes the existence of a folder for a finished submission: after a run was killed, it skips the
submission that was in work. The journal marks each submission when its grading begins and when it is done.
Marks left behind by a process that is gone are cleared, together with the half-made folder, when nbgrader's
settings are next loaded.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from traitlets.log import get_logger

from course_utils.grading.places import Chapter
from course_utils.grading.problems import Problem
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.set_aside import set_all_aside, set_aside

SCHEMA = 1


@dataclass(frozen=True)
class Record:
    """How one notebook was graded.

    `submission` and `release` are hashes of what was handed in and of the released cells: a record is up to
    date while both are what they were.
    """

    submission: str
    release: str
    cells: dict[str, dict[str, Any]]
    problems: tuple[Problem, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def points(self) -> float:
        """The points of the cells that are graded by running them."""
        return sum(cell["points"] for cell in self.cells.values())

    @property
    def max_points(self) -> float:
        """The most points of those cells."""
        return sum(cell["max_points"] for cell in self.cells.values())


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all, also after the machine lost its power."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove the files that `write_whole` had begun in a folder when its process, of this machine, ended."""
    for path in folder.rglob(f".*.{socket.gethostname()}.*.tmp"):
        process = path.name.split(".")[-2]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Journal:
    """The journal of a class, kept in a folder under `grading/`."""

    folder: Path

    def _record_path(self, chapter: Chapter, student: str) -> Path:
        return self.folder / "graded" / chapter.part / chapter.name / f"{student}.json"

    def _running_path(self, part: str, student: str) -> Path:
        return self.folder / "running" / part / f"{student}.json"

    def write(self, chapter: Chapter, student: str, record: Record) -> None:
        """Keep how a notebook was graded."""
        data = {
            "schema": SCHEMA,
            "submission": record.submission,
            "release": record.release,
            "cells": record.cells,
            "problems": [problem.to_data() for problem in record.problems],
            "seconds": round(record.seconds, 2),
        }
        write_whole(self._record_path(chapter, student), json.dumps(data, indent=1))

    def read(self, chapter: Chapter, student: str) -> Record | None:
        """Return how a notebook was graded; None if it was not, or the record cannot be read."""
        try:
            data = json.loads(self._record_path(chapter, student).read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                return None
            problems = tuple(Problem.from_data(problem) for problem in data["problems"])
            return Record(data["submission"], data["release"], data["cells"], problems, data["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self, chapter: Chapter, student: str) -> None:
        """Drop a record, so that the notebook counts as not graded."""
        self._record_path(chapter, student).unlink(missing_ok=True)

    def graded_before(self, chapter: Chapter, student: str) -> str | None:
        """Return the hash of what was graded the last time, while a notebook is being graded again."""
        submissions = _read(self._running_path(chapter.part, student)).get("graded_before")
        return submissions.get(chapter.name) if isinstance(submissions, dict) else None

    # nbgrader calls `begin` and `finish` as the hooks before and after a student's notebooks are converted.

    def begin(self, *, notebooks: Sequence[str], limits: dict[str, Any] | None = None, **_: Any) -> None:
        """Set aside what must not be copied, and mark a submission as being graded. A hook of nbgrader.

        Where a file cannot be moved out of the submission, all of it is, and this student alone has no marks.
        Where even that fails, the disk or the settings are at fault, and nothing goes on: nbgrader takes no
        notice of a hook's exceptions and would copy everything, but it takes notice of an exit.
        """
        if not notebooks:
            return
        part, student = _owner(notebooks)
        try:
            self._clear_the_way(Path(notebooks[0]).parent, Limits(**(limits or {})))
        except Exception as error:
            get_logger().error("%s/%s: what must not be copied cannot be moved: %s", student, part, error)
            raise SystemExit(1) from None
        chapters = sorted(Path(path).stem for path in notebooks)
        before = {name: self.read(Chapter(part, name), student) for name in chapters}
        for name in chapters:
            self.forget(Chapter(part, name), student)
        data = {
            "graded_before": {name: record.submission for name, record in before.items() if record},
            "host": socket.gethostname(),
            "process": os.getpid(),
            "started": psutil.Process().create_time(),
            "chapters": chapters,
        }
        write_whole(self._running_path(part, student), json.dumps(data))

    def _clear_the_way(self, submitted: Path, limits: Limits) -> None:
        """Move out of a student's folder of a part what must not be copied; say what was moved."""
        aside = self.folder.parent / "set_aside" / submitted.parent.name / submitted.name
        try:
            for moved in set_aside(submitted, aside, limits):
                get_logger().warning("%s", moved)
        except Exception as error:
            reason = f"not all of it can be looked through ({type(error).__name__}: {error})"
            get_logger().error("%s", set_all_aside(submitted, submitted, reason, aside))

    def finish(self, *, notebooks: Sequence[str], **_: Any) -> None:
        """Take the mark away. A hook of nbgrader."""
        if notebooks:
            self._running_path(*_owner(notebooks)).unlink(missing_ok=True)

    def is_running(self, chapter: Chapter, student: str) -> bool:
        """Say whether the grading of a notebook has begun and is not done."""
        return chapter.name in _read(self._running_path(chapter.part, student)).get("chapters", [])

    def recover(self, autograded: Path) -> list[tuple[str, str]]:
        """Clear what a run left half done that was cut off, so that it is graded again.

        Args:
            autograded: The folder of the marked notebooks.

        Returns:
            The part and the student of each submission that must be graded again.
        """
        for folder in (self.folder, self.folder.parent / "results", autograded):
            sweep(folder)
        cleared = []
        for path in sorted((self.folder / "running").glob("*/*.json")):
            data = _read(path)
            if _alive(data):
                continue
            part, student = path.parent.name, path.stem
            folder = autograded / student / part
            for name in data.get("chapters", []):
                (folder / f"{name}.ipynb").unlink(missing_ok=True)
                self.forget(Chapter(part, name), student)
            # nbgrader skips a submission whose folder exists, with or without a notebook in it.
            if folder.is_dir() and not list(folder.glob("*.ipynb")):
                shutil.rmtree(folder)
            path.unlink(missing_ok=True)
            cleared.append((part, student))
        return cleared


def _owner(notebooks: Sequence[str]) -> tuple[str, str]:
    """Return the part and the student from the path .../submitted/STUDENT/PART/CHAPTER.ipynb."""
    folder = Path(notebooks[0]).parent
    return folder.name, folder.parent.name


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _alive(data: dict[str, Any]) -> bool:
    """Say whether the process that wrote a mark still runs. One of another machine is taken to run."""
    if data.get("host", socket.gethostname()) != socket.gethostname():
        return True
    try:
        process = psutil.Process(int(data["process"]))
        return (
            abs(process.create_time() - float(data["started"])) < 1.0
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False
