"""Releasing: the exercises as students get them, and the gradebook that knows their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.released import released_cells
from course_utils.grading.secret import secret_seed


@dataclass(frozen=True)
class Released:
    """A chapter that was released: its points, and how many of them a person gives."""

    chapter: Chapter
    points: float
    written_points: float


def release(places: Places, chapters: Sequence[Chapter]) -> list[Released]:
    """Make the exercises of some chapters from their solutions and enter them into the gradebook.

    Other chapters of the same part stay as they are. The secret seed is made if the class has none.

    Raises:
        GradingError: nbgrader refuses a notebook.
    """
    secret_seed(places.grading / "secret_seed")
    nbgrader = NbGrader(places)
    made = []
    for chapter in chapters:
        path = places.exercise(chapter)
        before = path.read_bytes() if path.is_file() else None
        outcome = nbgrader.release(chapter)
        if not outcome.ok:
            if before is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(before)
            raise GradingError(f"nbgrader does not release {chapter}: {_explained(outcome.reason)}")
        with nbgrader.gradebook() as gradebook:
            cells = released_cells(gradebook, chapter.part, chapter.name, places.solution(chapter))
        written = sum(cell.points or 0.0 for cell in cells if cell.is_written)
        made.append(Released(chapter, sum(cell.points or 0.0 for cell in cells), written))
    return made


def _explained(reason: str) -> str:
    if "submissions associated" in reason:
        return (
            "cells were added or removed since students handed it in. Put them back, or start the class "
            "anew with an empty grading/ folder"
        )
    return reason
