"""Execute and normalize the book's notebooks, so that the same chapter is the same file on every run.

    python -m course_utils.authoring.notebooks                       # every chapter of the table of contents
    python -m course_utils.authoring.notebooks book/basics/embeddings.ipynb

The book shows the outputs that are stored in a chapter's file, so a chapter is committed executed. What
differs from run to run and means nothing (timestamps, ids, versions, how a stream was cut into pieces) is
taken out; what differs and means something (a path of this machine, an object's address) is refused.

Several chapters share what every kernel has to load first, by preloaded kernels: see `course_utils.kernels`.

A cell tagged ``nbval-ignore-output`` may show what cannot be repeated, say a measured time. Its stored output
is kept as it is; ``--fresh`` measures again.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError
from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from course_utils.authoring.course_map import CourseMapError, find_root, load_course
from course_utils.authoring.notebook_files import (
    NotebookError,
    cleared,
    first_line,
    normalize,
    problems,
    read_notebook,
    to_text,
    write_text,
)
from course_utils.kernels import preloaded_kernels

SECONDS_PER_CHAPTER = 60
"""A chapter that takes longer is reported: a reader would wait too long."""

UNREPEATABLE = "nbval-ignore-output"
"""The tag of a cell whose output differs from run to run; nbval reads the same tag."""

_CELL_SECONDS = 600
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


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
    # To preload takes about as long as the start of an ordinary kernel.
    kernels = preloaded_kernels(console.print) if len(paths) > 1 else contextlib.nullcontext()
    with kernels:
        failed = _refresh_each(paths, root, console, fresh=fresh)
    if len(paths) > 1:
        console.print(f"{len(paths) - failed} of {len(paths)} notebooks executed and normalized")
    return failed


def _refresh_each(paths: Sequence[Path], root: Path, console: Console, *, fresh: bool) -> int:
    """Execute and normalize chapters one after the other; return how many failed."""
    failed = 0
    for place, path in enumerate(paths, start=1):
        name = os.path.relpath(path, root)
        head = f"[{place}/{len(paths)}] {name}"
        started = time.perf_counter()
        with console.status(escape(head)) as status:

            def show(cell: NotebookNode, cell_index: int, status: Status = status, head: str = head) -> None:
                status.update(escape(f"{head}: cell {cell_index + 1}, {first_line(cell.source)}"))

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
