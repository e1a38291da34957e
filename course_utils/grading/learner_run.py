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
    begun: list[str] = []

    def note(cell: NotebookNode, **_: object) -> None:
        begun.append(str(cell.source).strip().splitlines()[0])

    client = NotebookClient(
        notebook,
        on_cell_execute=note,
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
        where = f" in the cell {begun[-1]!r}" if begun else ""
        raise GradingError(
            f"the kernel of {path} died{where}: it ended Python, or used all of the memory."
        ) from None
