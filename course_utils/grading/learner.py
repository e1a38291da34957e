"""The learner's verbs of the `course` command: check a notebook in the terminal, and see how far one is.

Neither loads torch: the notebook's own kernel does, and it takes longer than all the rest.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from course_utils.grading.places import Chapter, GradingError, Places

PAGE = Path("_build", "progress.html")


def check(
    what: Annotated[str, typer.Argument(metavar="PART/CHAPTER", help="The chapter whose exercise to check.")],
    notebook: Annotated[
        Path | None,
        typer.Option(
            "--notebook", help="Another file than exercises/PART/CHAPTER.ipynb.", show_default=False
        ),
    ] = None,
    hints: Annotated[
        int, typer.Option("--hints", min=0, max=3, help="1 a nudge, 2 the idea too, 3 also what to read.")
    ] = 0,
) -> int:
    """Run the checks of an exercise and print what they say.

    Runs your notebook as it is saved, from top to bottom in a fresh kernel, and changes nothing in it. It
    says what JupyterLab's "Restart Kernel and Run All Cells" would show.

    Ends with 0 if all checks pass, 1 if not, 2 if there is nothing to check.

    Example: course check transformers/attention --hints 1
    """
    try:
        places = Places.find()
        chapter = Chapter.parse(what)
        path = notebook or places.exercise(chapter)
        if not path.is_file():
            raise GradingError(f"there is no {path}; see exercises/ for the names of the chapters")
        return _check(chapter, path, hints)
    except GradingError as error:
        print(error, file=sys.stderr)
        return 2


def _check(chapter: Chapter, path: Path, hints: int) -> int:
    from course_utils.grading.learner_progress import checks_of
    from course_utils.grading.learner_run import run_file
    from course_utils.grading.reading import UnreadableError, read_notebook

    try:
        asked = checks_of(read_notebook(path.resolve()))
    except UnreadableError as error:
        raise GradingError(f"{path} is not a notebook: {error}") from error
    if not asked:
        raise GradingError(f"{path} has no checks; is it the exercise of {chapter}?")
    reports: dict[str, Mapping[str, Any]] = {}
    for report in _told(run_file(path).cells, hints):
        reports[report["exercise"]] = report
    if not hints and any(report["hints"] for report in reports.values()):
        print("Stuck? Add --hints 1 for a nudge, 2 for the idea too, 3 also for what to read.\n")
    silent = [name for name in asked if name not in reports]
    for name in silent:
        print(f"{name}: the check showed nothing; look for an error above\n")
    points = sum(report["points"] for report in reports.values())
    most = sum(report["max_points"] for report in reports.values())
    print(f"{chapter}: {points:g} of {most:g} points in {len(reports)} of {len(asked)} checks")
    return 0 if not silent and points == most else 1


def _told(cells: Sequence[Mapping[str, Any]], hints: int) -> Iterator[Mapping[str, Any]]:
    """Print the outcomes, with the first hints of each, and the exceptions; yield the outcomes."""
    from course_utils.grading.learner_progress import MIME_TYPE

    first = True
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if MIME_TYPE in data:
                report = data[MIME_TYPE]
                text, _, last = data["text/plain"].rpartition("\n\n")
                print(text if last.endswith("check.hint()") else data["text/plain"])
                # Of what was not begun, only the first: the learner is not yet at the others.
                if first or report["status"] != "not attempted":
                    for number, hint in enumerate(report["hints"][:hints], start=1):
                        print(f"  Hint {number} of {len(report['hints'])}, {hint['step']}: {hint['text']}")
                print()
                first = first and report["status"] == "passed"
                yield report
            elif output["output_type"] == "error" and output["ename"] != "NotImplementedError":
                print(f"A cell that begins with {_first_line(cell['source'])!r}")
                print(f"  ends in {output['ename']}: {output['evalue']}", end="\n\n")


def _first_line(source: str) -> str:
    return next((line for line in source.splitlines() if line.strip()), "")[:60]


def progress(
    as_json: Annotated[bool, typer.Option("--json", help="Print the points by chapter as JSON.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Write a page to look at in a browser.")] = False,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help=f"With --page: the file to write, else {PAGE}.")
    ] = None,
) -> int:
    """Show how far you are: points of each chapter, and what is next.

    Reads the outcomes that are saved in your notebooks under exercises/ and runs nothing: save a notebook
    after its checks to see them here. Answers in words and the hidden cases are not counted.

    The concept map of the book reads what `course progress --json > progress.json` writes.

    Example: course progress --page
    """
    from course_utils.grading.learner_progress import course_progress

    try:
        if file is not None and not page:
            raise GradingError(f"to write a page into {file}: course progress --page {file}")
        places = Places.find()
        found = course_progress(places.root)
        if as_json:
            print(json.dumps(found.to_data(), indent=2))
        if page:
            from course_utils.grading.progress_page import write_page

            written = write_page(found, file or places.root / PAGE)
            print(f"Written: {written}", file=sys.stderr if as_json else sys.stdout)
        elif not as_json:
            from course_utils.grading.progress_table import print_table

            print_table(found, os.get_terminal_size().columns if sys.stdout.isatty() else 100)
    except GradingError as error:
        print(error, file=sys.stderr)
        return 2
    for fault in found.faults:
        print(fault, file=sys.stderr)
    return 0
