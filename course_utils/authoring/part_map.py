"""Draw what needs what inside a part: its chapters from top to bottom, joined by arcs at their left."""

from __future__ import annotations

import html

from course_utils.authoring.course_map import Chapter, Part

_ROW, _TOP, _CHARACTER, _STEP = 38, 22, 7.9, 15
"""The height of a row and of what is above the first, the width of a letter, and how far an arc bends."""


def needs_inside(part: Part) -> list[tuple[int, int]]:
    """Return what needs what, as (the place of what is needed, the place of the chapter that needs it)."""
    places = {chapter.key: place for place, chapter in enumerate(part.chapters)}
    return [
        (places[need], place)
        for place, chapter in enumerate(part.chapters)
        for need in chapter.needs
        if need in places
    ]


def in_words(part: Part) -> str:
    """Say the map in words: what each chapter needs of those before it."""
    titles = [chapter.title for chapter in part.chapters]
    sentences = []
    for place, title in enumerate(titles):
        needed = [titles[first] for first, last in needs_inside(part) if last == place]
        sentences.append(f"{title}: {'needs ' + ', '.join(needed) if needed else 'needs none of this part'}.")
    return " ".join(sentences)


def part_map(part: Part, written: set[str]) -> str:
    """Return the map as SVG on one line, to stand in a page.

    Args:
        part: The part.
        written: The keys of the chapters that can be read; their dots are filled.

    Returns:
        An image for screen readers, with the map in words as its description. Its colors are the page's.
    """
    edges = needs_inside(part)
    reach = max((_bend(last - first) for first, last in edges), default=0)
    left = 14 + reach
    width = left + 44 + max(round(_CHARACTER * len(chapter.title)) for chapter in part.chapters)
    height = 2 * _TOP + _ROW * (len(part.chapters) - 1)
    name = f"map-{part.name}"
    pieces = [
        f'<svg class="part-map" viewBox="0 0 {width} {height}" style="max-width:{width}px" role="img" '
        f'aria-labelledby="{name}-title {name}-text">',
        f'<title id="{name}-title">What needs what in this part</title>',
        f'<desc id="{name}-text">{html.escape(in_words(part), quote=False)}</desc>',
        *(_arc(left, first, last) for first, last in edges),
        *(_row(left, place, chapter, chapter.key in written) for place, chapter in enumerate(part.chapters)),
        "</svg>",
    ]
    return "".join(pieces)


def _bend(rows: int) -> int:
    """Return how far to the left an arc over this many rows goes.

    Long ones bend less for each row, or the text would have no room.
    """
    return round(_STEP * 1.6 * rows**0.72)


def _height(place: int) -> int:
    return _TOP + _ROW * place


def _arc(left: int, first: int, last: int) -> str:
    """Draw one need: from the dot of what is needed down to an arrowhead at the chapter that needs it."""
    top, bottom, middle = _height(first), _height(last), left - _bend(last - first) * 4 // 3
    curve = f"M{left - 9} {top + 3}C{middle} {top + 6} {middle} {bottom - 4} {left - 13} {bottom - 2}"
    return f'<path class="need" d="{curve}"/><path class="head" d="M{left - 9} {bottom - 1}l-8 -5.5l1 8.5z"/>'


def _row(left: int, place: int, chapter: Chapter, written: bool) -> str:
    """Draw one chapter: its dot, filled when it is written, its number and its title."""
    height = _height(place)
    return (
        f'<circle class="{"written" if written else "planned"}" cx="{left}" cy="{height}" r="6.5"/>'
        f'<text class="number" x="{left + 16}" y="{height + 5}">{place + 1}</text>'
        f'<text class="{"written" if written else "planned"}" x="{left + 40}" y="{height + 5}">'
        f"{html.escape(chapter.title, quote=False)}</text>"
    )
