"""Feedback: one page of HTML for each notebook that was graded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, Places
from course_utils.grading.standing import standings


@dataclass
class Feedback:
    """The pages that were made, who has none and why, and who has an answer still to be marked."""

    pages: list[Path] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)


def make_feedback(places: Places, chapters: Sequence[Chapter], students: Sequence[str] = ()) -> Feedback:
    """Make the feedback of everyone whose mark is of what was handed in last.

    Raises:
        GradingError: a chapter is not released.
    """
    nbgrader = NbGrader(places)
    made = Feedback()
    for chapter in chapters:
        for standing in standings(nbgrader, chapter):
            if students and standing.student not in students:
                continue
            name = f"{standing.student}/{chapter}"
            if not standing.graded:
                made.left_out[name] = f"not graded; run `course grade {chapter}`"
                continue
            outcome = nbgrader.feedback(chapter, standing.student)
            page = places.feedback(chapter, standing.student)
            if not outcome.ok or not page.is_file():
                made.left_out[name] = outcome.reason
                continue
            made.pages.append(page)
            if standing.pending:
                made.pending.append(name)
    return made
