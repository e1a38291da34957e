"""The numbers of a report: marks, items, cases, known mistakes and time, worked out from plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from course_utils.grading.places import Chapter
from course_utils.grading.standing import Standing

ENOUGH = 25
"""How many submissions a discrimination is told from.

It is the smallest number from which a correlation of 0.4, which is what a good item has, can be told from
none: the 95% interval of Fisher's z, which reaches 1.96 / sqrt(n - 3) to either side, then stays above zero.
"""
STATUSES = ("passed", "failed", "crashed", "timed out", "not attempted", "no record")
"""How an item can have ended, from best to worst."""
MOST_BINS = 20


@dataclass(frozen=True)
class Item:
    """A graded cell. `written` ones are marked by a person."""

    cell: str
    name: str
    max_points: float
    written: bool = False


@dataclass(frozen=True)
class ClassData:
    """What a report on a chapter is made from.

    Attributes:
        chapter: The chapter.
        standings: How every student stands who handed it in.
        items: The graded cells in their order.
        scores: The points by student and cell; None where a person has still to give them.
        explanations: By exercise, the sentences of its known mistakes in the order of their declaration.
        strays: Files that no chapter is named like.
    """

    chapter: Chapter
    standings: Sequence[Standing]
    items: Sequence[Item]
    scores: Mapping[str, Mapping[str, float | None]]
    explanations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    strays: Sequence[str] = ()

    @property
    def graded(self) -> list[Standing]:
        """The submissions whose mark is of what was handed in last."""
        return [standing for standing in self.standings if standing.graded]

    @property
    def max_points(self) -> float:
        """The most points of the chapter."""
        return sum(item.max_points for item in self.items)


@dataclass(frozen=True)
class Marks:
    """The distribution of the marks, late penalties taken off.

    `counts[i]` is how many marks lie from `edges[i]` up to, but not including, `edges[i + 1]`; the last bin
    includes its end.
    """

    values: tuple[float, ...]
    max_points: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return sum(self.values) / len(self.values) if self.values else math.nan

    def quantile(self, share: float) -> float:
        """Return the mark below which a share of the marks lies, linear between neighbors."""
        return quantile(self.values, share)


@dataclass(frozen=True)
class ItemNumbers:
    """How the class did in one item.

    Attributes:
        item: The item.
        marked: How many submissions have a mark for it.
        difficulty: The mean share of its points; None where nothing is marked.
        discrimination: The correlation with the points of the other items; None where it cannot be told.
        interval: The 95% interval of the discrimination.
        silent: Why there is no discrimination.
        outcomes: How many submissions ended in each way.
        cases: The cases that did not pass, the most frequent first.
    """

    item: Item
    marked: int
    difficulty: float | None
    discrimination: float | None
    interval: tuple[float, float] | None
    silent: str
    outcomes: Mapping[str, int]
    cases: Sequence[CaseNumbers] = ()


@dataclass(frozen=True)
class CaseNumbers:
    """A case: how many answers it was tried on, and how many it went wrong in, by how."""

    name: str
    tried: int
    wrong: Mapping[str, int]

    @property
    def failed(self) -> int:
        """How many answers did not pass."""
        return sum(self.wrong.values())


@dataclass(frozen=True)
class MistakeNumbers:
    """A known mistake that the class made, and who made it."""

    item: Item
    explanation: str
    students: tuple[str, ...]


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile, linear between neighbors; not a number for no values.

    >>> quantile([1, 2, 3, 4], 0.25)
    1.75
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary.

    >>> correlation([1, 2, 3], [2, 4, 6])
    1.0
    """
    count = len(first)
    if count < 2:
        return None
    mean_first, mean_second = math.fsum(first) / count, math.fsum(second) / count
    across = math.fsum((a - mean_first) * (b - mean_second) for a, b in zip(first, second, strict=True))
    within = math.fsum((a - mean_first) ** 2 for a in first) * math.fsum(
        (b - mean_second) ** 2 for b in second
    )
    if within <= 1e-18:
        return None
    return max(-1.0, min(1.0, across / math.sqrt(within)))


def interval(value: float, count: int) -> tuple[float, float]:
    """Return the 95% interval of a correlation of so many pairs, by Fisher's z.

    >>> tuple(round(end, 2) for end in interval(0.4, 25))
    (0.01, 0.69)
    """
    if count <= 3:
        return -1.0, 1.0
    if abs(value) >= 1:
        return value, value
    middle, reach = math.atanh(value), 1.96 / math.sqrt(count - 3)
    return math.tanh(middle - reach), math.tanh(middle + reach)


def bin_width(max_points: float) -> float:
    """Return the smallest round width with which so many points fall into at most 20 bins.

    >>> bin_width(17), bin_width(25), bin_width(3)
    (1, 2, 0.2)
    """
    widths = (digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5))
    width = next(width for width in widths if max_points / width <= MOST_BINS + 1e-9)
    return int(width) if width >= 1 else round(width, 2)


