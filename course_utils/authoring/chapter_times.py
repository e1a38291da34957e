"""Say how long a chapter takes: reading it, from what it holds, and its exercise, from what that says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring.course_map import Chapter
from course_utils.authoring.notebook_files import read_notebook

WORDS_A_MINUTE = 180
"""How fast prose with formulas is read; plain prose goes faster, 200 to 260 words a minute."""

CODE_LINES_A_MINUTE = 15
"""How fast the code that a chapter shows is read."""

HOW = (
    f"Reading is counted at {WORDS_A_MINUTE} words and {CODE_LINES_A_MINUTE} lines of code a minute, "
    "in steps of five minutes; for its time, each exercise speaks for itself."
)
"""How the times are found, in words for the reader."""

_FOLDED = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
_STATED = re.compile(r"\*\*Time:\*\*\s*(?:about\s+)?(\d+)(?:\s*(?:to|-|–)\s*(\d+))?\s*minutes")


@dataclass(frozen=True)
class ChapterTime:
    """The minutes that a chapter takes."""

    reading: int
    exercise: tuple[int, int] | None
    """The least and the most that the exercise states; nothing where it states none."""


def reading_minutes(notebook: NotebookNode) -> int:
    """Return how long a chapter is to read, in steps of five minutes.

    Args:
        notebook: The chapter; code that is folded away is not counted.

    Returns:
        Minutes, at least 5.
    """
    words, lines = 0, 0
    for cell in notebook.cells:
        folded = _FOLDED & set(cell.metadata.get("tags", ()))
        if cell.cell_type == "markdown":
            words += len(cell.source.split())
        elif cell.cell_type == "code" and not folded:
            lines += sum(1 for line in cell.source.splitlines() if line.strip())
    minutes = words / WORDS_A_MINUTE + lines / CODE_LINES_A_MINUTE
    return max(5, 5 * round(minutes / 5))


def stated_minutes(text: str) -> tuple[int, int] | None:
    """Return the least and the most minutes that a text states.

    >>> stated_minutes("**Time:** 60 to 90 minutes. **Points:** 20.")
    (60, 90)
    >>> stated_minutes("**Time:** about 75 minutes.")
    (75, 75)
    """
    found = _STATED.search(text)
    return (int(found[1]), int(found[2] or found[1])) if found else None


def chapter_time(chapter: Chapter, root: Path) -> ChapterTime:
    """Return how long a chapter takes that is written.

    Args:
        chapter: A chapter whose page exists.
        root: The project's root.

    Raises:
        NotebookError: If its page is not a notebook.
    """
    files = chapter.files(root)
    exercise = None
    if files["exercises"].is_file():
        cells = read_notebook(files["exercises"]).cells
        texts = (cell.source for cell in cells if cell.cell_type == "markdown")
        exercise = next((stated for text in texts if (stated := stated_minutes(text))), None)
    return ChapterTime(reading_minutes(read_notebook(files["chapter"])), exercise)


def span(least: int, most: int) -> str:
    """Return minutes in words.

    >>> span(60, 90), span(75, 75)
    ('60 to 90 minutes', '75 minutes')
    """
    return f"{least} minutes" if least == most else f"{least} to {most} minutes"


def time_of(chapter: Chapter, root: Path) -> str:
    """Return how long a chapter takes, in words: "40 minutes to read, 60 to 90 minutes for the exercise"."""
    time = chapter_time(chapter, root)
    words = f"{time.reading} minutes to read"
    return f"{words}, {span(*time.exercise)} for the exercise" if time.exercise else words


def time_of_all(chapters: list[Chapter], root: Path) -> str:
    """Return how long several written chapters take together, in words."""
    times = [chapter_time(chapter, root) for chapter in chapters]
    reading = sum(time.reading for time in times)
    exercises = [time.exercise for time in times if time.exercise]
    words = f"{reading} minutes to read"
    if exercises:
        least, most = (sum(column) for column in zip(*exercises, strict=True))
        words += f", {span(least, most)} for the exercise{'s' if len(exercises) > 1 else ''}"
    return words
