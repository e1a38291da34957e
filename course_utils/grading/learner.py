"""The learner's verbs of the `course` command: check a notebook in the terminal, and see how far one is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_utils.grading.places import Chapter, GradingError, Places


def check(
    what: Annotated[str, typer.Argument(metavar="PART/CHAPTER", help="The chapter whose exercise to check.")],
    notebook: Annotated[
        Path | None,
        typer.Option(
            "--notebook", help="Another file than exercises/PART/CHAPTER.ipynb.", show_default=False
        ),
    ] = None,
) -> int:
    """Run the checks of an exercise and print what they say.

    Runs your notebook as it is saved, from top to bottom in a fresh kernel, and changes nothing in it. It
    says what JupyterLab's "Restart Kernel and Run All Cells" would show.

    Ends with 0 if all checks pass, 1 if not, 2 if there is nothing to check.

    Example: course check transformers/attention
    """
    try:
        places = Places.find()
        chapter = Chapter.parse(what)
        path = notebook or places.exercise(chapter)
        if not path.is_file():
            raise GradingError(f"there is no {path}; see exercises/ for the names of the chapters")
        return _check(chapter, path)
    except GradingError as error:
        print(error, file=sys.stderr)
        return 2


def _check(chapter: Chapter, path: Path) -> int:
    from course_utils.checking.render import points_text
    from course_utils.checking.report import MIME_TYPE
    from course_utils.grading.progress import checks_of
    from course_utils.grading.reading import UnreadableError, read_notebook
    from course_utils.grading.run import run_file

    try:
        asked = checks_of(read_notebook(path.resolve()))
    except UnreadableError as error:
        raise GradingError(f"{path} is not a notebook: {error}") from error
    if not asked:
        raise GradingError(f"{path} has no checks; is it the exercise of {chapter}?")
    best: dict[str, tuple[float, float]] = {}
    for cell in run_file(path).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if MIME_TYPE in data:
                print(data["text/plain"], end="\n\n")
                report = data[MIME_TYPE]
                best[report["exercise"]] = (report["points"], report["max_points"])
            elif output.output_type == "error" and output.ename != "NotImplementedError":
                print(f"A cell that begins with {_first_line(cell.source)!r}")
                print(f"  ends in {output.ename}: {output.evalue}", end="\n\n")
    silent = [name for name in asked if name not in best]
    for name in silent:
        print(f"{name}: the check showed nothing; look for an error above\n")
    points = sum(reached for reached, _ in best.values())
    most = sum(limit for _, limit in best.values())
    print(f"{chapter}: {points_text(points, most)} in {len(best)} of {len(asked)} checks")
    return 0 if not silent and points == most else 1


def _first_line(source: str) -> str:
    return next((line for line in source.splitlines() if line.strip()), "")[:60]


def progress() -> int:
    """Show how far you are: points of each chapter, and what is next.

    Reads the outcomes that are saved in your notebooks under exercises/ and runs nothing: save a notebook
    after its checks to see them here. Answers in words and the hidden cases are not counted.

    Example: course progress
    """
    from course_utils.grading.progress import show_progress

    try:
        places = Places.find()
    except GradingError as error:
        print(error, file=sys.stderr)
        return 2
    show_progress(places.root, os.get_terminal_size().columns if sys.stdout.isatty() else 100)
    return 0
