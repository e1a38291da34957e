"""Marks as a table: for Canvas, for Moodle, or plain."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.collect import read_sender
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.senders import Sender
from course_utils.grading.standing import Standing

FORMATS = ("canvas", "moodle", "csv")
CANVAS_PERSON = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
# Moodle's worksheet; it reads "Identifier", "Grade" and "Last modified (grade)" and refuses a file without
# them.
MOODLE_COLUMNS = ["Identifier", "Full name", "Status", "Grade", "Maximum Grade", "Last modified (grade)"]
MOODLE_PERSON = "Participant "


@dataclass(frozen=True)
class Row:
    """One student with the marks of some chapters. A mark is None where there is none to export."""

    sender: Sender
    marks: Mapping[Chapter, float | None]
    pending: bool = False


def rows(
    places: Places, found: Mapping[Chapter, Sequence[Standing]], *, partial: bool = False
) -> tuple[list[Row], list[str]]:
    """Return a row for each student, and what was left out.

    A mark that is not final (not graded yet, or with an answer that a person has still to mark) is left
    blank, so that nobody reads a part of a mark as the whole; `partial` exports it all the same.
    """
    marks: dict[str, dict[Chapter, float | None]] = {}
    senders: dict[str, Sender] = {}
    missing = []
    for chapter, everyone in found.items():
        for standing in everyone:
            known = read_sender(places, chapter, standing.student)
            if standing.student not in senders or known.number:
                senders[standing.student] = known
            final = standing.final or (partial and standing.graded)
            points = round(max(0.0, standing.points - standing.penalty), 2) if final else None
            marks.setdefault(standing.student, {})[chapter] = points
            if not standing.final:
                why = (
                    "not graded"
                    if not standing.graded
                    else f"to be marked by hand: {', '.join(standing.pending)}"
                )
                missing.append(f"{standing.student} ({chapter}): {why}")
    return [Row(senders[student], marks[student]) for student in sorted(marks)], missing


def usual_format(found: Iterable[Row]) -> str:
    """Return the format of the system that the notebooks came from."""
    systems = {row.sender.system for row in found}
    for system in ("canvas", "moodle"):
        if system in systems:
            return system
    return "csv"


def to_csv(found: Sequence[Row], most: Mapping[Chapter, float]) -> str:
    """Return a plain table: a row for each student, a column for each chapter.

    Args:
        found: The students.
        most: The most points of each chapter, in the order of the columns.
    """
    table = [["student", "name", *(f"{chapter} (of {points:g})" for chapter, points in most.items())]]
    for row in found:
        table.append([row.sender.student, row.sender.name, *_marks(row, most)])
    return _written(table)


def _marks(row: Row, chapters: Iterable[Chapter]) -> list[str]:
    return [_number(row.marks.get(chapter)) for chapter in chapters]


def _number(points: float | None) -> str:
    return "" if points is None else f"{points:g}"


def _written(table: Iterable[Iterable[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(table)
    return stream.getvalue()


def to_canvas(found: Sequence[Row], most: Mapping[Chapter, float], columns: Mapping[Chapter, str]) -> str:
    """Return the table that Canvas imports into its gradebook.

    Args:
        found: The students. Canvas finds each by the number in the name of the file it gave, else by login.
        most: The most points of each chapter.
        columns: The name of each chapter's assignment in Canvas, best with its number: "Attention (4711)".
            Canvas makes a new assignment of a name that it does not know.
    """
    table = [[*CANVAS_PERSON, *(columns[chapter] for chapter in most)]]
    table.append(["    Points Possible", "", "", "", "", *(f"{points:g}" for points in most.values())])
    for row in found:
        number = row.sender.number if row.sender.system == "canvas" else ""
        login = "" if number else row.sender.student
        table.append([row.sender.name or row.sender.student, number, "", login, "", *_marks(row, most)])
    return _written(table)


def to_moodle(found: Sequence[Row], chapter: Chapter, most: float) -> str:
    """Return the grading worksheet that Moodle imports into one assignment.

    Students who were not collected from Moodle have no number there and are left out: fill in Moodle's own
    worksheet instead, by `fill_moodle`.
    """
    table = [MOODLE_COLUMNS]
    for row in found:
        if row.sender.system != "moodle" or not row.sender.number:
            continue
        grade = _number(row.marks.get(chapter))
        identifier = f"{MOODLE_PERSON}{row.sender.number}"
        table.append([identifier, row.sender.name, "", grade, f"{most:g}", "-"])
    return _written(table)


def read_table(path: Path) -> list[list[str]]:
    """Read a table that a learning management system wrote.

    Raises:
        GradingError: it cannot be read, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GradingError(f"{path} cannot be read as a table (CSV, UTF-8): {error}") from error
    delimiter = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    table = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    if not table:
        raise GradingError(f"{path} is empty; download the table again")
    return table


