"""Comparing pandas frames, series and indexes, without importing pandas."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np

from course_utils.checking.compare_arrays import compare_values
from course_utils.checking.difference import Difference, Tolerance, first_of


def compare_frames(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    """Compare two frames or two series: shape, names of columns, index, values."""
    if tuple(expected.shape) != tuple(got.shape):
        kind = f"a pandas {type(expected).__name__}"
        return Difference(f"expected {kind} of shape {expected.shape}, got {got.shape}", "", where)
    if type(expected).__name__ == "Series":
        columns = [(where, expected, got)]
    else:
        if list(expected.columns) != list(got.columns):
            detail = f"expected {list(expected.columns)[:8]}, got {list(got.columns)[:8]}"
            return Difference("the columns have other names or another order", detail, where)
        columns = [
            (f"{where}, column {name}" if where else f"column {name}", expected.iloc[:, i], got.iloc[:, i])
            for i, name in enumerate(expected.columns)
        ]
    if compare_indexes(expected.index, got.index, tolerance, "") is not None:
        return Difference("the index (row labels) differs", "", where)
    return first_of(_compare_columns(a, b, tolerance, place) for place, a, b in columns)


def compare_indexes(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    """Compare two pandas indexes, level by level."""
    if expected.nlevels != got.nlevels:
        return Difference(f"expected {expected.nlevels} levels in the index, got {got.nlevels}", "", where)
    return first_of(
        _compare_columns(expected.get_level_values(i), got.get_level_values(i), tolerance, where)
        for i in range(expected.nlevels)
    )


def _compare_columns(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    first, second = _column_values(expected), _column_values(got)
    if (first.dtype.kind == "O") != (second.dtype.kind == "O"):
        return Difference(f"expected values like {expected.dtype}, got {got.dtype}", "", where)
    loose = Tolerance(tolerance.relative, tolerance.absolute, check_dtype=False)
    return compare_values(first, second, loose, where)


def _column_values(column: Any) -> np.ndarray:
    """Return a column as numbers where all its values are numbers or missing, else as plain objects."""
    kind = getattr(column.dtype, "kind", "O")
    present = np.asarray(column.notna())
    if kind in "iu" and present.all():
        return np.asarray(column.to_numpy(dtype=f"{kind}8"))
    if kind in "fb" or kind in "iu":
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    # Text of digits is not a number, and a date is not the count of nanoseconds that stores it.
    items = column.to_numpy(dtype=object)
    if all(isinstance(item, Number) for item in items[present]):
        return np.asarray([item if there else np.nan for item, there in zip(items, present, strict=True)])
    return np.asarray(
        [item if there else None for item, there in zip(items, present, strict=True)], dtype=object
    )
