"""How far a learner is, as a page of HTML in the style of the book that needs nothing else.

It imports nothing that loads torch or nbgrader: the page is there at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from html import escape as safe
from itertools import groupby
from pathlib import Path

from course_utils.grading.learner_progress import ChapterProgress, CourseProgress
from course_utils.grading.places import GradingError
from course_utils.grading.progress_style import STYLE

MARKER = '<meta name="generator" content="course progress">'
"""By this a page is known as one that may be written anew."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
MARKS = {"passed": "✓", "failed": "✗", "crashed": "✗", "timed out": "✗", "not attempted": "○", "not run": "○"}
SHOWN_BYTES = 1000


def write_page(progress: CourseProgress, path: Path, now: datetime | None = None) -> Path:
    """Write the page and return where it is. An earlier page is replaced, and nothing else.

    Raises:
        GradingError: there is another file at that place, or it cannot be written.
    """
    try:
        if path.exists() and MARKER not in _beginning(path):
            raise GradingError(
                f"{path} is there already, and is no page of `course progress`: name another file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: a browser may be showing the earlier page.
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(render(progress, now or datetime.now()), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise GradingError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _beginning(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(SHOWN_BYTES).decode("utf-8", "replace")


def render(progress: CourseProgress, now: datetime) -> str:
    """Return the page.

    Args:
        progress: How the chapters stand.
        now: When the page is made.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{MARKER}'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Your progress</title><style>{STYLE}</style></head><body>"
        "<header><h1>Your progress</h1>"
        f'<p class="muted">From the results that were saved in your notebooks by '
        f'<time datetime="{now:%Y-%m-%dT%H:%M}">{now:%B} {now.day}, {now:%Y, %H:%M}</time>. '
        "Answers in words and the hidden cases of the graded run are not in it.</p></header>"
        f"<main>{_summary(progress)}{''.join(_parts(progress))}{_faults(progress)}</main>"
        '<footer class="muted"><p>To bring this page up to date, save your notebooks and run '
        '<code class="whole">course progress --page</code>. It is a file on your machine: '
        "nothing of it is sent anywhere.</p></footer></body></html>\n"
    )


def _summary(progress: CourseProgress) -> str:
    if not progress.chapters:
        return f'<p class="next">{safe(progress.next_step)}</p>'
    done = sum(chapter.done for chapter in progress.chapters)
    share = progress.points / progress.max_points if progress.max_points else 0.0
    return (
        '<section aria-label="Altogether"><ul class="facts">'
        f"<li><b>{number(progress.points)}</b>of {many(progress.max_points, 'point')}</li>"
        f"<li><b>{done}</b>of {many(len(progress.chapters), 'chapter')} done</li></ul>"
        f"{_bar(share)}{_next(progress)}</section>"
    )


def _next(progress: CourseProgress) -> str:
    chapter = progress.next_chapter
    if chapter is None:
        return '<div class="next"><p><strong>All checks pass.</strong></p></div>'
    task = f", task <code>{safe(chapter.next_exercise)}</code>" if chapter.begun else ""
    missing = progress.missing(chapter)
    why = ""
    if chapter.begun:
        why = "Of what you have begun, it is the last."
    elif chapter.needs and not missing:
        titles = {one.chapter: one.title for one in progress.chapters}
        why = f"You have done what it needs: {_listed([titles[need] for need in chapter.needs])}."
    elif not chapter.needs:
        why = "No other exercise needs to be done before it."
    return (
        f'<div class="next" {_part(chapter)}><h2>Next: {safe(chapter.title)}{task}</h2>'
        f"<p>{safe(why)} Open <code>exercises/{safe(chapter.chapter)}.ipynb</code>, or run "
        f'<code class="whole">course check {safe(chapter.chapter)}</code>.</p></div>'
    )


def _parts(progress: CourseProgress) -> Iterator[str]:
    for part, chapters in groupby(progress.chapters, key=lambda one: one.chapter.split("/")[0]):
        rows = "".join(f"<li>{_chapter(progress, chapter)}</li>" for chapter in chapters)
        title = safe(progress.parts.get(part, part))
        yield (
            f'<section data-part="{safe(part)}" aria-labelledby="part-{safe(part)}">'
            f'<h2 id="part-{safe(part)}">{title}</h2><ul class="chapters">{rows}</ul></section>'
        )


def _chapter(progress: CourseProgress, chapter: ChapterProgress) -> str:
    if chapter.fault:
        return f"<h3>{safe(chapter.title)}</h3><p>Not counted: see below.</p>"
    state = progress.state(chapter)
    words = {
        "done": "✓ done",
        "begun": "◐ begun",
        "ready": "○ you can begin",
        "later": f"after {_listed([one.title for one in progress.missing(chapter)])}",
    }
    tasks = "".join(
        f'<tr><td><span aria-hidden="true">{MARKS.get(one.status, "○")}</span> '
        f"<code>{safe(one.name)}</code></td><td>{safe(one.status)}</td>"
        f'<td class="n">{number(one.points)} of {number(one.max_points)}</td></tr>'
        for one in chapter.exercises
    )
    opened = " open" if state == "begun" else ""
    return (
        f'<div class="row"><h3>{safe(chapter.title)}</h3><span class="state">{safe(words[state])}</span>'
        f'<span class="points">{number(chapter.points)} of {many(chapter.max_points, "point")}</span>'
        f"</div>{_bar(chapter.points / chapter.max_points if chapter.max_points else 0.0)}"
        f"<details{opened}><summary>{many(len(chapter.exercises), 'task')} "
        f'<span class="hidden">of {safe(chapter.title)}</span></summary>'
        '<table><thead><tr><th scope="col">task</th><th scope="col">last check</th>'
        f'<th scope="col" class="n">points</th></tr></thead><tbody>{tasks}</tbody></table></details>'
    )


def _bar(share: float) -> str:
    """Draw a share; the number stands beside it in words."""
    return f'<div class="bar" aria-hidden="true"><i style="width:{min(max(share, 0.0), 1.0):.1%}"></i></div>'


def _faults(progress: CourseProgress) -> str:
    rows = "".join(f"<li>{safe(fault)}</li>" for fault in progress.faults)
    return f'<section><h2>Not counted</h2><ul class="faults">{rows}</ul></section>' if rows else ""


def many(count: float, one: str) -> str:
    """Return a number with its noun.

    >>> many(1, "point"), many(2.5, "point")
    ('1 point', '2.5 points')
    """
    return f"{number(count)} {one}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """Return a number of points as people write it, with two decimals at most.

    >>> number(3.0), number(2.456)
    ('3', '2.46')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _part(chapter: ChapterProgress) -> str:
    return f'data-part="{safe(chapter.chapter.split("/")[0])}"'


def _listed(names: list[str]) -> str:
    """Join names as people do.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
