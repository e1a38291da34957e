"""From a messy table to tensors: categories, missing values, honest splits.

The order of work matters. Split first; learn categories and averages from the training rows only; then apply
them to every part. Whatever is learned from a row that should be unseen is leakage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

Split = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""The rows of a table in three parts: training, validation and test."""


def find_categories(training: pd.DataFrame, columns: Sequence[str]) -> dict[str, list]:
    """List the values that occur in each column, sorted, missing values left out.

    Args:
        training: The training rows. Categories found elsewhere would be leakage.
        columns: Names of the columns to look at.

    Returns:
        The sorted values, by column name.

    >>> find_categories(pd.DataFrame({"sex": ["male", None, "female", "male"]}), ["sex"])
    {'sex': ['female', 'male']}
    """
    return {column: sorted(training[column].dropna().unique()) for column in columns}


def encode_categories(
    frame: pd.DataFrame, categories: Mapping[str, Sequence], missing_column: bool = True
) -> pd.DataFrame:
    """Turn columns of categories into columns of zeros and ones (one-hot encoding).

    The columns depend on ``categories`` alone, never on the rows, so that training, validation and test rows
    get the same columns. A value that is not listed gets zeros in all of its columns.

    Args:
        frame: The rows to encode, of shape (rows, any). Columns without categories are not looked at.
        categories: The values of each column, in the order of the new columns; see :func:`find_categories`.
        missing_column: Whether each column also gets a new one that marks missing values, after its values.

    Returns:
        A table of shape (rows, new columns) with the index of ``frame`` and 0.0 or 1.0 in each cell. The new
        columns are named ``column_value`` and ``column_missing``.

    Raises:
        ValueError: If ``frame`` lacks a column, or two new columns would have the same name.

    Source:
        With the training rows' own categories it equals ``pandas.get_dummies(..., dummy_na=True)``.

    >>> birds = pd.DataFrame({"sex": ["male", None, "female"]})
    >>> encode_categories(birds, {"sex": ["female", "male"]})
       sex_female  sex_male  sex_missing
    0         0.0       1.0          0.0
    1         0.0       0.0          1.0
    2         1.0       0.0          0.0
    """
    absent = [column for column in categories if column not in frame.columns]
    if absent:
        raise ValueError(f"the table has no column {absent}; it has {list(frame.columns)}")
    encoded: dict[str, pd.Series] = {}
    for column, values in categories.items():
        for value in values:
            # For a missing cell of pandas' nullable types `==` says "unknown"; isin says no.
            _add_column(encoded, f"{column}_{value}", frame[column].isin([value]))
        if missing_column:
            _add_column(encoded, f"{column}_missing", frame[column].isna())
    return pd.DataFrame(encoded, index=frame.index).astype(float)


def _add_column(table: pd.DataFrame | MutableMapping[str, pd.Series], name: str, column: pd.Series) -> None:
    """Add a column to a table; a column of that name is never overwritten."""
    if name in table:
        raise ValueError(f"two columns would both be called {name!r}; rename a column or a value first")
    table[name] = column


