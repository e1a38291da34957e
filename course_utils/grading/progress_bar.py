"""How far a run is: a bar with the time left, and a line for each submission that could not be graded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from course_utils.grading.engine import Task, Tell


@contextmanager
def progress_bar(console: Console) -> Iterator[Tell]:
    """Return what is called after each submission.

    In a terminal a bar moves; into a file each submission is a line.
    """
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("", total=None)

        def tell(done: int, total: int, task: Task, reason: str) -> None:
            chapter, student = task
            progress.update(bar, completed=done, total=total)
            if reason:
                console.print(f"{escape(student)}/{chapter}: [bold]not graded:[/] {escape(reason)}")
            elif not console.is_terminal:
                console.print(f"[{done}/{total}] {escape(student)}/{chapter}", markup=False)

        yield tell
