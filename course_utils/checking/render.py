"""A report as text for terminals and as HTML for notebooks."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from course_utils.checking.report import CaseResult, Hint, Report

MARKS = {"passed": "✓", "failed": "✗", "crashed": "✗", "timed out": "✗", "not attempted": "○"}
TITLES = {
    "passed": "all cases pass",
    "failed": "not right yet",
    "crashed": "it raises an exception",
    "timed out": "it does not come to an end",
    "not attempted": "not attempted yet",
}
PRINT_SHOWN = 500

# Colors carry no meaning alone (the marks and words do). Text and ground are the page's own, so that one card
# reads well on a light and on a dark page. The doubled class outdoes what JupyterLab says of lists.
_STYLE = """
<style>
.course-check { border: 1px solid rgba(128,128,128,.45); border-left: .35rem solid #808080;
  border-radius: .45rem; padding: .7rem 1rem .8rem; margin: .4rem 0; max-width: 52rem; color: inherit;
  font-size: .95em; line-height: 1.5; overflow-wrap: anywhere; }
.course-check.passed { border-left-color: #1b8a5a; } .course-check.failed, .course-check.crashed,
.course-check.timed-out { border-left-color: #d2601a; }
.course-check header { display: flex; gap: .1rem 1rem; justify-content: space-between; flex-wrap: wrap;
  font-size: 1.06em; font-weight: 600; background: none; padding: 0; margin: 0; position: static; }
.course-check header > span:last-child { font-variant-numeric: tabular-nums; white-space: nowrap; }
.course-check.course-check > ul { list-style: none; margin: .5rem 0 .2rem; padding: 0; }
.course-check li { margin: 0; padding: .1rem 0 .1rem 1.6rem; }
.course-check li > b:first-child { float: left; margin-left: -1.6rem; }
.course-check li.failed { background: rgba(210,96,26,.09); border-radius: .3rem; margin: .3rem -.5rem;
  padding: .4rem .6rem .45rem 2.1rem; }
.course-check .why { border-top: 1px solid rgba(128,128,128,.45); margin-top: .6rem; padding-top: .5rem; }
.course-check p { margin: .3rem 0; } .course-check code { background: rgba(128,128,128,.16); padding: 0 .25em;
  border-radius: .2em; color: inherit; }
.course-check pre { background: rgba(128,128,128,.12); border-radius: .3rem; padding: .4rem .6rem;
  color: inherit; font-size: .92em; margin: .3rem 0; overflow-x: auto; white-space: pre-wrap; }
.course-check details { background: none; border: 0; margin: .45rem 0 0; padding: 0; max-width: none; }
.course-check summary { cursor: pointer; font-weight: 600; width: fit-content; padding: .1rem .2rem; }
.course-check summary:focus-visible { outline: 2px solid currentColor; outline-offset: 1px;
  border-radius: .2rem; }
.course-check details > p { margin: .1rem 0 0 1.15rem; }
@media print { .course-check { break-inside: avoid; } .course-check details:not([open]) { display: none; } }
</style>
"""


def _title(report: Report) -> str:
    """Say how it went; a graded notebook shows the learner's own check beside the outcome that counts."""
    return f"{'graded: ' if report.graded else ''}{TITLES[report.status]}"


def points_text(points: float, max_points: float) -> str:
    """Say how many points of how many.

    >>> points_text(2.5, 4)
    '2.5 of 4 points'
    >>> points_text(1, 1)
    '1 of 1 point'
    """
    return f"{points:g} of {max_points:g} point{'' if max_points == 1 else 's'}"


def _message(case: CaseResult, graded: bool) -> str:
    return case.public_message if graded else case.message


def _shown_print(report: Report) -> str:
    if report.graded or not report.printed.strip():
        return ""
    text = report.printed.strip()
    return text if len(text) <= PRINT_SHOWN else text[:PRINT_SHOWN] + " ..."


def hint_text(hints: Sequence[Hint], number: int) -> str:
    """Return a step of help as text.

    >>> hint_text([Hint("the idea", "Sum over the axis.")], 0)
    'Hint 1 of 1, the idea: Sum over the axis.'
    """
    return f"Hint {number + 1} of {len(hints)}, {hints[number].step}: {hints[number].text}"


def to_text(report: Report) -> str:
    """Render a report for a terminal."""
    title = f"{report.exercise}: {_title(report)}"
    lines = [f"{title}  [{points_text(report.points, report.max_points)}]"]
    failure = report.first_failure
    for case in report.cases if report.status != "not attempted" else ():
        message = _message(case, report.graded)
        status = "" if case.status in ("passed", "failed") else f" [{case.status}]"
        lines.append(f"  {MARKS[case.status]} {case.name}{status}{': ' + message if message else ''}")
        if case is failure and case.trace and not report.graded:
            lines += ["    In your code:", *(f"      {line}" for line in case.trace)]
    for explanation in report.explanations:
        lines += ["", f"  Why: {explanation}"]
    for note in report.notes:
        lines += ["", f"  Note: {note}"]
    printed = _shown_print(report)
    if printed:
        lines += ["", "  Your code printed:", *(f"    {line}" for line in printed.splitlines())]
    if report.hints and not report.graded:
        lines += ["", f"  {len(report.hints)} hints, one at a time: check.hint()"]
    return "\n".join(lines)


def _inline(text: str) -> str:
    """Escape text, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def to_html(report: Report) -> str:
    """Render a report as a card that reads well on light and dark pages and needs no script."""
    parts = [
        _STYLE,
        f'<section class="course-check {report.status.replace(" ", "-")}" '
        f'aria-label="Result of the check of {html.escape(report.exercise)}">',
        f'<header><span><span aria-hidden="true">{MARKS[report.status]}</span> '
        f"<code>{html.escape(report.exercise)}</code>: "
        f"{_title(report)}</span>"
        f"<span>{points_text(report.points, report.max_points)}</span></header>",
    ]
    if report.status != "not attempted":
        parts += ["<ul>", *(_case(case, report) for case in report.cases), "</ul>"]
    below = _below(report)
    if below:
        parts += ['<div class="why">', *below, "</div>"]
    return "".join([*parts, _hints(report), "</section>"])


def _case(case: CaseResult, report: Report) -> str:
    """Return a case as an item of the list. The first that does not pass is told in full, in its place."""
    # Screen readers say a check mark in many ways.
    mark = f'<b role="img" aria-label="{case.status}">{MARKS[case.status]}</b>'
    status = "" if case.status in ("passed", "failed") else f" <em>({case.status})</em>"
    message = _inline(_message(case, report.graded))
    if case is not report.first_failure:
        return f"<li>{mark}{_inline(case.name)}{status}{': ' + message if message else ''}</li>"
    parts = [f'<li class="failed">{mark}<strong>{_inline(case.name)}</strong>{status}']
    parts += [f"<p>{message}</p>"] if message else []
    if case.trace and not report.graded:
        parts.append("<p>In your code:</p><pre>" + html.escape("\n".join(case.trace)) + "</pre>")
    return "".join([*parts, "</li>"])


def _below(report: Report) -> list[str]:
    parts = [f"<p><strong>Why:</strong> {_inline(text)}</p>" for text in report.explanations]
    parts += [f"<p><strong>Note:</strong> {_inline(text)}</p>" for text in report.notes]
    printed = _shown_print(report)
    if printed:
        parts.append(f"<p>Your code printed:</p><pre>{html.escape(printed)}</pre>")
    return parts


def _hints(report: Report) -> str:
    """Return the steps of help, each folded within the one before, so that they open in their order."""
    folded = ""
    count = 0 if report.graded else len(report.hints)
    for number in reversed(range(count)):
        hint = report.hints[number]
        label = f"Hint {number + 1} of {count}: {html.escape(hint.step)}"
        folded = f"<details><summary>{label}</summary><p>{_inline(hint.text)}</p>{folded}</details>"
    return folded
