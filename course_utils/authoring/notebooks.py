"""Execute and normalize the book's notebooks, so that the same chapter is the same file on every run.

    python -m course_utils.authoring.notebooks                       # every chapter of the table of contents
    python -m course_utils.authoring.notebooks book/basics/embeddings.ipynb

The book shows the outputs that are stored in a chapter's file, so a chapter is committed executed. What
differs from run to run and means nothing (timestamps, ids, versions, how a stream was cut into pieces) is
taken out; what differs and means something (a path of this machine, an object's address) is refused.

A cell tagged ``nbval-ignore-output`` may show what cannot be repeated, say a measured time. Its stored output
is kept as it is; ``--fresh`` measures again.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError
from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from course_utils.authoring.course_map import CourseMapError, find_root, load_course

SECONDS_PER_CHAPTER = 60
"""A chapter that takes longer is reported: a reader would wait too long."""

UNREPEATABLE = "nbval-ignore-output"
"""The tag of a cell whose output differs from run to run; nbval reads the same tag."""

_CELL_SECONDS = 600
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python"}
# Notes that programs leave on a cell when it is run, folded or trusted.
_PASSING_METADATA = ("ExecuteTime", "collapsed", "execution", "jupyter", "scrolled", "trusted")
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")
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
        where = f"cell {place} ({_first_line(cell.source)})"
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


def _first_line(source: str) -> str:
    """Return the beginning of a cell, to name it by."""
    line = source.strip().splitlines()[0] if source.strip() else ""
    return line if len(line) <= 50 else line[:47] + "..."


def execute(notebook: NotebookNode, folder: Path, on_cell: object = None) -> NotebookNode:
    """Run every cell of a notebook in a new kernel.

    Args:
        notebook: The notebook to run; it is not changed.
        folder: The folder that the cells run in.
        on_cell: Called with ``cell=..., cell_index=...`` before each cell.

    Returns:
        A new notebook with the outputs of this run.

    Raises:
        NotebookError: If a cell raises, stops the kernel or runs for more than ten minutes.
    """
    fresh = cleared(notebook)
    # A backend chosen for this process would keep figures out of the notebook.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    client = NotebookClient(
        fresh,
        timeout=_CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        # Its start-up warnings are about its own sockets; what cells write is not logging.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=on_cell,
    )
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        place = next(
            i
            for i, cell in enumerate(fresh.cells, 1)
            if any(o.output_type == "error" for o in _outputs(cell))
        )
        trace = _TERMINAL_CODES.sub("", error.traceback).strip().splitlines()
        raise NotebookError(
            "\n".join([f"cell {place} raised {error.ename}: {error.evalue}", *trace[-12:]])
        ) from error
    except (CellControlSignal, RuntimeError, TimeoutError) as error:
        last = max((i for i, cell in enumerate(fresh.cells, 1) if _outputs(cell)), default=1)
        raise NotebookError(f"the kernel stopped in or after cell {last}: {error}") from error
    return fresh


def _outputs(cell: NotebookNode) -> list[NotebookNode]:
    """Return the outputs of a cell; other cells than code have none."""
    return list(cell.get("outputs", []))


def _keep_unrepeatable(before: NotebookNode, after: NotebookNode) -> None:
    """Put the stored outputs back into the cells of ``after`` whose output cannot be repeated."""
    stored = {cell.id: cell for cell in before.cells if _outputs(cell)}
    for cell in after.cells:
        old = stored.get(cell.id)
        if old is not None and old.source == cell.source and UNREPEATABLE in cell.metadata.get("tags", []):
            cell.outputs = copy.deepcopy(old.outputs)


def refresh(path: Path, root: Path, *, fresh: bool = False, on_cell: object = None) -> bool:
    """Execute and normalize one chapter in place.

    Args:
        path: The chapter's notebook.
        root: The project's root.
        fresh: Replace also the outputs that cannot be repeated.
        on_cell: Called with ``cell=..., cell_index=...`` before each cell.

    Returns:
        Whether the file changed.

    Raises:
        NotebookError: If it cannot be executed or shows what does not belong in the book; the file is kept.
    """
    before = read_notebook(path)
    # An empty cell cannot be executed and would look as if it had been forgotten.
    before.cells = [cell for cell in before.cells if cell.cell_type != "code" or cell.source.strip()]
    after = execute(before, path.parent, on_cell)
    if not fresh:
        _keep_unrepeatable(before, after)
    after = normalize(after)
    if found := problems(after, root):
        raise NotebookError("\n".join(found))
    text = to_text(after)
    if text == path.read_text(encoding="utf-8"):
        return False
    write_text(path, text)
    return True


def refresh_all(paths: Sequence[Path], root: Path, *, fresh: bool = False) -> int:
    """Execute and normalize several chapters, saying how each went.

    Args:
        paths: The notebooks, in the order to run them.
        root: The project's root.
        fresh: Replace also the outputs that cannot be repeated.

    Returns:
        How many of them failed.
    """
    console = Console(highlight=False, soft_wrap=True)
    failed = 0
    for place, path in enumerate(paths, start=1):
        name = os.path.relpath(path, root)
        head = f"[{place}/{len(paths)}] {name}"
        started = time.perf_counter()
        with console.status(escape(head)) as status:

            def show(cell: NotebookNode, cell_index: int, status: Status = status, head: str = head) -> None:
                status.update(escape(f"{head}: cell {cell_index + 1}, {_first_line(cell.source)}"))

            try:
                changed = refresh(path, root, fresh=fresh, on_cell=show)
            except (NotebookError, OSError) as error:
                failed += 1
                console.print(
                    f"{escape(head)}: [bold red]failed[/]\n  " + escape(str(error)).replace("\n", "\n  ")
                )
                continue
        seconds = time.perf_counter() - started
        console.print(f"{escape(head)}: {'written' if changed else 'unchanged'} ({seconds:.1f} s)")
        if seconds > SECONDS_PER_CHAPTER:
            console.print(
                f"  [yellow]slower than a chapter may be ({SECONDS_PER_CHAPTER} s); make its runs smaller[/]"
            )
    if len(paths) > 1:
        console.print(f"{len(paths) - failed} of {len(paths)} notebooks executed and normalized")
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="notebooks", description="Execute and normalize chapter notebooks.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="default: every chapter of the book"
    )
    parser.add_argument(
        "--fresh", action="store_true", help=f"also renew the outputs of cells tagged {UNREPEATABLE}"
    )
    options = parser.parse_args(arguments)
    try:
        root = find_root()
        paths = options.files or [chapter.book(root) for chapter in load_course(root).existing(root)]
    except CourseMapError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if refresh_all([path.resolve() for path in paths], root, fresh=options.fresh) else 0


if __name__ == "__main__":
    sys.exit(main())
