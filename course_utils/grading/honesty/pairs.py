"""Pairs of submissions that are near copies, found without comparing everybody with everybody.

The comparison of two texts is RapidFuzz's, which nbgrader brings along already, so that nothing new has to be
installed: https://github.com/rapidfuzz/RapidFuzz (MIT). Which texts to compare is decided here, by rare
fragments that two submissions share.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz.distance import Indel

from course_utils.grading.honesty.fragments import Unit
from course_utils.grading.honesty.report import Pair, Passage, Side

RARE = 40
"""A fragment that more students have leads to no comparison."""
COMMON_SHARE = 1 / 3
"""A fragment that this share of the others has proves nothing."""
FEWEST_OTHERS = 6
"""In a small class a fragment that three have is not common yet."""
FEWEST_SHARED = 4
FEWEST_IN_ALL, LEAST_SIMILARITY = 24.0, 0.5
FEWEST_IN_ONE, LEAST_IN_ONE = 20.0, 0.8
MOST_PAIRS = 200
MOST_PASSAGES = 8
MOST_LINES, LONGEST_LINE, CONTEXT = 80, 160, 2
LONGEST_ALIGNED = 3_000


class Class:
    """The fragments of a class and what each is worth as evidence.

    Args:
        everyone: The units of each student.
        background: Units that are no evidence: what was released, and the course's own answers.
    """

    def __init__(self, everyone: Mapping[str, Sequence[Unit]], background: Iterable[Unit]) -> None:
        self.students = list(everyone)
        self.units = list(everyone.values())
        self.comparisons = 0
        self._known = {value for unit in background for value in unit.fragments()}
        self._prints = [self._own(units) for units in self.units]
        counts = Counter(value for prints in self._prints for value in prints)
        self._counts = {value: count for value, count in counts.items() if count > 1}
        self._others = max(len(self.students) - 2, FEWEST_OTHERS)
        self._totals = [sum(map(self.weight, prints)) for prints in self._prints]

    def _own(self, units: Iterable[Unit]) -> array[int]:
        own = {value for unit in units for value in unit.fragments()} - self._known
        return array("q", sorted(own))

    def weight(self, value: int) -> float:
        """Return what a fragment counts: 1 where two students have it, 0 where a third of the class does."""
        if value in self._known:
            return 0.0
        others = max(0, self._counts.get(value, 1) - 2)
        return max(0.0, 1.0 - others / self._others / COMMON_SHARE)

    def pairs(self) -> tuple[list[Pair], int]:
        """Return the most similar pairs, and how many more there are."""
        best: list[tuple[float, float, int, int]] = []
        found = 0
        for entry in self._similar():
            found += 1
            heapq.heappush(best, entry)
            if len(best) > MOST_PAIRS:
                heapq.heappop(best)
        ranked = sorted(best, key=lambda entry: (-entry[0], -entry[1], entry[2], entry[3]))
        return [self._pair(*entry) for entry in ranked], found - len(ranked)

    def _similar(self) -> Iterable[tuple[float, float, int, int]]:
        """Go through the pairs that share rare fragments, and yield those that are alike."""
        holders: dict[int, array[int]] = defaultdict(lambda: array("l"))
        for student, prints in enumerate(self._prints):
            for value in prints:
                if 2 <= self._counts.get(value, 1) <= RARE and self.weight(value) > 0:
                    holders[value].append(student)
        for first, prints in enumerate(self._prints):
            shared: Counter[int] = Counter()
            for value in prints:
                shared.update(other for other in holders.get(value, ()) if other > first)
            mine = set(prints)
            for second, count in shared.items():
                if count < FEWEST_SHARED:
                    continue
                self.comparisons += 1
                both = mine.intersection(self._prints[second])
                evidence = sum(map(self.weight, both))
                similarity = evidence / max(1e-9, min(self._totals[first], self._totals[second]))
                if self._alike(first, second, both, evidence, similarity):
                    yield similarity, evidence, first, second

    def _alike(self, first: int, second: int, both: set[int], evidence: float, similarity: float) -> bool:
        if evidence >= FEWEST_IN_ALL and similarity >= LEAST_SIMILARITY:
            return True
        if evidence < FEWEST_IN_ONE:
            return False
        return any(self._is_copied(unit, both) for unit in (*self.units[first], *self.units[second]))

    def _is_copied(self, unit: Unit, both: set[int]) -> bool:
        """Tell whether one piece alone is a near copy, whatever the rest of the submission is."""
        fragments = set(unit.fragments())
        evidence = sum(map(self.weight, fragments & both))
        return evidence >= FEWEST_IN_ONE and evidence >= LEAST_IN_ONE * sum(map(self.weight, fragments))

    def _pair(self, similarity: float, evidence: float, first: int, second: int) -> Pair:
        both = set(self._prints[first]).intersection(self._prints[second])
        worth = {value: weight for value in both if (weight := self.weight(value)) > 0}
        theirs = [(unit, set(unit.fragments()) & worth.keys()) for unit in self.units[second]]
        passages = []
        for unit in self.units[first]:
            fragments = set(unit.fragments()) & worth.keys()
            matches = [
                (sum(worth[value] for value in fragments & others), -place)
                for place, (other, others) in enumerate(theirs)
                if other.kind == unit.kind
            ]
            most, place = max(matches, default=(0.0, 0))
            if most > 0:
                passages.append((most, passage(unit, theirs[-place][0], fragments & theirs[-place][1])))
        passages.sort(key=lambda entry: -entry[0])
        return Pair(
            self.students[first],
            self.students[second],
            round(similarity, 3),
            round(evidence, 1),
            tuple(each for _, each in passages[:MOST_PASSAGES]),
        )


def passage(first: Unit, second: Unit, fragments: set[int]) -> Passage:
    """Return two units side by side, with the lines marked that match.

    Args:
        first: A unit of one submission.
        second: The unit of the other submission that is most like it.
        fragments: The fragments that both have and that count.
    """
    marks = [_covered(first, fragments), _covered(second, fragments)]
    if first.tokens == second.tokens:
        marks = [set(range(len(first.tokens)))] * 2
    elif max(len(first.tokens), len(second.tokens)) <= LONGEST_ALIGNED:
        for block in Indel.opcodes(first.tokens, second.tokens):
            mine = set(range(block.src_start, block.src_end))
            if block.tag == "equal" and len(mine) >= first.length // 2 and mine & marks[0]:
                marks[0] |= mine
                marks[1] |= set(range(block.dest_start, block.dest_end))
    similarity = Indel.normalized_similarity(first.tokens, second.tokens)
    sides = [_side(unit, places) for unit, places in zip((first, second), marks, strict=True)]
    return Passage(first.kind, first.name, round(similarity, 3), sides[0], sides[1])


def _covered(unit: Unit, fragments: set[int]) -> set[int]:
    """Return the places of the tokens that belong to shared fragments."""
    return {
        place
        for start, value in unit.places()
        if value in fragments
        for place in range(start, start + unit.length)
    }


def _side(unit: Unit, places: set[int]) -> Side:
    marked = sorted({unit.lines[place] for place in places})
    lines = unit.source.split("\n")
    first = max(1, (marked[0] if marked else 1) - CONTEXT)
    last = min(len(lines), (marked[-1] if marked else 1) + CONTEXT, first + MOST_LINES - 1)
    shown = tuple(line[:LONGEST_LINE] for line in lines[first - 1 : last])
    return Side(unit.cell, first, shown, tuple(line for line in marked if line <= last))
