"""Write what is made from ``course.yml``: table of contents, pages of parts, "From the notes to the book".

python -m course_utils.authoring.toc            # write them
python -m course_utils.authoring.toc --check    # say whether they are in step
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.authoring.course_map import Course, CourseMapError, find_root, load_course
from course_utils.authoring.notebook_files import write_text
from course_utils.authoring.notes_page import NOTES_PAGE, notes_page
from course_utils.authoring.part_pages import part_file, part_page

TOC = "_toc.yml"
HOME = "book/index"
GUIDE_PAGES = ("book/how_to_use", "book/concept_map", "book/for_instructors", "book/for_authors")
"""The pages before the chapters, in their order."""
REFERENCE_PAGES = (
    "book/notation",
    "book/glossary",
    "book/from_notes_to_book",
    "book/departures",
    "book/bibliography",
)
"""The pages after the chapters, in their order."""

_MADE = "# Made from course.yml by `make toc`; do not edit.\n"


def toc_text(course: Course, root: Path) -> str:
    """Return the table of contents: guide, each part's page and the chapters that exist, reference pages.

    Args:
        course: The course map.
        root: The project's root.

    Returns:
        The text of ``_toc.yml``; a page without a file is left out.
    """
    guide = [page for page in GUIDE_PAGES if (root / f"{page}.md").is_file()]
    written = {chapter.key for chapter in course.existing(root)}
    groups = [("How to use the course", _entries(guide))]
    for part in course.parts:
        chapters = [f"book/{chapter.key}" for chapter in part.chapters if chapter.key in written]
        # The caption above it says which part it is.
        first = [f"  - file: {part_file(part)}", "    title: About this part"]
        groups.append((part.title, first + _entries(chapters)))
    reference = [
        page
        for page in REFERENCE_PAGES
        # The page from the notes is written together with this list.
        if f"{page}.md" == NOTES_PAGE or (root / f"{page}.md").is_file()
    ]
    groups.append(("Reference", _entries(reference)))

    lines = [f"{_MADE}format: jb-book", f"root: {HOME}", "parts:"]
    for caption, entries in groups:
        if entries:
            lines += [f"- caption: {caption}", "  chapters:", *entries]
    return "\n".join(lines) + "\n"


def _entries(files: Sequence[str]) -> list[str]:
    return [f"  - file: {file}" for file in files]


def made_from_course(course: Course, root: Path) -> dict[Path, str]:
    """Return every file that is made from ``course.yml``, with the text it must have."""
    pages = {root / f"{part_file(part)}.md": part_page(course, part, root) for part in course.parts}
    return {root / TOC: toc_text(course, root), root / NOTES_PAGE: notes_page(course, root), **pages}


def write_toc(root: Path, *, check: bool = False) -> list[str]:
    """Write the files that are made from ``course.yml``.

    Args:
        root: The project's root.
        check: Only compare, and write nothing.

    Returns:
        The names of the files that were not in step.

    Raises:
        CourseMapError: If ``course.yml`` cannot be read.
    """
    stale = []
    for path, text in made_from_course(load_course(root), root).items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(root).as_posix())
        if not check:
            write_text(path, text)
    return stale


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="toc", description="Write what the book lists from course.yml.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not in step")
    options = parser.parse_args(arguments)
    try:
        stale = write_toc(find_root(), check=options.check)
    except CourseMapError as error:
        print(error, file=sys.stderr)
        return 1
    for name in stale:
        print(
            f"{name} is not in step with course.yml; run `make toc`" if options.check else f"{name} written"
        )
    if not stale:
        print("the table of contents, the parts and the page from the notes are in step with course.yml")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
