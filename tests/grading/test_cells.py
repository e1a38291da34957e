"""Cells and outputs that are made without nbformat's makers are what these would make."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode, v4

from course_utils.grading.cells import (
    decode_notebook,
    encode_notebook,
    make_cell,
    make_display,
    make_error,
    make_stream,
)

MAKERS = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_cell_is_what_nbformat_makes(kind: str) -> None:
    made = MAKERS[kind]("x = 'é'\n\n%time x", id="some-id")
    assert make_cell(kind, "x = 'é'\n\n%time x", "some-id") == made


def test_outputs_are_what_nbformat_makes() -> None:
    data = {"text/plain": "1", "application/json": {"a": [1, {"b": None}]}}
    assert make_stream("stderr", "no\n") == v4.new_output("stream", name="stderr", text="no\n")
    assert make_error("E", "v", ["a", "b"]) == v4.new_output(
        "error", ename="E", evalue="v", traceback=["a", "b"]
    )
    assert make_display(data) == v4.new_output("display_data", data=data)
    assert make_display(data, "execute_result") == v4.new_output("execute_result", data=data)


def notebook_of_everything() -> NotebookNode:
    code = make_cell("code", "1", "c")
    code.outputs = [
        make_stream("stdout", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")),
        make_error("E", "", []),
        make_display({"text/plain": "1"}, "execute_result"),
        make_display({"image/png": "AAAA", "text/plain": "a figure"}),
    ]
    cells = [code, make_cell("markdown", "", "m"), make_cell("raw", "r", "r")]
    return v4.new_notebook(cells=cells, metadata={"course": {"problems": [{"what": "ß"}]}})


def test_a_notebook_of_them_is_valid_and_survives_its_file() -> None:
    notebook = notebook_of_everything()
    nbformat.validate(notebook)
    again = decode_notebook(encode_notebook(notebook))
    assert again == notebook
    assert isinstance(again.cells[0].outputs[3].data, NotebookNode)
    assert nbformat.reads(encode_notebook(notebook), as_version=4) == notebook