def fill_canvas(
    table: list[list[str]],
    found: Sequence[Row],
    most: Mapping[Chapter, float],
    columns: Mapping[Chapter, str],
) -> tuple[str, list[str]]:
    """Fill marks into the gradebook that Canvas exported.

    Args:
        table: Canvas's table.
        found: The students.
        most: The most points of each chapter.
        columns: The name of each chapter's column, with or without the number that Canvas adds.

    Returns:
        The table with nothing but the columns of persons and of these chapters, and the students it does not
        list.

    Raises:
        GradingError: it is not Canvas's table, or lacks a column.
    """
    header = table[0]
    if header[:1] != ["Student"] or "ID" not in header or "Section" not in header:
        raise GradingError(f"this is not a gradebook of Canvas: its columns are {', '.join(header[:6])}")
    places = {chapter: _column(header, name) for chapter, name in columns.items()}
    person = header.index("Section") + 1
    by_number = {row.sender.number: row for row in found if row.sender.system == "canvas"}
    by_student = {row.sender.student: row for row in found}
    logins = [header.index(name) for name in ("SIS Login ID", "SIS User ID") if name in header]
    result = [[*header[:person], *(header[places[chapter]] for chapter in most)]]
    used = set()
    for line in table[1:]:
        line = line + [""] * (len(header) - len(line))
        row = by_number.get(line[header.index("ID")].strip())
        for login in logins:
            row = row or by_student.get(line[login].strip())
        old = [line[places[chapter]] for chapter in most]
        if row is not None:
            used.add(row.sender.student)
            # Where there is no final mark, what Canvas has stays.
            old = [new or before for new, before in zip(_marks(row, most), old, strict=True)]
        result.append([*line[:person], *old])
    return _written(result), sorted(set(by_student) - used)


def _column(header: Sequence[str], name: str) -> int:
    """Return the column of an assignment: "Attention" finds "Attention (4711)"."""
    found = [
        index for index, title in enumerate(header) if name in (title, re.sub(r"\s*\(\d+\)$", "", title))
    ]
    if len(found) != 1:
        what = "no column" if not found else "several columns"
        raise GradingError(
            f"the table has {what} {name!r}; name one with --column, among: {', '.join(header)}"
        )
    return found[0]


def fill_moodle(table: list[list[str]], found: Sequence[Row], chapter: Chapter) -> tuple[str, list[str]]:
    """Fill marks into the grading worksheet that Moodle made for one assignment.

    Returns:
        The worksheet, and the students it does not list.

    Raises:
        GradingError: it is not Moodle's worksheet.
    """
    header = table[0]
    if not {"Identifier", "Grade"} <= set(header):
        raise GradingError(
            f"this is not a grading worksheet of Moodle: its columns are {', '.join(header[:6])}"
        )
    by_number = {row.sender.number: row for row in found if row.sender.system == "moodle"}
    by_student = {row.sender.student: row for row in found}
    names = [header.index(name) for name in ("Email address", "Username", "ID number") if name in header]
    used = set()
    for line in table[1:]:
        line += [""] * (len(header) - len(line))
        row = by_number.get(line[header.index("Identifier")].removeprefix(MOODLE_PERSON).strip())
        for place in names:
            row = row or by_student.get(line[place].strip())
        if row is not None:
            used.add(row.sender.student)
            line[header.index("Grade")] = _number(row.marks.get(chapter)) or line[header.index("Grade")]
    return _written(table), sorted(set(by_student) - used)
