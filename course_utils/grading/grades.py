"""The grades of a class in one question to the database.

nbgrader's own objects ask once for each grade, and once more for each sum of them, and no index helps: for
2,000 submissions that takes ten seconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)

from course_utils.grading.places import Chapter


@dataclass(frozen=True)
class CellGrade:
    """What a student got for a cell. A person has still to mark a `pending` one."""

    score: float
    pending: bool


@dataclass(frozen=True)
class NotebookGrades:
    """What a student got for a notebook, by cell, and what is taken off for handing it in late."""

    cells: dict[str, CellGrade]
    penalty: float = 0.0

    @property
    def score(self) -> float:
        """The points of all cells."""
        return sum(grade.score for grade in self.cells.values())


def class_grades(gradebook: Gradebook, chapter: Chapter) -> dict[str, NotebookGrades]:
    """Return the grades of everyone who has some in a chapter, by student."""
    cells: defaultdict[str, dict[str, CellGrade]] = defaultdict(dict)
    penalties: dict[str, float] = {}
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id,
            SubmittedNotebook.late_submission_penalty,
            BaseCell.name,
            Grade.score,
            Grade.needs_manual_grade,
        )
        .select_from(SubmittedNotebook)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(Assignment, Notebook.assignment_id == Assignment.id)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .outerjoin(BaseCell, Grade.cell_id == BaseCell.id)
        .filter(Notebook.name == chapter.name, Assignment.name == chapter.part)
    )
    for student, penalty, cell, score, pending in rows:
        penalties[student] = float(penalty or 0.0)
        if cell is not None:
            cells[student][cell] = CellGrade(float(score or 0.0), bool(pending))
    return {student: NotebookGrades(cells[student], penalty) for student, penalty in penalties.items()}
