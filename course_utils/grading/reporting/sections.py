"""The sections of a report: how the class did."""

from __future__ import annotations

from collections.abc import Sequence

from course_utils.grading.reporting.drawing import CLASSES, histogram, share_bar, stacked_bar
from course_utils.grading.reporting.numbers import (
    ENOUGH,
    STATUSES,
    CaseNumbers,
    ItemNumbers,
    Marks,
    MistakeNumbers,
)
from course_utils.grading.reporting.reading import Page
from course_utils.grading.reporting.tables import code, table
from course_utils.grading.reporting.words import many, number, percent, prose, safe, students

CASES_SHOWN = 5
MISTAKES_SHOWN = 10
WORDS = {"no record": "no result"}
"""How a status is called where its own name says little."""
NOTHING = '<p class="nothing">No submission is graded yet.</p>'
FIVE = {"lowest": 0.0, "lower quartile": 0.25, "median": 0.5, "upper quartile": 0.75, "highest": 1.0}

EXPLAINED = f"""\
<p class="note">The mean share is the mean of the points earned over the points possible: the lower, the
harder. Discrimination is the correlation between the points of this item and the sum of the points of the
other items (those that are marked for everyone): near 0, the item says little about the rest; below 0, look
at the item itself first. It is told from {ENOUGH} submissions on, the smallest number from which a
correlation of 0.4 can be told from none.</p>"""


def distribution(marks: Marks, pending: int) -> str:
    """Return the section with the distribution of the marks."""
    if not marks.values:
        return NOTHING
    count = many(len(marks.values), "graded submission")
    caption = f"Marks of {count}, of {number(marks.max_points)} points."
    if len(marks.values) > 1:
        caption += " The middle half of the marks lies between the two quartiles (dashed lines)."
    if pending:
        waiting = many(pending, "submission still has", "submissions still have")
        caption += f" {waiting} answers to be marked by hand: for now these count 0 points."
    five = [number(marks.quantile(share)) for share in FIVE.values()]
    summary = table("The marks in short", [*FIVE, "mean"], [[*five, number(marks.mean)]], range(6))
    bins = [
        [f"{number(low)} to {number(high)}", f"{count:,}"]
        for low, high, count in zip(marks.edges[:-1], marks.edges[1:], marks.counts, strict=True)
        if count
    ]
    return (
        f"<figure>{histogram(marks)}<figcaption>{caption}</figcaption></figure>{summary}"
        "<details><summary>The histogram as a table</summary>"
        + table("The histogram", ["points", "submissions"], bins, (0, 1))
        + '<p class="note">A bar counts the marks from its left edge up to, but not including, its right '
        "edge; the last one includes its end.</p></details>"
    )


def items(found: Sequence[ItemNumbers], graded: int) -> str:
    """Return the section with how the class did in each item."""
    if not found:
        return '<p class="nothing">This chapter has no graded items.</p>'
    if not graded:
        return NOTHING
    return "".join([_outcomes(found), _difficulty(found, graded), _cases(found)])


def _word(status: str) -> str:
    return WORDS.get(status, status)


def _outcomes(found: Sequence[ItemNumbers]) -> str:
    """Return how each item ended, drawn and as a table."""
    shown = [item for item in found if item.outcomes]
    if not shown:
        return ""
    used = [status for status in STATUSES if any(status in item.outcomes for item in shown)]
    key = "".join(f'<li><i class="{CLASSES[status]}"></i>{_word(status)}</li>' for status in used)
    bars, rows = [], []
    for item in shown:
        total = sum(item.outcomes.values())
        said = ", ".join(f"{count} of {total} {_word(status)}" for status, count in item.outcomes.items())
        bars.append(f"<span>{code(item.item.name)}</span>")
        bars.append(stacked_bar(item.outcomes, f"{item.item.name}: {said}"))
        counts = [f"{item.outcomes.get(status, 0):,}" for status in used]
        rows.append([code(item.item.name), *counts, f"{total:,}"])
    head = ["item", *map(_word, used), "of"]
    return (
        f'<figure><ul class="key">{key}</ul><div class="bars">{"".join(bars)}</div>'
        "<figcaption>How each item ended, as a share of the graded submissions. <em>Failed</em> is an answer "
        "that does not pass all cases; it can have earned a part of the points.</figcaption></figure>"
        + table("How each item ended", head, rows, range(1, len(head)))
    )


