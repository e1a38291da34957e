"""Writing the marks of a notebook into the gradebook and its record into the journal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import determine_grade
from traitlets import Unicode

from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import MIME_TYPE, Report
from course_utils.grading.cells import make_display, make_stream
from course_utils.grading.journal import Journal, Record
from course_utils.grading.judging.judge import CellRecord
from course_utils.grading.judging.notebook import Playing, is_test
from course_utils.grading.marks import Mark, mark_cell
from course_utils.grading.places import Chapter
from course_utils.grading.play import RECORDS
from course_utils.grading.problems import Problem
from course_utils.grading.reading import NOTES
from course_utils.grading.released import release_hash, released_cells


class SaveMarks(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, with the mark of a test cell taken from the judge's record.

    What a test cell shows is written anew from the record, so that feedback shows nothing of a graded run's
    inputs, and nothing that the submission made up.
    """

    journal_folder = Unicode("", help="The folder of the journal of what was graded.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Save the marks of all cells."""
        names = resources["nbgrader"]
        self._chapter = Chapter(names["assignment"], names["notebook"])
        self._marks = judged(nb, resources[RECORDS])
        self._same_submission = self._graded_before(names["student"]) == nb.metadata[NOTES]["submission"]
        nb, resources = super().preprocess(nb, resources)
        with self.gradebook as gradebook:
            release = release_hash(released_cells(gradebook, names["assignment"], names["notebook"], Path()))
        record = make_record(nb, release, self._marks, resources[RECORDS])
        for problem in record.problems:
            where = f"{names['student']}/{self._chapter}.ipynb"
            level = logging.ERROR if problem.urgent else logging.WARNING
            self.log.log(level, "%s: %s %s", where, problem.what, problem.do)
        if self.journal_folder:
            Journal(Path(self.journal_folder)).write(self._chapter, names["student"], record)
        nb.metadata.get(NOTES, {}).pop("seconds", None)
        return nb, resources

    def _graded_before(self, student: str) -> str | None:
        """Return the hash of the submission that was graded the last time."""
        if not self.journal_folder:
            return None
        return Journal(Path(self.journal_folder)).graded_before(self._chapter, student)

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:  # noqa: ARG002
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        points = self._marks[name].points if is_test(cell) else determine_grade(cell, self.log)[0]
        write_points(grade, points, same_submission=self._same_submission)
        self.gradebook.db.commit()


def write_points(grade: Any, points: float | None, *, same_submission: bool) -> None:
    """Write what a cell earns by itself into its row of the gradebook.

    A mark that an instructor has given by hand stays. It is to be looked at again, unless neither the
    submission nor what the cell earns by itself is another than when it was given.

    Args:
        grade: The row of the gradebook.
        points: What the cell earns; None where a person must mark it.
        same_submission: Whether the same file was graded the last time.
    """
    if not (same_submission and grade.manual_score is not None and grade.auto_score == points):
        grade.needs_manual_grade = grade.manual_score is not None or points is None
    grade.auto_score = points


def judged(notebook: NotebookNode, playing: Playing) -> dict[str, Mark]:
    """Return the marks of the test cells by name, and write what these cells show from the records."""
    marks = {}
    for place, cell in enumerate(notebook.cells):
        if is_test(cell):
            settings = cell.metadata.nbgrader
            record = playing.records.get(settings["grade_id"])
            lost = playing.lost.get(place, "")
            mark = mark_cell(cell.source, record, float(settings["points"]), lost)
            cell.outputs = shown_outputs(mark, record)
            marks[settings["grade_id"]] = mark
    return marks


def make_record(notebook: NotebookNode, release: str, marks: dict[str, Mark], playing: Playing) -> Record:
    """Return what the journal keeps of a notebook."""
    notes = notebook.metadata.get(NOTES, {})
    return Record(
        submission=notes.get("submission", ""),
        release=release,
        cells={
            name: {**mark.to_data(), **_outcome(playing.records.get(name))} for name, mark in marks.items()
        },
        problems=tuple(Problem.from_data(problem) for problem in notes.get("problems", [])),
        seconds=notes.get("seconds", 0.0),
    )


def _outcome(record: CellRecord | None) -> dict[str, Any]:
    """Return what reports on a class are made from: how each case went, and what explains it."""
    if record is None or record.graded is None:
        return {"cases": {}, "explanations": []}
    report = record.graded
    return {
        "cases": {case.name: case.status for case in report.cases},
        "explanations": list(report.explanations),
    }


def shown_outputs(mark: Mark, record: CellRecord | None) -> list[NotebookNode]:
    """Return what a test cell shows after grading: the learner's own check, then the graded outcome."""
    outputs = [_card(record.shown)] if record is not None and record.shown is not None else []
    if mark.status == "no record" or record is None or record.graded is None:
        text = f"{mark.exercise}: no points, because {mark.reason}."
        return [*outputs, make_stream("stdout", text + "\n")]
    return [*outputs, _card(record.graded)]


def _card(report: Report) -> NotebookNode:
    shown = {"text/plain": to_text(report), "text/html": to_html(report), MIME_TYPE: report.to_data()}
    return make_display(shown)
