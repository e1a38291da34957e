"""Lay out the six files of a new chapter from its row of ``course.yml``.

    python -m course_utils.authoring.new_chapter training/optimizers

What is laid out runs, and fails wherever there is work to do: the reference raises, the tests fail, the teeth
find no known mistake, and `pieces` lists each TODO. Nothing that exists is overwritten.
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
from course_utils.authoring.concepts import ConceptError, load_concepts
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
        files["chapter"]: _notebook(templates.chapter_cells(chapter, names)),
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
        if cell.alt:
            node.metadata["mystnb"] = {"image": {"alt": cell.alt}}
        if cell.tags:
            node.metadata["tags"] = list(cell.tags)
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


def next_steps(root: Path, chapter: Chapter) -> str:
    """Return what to do next, and what belongs to the chapter in files that all chapters share."""
    return "\n".join(
        [
            f"Begin with the reference, then its tests: .venv/bin/python -m pytest tests/{chapter.part}",
            "What is left to write at any time:         .venv/bin/python -m course_utils.authoring.pieces "
            f"{chapter.key}",
            "What each piece is for: CONTRIBUTING.md.",
            "",
            "Beside the six files:",
            *_concept_lines(root, chapter),
            "- book/glossary.md: each word that the chapter explains and others use",
            "- book/references.bib: each source that the chapter cites",
            f"- book/departures.md: what the notes get wrong; replace *Planned chapter:* `{chapter.key}` by",
            f"  *Chapter:* [{chapter.title}]({chapter.key}.ipynb), and give each of these an entry:",
            *[f"    {fact}" for fact in chapter.facts or ("(course.yml names none)",)],
        ]
    )


def _concept_lines(root: Path, chapter: Chapter) -> list[str]:
    """Return the concepts that the chapter has in ``concepts.yml``, or the lines to add there."""
    try:
        found = load_concepts(root, load_course(root)).of(chapter.key)
    except ConceptError:
        found = []
    if found:
        names = ", ".join(concept.name for concept in found)
        return [f"- concepts.yml: see that these are what the chapter teaches: {names}"]
    return [
        "- concepts.yml: what the chapter teaches, in the order of reading; the tests say what is amiss",
        f"    - chapter: {chapter.key}",
        "      concepts:",
        "      - name: TODO",
        "        means: TODO, one sentence.",
        "        needs: []",
    ]


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
    print(f"\n{next_steps(root, load_course(root).chapter(options.chapter))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
