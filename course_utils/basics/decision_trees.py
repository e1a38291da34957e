"""Decision trees: how mixed a group is, the best question, and questions asked one after the other.

Read from top to bottom: `gini`, `entropy`, `best_split`, `DecisionTree`. The chapter's other models are in
`first_models.py`, from which all of this can be imported.

Sources:
    Hastie, Tibshirani and Friedman 2009, "The Elements of Statistical Learning", 2nd edition, section 9.2
    ("the book" below).
    Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Shaped


def gini(counts: Shaped[np.ndarray, "... classes"]) -> Float[np.ndarray, "..."]:
    """Return the Gini impurity: how often two draws from a group (with replacement) differ in their class.

    `1 - sum of p_c**2`, with `p_c` the share of class `c`.

    Args:
        counts: how many examples of each class a group holds, shape (..., classes).

    Returns:
        From 0, where all are of one class, to 1 - 1/classes, shape (...).

    Raises:
        ValueError: if a group has no examples.

    Source:
        Section 9.2.3 of the book.

    Example:
        >>> gini(np.array([[2, 2], [3, 1], [4, 0]])).tolist()  # 1 - 1/2, 1 - (9 + 1) / 16, 1 - 1
        [0.5, 0.375, 0.0]
    """
    return 1 - (class_shares(counts) ** 2).sum(axis=-1)


def entropy(counts: Shaped[np.ndarray, "... classes"]) -> Float[np.ndarray, "..."]:
    """Return the entropy in bits: how many yes-or-no questions a class takes on average, at the very least.

    `sum of p_c * log2(1 / p_c)`, with `p_c` the share of class `c`. A class that is absent adds nothing.

    Args:
        counts: how many examples of each class a group holds, shape (..., classes).

    Returns:
        Bits, from 0, where all are of one class, to log2(classes), shape (...).

    Raises:
        ValueError: if a group has no examples.

    Source:
        Shannon 1948, "A Mathematical Theory of Communication", section 6.

    Example:
        >>> entropy(np.array([[2, 2, 0], [2, 1, 1], [4, 0, 0]])).tolist()
        [1.0, 1.5, 0.0]
    """
    shares = class_shares(counts)
    surprise = np.log2(1 / np.where(shares > 0, shares, 1))
    return (shares * surprise).sum(axis=-1)


def class_shares(counts: Shaped[np.ndarray, "... classes"]) -> Float[np.ndarray, "... classes"]:
    """Divide the counts of each group by their sum.

    Raises:
        ValueError: if a group has no examples.

    >>> class_shares(np.array([3, 1])).tolist()
    [0.75, 0.25]
    """
    total = counts.sum(axis=-1, keepdims=True)
    if (total <= 0).any():
        raise ValueError("a group without examples has no shares: each group needs one example at least")
    return counts / total


IMPURITIES = {"gini": gini, "entropy": entropy}


def best_split(
    x: Float[np.ndarray, "rows features"], y: Shaped[np.ndarray, " rows"], criterion: str = "gini"
) -> tuple[int, float, float] | None:
    """Find the question whose two answers leave the labels least mixed.

    Rows with `x[:, feature] <= threshold` go left, the others right. Thresholds lie in the middle between two
    neighboring values of a feature. The decrease is the impurity of all rows less the impurities of both
    sides, each weighted by its share of the rows. Where several splits are equally good, the lowest feature
    is taken, and of its splits the one with the lowest threshold.

    Args:
        x: features, shape (rows, features).
        y: labels, shape (rows,).
        criterion: "gini" or "entropy".

    Returns:
        Feature, threshold and decrease. The decrease may be zero. None if no feature has two different
        values, since nothing can be split then.

    Raises:
        ValueError: if the criterion is another word, or `y` does not hold one label for each row.

    Source:
        Section 9.2.3 of the book; one pass over the sorted values of each feature.

    Example:
        >>> x = np.array([[1.0, 9.0], [2.0, 7.0], [3.0, 8.0], [4.0, 6.0]])
        >>> best_split(x, np.array(["a", "a", "b", "b"]))
        (0, 2.5, 0.5)
    """
    if criterion not in IMPURITIES:
        raise ValueError(f"criterion is 'gini' or 'entropy', not {criterion!r}")
    require_rows(x, y)
    impurity = IMPURITIES[criterion]
    classes, numbers = np.unique(y, return_inverse=True)
    one_hot = np.eye(len(classes))[numbers]
    total = one_hot.sum(axis=0)
    best = None
    for feature in range(x.shape[1]):
        order = np.argsort(x[:, feature])
        values = x[order, feature]
        # Row `last` is the last one at the left. Equal values stay on one side.
        last = np.flatnonzero(values[:-1] < values[1:])
        if len(last) == 0:
            continue
        left = one_hot[order].cumsum(axis=0)[last]
        share = (last + 1) / len(y)
        mixed = share * impurity(left) + (1 - share) * impurity(total - left)
        # Rounded, so that splits which are equally good stay equal in floating point.
        decreases = np.round(impurity(total) - mixed, 12)
        place = decreases.argmax()
        if best is None or decreases[place] > best[2]:
            low, high = values[last[place]], values[last[place] + 1]
            middle = low + (high - low) / 2
            # Between two neighbors among the floating-point numbers there is no middle.
            best = feature, float(middle if middle < high else low), float(decreases[place])
    return best


@dataclass(frozen=True)
class Branch:
    """A question in a tree, with what follows a yes (left) and a no (right): a branch or a label."""

    feature: int
    threshold: float
    left: Any
    right: Any


class DecisionTree:
    """Ask yes-or-no questions about single features until the labels are settled.

    Args:
        max_depth: The largest number of questions from the root to a leaf; None for no limit.
        criterion: "gini" or "entropy", by which questions are chosen; see :func:`best_split`.

    Attributes:
        root_: the first question, a `Branch`, or a label if there is none.

    Source:
        Breiman et al. 1984; without their pruning.

    Example:
        >>> tree = DecisionTree().fit(np.array([[1.0], [2.0], [3.0]]), np.array(["a", "b", "a"]))
        >>> tree.predict(np.array([[0.0], [2.2], [9.0]])).tolist()
        ['a', 'b', 'a']
    """

    def __init__(self, max_depth: int | None = None, criterion: str = "gini") -> None:
        self.max_depth = max_depth
        self.criterion = criterion

    def fit(self, x: Float[np.ndarray, "rows features"], y: Shaped[np.ndarray, " rows"]) -> Self:
        """Grow the tree, always taking the question that is best at the moment.

        Raises:
            ValueError: if `y` does not hold one label for each row.
        """
        require_rows(x, y)
        self.root_ = self._grow(x, y, depth=0)
        return self

    def _grow(self, x: np.ndarray, y: np.ndarray, depth: int) -> Any:
        """Return the branch for some of the rows, or their most frequent label."""
        if depth == self.max_depth or len(np.unique(y)) == 1:
            return most_frequent(y)
        split = best_split(x, y, self.criterion)
        if split is None:
            return most_frequent(y)
        feature, threshold, _ = split
        left = x[:, feature] <= threshold
        return Branch(
            feature,
            threshold,
            left=self._grow(x[left], y[left], depth + 1),
            right=self._grow(x[~left], y[~left], depth + 1),
        )

    def predict(self, x: Float[np.ndarray, "rows features"]) -> Shaped[np.ndarray, " rows"]:
        """Let each row answer the questions, and return the labels at which they end."""
        return np.array([_follow(self.root_, row) for row in x])


def _follow(node: Any, row: np.ndarray) -> Any:
    """Go from a node down to the label of a row."""
    while isinstance(node, Branch):
        node = node.left if row[node.feature] <= node.threshold else node.right
    return node


def leaf_depths(node: Any) -> list[int]:
    """List how many questions lead from a node of a tree to each leaf below it, from left to right.

    >>> leaf_depths(Branch(0, 2.5, "a", Branch(1, 0.5, "b", "a")))
    [1, 2, 2]
    """
    if not isinstance(node, Branch):
        return [0]
    return [1 + depth for side in (node.left, node.right) for depth in leaf_depths(side)]


def most_frequent(labels: Sequence | Shaped[np.ndarray, " rows"]) -> Any:
    """Return the label that occurs most often; of several, the one that sorts first.

    >>> str(most_frequent(["b", "a", "c", "b", "a"]))
    'a'
    """
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def require_rows(x: np.ndarray, y: np.ndarray) -> None:
    """Refuse what is not a table with one label or number for each of its rows.

    Raises:
        ValueError: if `x` is not of shape (rows, features), `y` not of shape (rows,), or there is no row.
    """
    if x.ndim != 2 or y.shape != (len(x),) or len(x) == 0:
        raise ValueError(
            "x must be of shape (rows, features) and y of shape (rows,), with one row at least; "
            f"got shapes {x.shape} and {y.shape}"
        )
