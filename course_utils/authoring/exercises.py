"""Make the released exercises from their solutions, with nbgrader's own generate_assignment.

python -m course_utils.authoring.exercises            # write exercises/
python -m course_utils.authoring.exercises --check    # say whether exercises/ is in step with solutions/
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from course_utils.authoring.course_map import Course, CourseMapError, find_root, load_course
from course_utils.authoring.notebook_files import NotebookError, cleared, read_notebook, to_text, write_text
from course_utils.checking.released import COLAB_CELL

SOLUTIONS, EXERCISES, SETTINGS = "solutions", "exercises", "nbgrader_config.py"

# Colab brings torch, pandas and the rest in versions that fit its machines. Installing the course with its
# own requirements would replace them, so only what Colab lacks is added.
_COLAB_SOURCE = """\
# On Google Colab, this fetches the course. Anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    install = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "jaxtyping"], check=True)
    subprocess.run([*install, "--no-deps", "git+{repository}@{branch}"], check=True)"""


class ExerciseError(ValueError):
    """A solutions notebook cannot be turned into an exercise."""


@dataclass(frozen=True)
class Change:
    """A file that is not in step, and what it should hold; ``None`` when it should not be there."""

    path: Path
    text: str | None
    reason: str


def find_changes(root: Path) -> list[Change]:
    """Say which solutions and exercises are not what they should be.

    Args:
        root: The project's root.

    Returns:
        One entry per file: solutions that hold outputs or passing metadata, exercises that differ from what
        nbgrader makes of their solutions, and exercises whose solutions are gone.

    Raises:
        ExerciseError: If nbgrader refuses a notebook; the message holds nbgrader's.
    """
    changes = []
    clean: dict[Path, str] = {}
    for path in sorted((root / SOLUTIONS).glob("*/*.ipynb")):
        try:
            clean[path] = to_text(cleared(read_notebook(path)))
        except NotebookError as error:
            raise ExerciseError(str(error)) from error
        if path.read_text(encoding="utf-8") != clean[path]:
            changes.append(Change(path, clean[path], "holds outputs or passing metadata"))

    released = _release({path.relative_to(root / SOLUTIONS): text for path, text in clean.items()}, root)
    for name, text in released.items():
        path = root / EXERCISES / name
        if not path.is_file():
            changes.append(Change(path, text, f"is missing beside {SOLUTIONS}/{name}"))
        elif path.read_text(encoding="utf-8") != text:
            changes.append(Change(path, text, f"differs from what {SOLUTIONS}/{name} makes"))
    changes += [
        Change(path, None, "has no solutions notebook")
        for path in sorted((root / EXERCISES).glob("*/*.ipynb"))
        if path.relative_to(root / EXERCISES) not in released
    ]
    return changes


def _release(solutions: dict[Path, str], root: Path) -> dict[Path, str]:
    """Return what nbgrader releases for each solutions notebook, by its path ``part/chapter.ipynb``."""
    settings, course = Config(), load_course(root)
    if (root / SETTINGS).is_file():
        settings = PyFileConfigLoader(SETTINGS, str(root)).load_config()
    # nbgrader's assignment is a part and its notebook a chapter. The work is done in a folder of its own and
    # without a database, so that making exercises touches neither a class's gradebook nor its releases.
    with tempfile.TemporaryDirectory() as scratch:
        settings.CourseDirectory.root = scratch
        settings.CourseDirectory.source_directory = SOLUTIONS
        settings.CourseDirectory.release_directory = EXERCISES
        settings.GenerateAssignment.no_database = True
        settings.SaveCells.enabled = False
        for name, text in solutions.items():
            write_text(Path(scratch) / SOLUTIONS / name, text)
        for part in sorted({name.parent.name for name in solutions}):
            _generate(part, settings)
        return {
            name: to_text(with_colab_cell(cleared(read_notebook(Path(scratch) / EXERCISES / name)), course))
            for name in sorted(solutions)
        }


def with_colab_cell(notebook: NotebookNode, course: Course) -> NotebookNode:
    """Return an exercise with a first code cell that fetches the course where it runs on Google Colab.

    It is no cell of nbgrader's: it is neither graded nor locked, and the solutions do without it.

    Args:
        notebook: The released exercise; it is changed.
        course: The course map, for the address of the repository.
    """
    source = _COLAB_SOURCE.format(repository=course.repository, branch=course.branch)
    cell = nbformat.v4.new_code_cell(source, id=COLAB_CELL)
    codes = [place for place, other in enumerate(notebook.cells) if other.cell_type == "code"]
    notebook.cells.insert(codes[0] if codes else len(notebook.cells), cell)
    return notebook


def _generate(part: str, settings: Config) -> None:
    """Let nbgrader release one part; raise with its messages when it refuses."""
    directory = CourseDirectory(config=settings)
    directory.assignment_id = part
    converter = GenerateAssignment(coursedir=directory, parent=None, config=settings)
    messages: list[str] = []
    listener = logging.Handler(logging.ERROR)
    listener.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    # nbgrader reports what it does on traitlets' logger; only what went wrong matters here.
    converter.log.addHandler(listener)
    propagate, converter.log.propagate = converter.log.propagate, False
    try:
        converter.start()
    except (NbGraderException, RuntimeError, ValueError) as error:
        lines = [line for message in messages for line in message.splitlines()[-3:]]
        raise ExerciseError("\n".join([f"nbgrader refuses solutions/{part}: {error}", *lines])) from error
    except SystemExit as error:
        raise ExerciseError("\n".join([f"nbgrader refuses solutions/{part}", *messages])) from error
    finally:
        converter.log.removeHandler(listener)
        converter.log.propagate = propagate


def make_exercises(root: Path, *, check: bool = False, only: str | None = None) -> list[Change]:
    """Bring ``exercises/`` in step with ``solutions/``.

    Args:
        root: The project's root.
        check: Only compare, and write nothing.
        only: The one chapter to look at, as ``part/chapter``; all when left out.

    Returns:
        What was not in step.

    Raises:
        ExerciseError: If nbgrader refuses a notebook.
    """
    changes = find_changes(root)
    if only is not None:
        changes = [change for change in changes if change.path.as_posix().endswith(f"/{only}.ipynb")]
    for change in changes if not check else []:
        if change.text is not None:
            write_text(change.path, change.text)
        else:
            change.path.unlink()
            if not any(change.path.parent.iterdir()):
                shutil.rmtree(change.path.parent)
    return changes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="exercises", description="Make exercises/ from solutions/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not in step")
    options = parser.parse_args(arguments)
    try:
        root = find_root()
        changes = make_exercises(root, check=options.check)
    except (CourseMapError, ExerciseError) as error:
        print(error, file=sys.stderr)
        return 1
    for change in changes:
        name = change.path.relative_to(root).as_posix()
        if options.check:
            print(f"{name} {change.reason}; run `make exercises`")
        else:
            print(f"{name} {'removed' if change.text is None else 'written'}")
    if not changes:
        print("exercises/ is in step with solutions/")
    return 1 if options.check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
