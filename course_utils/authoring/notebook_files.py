"""Read, normalize and write notebooks, and say what in them does not belong in the book."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python"}
# Notes that programs leave on a cell when it is run, folded or trusted.
_PASSING_METADATA = ("ExecuteTime", "collapsed", "execution", "jupyter", "scrolled", "trusted")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class NotebookError(ValueError):
    """A notebook cannot be executed, or shows what does not belong in a book."""


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook and give an id to each cell that has none.

    Args:
        path: An ``.ipynb`` file of format 4.

    Returns:
        The notebook; a cell without an id gets one made from its place and text, not from chance.

    Raises:
        NotebookError: If the file is not a notebook.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        cells = raw["cells"]
        if raw["nbformat"] != 4:
            raise NotebookError(
                f"{path} has notebook format {raw['nbformat']}; save it with a current JupyterLab"
            )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise NotebookError(f"{path} is not a notebook ({error}); open and save it in JupyterLab") from error
    _give_ids(cells)
    raw["nbformat_minor"] = 5
    return nbformat.reads(json.dumps(raw), as_version=4)


def _give_ids(cells: list[dict[str, object]]) -> None:
    """Give each cell of the list a valid id that no other cell has."""
    used: set[object] = set()
    for place, cell in enumerate(cells):
        if not _CELL_ID.fullmatch(str(cell.get("id", ""))) or cell["id"] in used:
            cell["id"] = hashlib.sha256(f"{place}\n{cell.get('source')}".encode()).hexdigest()[:12]
        used.add(cell["id"])


def normalize(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without what differs from one run or machine to another.

    Args:
        notebook: A notebook, executed or not.

    Returns:
        A new notebook: fixed kernel and language, executed cells numbered 1, 2, 3, ..., streams in one piece,
        errors as one line. Normalizing it again changes nothing.
    """
    result = copy.deepcopy(notebook)
    result.metadata = nbformat.from_dict({"kernelspec": dict(_KERNELSPEC), "language_info": dict(_LANGUAGE)})
    result.nbformat, result.nbformat_minor = 4, 5
    _give_ids(result.cells)
    number = 0
    for cell in result.cells:
        for key in _PASSING_METADATA:
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        # A cell that was never run keeps no number: nothing else would show that it must still be run.
        if cell.execution_count is not None:
            number += 1
            cell.execution_count = number
        cell.outputs = [
            _normal_output(output, cell.execution_count) for output in _joined_streams(cell.outputs)
        ]
    return result


def _joined_streams(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Join the neighboring pieces of a stream, which are cut wherever the kernel happened to send them."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        both_streams = last is not None and last.output_type == output.output_type == "stream"
        if last is not None and both_streams and last.name == output.name:
            last.text = "".join(last.text) + "".join(output.text)
        else:
            joined.append(output)
    return joined


def _normal_output(output: NotebookNode, number: int | None) -> NotebookNode:
    """Return one output with its cell's number and, for an error, without the frames of this machine."""
    output.pop("transient", None)
    if output.output_type == "execute_result":
        output.execution_count = number
    elif output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def to_text(notebook: NotebookNode) -> str:
    """Return the notebook as the text of its file, keys sorted, with a newline at the end."""
    nbformat.validate(notebook)
    # nbformat splits long texts into lines and sorts the keys.
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def cleared(notebook: NotebookNode) -> NotebookNode:
    """Return the normalized notebook without any output, as exercises and their solutions are stored."""
    result = normalize(notebook)
    for cell in result.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return result


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: an interrupted run leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def problems(notebook: NotebookNode, root: Path) -> list[str]:
    """Say what in an executed chapter does not belong in the book.

    Args:
        notebook: The executed and normalized notebook.
        root: The project's root; its path must not be printed.

    Returns:
        One sentence for each fault, empty when there is none.
    """
    found = []
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        where = f"cell {place} ({first_line(cell.source)})"
        if cell.execution_count is None:
            found.append(f"{where} was not executed; run `make notebooks`")
        for output in cell.outputs:
            text = _shown_text(output)
            if output.output_type == "stream" and output.name == "stderr":
                line = text.strip().splitlines()[-1] if text.strip() else ""
                found.append(f"{where} writes to stderr ({line[:80]!r}); mend the cause of the warning")
                continue
            if address := _ADDRESS.search(text):
                found.append(
                    f"{where} shows an object's address ({address[0].strip()}), which changes with every "
                    "run; end the line with a semicolon or print what is meant"
                )
            for place_here in (str(root), str(Path.home()), tempfile.gettempdir()):
                if len(place_here) > 1 and place_here + os.sep in text:
                    found.append(
                        f"{where} shows a path of this machine ({place_here}); print the file's name only"
                    )
                    break
    return found


def _shown_text(output: NotebookNode) -> str:
    """Return what an output shows as text."""
    if output.output_type == "stream":
        return "".join(output.text)
    if output.output_type == "error":
        return str(output.evalue)
    return "\n".join("".join(value) for kind, value in output.data.items() if kind.startswith("text/"))


def first_line(source: str) -> str:
    """Return the beginning of a cell, to name it by."""
    line = source.strip().splitlines()[0] if source.strip() else ""
    return line if len(line) <= 50 else line[:47] + "..."
