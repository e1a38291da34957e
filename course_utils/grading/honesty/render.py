"""A report on honesty as text for a terminal and as a piece of HTML for a page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from course_utils.grading.honesty.report import Finding, HonestyReport, Pair, Passage, Side

NOTE = "Nothing here changes a mark. It says what stands in the files; what it means is for you to find out."
PAIRS_SHOWN = 20
# Control characters move the cursor, and the marks for writing directions turn a line around.
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

STYLE = """\
<style>
.course-honesty { color: var(--honesty-text, inherit); }
.course-honesty .note, .course-honesty .where { color: var(--honesty-muted, inherit); }
.course-honesty table { border-collapse: collapse; }
.course-honesty td, .course-honesty th { padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: top; }
.course-honesty details { border-top: 1px solid var(--honesty-border, rgba(128,128,128,.45));
  padding: .4rem 0; }
.course-honesty summary { cursor: pointer; }
.course-honesty .sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem; }
.course-honesty figure { margin: .4rem 0; min-width: 0; }
.course-honesty pre { background: var(--honesty-code, rgba(128,128,128,.12)); color: inherit;
  font-size: .85em; margin: .2rem 0; overflow-x: auto; padding: .4rem .6rem; }
.course-honesty mark { background: var(--honesty-mark, rgba(230,159,0,.35)); color: inherit; }
@media (max-width: 45rem) { .course-honesty .sides { grid-template-columns: 1fr; } }
@media print { .course-honesty pre { white-space: pre-wrap; } }
</style>
"""
"""The look of the HTML, for light and dark pages alike.

A page may set these custom properties; each has a fallback that is legible on both:
`--honesty-text` (text), `--honesty-muted` (side notes), `--honesty-border` (lines between pairs),
`--honesty-code` (background of code) and `--honesty-mark` (background of matching lines, which also carry a
bar in front, so that they can be told apart without color).
"""


def plain(text: str) -> str:
    """Return text without what would move a cursor or turn a line around.

    >>> plain("a\\x1b[2Jb")
    'a�[2Jb'
    """
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _safe(text: object) -> str:
    return html.escape(plain(str(text)))


def _place(finding: Finding) -> str:
    line = f", line {finding.line}" if finding.line else ""
    about = f"{finding.exercise}: " if finding.exercise and finding.exercise != finding.cell else ""
    return f"{about}{finding.cell}{line}"


def _many(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def headline(report: HonestyReport) -> str:
    """Say in one sentence how much there is to look at."""
    pairs = len(report.pairs) + report.left_out
    return (
        f"{report.chapter}: {_many(report.students, 'submission')} read, {len(report.findings)} with "
        f"something to look at, {_many(pairs, 'pair')} alike."
    )


def to_text(report: HonestyReport, pairs: int = PAIRS_SHOWN) -> str:
    """Render a report for a terminal."""
    lines = [headline(report), NOTE]
    for student, found in sorted(report.findings.items()):
        lines += ["", student]
        lines += [f"  {_place(finding)}: {finding.what}." for finding in found]
    for pair in report.pairs[:pairs]:
        lines += ["", f"{pair.first} and {pair.second}: {pair.similarity:.0%} alike"]
        lines += [f"  {_alike(passage)}" for passage in pair.passages]
    more = len(report.pairs[pairs:]) + report.left_out
    if more:
        lines += ["", f"... and {_many(more, 'more pair')}."]
    return "\n".join(plain(line) for line in lines)


def _alike(passage: Passage) -> str:
    first, second = passage.first, passage.second
    return (
        f"{passage.name}: {first.cell}, {first.span}, and {second.cell}, {second.span} "
        f"({passage.similarity:.0%} the same)"
    )


def to_html(report: HonestyReport) -> str:
    """Render a report as a piece of HTML without script, everything of a submission escaped."""
    parts = [STYLE, '<section class="course-honesty">', f"<p>{_safe(headline(report))}</p>"]
    parts.append(f'<p class="note">{NOTE}</p>')
    if report.findings:
        parts.append(
            "<table><thead><tr><th>Student</th><th>Where</th><th>What stands there</th></tr></thead>"
        )
        parts.append("<tbody>")
        parts += [_rows(student, found) for student, found in sorted(report.findings.items())]
        parts.append("</tbody></table>")
    parts += [_pair(pair) for pair in report.pairs]
    if report.left_out:
        parts.append(f'<p class="note">{_many(report.left_out, "further pair")} less alike than these.</p>')
    return "\n".join([*parts, "</section>"])


def _rows(student: str, found: Iterable[Finding]) -> str:
    return "".join(
        f"<tr><td>{_safe(student)}</td><td>{_safe(_place(finding))}</td><td>{_safe(finding.what)}</td></tr>"
        for finding in found
    )


def _pair(pair: Pair) -> str:
    title = f"{_safe(pair.first)} and {_safe(pair.second)}: {pair.similarity:.0%} alike"
    passages = "".join(_passage(pair, passage) for passage in pair.passages)
    return f"<details><summary>{title}</summary>{passages}</details>"


def _passage(pair: Pair, passage: Passage) -> str:
    sides = _figure(pair.first, passage.first) + _figure(pair.second, passage.second)
    title = f"<p><code>{_safe(passage.name)}</code>, {passage.similarity:.0%} the same</p>"
    return f'{title}<div class="sides">{sides}</div>'


def _figure(student: str, side: Side) -> str:
    marked = set(side.marked)
    lines = []
    for number, line in enumerate(side.lines, side.start):
        text = f"{number:>4} {'▌' if number in marked else ' '} {_safe(line)}"
        lines.append(f"<mark>{text}</mark>" if number in marked else text)
    caption = f"{_safe(student)}, {_safe(side.cell)}, {side.span}"
    code = "\n".join(lines)
    return f'<figure><figcaption class="where">{caption}</figcaption><pre>{code}</pre></figure>'
