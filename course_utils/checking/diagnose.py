"""Recognizing a known mistake in what an answer does."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.checking.arrays import as_array, dtype_name, is_array, is_plain
from course_utils.checking.perform import Observation
from course_utils.checking.report import CaseResult
from course_utils.checking.trees import is_frame

# An answer with a known mistake may also differ a little numerically (another order of sums,
# another epsilon). It still counts as that mistake when it is this much nearer to it than the
# mistake is to the right answer. Rounding may take more of a small mistake, but never most of it.
NEARNESS = 0.05
MOST_NEARNESS = 0.25
RELATIVE_SLACK = 1e-3
ABSOLUTE_SLACK = 1e-6
SAME_PREDICTIONS = 0.9
MOST_PARTIAL = 2
INPLACE_DISTANCE = 0.5
LARGEST_WHOLE = 2**53
"""Up to here a float holds every integer."""


@dataclass(frozen=True)
class Behavior:
    """What one answer did in one case, and how that was judged."""

    observation: Observation
    result: CaseResult

    @functools.cached_property
    def leaves(self) -> list[Leaf]:
        """What the answer returned, taken apart once for all comparisons."""
        return list(leaves(self.observation.value))


@dataclass(frozen=True, eq=False)
class Leaf:
    """One value inside a nested result; `signature` is all of it but the numbers.

    `whole` says that it is a Python integer: two of these are the same or are not, none is nearly another.
    """

    signature: tuple[Any, ...]
    numbers: np.ndarray | None
    whole: bool = False

    @functools.cached_property
    def finite(self) -> np.ndarray | None:
        """Where the numbers are finite; None where all of them are."""
        assert self.numbers is not None
        finite = np.isfinite(self.numbers)
        return None if finite.all() else finite

    def allowed(self, right: Leaf | None) -> float:
        """How far an answer may be from this leaf of a mistake; worked out once for each right leaf."""
        if right not in self._allowed:
            self._allowed[right] = _allowed_distance(self, right)
        return self._allowed[right]

    @functools.cached_property
    def _allowed(self) -> dict[Leaf | None, float]:
        return {}


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """Take a nested result apart."""
    if isinstance(value, Tensor) and not is_plain(value):
        yield Leaf((path, "special tensor", str(value.layout)), None)
    elif isinstance(value, (Tensor, np.ndarray)):
        array = as_array(value)
        kind = "tensor" if isinstance(value, Tensor) else "array"
        if array.dtype.kind in "fc":
            yield Leaf((path, kind, array.shape, dtype_name(value)), array)
        else:
            yield Leaf((path, kind, array.shape, dtype_name(value), _exactly(array)), None)
    elif is_frame(value):
        yield Leaf((path, "columns", tuple(map(str, getattr(value, "columns", ())))), None)
        for name, column in value.items() if hasattr(value, "columns") else [("", value)]:
            array = column.to_numpy()
            if array.dtype.kind in "fiub":
                yield Leaf((path, name, array.shape), array.astype(float))
            else:
                yield Leaf((path, name, array.shape, _exactly(array)), None)
    elif isinstance(value, Mapping):
        # Mappings are compared by key: two that differ in the order of their keys are the same.
        for key in sorted(value, key=repr):
            yield from leaves(value[key], f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        yield Leaf((path, "sequence", len(value)), None)
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    elif isinstance(value, (bool, str, type(None))):
        yield Leaf((path, value), None)
    elif isinstance(value, (int, np.integer)):
        if abs(int(value)) > LARGEST_WHOLE:
            yield Leaf((path, int(value)), None)
        else:  # 1 and 1.0 are the same number
            yield Leaf((path, "number"), np.asarray(float(value)), whole=True)
    elif isinstance(value, (float, np.floating)):
        yield Leaf((path, "number"), np.asarray(float(value)))
    elif hasattr(value, "__dict__") and not callable(value):
        yield from leaves(vars(value), path)
    else:
        yield Leaf((path, type(value).__name__), None)


def _exactly(array: np.ndarray) -> object:
    return repr(array.tolist()) if array.dtype.hasobject else array.tobytes()


def distance(answer: Any, mistake: Any, right: Any) -> float:
    """Return how far an answer is from a mistake: up to 1 is the same, infinite is another thing."""
    return _distance(list(leaves(answer)), list(leaves(mistake)), list(leaves(right)))


def _distance(first: Sequence[Leaf], second: Sequence[Leaf], right: Sequence[Leaf]) -> float:
    if [leaf.signature for leaf in first] != [leaf.signature for leaf in second]:
        return np.inf
    third: Sequence[Leaf | None] = right
    if [leaf.signature for leaf in second] != [leaf.signature for leaf in third if leaf]:
        third = [None] * len(second)
    farthest = 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # infinities in the answer
        for triple in zip(first, second, third, strict=True):
            farthest = max(farthest, _leaf_distance(*triple))
            if farthest > 1:
                return np.inf
    return farthest


def _leaf_distance(answer: Leaf, mistake: Leaf, right: Leaf | None) -> float:
    if answer.numbers is None or mistake.numbers is None:
        return 0.0
    a, m, finite = answer.numbers, mistake.numbers, mistake.finite
    if answer.whole and mistake.whole and a != m:
        return np.inf
    if finite is not None:
        if not np.array_equal(a[~finite], m[~finite], equal_nan=True):
            return np.inf
        a, m = a[finite], m[finite]
    if not a.size:
        return 0.0
    far = float(np.abs(a - m).max())
    return far / mistake.allowed(right) if np.isfinite(far) else np.inf


def _allowed_distance(mistake: Leaf, right: Leaf | None) -> float:
    assert mistake.numbers is not None
    finite = np.isfinite(mistake.numbers)
    m = mistake.numbers[finite]
    allowed = ABSOLUTE_SLACK + RELATIVE_SLACK * float(np.abs(m).max(initial=0.0))
    if right is not None and right.numbers is not None:
        both = finite & np.isfinite(right.numbers)
        size = float(np.abs(mistake.numbers[both] - right.numbers[both]).max(initial=0.0))
        if size > 0:
            allowed = max(NEARNESS * size, min(allowed, MOST_NEARNESS * size))
    return allowed


def case_distance(answer: Behavior, mistake: Behavior, right: Behavior, kind: str) -> float:
    """Return the distance of two behaviors in one case; up to 1 they count as the same.

    An answer that edits its inputs besides is a little further off: a mistake that does so too is nearer.
    """
    found = _result_distance(answer, mistake, right, kind)
    extra = answer.observation.changed != mistake.observation.changed
    return max(found, INPLACE_DISTANCE) if extra else found


def _result_distance(answer: Behavior, mistake: Behavior, right: Behavior, kind: str) -> float:
    a, m = answer.observation, mistake.observation
    if m.changed and a.changed != m.changed:
        return np.inf
    if a.failure is not None or m.failure is not None:
        same = a.failure is not None and m.failure is not None and a.failure.kind == m.failure.kind
        return 0.0 if same else np.inf
    if kind == "efficiency":
        # To be slow is one thing, to be wrong another.
        outcome, other = ((each.result.passed, each.result.slow) for each in (answer, mistake))
        if outcome != other:
            return np.inf
        if any(outcome):
            return 0.0
    if kind == "property":
        same = _without_numbers(answer.result.message) == _without_numbers(mistake.result.message)
        return 0.0 if same else np.inf
    if kind == "score":
        return _prediction_distance(a.value, m.value)
    return _distance(answer.leaves, mistake.leaves, right.leaves)


def _without_numbers(message: str) -> str:
    return re.sub(r"[\d.]+", "#", message)


def _prediction_distance(answer: Any, mistake: Any) -> float:
    """Two separately trained models never agree everywhere: nine predictions in ten are enough."""
    if not all(is_array(value) for value in (answer, mistake)):
        return np.inf
    first, second = as_array(answer), as_array(mistake)
    if first.shape != second.shape:
        return np.inf
    if first.dtype.kind not in "fiub" or second.dtype.kind not in "fiub":
        return float((first != second).mean()) / (1 - SAME_PREDICTIONS)
    scale = float(np.std(second)) or 1.0
    far = np.abs(first.astype(float) - second.astype(float)) > 0.1 * scale
    return float(far.mean()) / (1 - SAME_PREDICTIONS)


@dataclass(frozen=True)
class Match:
    """How an answer compares with one known mistake: its distance in each case, and the cases both lose."""

    explanation: str
    distances: tuple[float, ...]
    shared: frozenset[int]
    by_value: frozenset[int]


def recognize(
    answer: Sequence[Behavior],
    right: Sequence[Behavior],
    mistakes: Mapping[str, Sequence[Behavior]],
    kinds: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Name the known mistakes that an answer behaves like.

    Returns the explanations that fit every case (several only if they cannot be told apart), and,
    where none does, those that fit some of the failing cases: an answer may hold two mistakes.
    """
    matches = []
    for explanation, behaviors in mistakes.items():
        together = zip(answer, behaviors, right, kinds, strict=True)
        distances = tuple(case_distance(*four) for four in together)
        both = zip(distances, answer, behaviors, strict=True)
        shared = frozenset(i for i, (d, a, m) in enumerate(both) if d <= 1 and _loses(a) and _loses(m))
        by_value = frozenset(i for i in shared if answer[i].observation.failure is None)
        # Two answers that raise the same exception need not have it for the same reason.
        if any(i in by_value or _same_failure(answer[i], behaviors[i]) for i in shared):
            matches.append(Match(explanation, distances, shared, by_value))
    full = [match for match in matches if max(match.distances) <= 1]
    if full:
        best = min(sum(match.distances) for match in full)
        return [match.explanation for match in full if sum(match.distances) <= best + 1e-6], []
    return [], _cover(matches)


def _cover(matches: list[Match]) -> list[str]:
    """Choose mistakes that together account for as many failing cases as possible.

    A case that two mistakes account for equally well says nothing about which one it is.
    """
    chosen: list[str] = []
    open_cases = frozenset().union(*(match.by_value for match in matches))
    while open_cases and len(chosen) < MOST_PARTIAL:
        most = max(len(match.by_value & open_cases) for match in matches)
        best = [match for match in matches if len(match.by_value & open_cases) == most]
        covered = best[0].by_value & open_cases
        if most == 0 or any(match.by_value & covered for match in best[1:]):
            break
        chosen += [match.explanation for match in best][: MOST_PARTIAL - len(chosen)]
        open_cases -= frozenset().union(*(match.by_value for match in best))
    return chosen


def _same_failure(first: Behavior, second: Behavior) -> bool:
    a, b = first.observation.failure, second.observation.failure
    return a is not None and b is not None and (a.kind, a.message) == (b.kind, b.message)


def _loses(behavior: Behavior) -> bool:
    return not behavior.result.passed or bool(behavior.observation.changed)
