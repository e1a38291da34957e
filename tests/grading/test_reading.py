"""Files that students hand in are read, mended, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_utils.grading import reading
from course_utils.grading.exporter import read_submission
from course_utils.grading.reading import NOTES, UnreadableError, parse_notebook, read_bytes


def whole(**changes: Any) -> dict[str, Any]:
    """Return a small notebook as plain data."""
    cells = [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "source": "x = 1",
            "outputs": [],
            "execution_count": 1,
        }
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changes}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b'{"cells": [', "not valid JSON"),
        (b"<html>", "not valid JSON"),
        (b"\xff\xfe\x00", "not text"),
        (b"[]", "not a notebook"),
        (b"7", "not a notebook"),
        (b'{"metadata": {}}', "no cells"),
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps(whole(nbformat=99)).encode(), "format"),
        (json.dumps(whole(cells="many")).encode(), "not a list"),
        (json.dumps({"nbformat": 3, "worksheets": 7}).encode(), "format"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        parse_notebook(content)


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": ["a", "b", 7], "outputs": "none", "metadata": [], "id": 5},
        {"cell_type": "picture", "source": {"a": 1}},
        {"cell_type": ["code"], "source": None},
        {"cell_type": "markdown", "source": "text", "outputs": [1], "attachments": 3, "id": "a b" * 99},
    ],
)
def test_odd_cells_are_mended(cell: dict[str, Any]) -> None:
    notebook = parse_notebook(json.dumps(whole(cells=[cell, cell, 7, None], metadata=3)).encode())
    nbformat.validate(notebook)
    assert len(notebook.cells) == 2


def test_a_notebook_comes_as_it_is_without_outputs_and_foreign_notes() -> None:
    data = whole(metadata={NOTES: {"problems": "none"}, "kernelspec": {"name": "ir"}})
    data["cells"].append({**data["cells"][0], "outputs": [{"output_type": "error"}]})
    notebook = parse_notebook(b"\xef\xbb\xbf" + json.dumps(data).encode())
    assert [cell.source for cell in notebook.cells] == ["x = 1", "x = 1"]
    assert [cell.outputs for cell in notebook.cells] == [[], []]
    assert notebook.cells[0].id == "a"
    assert notebook.cells[1].id != "a"
    assert notebook.metadata == {}


def test_a_large_file_is_refused_without_being_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    (tmp_path / "large").write_bytes(b" " + b"x" * 5000)
    content = read_bytes(tmp_path / "large")
    assert len(content) == 1001
    with pytest.raises(UnreadableError, match="larger"):
        parse_notebook(content)


def test_an_unreadable_submission_becomes_a_notice(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{")
    for path in (tmp_path / "a.ipynb", tmp_path / "none.ipynb", tmp_path):
        notebook = read_submission(path)
        assert "could not be read" in notebook.cells[0].source
        assert notebook.metadata[NOTES]["unreadable"]
        assert notebook.metadata[NOTES]["problems"][0]["urgent"]


@pytest.mark.parametrize("linked", ["eve", "eve/part", "eve/part/a.ipynb"])
def test_no_link_is_followed_out_of_a_student_s_folder(tmp_path: Path, linked: str) -> None:
    bob = tmp_path / "bob" / "part"
    bob.mkdir(parents=True)
    (bob / "a.ipynb").write_text(json.dumps(whole()))
    link = tmp_path / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / linked.replace("eve", "bob"))
    with pytest.raises(UnreadableError, match="is a link to another"):
        read_bytes(tmp_path / "eve" / "part" / "a.ipynb")
    assert read_submission(tmp_path / "eve" / "part" / "a.ipynb").metadata[NOTES]["unreadable"]


def test_an_instructor_s_own_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "eve" / "part").mkdir(parents=True)
    (tmp_path / "elsewhere" / "eve" / "part" / "a.ipynb").write_text(json.dumps(whole()))
    (tmp_path / "submitted").symlink_to(tmp_path / "elsewhere")
    assert read_bytes(tmp_path / "submitted" / "eve" / "part" / "a.ipynb")


def test_half_of_a_surrogate_pair_is_no_text_and_a_whole_one_is() -> None:
    cell = {"cell_type": "code", "id": "\ud800", "metadata": {"nbgrader": {"grade_id": "a\udc00"}}}
    cell |= {"source": "x = '\ud800' + '🙂'", "outputs": [], "execution_count": None}
    notebook = parse_notebook(json.dumps(whole(cells=[cell])).encode())
    assert notebook.cells[0].source == "x = '?' + '🙂'"
    assert notebook.cells[0].metadata.nbgrader.grade_id == "a?"
    nbformat.writes(notebook).encode()