def drop_missing(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Keep the rows without a missing value.

    Args:
        frame: A table of shape (rows, columns).
        columns: Where a missing value counts; by default, everywhere.

    Returns:
        The rows that are left, with the index they had.

    >>> birds = pd.DataFrame({"mass": [3750.0, None, 3250.0], "sex": ["male", "female", None]})
    >>> len(drop_missing(birds)), len(drop_missing(birds, ["mass"]))
    (1, 2)
    """
    looked_at = frame if columns is None else frame[list(columns)]
    return frame[looked_at.notna().all(axis=1)]


def impute(
    frame: pd.DataFrame, training: pd.DataFrame, strategy: str = "mean", indicator: bool = False
) -> pd.DataFrame:
    """Fill each missing number with the training rows' mean (or median) of its column.

    Args:
        frame: The rows to fill, of shape (rows, columns), all columns numeric.
        training: The training rows, with the same columns. Give the training rows twice to fill them.
        strategy: ``"mean"`` or ``"median"``.
        indicator: Whether to add a column of 0.0 and 1.0, ``column_missing``, that marks what was filled, for
            each column that has missing values in ``training``.

    Returns:
        A table of shape (rows, columns + indicators) without missing values, with the index of ``frame``.

    Raises:
        ValueError: If ``strategy`` is another word, a column of ``training`` holds no number at all, or
            ``frame`` has a column with the name of an indicator.

    Source:
        Little and Rubin (2019), "Statistical Analysis with Missing Data", section 4.2.1. A column that is
        filled this way has too small a spread: fine for predictions, wrong for statements about the data.

    >>> training = pd.DataFrame({"mass": [3.0, 5.0, None]})
    >>> impute(pd.DataFrame({"mass": [None, 6.0]}), training)["mass"].tolist()
    [4.0, 6.0]
    >>> impute(training, training, indicator=True)["mass_missing"].tolist()
    [0.0, 0.0, 1.0]
    """
    if strategy not in ["mean", "median"]:
        raise ValueError(f"strategy is 'mean' or 'median', not {strategy!r}")
    fill = training.mean() if strategy == "mean" else training.median()
    empty = list(fill.index[fill.isna()])
    if empty:
        raise ValueError(f"the training rows have no value at all in {empty}; drop such a column first")
    filled = frame.fillna(fill)
    if indicator:
        for column in training.columns[training.isna().any()]:
            _add_column(filled, f"{column}_missing", frame[column].isna().astype(float))
    return filled


def train_validation_test_split(
    frame: pd.DataFrame, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0
) -> Split:
    """Deal the rows at random into training, validation and test rows.

    Args:
        frame: A table of shape (rows, columns).
        fractions: Share of the rows that each part gets, in this order; they sum to one.
        seed: The same seed gives the same split.

    Returns:
        Three tables that together hold every row once, each within one row of its share.

    Raises:
        ValueError: If a fraction is negative or they do not sum to one.

    >>> parts = train_validation_test_split(pd.DataFrame({"bird": range(10)}))
    >>> [len(part) for part in parts]
    [6, 2, 2]
    >>> sorted(pd.concat(parts)["bird"])
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    training, validation, test = _deal(len(frame), fractions, seed)
    return frame.iloc[training], frame.iloc[validation], frame.iloc[test]


def group_split(
    frame: pd.DataFrame,
    groups: Sequence | pd.Series,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
) -> Split:
    """Deal whole groups at random into training, validation and test rows.

    Rows that share more than chance would give them (the same patient, nest or document) must not stand on
    both sides, or the model is asked about what it has already seen.

    Args:
        frame: A table of shape (rows, columns).
        groups: The group of each row, of shape (rows,), in the order of the rows.
        fractions: Share of the *groups* that each part gets, in this order; they sum to one.
        seed: The same seed gives the same split.

    Returns:
        Three tables that together hold every row once, and every group in one of them.

    Raises:
        ValueError: If a row has no group, the lengths differ, or the fractions are wrong.

    >>> birds = pd.DataFrame({"bird": range(10)})
    >>> training, validation, test = group_split(birds, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    >>> [len(part) for part in (training, validation, test)]
    [6, 2, 2]
    >>> bool(validation["bird"].iloc[0] // 2 == validation["bird"].iloc[1] // 2)
    True
    """
    # A Series keeps NaN apart from names; np.asarray would turn it into the group 'nan'.
    codes, unique = pd.factorize(pd.Series(groups))
    if len(codes) != len(frame):
        raise ValueError(f"{len(codes)} groups were given for {len(frame)} rows")
    if (codes < 0).any():
        raise ValueError(f"{(codes < 0).sum()} rows have no group; give each its own, or drop them")
    training, validation, test = _deal(len(unique), fractions, seed)
    return (
        frame[np.isin(codes, training)],
        frame[np.isin(codes, validation)],
        frame[np.isin(codes, test)],
    )


def _deal(count: int, fractions: tuple[float, float, float], seed: int) -> list[np.ndarray]:
    """Deal the numbers below ``count`` at random into three parts of the given fractions."""
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"the three fractions must be at least 0 and sum to 1, not {fractions}")
    training, validation, _ = fractions
    order = np.random.default_rng(seed).permutation(count)
    # Rounding the two cuts, not the three sizes, keeps the sum right whatever the fractions.
    return np.split(order, [round(count * training), round(count * (training + validation))])


