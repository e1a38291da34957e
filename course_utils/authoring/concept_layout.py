"""Where chapters stand on the concept map: by part in the overview, by what needs what in a close view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_utils.authoring.course_map import Course

TILE = (142, 78)
"""Width and height of a chapter in the wide overview."""
NARROW_TILE = (162, 78)
GAP = 10
HEAD = 42
"""Height of a part's heading."""
LONGEST_COLUMN = 10
"""Chapters below each other in the wide overview; a longer part takes several columns."""
_SWEEPS = 8


@dataclass(frozen=True)
class Place:
    """Where one chapter stands."""

    wide: tuple[int, int]
    """Left and top in the overview of a wide page."""
    narrow: tuple[int, int]
    """Left and top in the overview of a phone."""
    column: int
    """How many chapters lie on the longest way to it: the column of the close view."""
    row: int
    """Its place within that column."""


@dataclass(frozen=True)
class Layout:
    """Places of all chapters, and of the headings of the parts."""

    chapters: Mapping[str, Place]
    wide_parts: Mapping[str, tuple[int, int, int]]
    """Left, top and width of each part's heading on a wide page."""
    narrow_parts: Mapping[str, tuple[int, int, int]]
    wide_size: tuple[int, int]
    narrow_size: tuple[int, int]


def lay_out(course: Course) -> Layout:
    """Return where everything stands; the same course gives the same places."""
    wide: dict[str, tuple[int, int]] = {}
    narrow: dict[str, tuple[int, int]] = {}
    wide_parts, narrow_parts = {}, {}
    left, top, tallest = 0, 0, 0
    for part in course.parts:
        columns = math.ceil(len(part.chapters) / LONGEST_COLUMN)
        rows = math.ceil(len(part.chapters) / columns)
        wide_parts[part.name] = (left, 0, columns * (TILE[0] + GAP) - GAP)
        narrow_parts[part.name] = (0, top, 2 * NARROW_TILE[0] + GAP)
        for place, chapter in enumerate(part.chapters):
            column, row = divmod(place, rows)
            wide[chapter.key] = (left + column * (TILE[0] + GAP), HEAD + row * (TILE[1] + GAP))
            row, column = divmod(place, 2)
            narrow[chapter.key] = (
                column * (NARROW_TILE[0] + GAP),
                top + HEAD + row * (NARROW_TILE[1] + GAP),
            )
        left += columns * (TILE[0] + GAP)
        top += HEAD + math.ceil(len(part.chapters) / 2) * (NARROW_TILE[1] + GAP) + GAP
        tallest = max(tallest, HEAD + rows * (TILE[1] + GAP) - GAP)
    columns_of, rows_of = chapter_depths(course), chapter_rows(course)
    places = {
        chapter.key: Place(
            wide[chapter.key], narrow[chapter.key], columns_of[chapter.key], rows_of[chapter.key]
        )
        for chapter in course.chapters
    }
    narrow_size = (2 * NARROW_TILE[0] + GAP, top - GAP)
    return Layout(places, wide_parts, narrow_parts, (left - GAP, tallest), narrow_size)


def chapter_depths(course: Course) -> dict[str, int]:
    """Return for each chapter the number of chapters on the longest way to it."""
    depths: dict[str, int] = {}
    for chapter in course.chapters:  # in reading order: what a chapter needs is already there
        depths[chapter.key] = 1 + max((depths[need] for need in chapter.needs), default=-1)
    return depths


def chapter_rows(course: Course) -> dict[str, int]:
    """Return each chapter's place among those of its depth, so that few lines cross.

    A chapter is moved toward the mean place of its neighbors, forward and back through the columns in turn
    (Sugiyama, Tagawa and Toda, 1981). Ties keep the reading order.
    """
    depths = chapter_depths(course)
    neighbors: dict[str, list[str]] = {chapter.key: list(chapter.needs) for chapter in course.chapters}
    for chapter in course.chapters:
        for need in chapter.needs:
            neighbors[need].append(chapter.key)
    columns: list[list[str]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for key, depth in depths.items():
        columns[depth].append(key)
    height = {key: _share(column, key) for column in columns for key in column}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for depth in range(len(columns)) if forward else reversed(range(len(columns))):
            pull = {}
            for key in columns[depth]:
                near = [height[other] for other in neighbors[key] if (depths[other] < depth) == forward]
                pull[key] = sum(near) / len(near) if near else height[key]
            columns[depth].sort(key=pull.__getitem__)
            height |= {key: _share(columns[depth], key) for key in columns[depth]}
    return {key: row for column in columns for row, key in enumerate(column)}


def _share(column: Sequence[str], key: str) -> float:
    """Return how far down its column a chapter stands, between 0 and 1."""
    return (column.index(key) + 0.5) / len(column)
