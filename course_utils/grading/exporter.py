"""How nbgrader's autograde reads a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode

from course_utils.grading.problems import unreadable
from course_utils.grading.reading import (
    NOTES,
    UnreadableError,
    fingerprint,
    parse_notebook,
    read_bytes,
)

NOTICE = """## This file could not be read

{reason}

None of its answers were marked. Open your notebook in JupyterLab, run it, save it and hand it in again.
"""


def read_submission(path: Path) -> NotebookNode:
    """Read a notebook as it was handed in.

    A file that cannot be read becomes an empty notebook with a notice, so that it stops nobody else's grading
    and the student finds the notice in the feedback.
    """
    try:
        content = read_bytes(path)
    except UnreadableError as error:
        return _substitute("", str(error))
    try:
        notebook = parse_notebook(content)
    except UnreadableError as error:
        return _substitute(fingerprint(content), str(error))
    notebook.metadata[NOTES] = {"submission": fingerprint(content), "problems": []}
    return notebook


def _substitute(submission: str, reason: str) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(NOTICE.format(reason=reason[:1].upper() + reason[1:] + "."))
    cell.id = "unreadable"
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notes = {"submission": submission, "problems": [unreadable(reason).to_data()], "unreadable": True}
    notebook.metadata = nbformat.from_dict({NOTES: notes})
    return notebook


class SubmissionExporter(NotebookExporter):
    """An exporter that reads what students handed in by `read_submission`.

    nbgrader converts a notebook twice: from the submission to a cleaned copy, and from that copy to the
    marked one.
    """

    def from_file(self, file_stream: TextIO, resources: Any = None, **kw: Any) -> tuple[NotebookNode, Any]:
        """Convert a notebook from an open file."""
        path = Path(file_stream.name).resolve()
        converter: Any = self.parent
        course = converter.coursedir
        if path.is_relative_to(Path(course.root, course.submitted_directory).resolve()):
            return self.from_notebook_node(read_submission(path), resources=resources, **kw)
        return super().from_file(file_stream, resources=resources, **kw)
