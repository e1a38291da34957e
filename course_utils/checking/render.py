"""A report as text for terminals and as HTML for notebooks."""

from __future__ import annotations

import html
import re

from course_utils.checking.report import CaseResult, Report

MARKS = {"passed": "✓", "failed": "✗", "crashed": "✗", "timed out": "✗", "not attempted": "○"}
TITLES = {
    "passed": "all cases pass",
    "failed": "not right yet",
    "crashed": "it raises an exception",
    "timed out": "it does not come to an end",
    "not attempted": "not attempted yet",
}
PRINT_SHOWN = 500

# Colors carry no meaning alone (the marks and words do) and are mixed from the text color's own
# surroundings, so that one card reads well on a light and on a dark page.
_STYLE = """
<style>
.course-check { border: 1px solid rgba(128,128,128,.45); border-left: .35rem solid #8a8a8a;
  border-radius: .4rem;
  padding: .6rem .9rem; margin: .3rem 0; max-width: 52rem; color: inherit; font-size: .95em;
  line-height: 1.45; }
.course-check.passed { border-left-color: #1b8a5a; } .course-check.failed, .course-check.crashed,
.course-check.timed-out { border-left-color: #c8501e; }
.course-check header { display: flex; gap: .8rem; justify-content: space-between; flex-wrap: wrap;
  font-weight: 600; background: none; padding: 0; margin: 0; }
.course-check ul { list-style: none; margin: .4rem 0; padding: 0; }
.course-check li { padding: .1rem 0 .1rem 1.5rem; text-indent: -1.5rem; }
.course-check li > b { display: inline-block; width: 1.5rem; text-indent: 0; }
.course-check .why { border-top: 1px solid rgba(128,128,128,.45); margin-top: .5rem; padding-top: .5rem; }
.course-check p { margin: .3rem 0; } .course-check code { background: rgba(128,128,128,.16); padding: 0 .25em;
  border-radius: .2em; color: inherit; }
.course-check pre { background: rgba(128,128,128,.12); padding: .4rem .6rem;
  overflow-x: auto; color: inherit; margin: .3rem 0; white-space: pre-wrap; }
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


def to_text(report: Report) -> str:
    """Render a report for a terminal."""
    title = f"{report.exercise}: {_title(report)}"
    lines = [f"{title}  [{points_text(report.points, report.max_points)}]"]
    if report.status != "not attempted":
        for case in report.cases:
            message = _message(case, report.graded)
            status = "" if case.status in ("passed", "failed") else f" [{case.status}]"
            lines.append(f"  {MARKS[case.status]} {case.name}{status}{': ' + message if message else ''}")
    failure = report.first_failure
    if failure and failure.trace and not report.graded:
        lines += ["", "  In your code:", *(f"    {line}" for line in failure.trace)]
    for explanation in report.explanations:
        lines += ["", f"  Why: {explanation}"]
    for note in report.notes:
        lines += ["", f"  Note: {note}"]
    printed = _shown_print(report)
    if printed:
        lines += ["", "  Your code printed:", *(f"    {line}" for line in printed.splitlines())]
    return "\n".join(lines)


def _inline(text: str) -> str:
    """Escape text, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def to_html(report: Report) -> str:
    """Render a report as a card that reads well on light and dark pages."""
    parts = [
        _STYLE,
        f'<section class="course-check {report.status.replace(" ", "-")}" aria-label="Result of the check">',
        f"<header><span>{MARKS[report.status]} <code>{html.escape(report.exercise)}</code>: "
        f"{_title(report)}</span>"
        f"<span>{points_text(report.points, report.max_points)}</span></header>",
    ]
    if report.status != "not attempted":
        parts.append("<ul>")
        for case in report.cases:
            message = _message(case, report.graded)
            status = "" if case.status in ("passed", "failed") else f" <em>({case.status})</em>"
            detail = f": {_inline(message)}" if message else ""
            parts.append(f"<li><b>{MARKS[case.status]}</b>{_inline(case.name)}{status}{detail}</li>")
        parts.append("</ul>")
    below = _below(report)
    if below:
        parts += ['<div class="why">', *below, "</div>"]
    return "".join([*parts, "</section>"])


def _below(report: Report) -> list[str]:
    parts = []
    failure = report.first_failure
    if failure and failure.trace and not report.graded:
        parts.append("<p>In your code:</p><pre>" + html.escape("\n".join(failure.trace)) + "</pre>")
    parts += [f"<p><strong>Why:</strong> {_inline(text)}</p>" for text in report.explanations]
    parts += [f"<p><strong>Note:</strong> {_inline(text)}</p>" for text in report.notes]
    printed = _shown_print(report)
    if printed:
        parts.append(f"<p>Your code printed:</p><pre>{html.escape(printed)}</pre>")
    return parts
