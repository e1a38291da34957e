"""What two arrays that differ have in common: the hint that leads to the slip."""

from __future__ import annotations

import itertools
import math

import numpy as np

SIZE_FACTOR = 1000
RESIDUAL = 0.01


def shape_hint(wanted: tuple[int, ...], given: tuple[int, ...]) -> str:
    """Say how one shape may have become another.

    >>> shape_hint((2, 3), (3, 2))
    ': the same axes in another order'
    """
    if sorted(wanted) == sorted(given):
        return ": the same axes in another order"
    if [n for n in wanted if n != 1] == [n for n in given if n != 1]:
        return ": an axis of length 1 too many or too few (keepdim, unsqueeze, squeeze)"
    if len(given) == len(wanted) - 1 and given in itertools.combinations(wanted, len(given)):
        return ": one axis was summed or indexed away"
    if math.prod(given) > SIZE_FACTOR * max(1, math.prod(wanted)):
        return ": far too large, did shapes broadcast against each other?"
    if math.prod(given) == math.prod(wanted):
        return ": the same number of values, arranged otherwise"
    return ""


SAME_FACTOR = ": every value is the expected one, times one and the same number"


def patterns(expected: np.ndarray, got: np.ndarray) -> tuple[str, str]:
    """Name a simple relation between all the values, where there is one: without numbers, and with them.

    A number comes from the inputs, which may be hidden.

    >>> patterns(np.array([1.0, 2.0]), np.array([3.0, 6.0]))[1]
    ': every value is 3 times the expected one'
    """
    found = _pattern(expected, got)
    if isinstance(found, float):
        return SAME_FACTOR, f": every value is {found:.6g} times the expected one"
    return found, found


def _pattern(expected: np.ndarray, got: np.ndarray) -> str | float:
    """Return the relation in words, or the factor that it is."""
    if expected.size < 2 or expected.dtype.kind != "f" or got.dtype.kind != "f":
        return ""
    if not np.isfinite(expected).all() or np.ptp(expected) == 0:
        return ""
    if not np.any(got):
        return ": all values are zero"
    # A relation is worth naming only if next to nothing is left, of the difference and of the result.
    left_over = RESIDUAL * float(min(np.abs(got - expected).max(), np.abs(got).max()))

    def fits(relation: np.ndarray) -> bool:
        return bool(np.abs(got - relation).max() <= left_over)

    if fits(-expected):
        return ": the sign is the opposite one everywhere"
    scale = float(np.abs(expected).max())
    factor = float((expected / scale * got).sum() / (expected / scale * expected).sum())
    if factor and fits(factor * expected):
        return factor
    if fits(expected + float((got - expected).mean())):
        return ": every value is off by the same amount"
    square = expected.ndim >= 2 and expected.shape[-1] == expected.shape[-2]
    if square and fits(np.swapaxes(expected, -1, -2)):
        return ": the last two axes are transposed"
    return ""
