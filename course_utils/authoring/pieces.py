"""List the pieces that a chapter and its exercise still lack, as far as that can be told by looking.

    python -m course_utils.authoring.pieces training/optimizers
    python -m course_utils.authoring.pieces                      # every chapter of the book

What each piece is for, with an example, stands in CONTRIBUTING.md. Whether a piece is any good is for the
reviewer: here is only noticed that there is none. `course new` marks what is to be written with TODO.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode

from course_utils.authoring.course_map import Chapter, CourseMapError, find_root, load_course
from course_utils.authoring.notebook_files import first_line, read_notebook
from course_utils.checking.checker import load_exercises

PREDICTIONS, SUMMARY_LINES, SOURCES = 3, 5, 3
UNFILLED = "TODO"

_PREDICTION = re.compile(r"<details>\n?<summary>Predict: \S.*?</summary>\n\n(.+?)</details>", re.S)
_SHOWN = re.compile(r"```\{literalinclude\} \.\./\.\./course_utils/\S+\.py\n")
_AIMS = re.compile(r"^(?:## |\*\*)What you will be able to do(?:\*\*)?\n\n((?:- .+\n?)+)", re.M)
_RUBRIC = re.compile(r"^(?:\*)?(?:Rubric|How it is marked)\b", re.M)
_CHECKED = re.compile(r"^check\(.*?(\w+)\"?\)$", re.M)


def sections(notebook: NotebookNode) -> dict[str, str]:
    """Return the text of each section of second rank by its title, with the source of its code cells."""
    found, title = {"": ""}, ""
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("## "):
                title = line.removeprefix("## ").strip()
            found[title] = found.get(title, "") + line + "\n"
    return found


def missing_in_chapter(notebook: NotebookNode, key: str) -> Iterator[str]:
    """Say which pieces the page of a chapter lacks.

    Args:
        notebook: The chapter's notebook.
        key: The chapter as ``part/chapter``.

    Yields:
        A line for each: what was found, what is expected.
    """
    by_title = sections(notebook)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")

    aims = _AIMS.search(text)
    if not aims or aims[1].count("- ") < 3:
        yield 'no "What you will be able to do" with a list of at least three things'
    answered = [answer for answer in _PREDICTION.findall(text) if len(answer.split()) >= 5]
    if len(answered) < PREDICTIONS:
        yield f"{len(answered)} predict-then-reveal questions with an answer, {PREDICTIONS} are expected"
    if not _SHOWN.search(text):
        yield 'the reference is nowhere shown from the package ("Show the reference")'
    if "{term}`" not in text:
        yield "no word is linked to the glossary ({term})"
    if "{cite" not in text.partition("## Further reading")[0]:
        yield "no claim of the text has a source ({cite})"
    if f'common_mistakes("{key}")' not in by_title.get("Common mistakes", ""):
        yield f'no section "Common mistakes" with a cell that calls common_mistakes("{key}")'
    exercise = by_title.get("Exercise", by_title.get("The exercise", ""))
    if f"exercises/{key}.ipynb" not in exercise:
        yield f'no section "Exercise" that names exercises/{key}.ipynb'
    lines = re.findall(r"^\d\. \S", by_title.get("Summary", ""), re.M)
    if len(lines) != SUMMARY_LINES:
        yield f'the section "Summary" has {len(lines)} numbered lines, {SUMMARY_LINES} are expected'
    entries = re.findall(r"^- (.*)", by_title.get("Further reading", ""), re.M)
    good = [entry for entry in entries if "{cite" in entry and len(entry.split()) > 8]
    if len(good) < SOURCES or len(good) < len(entries):
        yield (
            f'the section "Further reading" has {len(entries)} entries, {len(good)} of which cite a source '
            f"and say why to read it; at least {SOURCES} are expected, and all must"
        )


def missing_in_exercise(notebook: NotebookNode) -> Iterator[str]:
    """Say which pieces the exercise (the notebook with solutions) lacks beside its graded functions."""
    cells = notebook.cells
    written = [
        place
        for place, cell in enumerate(cells)
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("points")
    ]
    if not written:
        yield "no question with a written answer"
    for place in written:
        if not any(_RUBRIC.search(cell.source) for cell in cells[max(0, place - 1) : place]):
            yield f"the question before {first_line(cells[place].source)!r} does not say how it is marked"
    if not re.search(r"^## .*Going further", "\n".join(cell.source for cell in cells), re.M):
        yield 'no challenge without points ("Going further")'


def missing_in_checks(key: str, exercise: NotebookNode) -> Iterator[str]:
    """Say which graded items have no idea to hint at, no known mistake, or other points than the notebook."""
    points = {
        name: cell.metadata.nbgrader.points
        for cell in exercise.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("points")
        for name in _CHECKED.findall(cell.source)
    }
    named = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in exercise.cells}
    for name, item in load_exercises(key).items():
        if not item.hints.idea:
            yield f"{name} has no hint: call .hint(idea=...)"
        if not item.mistakes:
            yield f"{name} has no known mistake: call .mistake(...)"
        if not {name, f"check_{name}"} <= named:
            yield f"{name} needs an answer cell with the grade_id {name} and a check cell with check_{name}"
        if points.get(name) != item.points:
            yield f"{name} has {item.points} points in the checks and {points.get(name)} in the notebook"


def unfilled(path: Path) -> Iterator[str]:
    """Name each place of a file that `course new` has marked and nobody has filled."""
    if path.suffix == ".ipynb":
        for cell in read_notebook(path).cells:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            for line in [*cell.source.splitlines(), *([f"alt text: {alt}"] if alt else [])]:
                if UNFILLED in line:
                    yield first_line(line)
    else:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if UNFILLED in line:
                yield f"line {number}: {first_line(line)}"


def missing_pieces(chapter: Chapter, root: Path) -> list[str]:
    """Return what a chapter lacks, each with the file that it belongs to.

    Args:
        chapter: A chapter whose six files exist.
        root: The project's root; it must be the project that is running, whose checks can be imported.
    """
    files = chapter.files(root)
    solutions = read_notebook(files["solutions"])
    found = {
        "chapter": missing_in_chapter(read_notebook(files["chapter"]), chapter.key),
        "solutions": missing_in_exercise(solutions),
        "checks": missing_in_checks(chapter.key, solutions),
    }
    lines = [
        f"{files[kind].relative_to(root).as_posix()}: {line}" for kind, said in found.items() for line in said
    ]
    for kind, path in files.items():
        if kind != "exercises":  # made from the solutions
            lines += [
                f"{path.relative_to(root).as_posix()}: to be written: {line}" for line in unfilled(path)
            ]
    departures = root / "book" / "departures.md"
    if f"*Planned chapter:* `{chapter.key}`" in departures.read_text(encoding="utf-8"):
        lines.append(f"book/departures.md: its entries of {chapter.key} still call the chapter planned")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="pieces", description="List the pieces that a chapter lacks.")
    parser.add_argument("chapters", metavar="PART/CHAPTER", nargs="*", help="all that exist, when left out")
    options = parser.parse_args(arguments)
    try:
        root = find_root()
        course = load_course(root)
        chapters = [course.chapter(key) for key in options.chapters] or course.existing(root)
        lacking = {chapter.key: missing_pieces(chapter, root) for chapter in chapters}
    except CourseMapError as error:
        print(error, file=sys.stderr)
        return 1
    for key, lines in lacking.items():
        print(f"{key}: {f'{len(lines)} pieces to be written' if lines else 'nothing is missing'}")
        print("".join(f"  {line}\n" for line in lines), end="")
    return int(any(lacking.values()))


if __name__ == "__main__":
    sys.exit(main())
