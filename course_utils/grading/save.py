"""Writing the marks of a notebook into the gradebook and its record into the journal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import is_grade, is_solution
from traitlets import Unicode

from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import MIME_TYPE
from course_utils.grading.journal import Journal, Record
from course_utils.grading.marks import Mark, graded_record, mark_cell, report_from_data
from course_utils.grading.places import Chapter
from course_utils.grading.problems import Problem
from course_utils.grading.reading import NOTES
from course_utils.grading.released import release_hash, released_cells


class SaveMarks(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, with the mark of a test cell read from its record.

    Cells that a person marks are left to nbgrader. The outputs of a test cell are reduced to the learner's
    own check and the graded outcome, written anew from the record, so that feedback shows nothing of a graded
    run's inputs.
    """

    journal_folder = Unicode("", help="The folder of the journal of what was graded.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Save the marks of all cells."""
        names = resources["nbgrader"]
        self._chapter = Chapter(names["assignment"], names["notebook"])
        self._marks: dict[str, Mark] = {}
        nb, resources = super().preprocess(nb, resources)
        for cell in nb.cells:
            if _is_test(cell):
                mark = self._marks[cell.metadata.nbgrader["grade_id"]]
                cell.outputs = shown_outputs(cell, self._chapter, mark)
        notes = nb.metadata.get(NOTES, {})
        with self.gradebook as gradebook:
            release = release_hash(released_cells(gradebook, names["assignment"], names["notebook"], Path()))
        record = Record(
            submission=notes.get("submission", ""),
            release=release,
            cells={name: mark.to_data() for name, mark in self._marks.items()},
            problems=tuple(Problem.from_data(problem) for problem in notes.get("problems", [])),
            seconds=notes.get("seconds", 0.0),
        )
        for problem in record.problems:
            where = f"{names['student']}/{self._chapter}.ipynb"
            self.log.log(
                logging.ERROR if problem.urgent else logging.WARNING,
                "%s: %s %s",
                where,
                problem.what,
                problem.do,
            )
        if self.journal_folder:
            Journal(Path(self.journal_folder)).write(self._chapter, names["student"], record)
        return nb, resources

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        if not _is_test(cell):
            super()._add_score(cell, resources)
            return
        name = cell.metadata.nbgrader["grade_id"]
        mark = mark_cell(cell, self._chapter, float(cell.metadata.nbgrader["points"]))
        self._marks[name] = mark
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        grade.auto_score = mark.points
        # A mark that an instructor has changed by hand stays; nbgrader asks for it to be looked at again.
        grade.needs_manual_grade = grade.manual_score is not None
        self.gradebook.db.commit()


def _is_test(cell: NotebookNode) -> bool:
    return is_grade(cell) and not is_solution(cell) and cell.cell_type == "code"


def shown_outputs(cell: NotebookNode, chapter: Chapter, mark: Mark) -> list[NotebookNode]:
    """Return what a test cell shows after grading: the learner's own check, then the graded outcome."""
    outputs = []
    for output in cell.outputs:
        data = output.get("data", {})
        if MIME_TYPE not in data:
            continue
        report = report_from_data(data[MIME_TYPE])
        # What is shown before the first graded run cannot hold anything of its inputs.
        if report is None or report.graded:
            break
        outputs = [output]
    report = graded_record(cell, chapter, mark.exercise)
    if mark.status == "no record" or report is None:
        text = f"{mark.exercise}: no points, because {mark.reason}."
        outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text + "\n"))
    else:
        shown = {"text/plain": to_text(report), "text/html": to_html(report), MIME_TYPE: report.to_data()}
        outputs.append(nbformat.v4.new_output("display_data", data=shown))
    return outputs
