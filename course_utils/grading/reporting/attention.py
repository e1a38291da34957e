"""The sections of a report that name submissions: what is odd, what waits for a person, how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_utils.grading.problems import STANDS
from course_utils.grading.reporting.numbers import ClassData, quantile
from course_utils.grading.reporting.tables import code, table
from course_utils.grading.reporting.words import many, prose, safe, seconds, sentence, students
from course_utils.grading.standing import Standing

SLOWEST = 5


def findings(data: ClassData) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what needs the instructor and what is good to know: each a file and sentences about it."""
    urgent: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    for standing in data.standings:
        where = f"{standing.student}/{data.chapter}.ipynb"
        if not standing.graded:
            urgent.append((where, f"Not graded yet. Run `course grade {data.chapter}`."))
        problems = standing.record.problems if standing.record else ()
        for problem in problems:
            text = f"{sentence(problem.what)} {sentence(problem.do)}".strip()
            (urgent if problem.urgent else notes).append((where, text))
        if silent := _silent(standing, data):
            notes.append((where, f"No result for {silent}. {STANDS}"))
    for stray in data.strays:
        text = "No chapter has this name. Rename it to CHAPTER.ipynb, or collect it with `course collect`, "
        urgent.append((stray, f"{text}which recognizes it by its cells."))
    return urgent, notes


def _silent(standing: Standing, data: ClassData) -> str:
    record = standing.record
    if record is None or any(problem.urgent for problem in record.problems):
        return ""
    names = {item.cell: item.name for item in data.items}
    return ", ".join(
        f"`{names.get(cell, cell)}` ({outcome['reason']})"
        for cell, outcome in record.cells.items()
        if outcome["status"] == "no record"
    )


def odd(data: ClassData) -> str:
    """Return the section with the submissions that are odd."""
    urgent, notes = findings(data)
    if not urgent and not notes:
        return "<p>Nothing is odd about these submissions.</p>"
    parts = []
    if urgent:
        parts.append(f"<h3>Needs your attention ({len(urgent):,})</h3>{_list(urgent, 'urgent')}")
    if notes:
        shown = _list(notes, "")
        title = f"Good to know ({len(notes):,})"
        many_notes = len(notes) > 12
        parts.append(
            f"<details><summary>{title}</summary>{shown}</details>"
            if many_notes
            else f"<h3>{title}</h3>{shown}"
        )
    return "".join(parts)


def _list(found: Sequence[tuple[str, str]], kind: str) -> str:
    rows = "".join(f"<li>{code(where)}<br>{prose(text)}</li>" for where, text in found)
    return f'<ul class="plain {kind}">{rows}</ul>'


def by_hand(waiting: Mapping[str, Sequence[str]], data: ClassData) -> str:
    """Return the section with the answers that a person must mark."""
    if not waiting:
        return "<p>No answer waits to be marked by hand.</p>"
    names = {item.cell: item.name for item in data.items}
    graded = len(data.graded)
    rows = "".join(
        f"<li>{code(names.get(cell, cell))}: {len(who):,} of "
        f"{many(graded, 'submission')}<details><summary>Who</summary>{students(who)}</details></li>"
        for cell, who in waiting.items()
    )
    return (
        "<p>They are marked in the formgrader: in JupyterLab, menu Nbgrader, Formgrader, Manual Grading. Run "
        f"<code>course report</code> again afterwards.</p><ul class='plain'>{rows}</ul>"
    )


def timing(data: ClassData) -> str:
    """Return the section with how long the submissions ran."""
    times = sorted(
        ((standing.record.seconds, standing.student) for standing in data.graded if standing.record),
        key=lambda entry: (-entry[0], entry[1]),
    )
    if not times:
        return '<p class="nothing">No submission is graded yet.</p>'
    values = [time for time, _ in times]
    together = f"{many(len(values), 'submission')} together {seconds(sum(values))}"
    rows = [[safe(student), seconds(time)] for time, student in times[:SLOWEST]]
    return (
        f"<p>Running a submission took {seconds(quantile(values, 0.5))} in the middle (median) and "
        f"{seconds(values[0])} at most; {together}.</p>"
        + table("The slowest", ["slowest", "time"], rows, (1,))
    )
