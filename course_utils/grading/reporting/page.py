"""The report on a chapter: one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.checking.checker import load_exercises
from course_utils.grading.honesty import examine
from course_utils.grading.honesty.render import to_html
from course_utils.grading.journal import write_whole
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.reading import UnreadableError, read_notebook
from course_utils.grading.reporting import attention, numbers, sections
from course_utils.grading.reporting.gather import gather
from course_utils.grading.reporting.reading import Page, page
from course_utils.grading.reporting.style import STYLE
from course_utils.grading.reporting.words import many, number, safe

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may do with the page: show it. Neither a script nor a request to anywhere is allowed."""


class Submissions(Mapping[str, NotebookNode]):
    """The submissions of a chapter that can be read, each read when it is asked for."""

    def __init__(self, places: Places, chapter: Chapter, students: Sequence[str]) -> None:
        self.places, self.chapter = places, chapter
        self.students = [student for student in students if self._is_readable(student)]

    def _is_readable(self, student: str) -> bool:
        try:
            read_notebook(self.places.submitted(self.chapter, student))
        except UnreadableError:
            return False
        return True

    def __getitem__(self, student: str) -> NotebookNode:
        """Read a submission."""
        return read_notebook(self.places.submitted(self.chapter, student))

    def __iter__(self) -> Iterator[str]:
        """Return the students."""
        return iter(self.students)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.students)


def write_reports(
    places: Places, chapters: Sequence[Chapter], to: Path | None = None, *, honesty: bool = True
) -> list[Path]:
    """Write the report on each chapter and return where it is.

    Args:
        places: The course.
        chapters: What to report on.
        to: The file to write; grading/report/PART/CHAPTER.html if left out.
        honesty: Whether to read the submissions for similarity and for what an exercise forbids.

    Raises:
        GradingError: a chapter is not released, or one file is to hold several chapters.
    """
    if to is not None and len(chapters) > 1:
        names = ", ".join(map(str, chapters))
        raise GradingError(f"one file holds the report on one chapter, and these are several: {names}")
    nbgrader = NbGrader(places)
    written = []
    for chapter in chapters:
        path = to or places.grading / "report" / chapter.part / f"{chapter.name}.html"
        try:
            write_whole(path, make_report(nbgrader, chapter, honesty=honesty))
        except OSError as error:
            raise GradingError(f"{path} cannot be written: {error.strerror or error}") from error
        written.append(path)
    return written


def make_report(
    nbgrader: NbGrader, chapter: Chapter, *, honesty: bool = True, now: datetime | None = None
) -> str:
    """Return the report on a chapter as a page of HTML.

    Raises:
        GradingError: the chapter is not released.
    """
    data = gather(nbgrader, chapter)
    found = honesty_fragment(nbgrader.places, data) if honesty else ""
    return render(data, page(nbgrader.places, chapter), found, now or datetime.now())


def honesty_fragment(places: Places, data: numbers.ClassData) -> str:
    """Return what is told about how the answers came about, as a piece of HTML."""
    students = [standing.student for standing in data.standings]
    exercise = places.exercise(data.chapter)
    if not exercise.is_file():
        name = f"<code>exercises/{safe(data.chapter)}.ipynb</code>"
        return f"<p>Not examined: {name}, the notebook that the students got, is not there.</p>"
    submissions = Submissions(places, data.chapter, students)
    released = nbformat.read(exercise, as_version=4)
    chapter = str(data.chapter)
    return to_html(examine(chapter, submissions, released, load_exercises(chapter)))


def render(data: numbers.ClassData, book: Page, honesty: str, now: datetime) -> str:
    """Return the page.

    Args:
        data: What is known of the class.
        book: The chapter's page in the book.
        honesty: A piece of HTML on similarity; "" if it was not looked for.
        now: When the report is made.
    """
    marks = numbers.marks(data)
    found = numbers.items(data)
    waiting = numbers.by_hand(data)
    graded = len(data.graded)
    pending = sum(bool(standing.pending) for standing in data.graded)
    link = book.link()
    chapter = f'<a href="{safe(link.address)}">{safe(book.title)}</a>' if link else safe(book.title)
    not_examined = "<p>Left out of this report, as asked.</p>"
    parts = [
        ("marks", "Marks", sections.distribution(marks, pending)),
        (
            "teach",
            "What to teach again on Monday",
            sections.mistakes(numbers.mistakes(data), graded, book),
        ),
        ("items", "Items", sections.items(found, graded)),
        ("by-hand", "Still to be marked by hand", attention.by_hand(waiting, data)),
        ("odd", "Odd submissions", attention.odd(data)),
        ("similar", "Similarity and use of the course's answers", honesty or not_examined),
        ("timing", "Timing", attention.timing(data)),
    ]
    contents = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in parts)
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{text}</section>'
        for name, title, text in parts
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer">'
        f"<title>Report: {safe(book.title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{safe(book.title)}</h1>"
        f'<p class="muted">Report on {chapter} (<code>{safe(data.chapter)}</code>), made on '
        f'<time datetime="{now:%Y-%m-%dT%H:%M}">{now:%B} {now.day}, {now:%Y, %H:%M}</time>. '
        "For instructors: it names students.</p>"
        f"{_facts(data, marks, graded, pending)}"
        f'<nav aria-label="On this page"><ul>{contents}</ul></nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


def _facts(data: numbers.ClassData, marks: numbers.Marks, graded: int, pending: int) -> str:
    handed_in = len(data.standings)
    middle = number(marks.quantile(0.5)) if marks.values else "\N{EN DASH}"
    facts = [
        (f"{handed_in:,}", "submission" if handed_in == 1 else "submissions"),
        (f"{graded:,}", f"graded of {many(handed_in, 'submission')}"),
        (f"{pending:,}", "with answers still to be marked by hand"),
        (middle, f"median, of {number(marks.max_points)} points"),
    ]
    return '<ul class="facts">' + "".join(f"<li><b>{value}</b>{what}</li>" for value, what in facts) + "</ul>"
