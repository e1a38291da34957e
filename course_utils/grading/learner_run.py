"""Running a learner's own notebook on the learner's own machine."""

from __future__ import annotations

from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from course_utils.grading.places import GradingError
from course_utils.grading.reading import read_notebook

CELL_SECONDS = 60


def run_file(path: Path) -> NotebookNode:
    """Run a notebook's file in a fresh kernel and return it; the file stays as it is.

    Raises:
        GradingError: the kernel died.
    """
    notebook = read_notebook(path.resolve())
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        allow_errors=True,
        error_on_timeout={"status": "error", "ename": "TimeoutError", "evalue": f"over {CELL_SECONDS} s"},
        shutdown_kernel="immediate",
        # A learner is not to read how the kernel is connected.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    try:
        return client.execute()
    except DeadKernelError:
        begun = [cell for cell in notebook.cells if cell.get("execution_count") or cell.get("outputs")]
        after = f" after the cell {begun[-1].source.strip().splitlines()[0]!r}" if begun else ""
        raise GradingError(
            f"the kernel of {path} died{after}: a cell ended it, or used all of the memory. Run the "
            "notebook cell by cell to see which."
        ) from None
