"""Make the page "From the notes to the book": which chapter teaches each entry of the source notes."""

from __future__ import annotations

from pathlib import Path

from course_utils.authoring.course_map import NOTES, Chapter, Course

NOTES_PAGE = "book/from_notes_to_book.md"

_INTRODUCTION = """\
<!-- Made from course.yml by `make toc`; do not edit. -->
# From the notes to the book

This course grew out of five sets of notes. Each entry of the notes is taught in a chapter of the book, and
this page says in which. A chapter that can be read today is a link; the others are planned. Where the notes
are wrong or out of date, the chapter says what is right.
"""


def notes_page(course: Course, root: Path) -> str:
    """Return the page as Markdown.

    Args:
        course: The course map.
        root: The project's root, to see which chapters exist.
    """
    chapters = list(course.chapters)
    written = {chapter.key for chapter in course.existing(root)}
    text = _INTRODUCTION + f"\n{len(written)} of {len(chapters)} chapters can be read today.\n"
    for number, title in NOTES.items():
        text += f"\n## {title}\n\n| Entry of the notes | Chapter |\n| --- | --- |\n"
        for chapter in chapters:
            for entry in chapter.notes.get(number, ()):
                text += f"| {_cell(entry)} | {_shown(chapter, chapter.key in written)} |\n"
    return text


def _shown(chapter: Chapter, written: bool) -> str:
    """Return how a chapter is named in the table: a link when it can be read."""
    title = _cell(chapter.title)
    return f"[{title}]({chapter.key}.ipynb)" if written else f"{title} (planned)"


def _cell(text: str) -> str:
    """Return text that Markdown shows as it is inside a table."""
    for sign in ("\\", "|", "*", "_", "$", "<", "[", "]"):
        text = text.replace(sign, f"\\{sign}")
    return text
