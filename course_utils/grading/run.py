"""Running a learner's own notebook on the learner's own machine."""

from __future__ import annotations

from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode

from course_utils.grading.reading import read_notebook

CELL_SECONDS = 60


def run_file(path: Path) -> NotebookNode:
    """Run a notebook's file in a fresh kernel and return it; the file stays as it is."""
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
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    return client.execute()
