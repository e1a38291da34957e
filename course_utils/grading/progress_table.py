"""How far a learner is, as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_utils.grading.learner_progress import CourseProgress, lines_of


def print_table(progress: CourseProgress, width: int) -> None:
    """Print the points of each chapter, how it stands, and what is next."""
    console = Console(width=width, highlight=False)
    table = Table(box=None, pad_edge=False)
    for column, side in (("chapter", "left"), ("points", "right"), ("of", "right"), ("", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for name, points, most, said in lines_of(progress):
        table.add_row(escape(name), f"{points:g}", f"{most:g}", escape(said))
    if progress.chapters:
        console.print(table)
        done = sum(chapter.done for chapter in progress.chapters)
        console.print(
            f"\n{progress.points:g} of {progress.max_points:g} points; "
            f"{done} of {len(progress.chapters)} chapters done"
        )
    console.print(escape(progress.next_step), soft_wrap=True)
