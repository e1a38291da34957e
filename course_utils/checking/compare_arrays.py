"""Comparing the values of two tensors or two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from course_utils.checking.arrays import as_array, dtype_name
from course_utils.checking.difference import Difference, Tolerance
from course_utils.checking.hints import patterns, shape_hint
from course_utils.checking.trees import identical

NUMBERS = "fciub"
WHOLE = "iub"


def compare_values(
    expected: Tensor | np.ndarray, got: Tensor | np.ndarray, tolerance: Tolerance, where: str
) -> Difference | None:
    """Return the first of: another shape, another dtype, other values."""
    wanted, given = tuple(expected.shape), tuple(got.shape)
    if wanted != given:
        return Difference(f"expected shape {wanted}, got {given}" + shape_hint(wanted, given), "", where)
    if tolerance.check_dtype and dtype_name(expected) != dtype_name(got):
        message = f"expected dtype {dtype_name(expected)}, got {dtype_name(got)}"
        return Difference(message, "", where)
    first, second = as_array(expected), as_array(got)
    if first.dtype.kind not in NUMBERS or second.dtype.kind not in NUMBERS:
        return _compare_objects(first, second, where)
    wrong = ~_near(first, second, tolerance)
    if not wrong.any():
        return None
    if first.dtype.kind == second.dtype.kind == "b":
        inverted = ": every True is False and every False is True" if wrong.all() and wrong.size > 1 else ""
        return Difference(_share(wrong) + inverted, "", where)
    return _describe_wrong(_broken(first), _broken(second), wrong, where)


def _near(first: np.ndarray, second: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    whole = first.dtype.kind in WHOLE
    if whole and second.dtype.kind in WHOLE and tolerance.absolute < 1:
        return np.asarray(first == second)
    relative = 0.0 if whole else tolerance.relative
    first, second = _broken(first), _broken(second)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(first - second) <= tolerance.absolute + relative * np.abs(first)
    # Infinity is within any share of itself of everything: it must be met exactly.
    return (near & np.isfinite(first)) | (first == second) | (np.isnan(first) & np.isnan(second))


def _broken(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "c" else array.astype(np.float64)


def _compare_objects(first: np.ndarray, second: np.ndarray, where: str) -> Difference | None:
    pairs = zip(first.flat, second.flat, strict=True)
    wrong = ~np.asarray([_same_object(a, b) for a, b in pairs], dtype=bool).reshape(first.shape)
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    detail = f"at {list(place)}: expected {first[place]!r}, got {second[place]!r}"
    return Difference(_share(wrong), detail, where)


def _same_object(first: Any, second: Any) -> bool:
    try:
        return bool(first == second) or bool(first != first and second != second)
    except Exception:
        return identical(first, second)  # arrays inside: they have no single truth value


def _describe_wrong(first: np.ndarray, second: np.ndarray, wrong: np.ndarray, where: str) -> Difference:
    nan = int((np.isnan(second) & ~np.isnan(first)).sum())
    infinite = int((np.isinf(second) & ~np.isinf(first)).sum())
    if nan or infinite:
        what = " and ".join(
            f"{count} {name}" for count, name in ((nan, "NaN"), (infinite, "infinite")) if count
        )
        return Difference(f"the result holds values that are not finite: {what} of {first.size}", "", where)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.nan_to_num(np.abs(first - second), nan=np.inf, posinf=np.inf)
    distance = np.where(wrong, distance, -1.0)
    place = np.unravel_index(int(distance.argmax()), distance.shape) if distance.ndim else ()
    spot = f" at {[int(i) for i in place]}" if place else ""
    detail = f"largest difference{spot}: {_both(first[place], second[place])}"
    share = _share(wrong)
    public, own = patterns(first, second)
    return Difference(share + public, detail, where, share + own)


def _both(first: Any, second: Any) -> str:
    digits = 6 if f"{first:.6g}" != f"{second:.6g}" else 12
    return f"expected {first:.{digits}g}, got {second:.{digits}g}"


def _share(wrong: np.ndarray) -> str:
    if wrong.size == 1:
        return "the value differs"
    return f"{int(wrong.sum())} of {wrong.size} values differ"
