"""Plots as SVG that is a part of the page.

Widths are shares of the page, heights and letters have their own size: on a telephone a plot gets narrow, not
small. Colors come from the page's custom properties, so that a plot is light or dark as the page is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from course_utils.grading.reporting.numbers import STATUSES, Marks
from course_utils.grading.reporting.words import many, number, safe

RIGHT = 99.0  # per cent of the width, up to which a histogram's bars stand
TOP, BOTTOM, HEIGHT = 66.0, 256.0, 300.0
MOST_TICK_LETTERS = 20  # below all ticks together: so many fit on a telephone
SHOWN_SHARE = 0.07  # a smaller segment has no room for its number
CLASSES = {status: status.replace(" ", "-") for status in STATUSES}


def round_steps(most: float, steps: int) -> list[float]:
    """Return round numbers from 0 to the first that is not below `most`, about so many.

    >>> round_steps(17, 4)
    [0, 5, 10, 15, 20]
    """
    if most <= 0:
        return [0, 1]
    rough = most / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for digit in (1, 2, 5, 10) if (step := digit * power) >= rough * (1 - 1e-9))
    step = max(step, 1) if most >= 1 else step
    count = math.ceil(most / step - 1e-9)
    values = [round(place * step, 9) for place in range(count + 1)]
    return [int(value) if value == int(value) else value for value in values]


def histogram(marks: Marks) -> str:
    """Draw the distribution of the marks, with median and quartiles."""
    first, last = marks.edges[0], marks.edges[-1]
    ticks = round_steps(max([1, *marks.counts]), 4)
    # Where the bars begin: there is room for the numbers of the axis, on a telephone too.
    start_at = 3 + 2.4 * len(f"{ticks[-1]:,}")

    def across(value: float) -> float:
        return start_at + (RIGHT - start_at) * (value - first) / (last - first)

    def up(count: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * count / ticks[-1]

    parts = []
    for tick in ticks:
        height = up(tick)
        parts.append(
            f'<line class="grid" x1="{start_at:.1f}%" x2="100%" y1="{height:.1f}" y2="{height:.1f}"/>'
        )
        parts.append(f'<text class="tick end" x="{start_at - 1:.1f}%" y="{height + 4:.1f}">{tick:,}</text>')
    for start, end, count in zip(marks.edges[:-1], marks.edges[1:], marks.counts, strict=True):
        if count:
            left, right = across(start), across(end)
            what = f"{number(start)} to {number(end)} points: {many(count, 'submission')}"
            parts.append(
                f'<rect class="bar" x="{left + 0.15:.2f}%" width="{right - left - 0.3:.2f}%" '
                f'y="{up(count):.1f}" height="{BOTTOM - up(count):.1f}"><title>{what}</title></rect>'
            )
    parts += _points_axis(marks.edges, across)
    if marks.values:
        parts += _quartiles(marks, across)
    label = (
        f"Histogram of the marks of {many(len(marks.values), 'submission')}; the table below has the numbers"
    )
    return (
        f'<svg class="histogram" role="img" aria-label="{safe(label)}" width="100%" height="{HEIGHT:g}">'
        + "".join(parts)
        + "</svg>"
    )


def _points_axis(edges: Sequence[float], across: Callable[[float], float]) -> list[str]:
    longest = max(len(number(edge)) for edge in edges)
    every = math.ceil((len(edges) - 1) * longest / MOST_TICK_LETTERS)
    parts = [f'<line class="axis" x1="{across(edges[0]):.1f}%" x2="{RIGHT}%" y1="{BOTTOM}" y2="{BOTTOM}"/>']
    for place in range(0, len(edges), every):
        x = across(edges[place])
        parts.append(f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{BOTTOM}" y2="{BOTTOM + 5}"/>')
        anchor = " end" if x > RIGHT - 2 else " middle"
        parts.append(
            f'<text class="tick{anchor}" x="{x:.2f}%" y="{BOTTOM + 19}">{number(edges[place])}</text>'
        )
    parts.append(f'<text class="label end" x="{RIGHT}%" y="{BOTTOM + 38}">points</text>')
    parts.append(f'<text class="label" x="0" y="{TOP - 50}">submissions</text>')
    return parts


def _quartiles(marks: Marks, across: Callable[[float], float]) -> list[str]:
    """Draw median and quartiles, each label on a line of its own, so that none lies on another."""
    lines, labels = [], []
    rows = (("lower quartile", 0.25, TOP - 6), ("median", 0.5, TOP - 22), ("upper quartile", 0.75, TOP - 38))
    for name, share, y in rows:
        value = marks.quantile(share)
        x = across(min(value, marks.edges[-1]))
        kind = "median" if share == 0.5 else "quartile"
        # The label stands on the side of the line where there is room for it.
        anchor, shift = (" end", -5) if x > 55 else ("", 5)
        lines.append(f'<line class="{kind}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y - 9}" y2="{BOTTOM}"/>')
        labels.append(
            f'<text class="label {kind}-label{anchor}" x="{x:.2f}%" dx="{shift}" y="{y}">'
            f"{name} {number(value)}</text>"
        )
    return lines + labels


def stacked_bar(outcomes: Mapping[str, int], label: str) -> str:
    """Draw how an item ended in the class as one bar of shares."""
    total = sum(outcomes.values())
    parts, at = [], 0.0
    for status in STATUSES:
        count = outcomes.get(status, 0)
        if not count:
            continue
        width = 100 * count / total
        parts.append(
            f'<rect class="{CLASSES[status]}" x="{at:.3f}%" width="{width:.3f}%" height="100%">'
            f"<title>{status}: {count:,} of {total:,}</title></rect>"
        )
        if count / total >= SHOWN_SHARE:
            parts.append(
                f'<text class="count {CLASSES[status]}" x="{at + width / 2:.3f}%" y="17">{count:,}</text>'
            )
        at += width
    return (
        f'<svg class="stack" role="img" aria-label="{safe(label)}" width="100%" height="24">'
        + "".join(parts)
        + "</svg>"
    )


def share_bar(part: float, whole: float) -> str:
    """Draw a share as a thin bar; the number stands beside it, so it is hidden from screen readers."""
    width = 100 * part / whole if whole else 0.0
    return (
        '<svg class="share" aria-hidden="true" width="100%" height="8">'
        '<rect class="track" width="100%" height="8" rx="2"/>'
        f'<rect class="bar" width="{width:.1f}%" height="8" rx="2"/></svg>'
    )