def to_tensors(
    features: pd.DataFrame, labels: pd.Series, classes: Sequence
) -> tuple[Float[Tensor, "rows features"], Int[Tensor, " rows"]]:
    """Turn a complete numeric table and its labels into tensors that PyTorch's losses accept.

    Args:
        features: A table of shape (rows, features), numeric and without missing values.
        labels: The class of each row, of shape (rows,), in the order of the rows whatever their labels.
        classes: All classes; a label becomes its position in this list.

    Returns:
        The features as float32 and the labels as int64, since ``torch.nn.Linear`` holds float32 weights and
        ``torch.nn.functional.cross_entropy`` expects int64 class numbers.

    Raises:
        ValueError: If a feature is not a number or is missing, or a label is missing or not in ``classes``.

    >>> features = pd.DataFrame({"bill": [39.1, 46.5], "mass": [3750, 4500]})
    >>> x, y = to_tensors(features, pd.Series(["Gentoo", "Adelie"]), classes=["Adelie", "Gentoo"])
    >>> x.shape, x.dtype, y
    (torch.Size([2, 2]), torch.float32, tensor([1, 0]))
    """
    text = [column for column in features if not pd.api.types.is_numeric_dtype(features[column])]
    if text:
        raise ValueError(f"columns {text} do not hold numbers; encode their categories first")
    missing = list(features.columns[features.isna().any()])
    if missing:
        raise ValueError(f"columns {missing} have missing values; impute or drop them first")
    numbers = pd.Index(classes).get_indexer(labels)
    unknown = list(labels[numbers < 0])
    if unknown:
        raise ValueError(f"labels {sorted(map(str, set(unknown)))} are not among the classes {list(classes)}")
    return torch.tensor(features.to_numpy(dtype=np.float32)), torch.tensor(numbers)


def column_scores(training: pd.DataFrame, validation: pd.DataFrame, label: str) -> dict[str, float]:
    """Score how well each column alone tells the label: a hunt for leaks.

    The model is a hash table. Each value of the column, and "missing" like a value, is answered by the label
    it mostly has among the training rows (of equally frequent ones, the first in sorted order); a value that
    occurs in no training row, by the most frequent label of all.

    Args:
        training: The training rows, of shape (rows, columns).
        validation: Other rows, with the same columns.
        label: Name of the column to predict, without missing values.

    Returns:
        The balanced accuracy on the validation rows, by column name: the mean over the labels that occur
        there of the share of right answers among their rows. Guessing gives 1 over the number of labels.

    Raises:
        ValueError: If a label is missing in one of the tables.

    Source:
        Brodersen, Ong, Stephan and Buhmann (2010), "The Balanced Accuracy and Its Posterior Distribution",
        ICPR, pages 3121-3124.

    >>> birds = pd.DataFrame({"note": ["no egg", None, None], "nest": [5, 5, 7], "full": ["N", "Y", "Y"]})
    >>> column_scores(birds, birds, "full")
    {'note': 1.0, 'nest': 0.75}
    """
    unlabeled = training[label].isna().sum() + validation[label].isna().sum()
    if unlabeled:
        raise ValueError(f"{unlabeled} rows have no {label!r}: drop them first")
    default = _most_frequent(training[label])
    scores = {}
    for column in training.columns.drop(label):
        seen: dict = {}
        for value, answer in zip(_keys(training[column]), training[label], strict=True):
            seen.setdefault(value, []).append(answer)
        answers = {value: _most_frequent(found) for value, found in seen.items()}
        guesses = [answers.get(value, default) for value in _keys(validation[column])]
        right = validation[label] == guesses
        scores[column] = float(right.groupby(validation[label]).mean().mean())
    return scores


def _most_frequent(labels: Iterable) -> Any:
    """Return the most frequent label; of equally frequent ones, the first in sorted order."""
    counts = Counter(labels)
    return max(sorted(counts), key=counts.__getitem__)


def _keys(column: pd.Series) -> list:
    """Return the values as keys of a hash table: missing ones as None, since NaN does not equal itself."""
    return column.astype(object).where(column.notna(), None).tolist()
