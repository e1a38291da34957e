"""Running a submission's notebook so that nothing in it can stop the grading of the rest."""

from __future__ import annotations

import copy
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade
from traitlets import Float, Integer, Unicode

from course_utils.checking.checker import SECRET_SEED_VARIABLE
from course_utils.checking.report import MIME_TYPE
from course_utils.grading.problems import STANDS, Problem
from course_utils.grading.reading import NOTES, read_notebook
from course_utils.grading.secret import secret_seed

# What a kernel must not see of the instructor's own environment.
WITHHELD_VARIABLES = ("COURSE_GRADEBOOK", "NBGRADER_EXECUTION")
MOST_RECORDS = 50
CUT = "\n... (the rest of the output was not kept)"


class RunNotebook(Execute):
    """nbgrader's Execute, for notebooks of which nothing is known.

    Each cell has a time limit, and the notebook has one as a whole. A cell whose kernel dies, or cannot be
    interrupted, fails alone: a new kernel runs the cells before it again, without those that brought a kernel
    down, and goes on behind it. Of what a cell shows, only so much is kept; the last record of a check always
    is.
    """

    notebook_seconds = Float(600.0, help="The longest time that one notebook may take.").tag(config=True)
    most_restarts = Integer(3, help="How often a kernel that was lost is replaced in one notebook.").tag(
        config=True
    )
    most_characters = Integer(1_000_000, help="How many characters of output are kept of a cell.").tag(
        config=True
    )
    secret_seed_file = Unicode("", help="The file that keeps the secret seed of graded runs.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run all cells and note what went wrong in the notebook's metadata."""
        notes = nb.metadata.setdefault(NOTES, nbformat.from_dict({"submission": "", "problems": []}))
        if notes.get("unreadable"):
            return nb, resources
        self._lost: dict[int, str] = {}
        self._restarts = 0
        self._shown: dict[int, int] = {}
        began = time.monotonic()
        self._deadline = began + self.notebook_seconds
        super().preprocess(nb, resources, km)
        notes["seconds"] = time.monotonic() - began
        found = [
            Problem(f"cell {index + 1} {why}", STANDS).to_data() for index, why in sorted(self._lost.items())
        ]
        notes["problems"] = [*notes["problems"], *found]
        return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell; what it does to its kernel is its own loss."""
        if cell.cell_type != "code":
            return cell, resources
        if time.monotonic() > self._deadline or self._restarts > self.most_restarts:
            cell.outputs = [
                _error("NotRun", "the notebook had used up its time or its kernels before this cell")
            ]
            self._lost[index] = "was not run: the notebook had used up its time or its kernels"
            return cell, resources
        try:
            self.execute_cell(cell, index, store_history=True)
        except DeadKernelError:
            self._lose(cell, index, "DeadKernel", "ended its kernel (out of memory, or an exit)")
        except CellTimeoutError:
            self._lose(cell, index, "CellTimeoutError", "ran too long and could not be interrupted")
        else:
            if any(output.get("ename") == "CellTimeoutError" for output in cell.outputs):
                self._lost[index] = "ran too long and was interrupted"
        return cell, resources

    def _lose(self, cell: NotebookNode, index: int, name: str, why: str) -> None:
        self._lost[index] = why
        # Whatever was recorded before the kernel went: a cell that brings it down earns nothing.
        cell.outputs = [_error(name, f"the cell {why}")]
        self._replace_kernel(index)

    def _replace_kernel(self, end: int) -> None:
        """Start a new kernel and run again in it what is neither lost nor a test."""
        while self._restarts < self.most_restarts:
            self._restarts += 1
            self._cleanup_kernel()
            self.km = self.create_kernel_manager()
            self.start_new_kernel()
            self.start_new_kernel_client()
            if all(self._repeat(index) for index in range(end)):
                return
        self._restarts += 1

    def _repeat(self, index: int) -> bool:
        """Run a cell again for what it defines, not for its outputs; say whether the kernel lives."""
        original = self.nb.cells[index]
        if original.cell_type != "code" or index in self._lost or is_grade(original):
            return True
        shown = self._shown.get(index, 0)
        try:
            self.execute_cell(copy.deepcopy(original), index, store_history=False)
        except (DeadKernelError, CellTimeoutError):
            self._lost[index] = "brought the kernel down when it was run again"
            return False
        finally:
            self.nb.cells[index] = original
            self._shown[index] = shown
        return True

    def _get_timeout(self, cell: NotebookNode | None) -> int | None:
        left = max(1, int(self._deadline - time.monotonic()) + 1)
        limit = super()._get_timeout(cell)
        return left if limit is None else min(limit, left)

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start a kernel whose environment holds the secret seed."""
        environment = {name: value for name, value in os.environ.items() if name not in WITHHELD_VARIABLES}
        if self.secret_seed_file:
            environment[SECRET_SEED_VARIABLE] = secret_seed(Path(self.secret_seed_file))
        # What a submission writes past IPython would otherwise land in the instructor's terminal.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        super().start_new_kernel(env=environment, **quiet, **kwargs)

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> Any:
        """Keep what a cell shows, up to the limit."""
        content = msg["content"]
        if MIME_TYPE in content.get("data", {}):
            kept = super().output(outs, msg, display_id, cell_index)
            records = [index for index, out in enumerate(outs) if MIME_TYPE in out.get("data", {})]
            if len(records) > MOST_RECORDS:
                del outs[records[1]]
            return kept
        room = self.most_characters - self._shown.get(cell_index, 0)
        if room <= 0:
            return None
        size = _size(content)
        self._shown[cell_index] = self._shown.get(cell_index, 0) + size
        if size > room:
            msg = {**msg, "content": _cut(content, room)}
        return super().output(outs, msg, display_id, cell_index)


def _error(name: str, why: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=name, evalue=why, traceback=[f"{name}: {why}"])


def _size(content: dict[str, Any]) -> int:
    data = content.get("data") or {}
    return (
        len(str(content.get("text", "")))
        + len(str(content.get("evalue", "")))
        + sum(len(str(line)) for line in content.get("traceback", []))
        + sum(len(str(value)) for value in data.values())
    )


def _cut(content: dict[str, Any], room: int) -> dict[str, Any]:
    """Return the content of an output shortened to the room there is."""
    cut = dict(content)
    if "text" in cut:
        cut["text"] = cut["text"][:room] + CUT
    if "data" in cut:
        cut["data"] = {"text/plain": CUT.strip()}
    if "traceback" in cut:
        cut["evalue"] = str(cut["evalue"])[: room // 2]
        cut["traceback"] = ["\n".join(cut["traceback"])[: room // 2] + CUT]
    return cut


def run_file(path: Path) -> NotebookNode:
    """Run a notebook's file in a fresh kernel and return it; the file stays as it is."""
    notebook = read_notebook(path)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    runner = RunNotebook(timeout=60, shutdown_kernel="immediate")
    notebook, _ = runner.preprocess(notebook, {"metadata": {"path": str(path.resolve().parent)}})
    return notebook
