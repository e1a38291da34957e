"""Make the page of each part from ``course.yml``: its chapters, what they teach, what needs what."""

from __future__ import annotations

from pathlib import Path

from course_utils.authoring.course_map import Chapter, Course, Part
from course_utils.authoring.part_map import part_map

_MADE = "<!-- Made from course.yml by `make toc`; do not edit. -->\n"


def part_file(part: Part) -> str:
    """Return where the page of a part is, from the project's root, without its ending."""
    return f"book/{part.name}/index"


def part_page(course: Course, part: Part, root: Path) -> str:
    """Return the page of a part as Markdown.

    Args:
        course: The course map.
        part: One of its parts.
        root: The project's root, to see which chapters exist.

    Returns:
        The page. How long its chapters take follows from their text, and is put in when the book is built.
    """
    written = [chapter for chapter in course.existing(root) if chapter.part == part.name]
    keys = {chapter.key for chapter in written}
    entries = (
        _entry(place, chapter, chapter.key in keys) for place, chapter in enumerate(part.chapters, start=1)
    )
    number = f"Part {course.parts.index(part) + 1} of {len(course.parts)}."
    pieces = [
        f"{_MADE}# {part.title}\n",
        f"{number} {_state(len(written), len(part.chapters))}\n",
        "## Chapters, and what you will be able to do\n",
        "::::{div} part-chapters\n",
        "\n".join(entries),
        "::::\n",
        *_before(course, part, root),
        "## What needs what\n",
        "Chapters from top to bottom in the order of reading. An arc leads from a chapter to one that builds "
        "on it; a filled dot is a chapter that can be read today.\n",
        f"{part_map(part, keys)}\n",
    ]
    if written:
        pieces += [
            "## How long it takes\n",
            f"What can be read today takes {{course-time}}`{part.name}`. {{course-time}}`how`\n",
        ]
    return "\n".join(pieces)


def _state(written: int, total: int) -> str:
    """Say how much of a part can be read."""
    if written == total:
        return f"All {total} chapters can be read."
    if not written:
        return f"Its {total} chapters are planned; none can be read yet."
    return f"{written} of {total} chapters can be read today; the others are planned."


def _entry(place: int, chapter: Chapter, written: bool) -> str:
    """Return a chapter's entry of the list."""
    title = f"[{chapter.title}]({chapter.name}.ipynb)" if written else chapter.title
    facts = f"[written]{{.state}} {{course-time}}`{chapter.key}`" if written else "[planned]{.state}"
    return f"{place}. **{title}**\n\n    {chapter.delivers}\n\n    {facts}\n"


def _before(course: Course, part: Part, root: Path) -> list[str]:
    """Return the section on what other parts must have taught; nothing where a part needs none."""
    inside = {chapter.key for chapter in part.chapters}
    needed = {need for chapter in part.chapters for need in chapter.needs} - inside
    if not needed:
        return []
    lines = []
    for other in course.parts:
        chapters = [chapter for chapter in other.chapters if chapter.key in needed]
        if chapters:
            names = ", ".join(_named(chapter, root) for chapter in chapters)
            lines.append(f"- {other.title}: {names}\n")
    return [
        "## Before this part\n",
        "Some of its chapters build on these chapters of earlier parts:\n",
        "".join(lines),
    ]


def _named(chapter: Chapter, root: Path) -> str:
    if chapter.book(root).is_file():
        return f"[{chapter.title}](../{chapter.key}.ipynb)"
    return f"{chapter.title} (planned)"
