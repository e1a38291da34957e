"""Reading a file that a student handed in, whatever it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_utils.grading.cells import make_cell

MOST_BYTES = 50_000_000
CELL_TYPES = ("code", "markdown", "raw")
HALF_OF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
NOTES = "course"
"""The key of a notebook's metadata under which grading keeps its own notes from step to step."""


class UnreadableError(Exception):
    """A file is not a notebook; the message says why, in words for the instructor and the student."""


def fingerprint(content: bytes) -> str:
    """Return the hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


def parse_notebook(content: bytes) -> NotebookNode:
    """Read a notebook from bytes, and mend what can be mended.

    Outputs are dropped: a submission is always run again. Notes that grading keeps in a notebook are dropped
    too, so that a student cannot write them.

    Raises:
        UnreadableError: it is not a notebook.
    """
    raw = _parse_json(content)
    if not isinstance(raw, dict) or not ("cells" in raw or "worksheets" in raw):
        raise UnreadableError("it holds JSON that is not a notebook (it has no cells)")
    if raw.get("nbformat") != 4 or not isinstance(raw.get("cells"), list):
        raw = _upgraded(raw)
    cells = [_mended_cell(cell) for cell in raw["cells"] if isinstance(cell, dict)]
    _give_unique_ids(cells)
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def _parse_json(content: bytes) -> Any:
    if not content.strip():
        raise UnreadableError("it is empty")
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    try:
        read = json.loads(content.decode("utf-8-sig"))
        if HALF_OF_A_PAIR.search(content):
            # Half of a surrogate pair can be written in JSON, but is no text, and no file can hold it.
            read = json.loads(json.dumps(read, ensure_ascii=False).encode("utf-8", "replace"))
        return read
    except UnicodeDecodeError:
        raise UnreadableError("it is not text, so it is not a notebook") from None
    except RecursionError:
        raise UnreadableError("its JSON is nested too deeply") from None
    except ValueError as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableError(f"it is not valid JSON{place}, as a notebook must be") from None


def _upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook of an older format as one of format 4."""
    try:
        upgraded = nbformat.convert(nbformat.from_dict(raw), 4)
    except Exception:
        # nbformat raises whatever the malformed data makes it stumble over.
        version = raw.get("nbformat")
        raise UnreadableError(f"its notebook format ({version!r}) is not understood") from None
    if not isinstance(upgraded.get("cells"), list):
        raise UnreadableError("its cells are not a list")
    return dict(upgraded)


def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _mended_cell(raw: dict[str, Any]) -> NotebookNode:
    kind, identifier = raw.get("cell_type"), raw.get("id")
    cell = make_cell(
        kind if kind in CELL_TYPES else "raw",
        _text(raw.get("source")),
        identifier if isinstance(identifier, str) else "",
    )
    cell.metadata = _settings(raw.get("metadata"))
    pictures = raw.get("attachments")
    if cell.cell_type == "markdown" and isinstance(pictures, dict):
        cell.attachments = nbformat.from_dict({k: v for k, v in pictures.items() if isinstance(v, dict)})
    return cell


def _settings(metadata: Any) -> NotebookNode:
    metadata = metadata if isinstance(metadata, dict) else {}
    kept = {"nbgrader": metadata["nbgrader"]} if "nbgrader" in metadata else {}
    tags = metadata.get("tags")
    if isinstance(tags, list):
        kept["tags"] = [tag for tag in tags if isinstance(tag, str)]
    return nbformat.from_dict(kept)


def _give_unique_ids(cells: list[NotebookNode]) -> None:
    seen: set[str] = set()
    for place, cell in enumerate(cells):
        valid = (
            1 <= len(cell.id) <= 64
            and cell.id.replace("-", "").replace("_", "").isalnum()
            and cell.id.isascii()
        )
        if not valid or cell.id in seen:
            cell.id = hashlib.sha256(f"{place} {cell.source}".encode()).hexdigest()[:12]
        seen.add(cell.id)


def read_notebook(path: Path) -> NotebookNode:
    """Read a student's file.

    Raises:
        UnreadableError: it is not a notebook, or cannot be read at all.
    """
    return parse_notebook(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a student's file, at most a few more than a notebook may have.

    Args:
        path: The file, as in submitted/STUDENT/PART/CHAPTER.ipynb. Neither it nor the two folders it lies in
            may be links; those further up are the instructor's own.

    Raises:
        UnreadableError: it is not a file of its own, or may not be read.
    """
    linked = next((folder for folder in path.parents[:2] if folder.is_symlink()), None)
    if linked is not None:
        raise UnreadableError(
            f"the folder {linked.name} is a link to another folder, not a folder of its own"
        )
    # A link may lead to somebody else's notebook, and a pipe would be waited for.
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # each where the system has it
        flags |= getattr(os, name, 0)
    try:
        with open(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UnreadableError("it is not a file")
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        if path.is_symlink():
            raise UnreadableError("it is a link to another file, not a file of its own") from None
        raise UnreadableError(f"{error.strerror or error}") from None


def grade_id(cell: NotebookNode) -> str | None:
    """Return the name by which nbgrader knows a cell, if the cell has one."""
    settings = cell.metadata.get("nbgrader")
    name = settings.get("grade_id") if isinstance(settings, dict) else None
    return name if isinstance(name, str) and name else None


def grade_ids(notebook: NotebookNode) -> list[str]:
    """Return the names of the cells that nbgrader knows, in their order."""
    return [name for name in map(grade_id, notebook.cells) if name is not None]