def _difficulty(found: Sequence[ItemNumbers], graded: int) -> str:
    rows = []
    for item in found:
        share = "not marked yet" if item.difficulty is None else f"{item.difficulty:.0%}"
        told = f'<span class="muted">{item.silent}</span>'
        if item.discrimination is not None and item.interval is not None:
            low, high = map(_signed, item.interval)
            told = f"{_signed(item.discrimination)} ({low} to {high})"
        name = code(item.item.name) + (" (in words)" if item.item.written else "")
        rows.append([name, number(item.item.max_points), f"{item.marked:,} of {graded:,}", share, told])
    head = ["item", "points", "marked", "mean share", "discrimination (95% interval)"]
    title = "Difficulty and discrimination"
    return f"<h3>{title}</h3>" + table(title, head, rows, (1, 2, 3)) + EXPLAINED


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def _cases(found: Sequence[ItemNumbers]) -> str:
    title = "<h3>The cases that went wrong most often</h3>"
    parts = []
    for item in found:
        if item.cases:
            shown, rest = item.cases[:CASES_SHOWN], item.cases[CASES_SHOWN:]
            more = f"<summary>{many(len(rest), 'more case')}</summary>"
            below = f"<details>{more}{_case_table(item, rest)}</details>" if rest else ""
            parts.append(f"<h4>{code(item.item.name)}</h4>{_case_table(item, shown)}{below}")
    if not parts:
        return f"{title}<p>None: every answer that was given passed every case.</p>"
    return f'{title}<p class="note">Of the answers that were given: blanks are left out.</p>{"".join(parts)}'


def _case_table(item: ItemNumbers, cases: Sequence[CaseNumbers]) -> str:
    rows = [
        [
            prose(case.name),
            f"{case.failed:,} of {case.tried:,}",
            percent(case.failed, case.tried),
            ", ".join(f"{count:,} {_word(status)}" for status, count in sorted(case.wrong.items())),
        ]
        for case in cases
    ]
    head = ["case", "not passed", "share", "how"]
    return table(f"Cases of {item.item.name}", head, rows, (1, 2))


def mistakes(found: Sequence[MistakeNumbers], graded: int, book: Page) -> str:
    """Return the section with what to teach again."""
    if not graded:
        return NOTHING
    if not found:
        return "<p>No known mistake was recognized in this class.</p>"
    rows = []
    for mistake in found:
        count = len(mistake.students)
        link = book.link(mistake.item.name)
        again = f'Read again: <a href="{safe(link.address)}">{safe(link.title)}</a>' if link else ""
        rows.append(
            f"<li><div><b>{count:,} of {graded:,}</b> ({percent(count, graded)}){share_bar(count, graded)}"
            f"</div><div><p>{code(mistake.item.name)} {prose(mistake.explanation)}</p>"
            f'<div class="below"><span class="note">{again}</span>'
            f"<details><summary>Who</summary>{students(mistake.students)}</details></div></div></li>"
        )
    shown = f'<ol class="mistakes">{"".join(rows[:MISTAKES_SHOWN])}</ol>'
    if len(rows) > MISTAKES_SHOWN:
        more = many(
            len(rows) - MISTAKES_SHOWN,
            "mistake that was made less often",
            "mistakes that were made less often",
        )
        rest = f'<ol class="mistakes">{"".join(rows[MISTAKES_SHOWN:])}</ol>'
        shown += f"<details><summary>{more}</summary>{rest}</details>"
    return (
        "<p>The mistakes that the checks know and recognized in the answers of this class, the most frequent "
        "first. Where several explain an answer equally well, each is counted.</p>" + shown
    )