def marks(data: ClassData) -> Marks:
    """Return the distribution of the marks of what is graded."""
    values = tuple(max(0.0, standing.points - standing.penalty) for standing in data.graded)
    most = max([data.max_points, *values])
    if most <= 0:
        return Marks(values, data.max_points, (0.0, 1.0), (len(values),))
    width = bin_width(most)
    bins = max(1, math.ceil(most / width - 1e-9))
    # Rounded twice: 0.6 is not below 3 x 0.2 as computers count.
    places = Counter(min(bins - 1, int(value / width + 1e-9)) for value in values)
    edges = tuple(round(place * width, 6) for place in range(bins + 1))
    return Marks(values, data.max_points, edges, tuple(places[place] for place in range(bins)))


def items(data: ClassData) -> list[ItemNumbers]:
    """Return how the class did in each item."""
    graded = [standing.student for standing in data.graded]
    everywhere = [
        item for item in data.items if all(data.scores[who].get(item.cell) is not None for who in graded)
    ]
    return [
        _item(data, item, graded, [other for other in everywhere if other != item]) for item in data.items
    ]


def _item(data: ClassData, item: Item, graded: Sequence[str], rest: Sequence[Item]) -> ItemNumbers:
    pairs = [
        (score, math.fsum(data.scores[who][other.cell] or 0.0 for other in rest))
        for who in graded
        if (score := data.scores[who].get(item.cell)) is not None
    ]
    own = [score for score, _ in pairs]
    share = math.fsum(own) / len(own) / item.max_points if own and item.max_points else None
    found, silent = None, ""
    if len(pairs) < ENOUGH:
        silent = "too few submissions to say"
    elif not rest:
        silent = "there is no other item to compare with"
    else:
        found = correlation(own, [others for _, others in pairs])
        if found is None:
            silent = "nothing to compare: all marks are alike"
    outcomes = Counter(
        standing.record.cells[item.cell]["status"]
        for standing in data.graded
        if standing.record is not None and item.cell in standing.record.cells
    )
    return ItemNumbers(
        item,
        len(own),
        share,
        found,
        None if found is None else interval(found, len(pairs)),
        silent,
        {} if item.written else {status: outcomes[status] for status in STATUSES if outcomes[status]},
        cases(data, item),
    )


def cases(data: ClassData, item: Item) -> list[CaseNumbers]:
    """Return the cases of an item that did not pass everywhere, the most frequent first.

    An item that was not attempted was not tried on its cases.
    """
    tried: Counter[str] = Counter()
    wrong: dict[str, Counter[str]] = {}
    for standing in data.graded:
        cell = standing.record.cells.get(item.cell) if standing.record else None
        if cell is None or cell["status"] == "not attempted":
            continue
        for name, status in cell.get("cases", {}).items():
            tried[name] += 1
            wrong.setdefault(name, Counter())
            if status != "passed":
                wrong[name][status] += 1
    found = [CaseNumbers(name, tried[name], dict(how)) for name, how in wrong.items() if how]
    return sorted(found, key=lambda case: -case.failed)


def mistakes(data: ClassData) -> list[MistakeNumbers]:
    """Return the known mistakes that the class made, the most frequent first."""
    who: dict[tuple[str, str], list[str]] = {}
    for standing in data.graded:
        for cell, outcome in (standing.record.cells if standing.record else {}).items():
            for explanation in dict.fromkeys(outcome.get("explanations", ())):
                who.setdefault((cell, explanation), []).append(standing.student)
    known = {item.cell: item for item in data.items}
    order = {
        (item.cell, text): place
        for item in data.items
        for place, text in enumerate(data.explanations.get(item.name, ()))
    }
    found = [
        MistakeNumbers(known[cell], text, tuple(names))
        for (cell, text), names in who.items()
        if cell in known
    ]
    places = {item.cell: place for place, item in enumerate(data.items)}

    def rank(mistake: MistakeNumbers) -> tuple[int, int, int]:
        key = (mistake.item.cell, mistake.explanation)
        return -len(mistake.students), places[mistake.item.cell], order.get(key, len(order))

    return sorted(found, key=rank)


def by_hand(data: ClassData) -> dict[str, list[str]]:
    """Return who has an answer that a person must still mark, by cell."""
    found: dict[str, list[str]] = {}
    for standing in data.graded:
        for cell in standing.pending:
            found.setdefault(cell, []).append(standing.student)
    order: Iterable[str] = (item.cell for item in data.items)
    places = {cell: place for place, cell in enumerate(order)}
    return dict(sorted(found.items(), key=lambda entry: places.get(entry[0], len(places))))
