"""DataFrames, Series and their indexes as columns.

pandas is imported when the first of them comes by, so that a notebook without tables does not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.grading.channel.objects import Foreign
from course_utils.grading.channel.tags import (
    MOST_COLUMNS,
    MOST_LEVELS,
    MOST_ROWS,
    Tag,
    Tree,
    UnreadableDataError,
)

TAGS = frozenset(
    {
        Tag.FRAME,
        Tag.SERIES,
        Tag.INDEX,
        Tag.RANGE_INDEX,
        Tag.MULTI_INDEX,
        Tag.CATEGORICAL,
        Tag.EXTENSION,
        Tag.MISSING,
    }
)
EXTENSION_DTYPE = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean|str|string")
MISSING = ("NA", "NaT")

Inner = Callable[[Any], Any]


def is_pandas(value: Any) -> bool:
    """Whether a value is one of pandas's, without importing pandas."""
    return type(value).__module__.split(".")[0] == "pandas"


def is_comparable(value: Any) -> bool:
    """Whether `==` says if a value is another one; for arrays it gives no truth value, but an error."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_comparable, value))
    if isinstance(value, dict):
        return all(map(is_comparable, value.values()))
    return not isinstance(value, (Tensor, np.ndarray)) and not is_pandas(value)


def _column(values: Any) -> Any:
    """Return a column in which stand-ins take the place of arrays: pandas would stumble over them.

    Nothing else than values one by one is a column: pandas would repeat a number, and write out a range.
    """
    import pandas

    if not isinstance(values, (np.ndarray, pandas.api.extensions.ExtensionArray)):
        raise UnreadableDataError("a column must hold its values")
    if not isinstance(values, np.ndarray) or values.dtype != object:
        return values
    kept = values.copy()
    for place, item in enumerate(values.flat):
        if not is_comparable(item) and not _is_missing(item):
            kept.flat[place] = Foreign()
    return kept


def _is_missing(value: Any) -> bool:
    import pandas

    return value is pandas.NA or value is pandas.NaT


def encode(value: Any, inner: Inner) -> Tree:
    """Return the tree of a table, an index or a missing value; of anything else the name of its type."""
    import pandas

    if value is pandas.NA or value is pandas.NaT:
        return [Tag.MISSING, "NA" if value is pandas.NA else "NaT"]
    if isinstance(value, pandas.DataFrame):
        columns = [_encode_values(value.iloc[:, place], inner) for place in range(value.shape[1])]
        return [Tag.FRAME, inner(value.index), inner(value.columns), *columns]
    if isinstance(value, pandas.Series):
        return [Tag.SERIES, inner(value.index), inner(value.name), _encode_values(value, inner)]
    if isinstance(value, pandas.RangeIndex):
        if len(value) > MOST_ROWS:
            raise UnreadableDataError(f"an index has more than {MOST_ROWS:,} rows")
        return [Tag.RANGE_INDEX, value.start, value.stop, value.step, inner(value.name)]
    if isinstance(value, pandas.MultiIndex):
        return [Tag.MULTI_INDEX, inner(list(value.names)), inner(value.tolist())]
    if isinstance(value, pandas.Index):
        return [Tag.INDEX, inner(value.name), _encode_values(value, inner)]
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return _encode_values(value, inner)
    return [Tag.OBJECT, type(value).__name__, [], False]


def _encode_values(values: Any, inner: Inner) -> Tree:
    """Return the tree of a column, of an index or of an extension array."""
    import pandas

    name = str(values.dtype)
    if isinstance(values.dtype, pandas.CategoricalDtype):
        categorical = pandas.Categorical(values)
        codes, ordered = inner(categorical.codes), bool(categorical.ordered)
        return [Tag.CATEGORICAL, inner(categorical.categories), codes, ordered]
    if EXTENSION_DTYPE.fullmatch(name):
        return [Tag.EXTENSION, name, inner(list(values))]
    if isinstance(values.dtype, pandas.api.extensions.ExtensionDtype):
        # Time zones, intervals, periods: as texts.
        return [Tag.EXTENSION, "object", inner([str(item) for item in values])]
    return inner(values.to_numpy())


def decode(tag: Tag, rest: list[Tree], _buffer: Any, inner: Inner) -> Any:
    """Return the table, index or missing value of a tree."""
    import pandas

    if tag == Tag.MISSING:
        return {"NA": pandas.NA, "NaT": pandas.NaT}[rest[0]]
    if tag == Tag.RANGE_INDEX:
        start, stop, step, name = rest
        if not all(type(number) is int and abs(number) < 2**62 for number in (start, stop, step)):
            raise UnreadableDataError("a range index must hold integers")
        if len(range(start, stop, step)) > MOST_ROWS:
            raise UnreadableDataError(f"a range index has more than {MOST_ROWS:,} rows")
        return pandas.RangeIndex(start, stop, step, name=inner(name))
    if tag == Tag.FRAME and len(rest) > MOST_COLUMNS:
        raise UnreadableDataError(f"a table has more than {MOST_COLUMNS:,} columns")
    if tag == Tag.MULTI_INDEX:
        names, rows = map(inner, rest)
        if not isinstance(names, list) or len(names) > MOST_LEVELS:
            raise UnreadableDataError(
                f"an index has at most {MOST_LEVELS} levels, with their names in a list"
            )
        if not isinstance(rows, list) or not all(isinstance(r, tuple) and len(r) == len(names) for r in rows):
            raise UnreadableDataError("the rows of an index must have a part for each level")
        if not rows:
            return pandas.MultiIndex.from_arrays([[]] * len(names), names=names)
        return pandas.MultiIndex.from_tuples(rows, names=names)
    if tag == Tag.INDEX:
        return pandas.Index(_column(inner(rest[1])), name=inner(rest[0]))
    if tag == Tag.CATEGORICAL:
        categories, codes = _index(inner(rest[0])), inner(rest[1])
        if len(categories) > MOST_COLUMNS:
            raise UnreadableDataError(f"a column has more than {MOST_COLUMNS:,} categories")
        if not isinstance(codes, np.ndarray):
            raise UnreadableDataError("the codes of a column must be an array")
        return pandas.Categorical.from_codes(codes, categories, ordered=rest[2] is True)
    if tag == Tag.EXTENSION:
        name = rest[0]
        if name != "object" and not EXTENSION_DTYPE.fullmatch(str(name)):
            raise UnreadableDataError("the dtype of a column is not known")
        values = inner(rest[1])
        if not isinstance(values, list):
            raise UnreadableDataError("a column must hold its values")
        return pandas.array(values, dtype=name)
    if tag == Tag.SERIES:
        index, name, values = map(inner, rest)
        return pandas.Series(_column(values), index=_index(index), name=name)
    index, columns, *values = map(inner, rest)
    if not values:
        return pandas.DataFrame(index=_index(index), columns=_index(columns))
    # By place: two columns may have one name.
    frame = pandas.DataFrame(
        {place: pandas.Series(_column(column), index=_index(index)) for place, column in enumerate(values)}
    )
    frame.columns = _index(columns)
    return frame


def _index(value: Any) -> Any:
    import pandas

    if not isinstance(value, pandas.Index):
        raise UnreadableDataError("a table needs an index")
    return value
