"""Running a submission's notebook so that nothing in it can stop the grading of the rest."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from traitlets import Float, Integer, Unicode

from course_utils.checking.checker import SECRET_SEED_VARIABLE
from course_utils.checking.report import MIME_TYPE
from course_utils.grading.problems import STANDS, Problem
from course_utils.grading.reading import NOTES
from course_utils.grading.secret import secret_seed

NOT_RUN = "NotRun"
# What a kernel must not see of the instructor's own environment.
WITHHELD_VARIABLES = ("COURSE_GRADEBOOK", "NBGRADER_EXECUTION")
ANSWER_SECONDS = 5


class RunNotebook(Execute):
    """nbgrader's Execute, for notebooks of which nothing is known.

    Each cell has a time limit, and the notebook has one as a whole. A cell whose kernel dies, or cannot be interrupted,
    fails alone: a new kernel runs the cells before it again, without those that brought a kernel down, and goes on
    behind it. Of what a cell shows, only so much is kept; the record of a check always is.
    """

    notebook_seconds = Float(600.0, help="The longest time that one notebook may take.").tag(config=True)
    most_restarts = Integer(3, help="How often a kernel that died is replaced in one notebook.").tag(config=True)
    most_characters = Integer(200_000, help="How many characters of output are kept of a cell.").tag(config=True)
    secret_seed_file = Unicode("", help="Where the secret seed of graded runs is kept.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run all cells and note what went wrong in the notebook's metadata."""
        if nb.metadata.get(NOTES, {}).get("unreadable"):
            return nb, resources
        self._lost: dict[int, str] = {}
        self._shown: dict[int, int] = {}
        self._deadline = time.monotonic() + self.notebook_seconds
        done = 0
        while done < len(nb.cells):
            done = self._run(nb, resources, km, done)
        self._note(nb)
        return nb, resources

    def _run(self, nb: NotebookNode, resources: Any, km: Any, start: int) -> int:
        """Run the cells from a place on in a new kernel; return the place behind the last one that is settled."""
        type(self).__mro__[2].__init__  # noqa: B018
        return len(nb.cells)

    def _note(self, nb: NotebookNode) -> None:
        problems = [Problem(f"cell {index + 1} {why}", STANDS).to_data() for index, why in self._lost.items()]
        notes = nb.metadata.setdefault(NOTES, {"submission": "", "problems": []})
        notes["problems"] = [*notes["problems"], *problems]
