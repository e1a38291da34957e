"""Gathering what a report is made from: the gradebook, the journal, the declarations."""

from __future__ import annotations

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)

from course_utils.checking.checker import load_exercises
from course_utils.grading.marks import expected_exercise
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter
from course_utils.grading.released import ReleasedCell, released_cells
from course_utils.grading.reporting.numbers import ClassData, Item
from course_utils.grading.standing import standings, strays


def gather(nbgrader: NbGrader, chapter: Chapter) -> ClassData:
    """Read all that a report on a chapter needs.

    Raises:
        GradingError: the chapter is not released.
    """
    everyone = standings(nbgrader, chapter)
    with nbgrader.gradebook() as gradebook:
        source = nbgrader.places.solution(chapter)
        cells = released_cells(gradebook, chapter.part, chapter.name, source)
        # One query for the class: nbgrader's own way asks the database once for each grade.
        rows = (
            gradebook.db.query(
                SubmittedAssignment.student_id,
                BaseCell.name,
                Grade.auto_score,
                Grade.manual_score,
                Grade.extra_credit,
                Grade.needs_manual_grade,
            )
            .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
            .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
            .join(Assignment, Notebook.assignment_id == Assignment.id)
            .join(BaseCell, Grade.cell_id == BaseCell.id)
            .filter(Notebook.name == chapter.name, Assignment.name == chapter.part)
            .all()
        )
    scores: dict[str, dict[str, float | None]] = {standing.student: {} for standing in everyone}
    for student, cell, automatic, manual, extra, pending in rows:
        if student in scores:
            score = manual if manual is not None else automatic
            scores[student][cell] = None if pending or score is None else float(score) + float(extra or 0.0)
    items = [_item(cell) for cell in cells if cell.is_test or cell.is_written]
    exercises = load_exercises(str(chapter))
    return ClassData(
        chapter,
        everyone,
        items,
        scores,
        {name: [mistake.explanation for mistake in each.mistakes] for name, each in exercises.items()},
        strays(nbgrader, chapter),
    )


def _item(cell: ReleasedCell) -> Item:
    name = expected_exercise(cell.source) if cell.is_test else None
    return Item(cell.name, name or cell.name, cell.points or 0.0, cell.is_written)
