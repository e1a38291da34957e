"""What an instructor reads at the end of a run of grading."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_utils.grading.engine import Run
from course_utils.grading.places import Chapter
from course_utils.grading.regrade import Regrading
from course_utils.grading.standing import Standing


def show(console: Console, run: Run) -> None:
    """Print how the class stands and everything that is odd."""
    table = Table(box=None, pad_edge=False)
    table.add_column("chapter")
    for column in ("handed in", "graded", "to mark by hand", "mean", "of"):
        table.add_column(column, justify="right")
    for chapter, everyone in run.standings.items():
        graded = [standing for standing in everyone if standing.graded]
        mean = sum(standing.points for standing in graded) / len(graded) if graded else 0.0
        pending = sum(bool(standing.pending) for standing in graded)
        most = f"{graded[0].max_points:g}" if graded else ""
        table.add_row(str(chapter), str(len(everyone)), str(len(graded)), str(pending), f"{mean:.2f}", most)
    console.print()
    console.print(table)
    urgent, notes = findings(run)
    _section(console, "Needs your attention", urgent)
    _section(console, "Good to know", notes)
    if any(standing.pending for everyone in run.standings.values() for standing in everyone):
        console.print(
            "\nAnswers in words are marked in the formgrader: run .venv/bin/jupyter lab in this folder; "
            "there, menu Nbgrader, Formgrader, Manual Grading."
        )
    if run.interrupted:
        console.print("\nInterrupted. Run the same command again: it goes on where it was.")
    elif not urgent:
        console.print("\nAll marks can be relied on.")


def findings(run: Run) -> tuple[list[str], list[str]]:
    """Return what needs the instructor and what is only good to know, each as a line that names the file."""
    urgent: list[str] = []
    notes: list[str] = []
    for (chapter, student), reason in sorted(run.failed.items()):
        urgent.append(
            f"{_file(student, chapter)}: it could not be graded: {reason}. Look at the file, or ask "
            "the student to hand in again; then run the same command."
        )
    for chapter, everyone in run.standings.items():
        for standing in everyone:
            where = _file(standing.student, chapter)
            if not standing.graded and (chapter, standing.student) not in run.failed:
                urgent.append(f"{where}: not graded yet. Run the same command again.")
            for line, is_urgent in _problems(standing):
                (urgent if is_urgent else notes).append(f"{where}: {line}")
    for stray in run.strays:
        urgent.append(
            f"grading/submitted/{stray}: no chapter has this name. Rename it to CHAPTER.ipynb, or collect "
            "it with `course collect`, which recognizes it by its cells."
        )
    return urgent, notes


def _problems(standing: Standing) -> list[tuple[str, bool]]:
    record = standing.record
    if record is None:
        return []
    lines = [
        (f"{problem.what}. {problem.do}".replace("..", "."), problem.urgent) for problem in record.problems
    ]
    if any(problem.urgent for problem in record.problems):
        return lines
    silent = [
        f"{name} ({cell['reason']})" for name, cell in record.cells.items() if cell["status"] == "no record"
    ]
    if silent:
        lines.append((f"no points for {', '.join(silent)}. Nothing to do: the marks stand.", False))
    return lines


def _file(student: str, chapter: Chapter) -> str:
    return f"grading/submitted/{student}/{chapter}.ipynb"


def _section(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"\n[bold]{title}[/]")
        for line in lines:
            console.print(f"  {escape(line)}")


def show_changes(console: Console, found: Regrading) -> None:
    """Print whose marks would change, and by how much."""
    for (chapter, student), reason in sorted(found.failed.items()):
        console.print(f"{escape(_file(student, chapter))}: it could not be played: {escape(reason)}")
    if not found.changes:
        console.print(f"{found.played} submissions were played again; no mark changes.")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("student", "chapter", "cell"):
        table.add_column(column)
    for column in ("was", "would be", "difference"):
        table.add_column(column, justify="right")
    for change in found.changes:
        was = "none" if change.old is None else f"{change.old:g}"
        difference = "stays, given by hand" if change.by_hand is not None else f"{change.difference:+g}"
        table.add_row(escape(change.student), change.chapter, change.cell, was, f"{change.new:g}", difference)
    console.print(table)
    console.print(
        f"{len(found.changes)} marks of {len(found.students)} students would change; "
        f"{found.played} submissions were played again."
    )
