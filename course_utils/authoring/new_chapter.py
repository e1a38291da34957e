"""Lay out the six files of a new chapter from its row of ``course.yml``.

    python -m course_utils.authoring.new_chapter training/optimizers

What is laid out runs, and fails wherever there is work to do: the reference raises, the tests fail, the teeth
find no known mistake. Nothing that exists is overwritten.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from course_utils.authoring import templates
from course_utils.authoring.course_map import Chapter, Course, CourseMapError, find_root, load_course
from course_utils.authoring.exercises import make_exercises
from course_utils.authoring.notebook_files import normalize, to_text, write_text
from course_utils.authoring.toc import write_toc

_NAME = re.compile(r"([A-Za-z_]\w*)(?= \(|$)")
_ROLES: dict[str, dict[str, bool]] = {
    "task": {"locked": True, "solution": False, "grade": False},
    "answer": {"locked": False, "solution": True, "grade": False},
    "check": {"locked": True, "solution": False, "grade": True},
    "written": {"locked": False, "solution": True, "grade": True},
}


def lay_out(course: Course, chapter: Chapter, root: Path) -> dict[Path, str]:
    """Return the files of a new chapter, except the exercise, which is made from the solutions.

    Args:
        course: The course map, for the titles of the prerequisites.
        chapter: The row to lay out.
        root: The project's root.

    Returns:
        Each path with its text.
    """
    files = chapter.files(root)
    graded = _names(chapter.exercise) or _names(chapter.code)
    names = list(dict.fromkeys([*_names(chapter.code), *graded]))
    texts = {
        files["reference"]: templates.reference(chapter, names),
        files["checks"]: templates.checks(chapter, graded),
        files["tests"]: templates.tests(chapter, names),
        files["chapter"]: _notebook(templates.chapter_cells(chapter)),
        files["solutions"]: _notebook(templates.solution_cells(chapter, graded)),
    }
    for package in (files["reference"].parent, files["checks"].parent):
        if not (package / "__init__.py").is_file():
            part = next(part for part in course.parts if part.name == chapter.part)
            texts[package / "__init__.py"] = f'"""{part.title}."""\n'
    return texts


def _names(entries: Sequence[str]) -> list[str]:
    """Return the Python names among entries such as ``conv2d (stride, padding)``."""
    found = (_NAME.match(entry) for entry in entries)
    return list(dict.fromkeys(match[1] for match in found if match))


def _notebook(cells: Sequence[templates.Cell]) -> str:
    """Return the file of a notebook with these cells."""
    notebook = nbformat.v4.new_notebook()
    for cell in cells:
        make = nbformat.v4.new_markdown_cell if cell.markdown else nbformat.v4.new_code_cell
        node: Any = make(cell.source)
        node.id = cell.name.replace("_", "-")
        if cell.role:
            node.metadata["nbgrader"] = {
                "grade_id": cell.name,
                "schema_version": 3,
                "task": False,
                **_ROLES[cell.role],
            }
            if cell.points:
                node.metadata["nbgrader"]["points"] = cell.points
        notebook.cells.append(node)
    return to_text(normalize(notebook))


def new_chapter(key: str, root: Path) -> list[Path]:
    """Lay out a chapter.

    Args:
        key: The chapter as ``part/chapter``; it must be in ``course.yml``.
        root: The project's root.

    Returns:
        The files that were made.

    Raises:
        CourseMapError: If there is no such chapter, or one of its files exists already.
    """
    course = load_course(root)
    chapter = course.chapter(key)
    existing = [path.relative_to(root).as_posix() for path in chapter.files(root).values() if path.exists()]
    if existing:
        raise CourseMapError(
            f"{key} has been begun, and nothing is overwritten: {', '.join(existing)} exists"
        )
    made = lay_out(course, chapter, root)
    for path, text in made.items():
        write_text(path, text)
    make_exercises(root, only=chapter.key)
    write_toc(root)
    return [*made, chapter.files(root)["exercises"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="new_chapter", description="Lay out the six files of a new chapter."
    )
    parser.add_argument("chapter", metavar="PART/CHAPTER", help="a chapter of course.yml")
    options = parser.parse_args(arguments)
    try:
        root = find_root()
        made = new_chapter(options.chapter, root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path in made:
        print(path.relative_to(root).as_posix())
    part = options.chapter.split("/")[0]
    print(f"\nBegin with the reference, then its tests: .venv/bin/python -m pytest tests/{part}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
