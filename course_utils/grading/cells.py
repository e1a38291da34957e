"""Cells and outputs of notebooks, made without checking each against nbformat's schema.

nbformat's own makers validate every cell that they make, which is most of the time that reading a submission
would take. What is made here has a fixed form; a test validates it.
"""

from __future__ import annotations

import json
from typing import Any

import nbformat
from nbformat import NotebookNode


def make_cell(kind: str, source: str, identifier: str = "") -> NotebookNode:
    """Return a cell of a notebook of format 4.5.

    Args:
        kind: "code", "markdown" or "raw".
        source: Its text.
        identifier: Its id, which must be unique in its notebook.

    >>> make_cell("markdown", "Why?", "question")["id"]
    'question'
    """
    cell: dict[str, Any] = {"id": identifier, "cell_type": kind, "source": source, "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return nbformat.from_dict(cell)


def make_stream(name: str, text: str) -> NotebookNode:
    """Return text that a cell wrote to stdout or stderr."""
    return NotebookNode(output_type="stream", name=name, text=text)


def make_error(name: str, value: str, traceback: list[str]) -> NotebookNode:
    """Return an exception that ended a cell."""
    return NotebookNode(output_type="error", ename=name, evalue=value, traceback=traceback)


def make_display(data: dict[str, Any], kind: str = "display_data") -> NotebookNode:
    """Return something that a cell displayed, in several forms, or the value of its last line."""
    output: dict[str, Any] = {"output_type": kind, "metadata": {}, "data": data}
    if kind == "execute_result":
        output["execution_count"] = None
    return nbformat.from_dict(output)


def encode_notebook(notebook: NotebookNode) -> str:
    """Return a notebook as the text of a file.

    >>> from nbformat.v4 import new_notebook
    >>> encode_notebook(new_notebook(cells=[make_cell("code", "1 + 1", "sum")]))[:12]
    '{"cells": [{'
    """
    return json.dumps(notebook, sort_keys=True, ensure_ascii=False)


def decode_notebook(text: str) -> NotebookNode:
    """Return the notebook that `encode_notebook` made a text of."""
    return nbformat.from_dict(json.loads(text))
