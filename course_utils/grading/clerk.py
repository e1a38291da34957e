"""Filing marks: what nbgrader's autograde writes for a submission, in one session for a whole run.

nbgrader opens its database nine times for each submission and converts the notebook twice. The clerk does the
same writing through the same API, once; `tests/grading/test_clerk.py` holds the two to one another.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task

from course_utils.grading.cells import encode_notebook
from course_utils.grading.exporter import read_submission
from course_utils.grading.journal import Journal, write_whole
from course_utils.grading.judging.notebook import Playing, is_test
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter
from course_utils.grading.play import note_playing
from course_utils.grading.released import ReleasedCell, release_hash, released_cells
from course_utils.grading.restore import restore_notebook
from course_utils.grading.save import judged, make_record, write_points

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LOG = logging.getLogger("course.clerk")
LARGEST_SLIP = 1000
"""Bytes of a timestamp or of a submission's secret (128): a larger file is not one that nbgrader wrote."""


class Clerk:
    """The one writer of a run. A context manager: the gradebook is open inside."""

    def __init__(self, nbgrader: NbGrader) -> None:
        self.nbgrader = nbgrader
        self.places = nbgrader.places
        self.journal = Journal(self.places.grading / "journal")
        self._gradebook: Gradebook | None = None
        self._released: dict[Chapter, list[ReleasedCell]] = {}
        self._penalties = AssignLatePenalties(config=nbgrader.settings)
        self._penalties.init_plugin()

    def __enter__(self) -> Clerk:
        """Open the gradebook."""
        self._gradebook = self.nbgrader.gradebook()
        self._gradebook.__enter__()
        # What was just written need not be read again; each submission's rows are let go when it is filed.
        self._gradebook.db().expire_on_commit = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the gradebook."""
        assert self._gradebook is not None
        self._gradebook.__exit__(kind, error, trace)
        self._gradebook = None

    @property
    def gradebook(self) -> Gradebook:
        """The open gradebook."""
        assert self._gradebook is not None, "the clerk works inside `with`"
        return self._gradebook

    def released(self, chapter: Chapter) -> list[ReleasedCell]:
        """Return the cells of a chapter as released."""
        if chapter not in self._released:
            self._released[chapter] = released_cells(
                self.gradebook, chapter.part, chapter.name, self.places.solution(chapter)
            )
        return self._released[chapter]

    def take(self, chapter: Chapter, student: str) -> NotebookNode:
        """Return a submission with its graded cells as released."""
        notebook = read_submission(self.places.submitted(chapter, student))
        restore_notebook(notebook, self.released(chapter))
        notebook.metadata["kernelspec"] = nbformat.from_dict(KERNEL)
        return notebook

    def file(self, chapter: Chapter, student: str, notebook: NotebookNode, playing: Playing) -> None:
        """Write the marks of a submission that was played.

        The journal's record comes last: what it names is there.
        """
        if not notebook.metadata["course"].get("unreadable"):
            note_playing(notebook, playing)
        marks = judged(notebook, playing)
        before = self.journal.read(chapter, student)
        same = before is not None and before.submission == notebook.metadata["course"].get("submission")
        self.journal.forget(chapter, student)
        points = {name: mark.points for name, mark in marks.items()}
        self._write_marks(chapter, student, notebook, points, same_submission=same)
        record = make_record(notebook, release_hash(self.released(chapter)), marks, playing)
        notebook.metadata["course"].pop("seconds", None)
        self._copy_slips(chapter, student)
        write_whole(self.places.autograded(chapter, student), encode_notebook(notebook) + "\n")
        self.journal.write(chapter, student, record)

    def _copy_slips(self, chapter: Chapter, student: str) -> None:
        """Put what nbgrader wants to find again beside the marked notebook.

        The timestamp says that the mark is of what was handed in last; with the secret, feedback goes back
        through the exchange to the one who handed in.
        """
        source, target = self.places.submitted(chapter, student), self.places.autograded(chapter, student)
        for name in ("timestamp.txt", "submission_secret.txt"):
            slip = source.with_name(name)
            if slip.is_file() and not slip.is_symlink() and slip.stat().st_size <= LARGEST_SLIP:
                write_whole(target.with_name(name), slip.read_bytes())

    def _timestamp(self, chapter: Chapter, student: str) -> dict[str, Any]:
        folder = self.places.submitted(chapter, student).parent
        timestamp = self.nbgrader.course(chapter, student).get_existing_timestamp(str(folder))
        return {"timestamp": timestamp} if timestamp else {}

    def _write_marks(
        self,
        chapter: Chapter,
        student: str,
        notebook: NotebookNode,
        points: dict[str, float],
        *,
        same_submission: bool,
    ) -> None:
        book = self.gradebook
        try:
            book.find_student(student)
        except MissingEntry:
            book.add_student(student)
        submission = book.update_or_create_submission(
            chapter.part, student, **self._timestamp(chapter, student)
        )
        for submitted in submission.notebooks:
            if not self.places.submitted(Chapter(chapter.part, submitted.name), student).exists():
                for grade in submitted.grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
        found = book.find_submission_notebook(chapter.name, chapter.part, student)
        grades = {grade.name: grade for grade in found.grades}
        comments = {comment.name: comment for comment in found.comments}
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if is_grade(cell):
                grade = grades[name]
                given = points[name] if is_test(cell) else determine_grade(cell, LOG)[0]
                write_points(grade, given, same_submission=same_submission)
            if is_solution(cell) or is_task(cell):
                unchanged = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
                comments[name].auto_comment = "No response." if unchanged and not is_task(cell) else None
        book.db.flush()
        found.late_submission_penalty = self._penalty(student, submission, found)
        book.db.commit()
        book.db.expunge_all()

    def _penalty(self, student: str, submission: Any, notebook: Any) -> float | None:
        if submission.total_seconds_late <= 0:
            return None
        plugin: Any = self._penalties.plugin_inst
        penalty = plugin.late_submission_penalty(student, notebook.score, submission.total_seconds_late)
        return None if penalty is None else min(max(penalty, 0), notebook.score)
