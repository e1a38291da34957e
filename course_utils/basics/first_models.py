"""Four first models: a lookup table, the nearest neighbor, a line and a decision tree.

Each has `fit(x, y)` and `predict(x)`. As with scikit-learn's models, `fit` keeps what it learned in
attributes that end with an underscore, and returns the model itself, so that `Model().fit(x, y).predict(x)`
is one line. Read from top to bottom: models that remember, the line (`mean_squared_error`, `mse_gradient`,
`LinearRegression`), and the choice of a tree's depth (`choose_depth`). The tree itself (`gini`, `entropy`,
`best_split`, `DecisionTree`) is in `decision_trees.py`, and can be imported from here.

Source:
    Hastie, Tibshirani and Friedman 2009, "The Elements of Statistical Learning", 2nd edition ("the book"
    below).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Shaped

from course_utils.basics.arrays_and_tensors import pairwise_distances
from course_utils.basics.decision_trees import (
    Branch,
    DecisionTree,
    best_split,
    entropy,
    gini,
    leaf_depths,
    most_frequent,
    require_rows,
)

__all__ = [
    "Branch",
    "DecisionTree",
    "LinearRegression",
    "LookupTable",
    "NearestNeighbor",
    "best_split",
    "choose_depth",
    "entropy",
    "gini",
    "leaf_depths",
    "mean_squared_error",
    "most_frequent",
    "mse_gradient",
]

# --- models that remember -----------------------------------------------------------------------------------


class LookupTable:
    """Remember the label of each row, and give the most frequent label for a row that was never seen.

    Labels may be of any kind that sorts. Where two are equally frequent, the one that sorts first is taken.

    Attributes:
        table_: the label for each row of the training data.
        default_: the most frequent label of all, for every other row.

    Source:
        A hash table: chapter 11 of Cormen et al. 2022, "Introduction to Algorithms", 4th edition.

    Example:
        >>> table = LookupTable().fit(np.array([[1.0], [2.0], [3.0]]), np.array(["a", "b", "b"]))
        >>> table.predict(np.array([[1.0], [1.1]])).tolist()
        ['a', 'b']
    """

    def fit(self, x: Float[np.ndarray, "rows features"], y: Shaped[np.ndarray, " rows"]) -> Self:
        """Write down each row with its label, the most frequent one where a row occurs more than once."""
        require_rows(x, y)
        labels: dict[tuple, list] = {}
        for row, label in zip(x.tolist(), y, strict=True):
            labels.setdefault(tuple(row), []).append(label)
        self.table_ = {row: most_frequent(found) for row, found in labels.items()}
        self.default_ = most_frequent(y)
        return self

    def predict(self, x: Float[np.ndarray, "rows features"]) -> Shaped[np.ndarray, " rows"]:
        """Look up each row."""
        return np.array([self.table_.get(tuple(row), self.default_) for row in x.tolist()])


class NearestNeighbor:
    """Give each row the label of the training row at the smallest Euclidean distance.

    Distances add up all features, so bring these to one scale first.

    Source:
        Cover and Hart 1967, "Nearest Neighbor Pattern Classification".

    Example:
        >>> neighbor = NearestNeighbor().fit(np.array([[1.0], [2.0], [3.0]]), np.array(["a", "b", "b"]))
        >>> neighbor.predict(np.array([[1.0], [1.1]])).tolist()
        ['a', 'a']
    """

    def fit(self, x: Float[np.ndarray, "rows features"], y: Shaped[np.ndarray, " rows"]) -> Self:
        """Keep the training data; there is nothing to compute yet."""
        require_rows(x, y)
        self.x_, self.y_ = x, y
        return self

    def predict(self, x: Float[np.ndarray, "rows features"]) -> Shaped[np.ndarray, " rows"]:
        """Return the label of the nearest training row; of several, that of the first."""
        distances = pairwise_distances(torch.from_numpy(x), torch.from_numpy(self.x_))
        return self.y_[distances.argmin(dim=1).numpy()]


# --- the line -----------------------------------------------------------------------------------------------


def mean_squared_error(predictions: Float[np.ndarray, " rows"], targets: Float[np.ndarray, " rows"]) -> float:
    """Return the mean of the squared differences, in the squared unit of the targets.

    Raises:
        ValueError: if the shapes differ. Broadcasting would pair every prediction with every target.

    Source:
        Equation 3.2 of the book, divided by the number of rows.

    >>> mean_squared_error(np.array([1.0, 5.0]), np.array([2.0, 2.0]))  # (1 + 9) / 2
    5.0
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            "predictions and targets must have one shape; "
            f"got {predictions.shape} and {targets.shape}, so flatten one of them"
        )
    return float(((predictions - targets) ** 2).mean())


def mse_gradient(
    x: Float[np.ndarray, "rows features"],
    y: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " features"],
    bias: float,
) -> tuple[Float[np.ndarray, " features"], float]:
    """Return the gradient of the mean squared error of `x @ weights + bias` from `y`.

    Args:
        x: features, shape (rows, features).
        y: targets, shape (rows,).
        weights: one number for each feature, shape (features,).
        bias: the number that is added to each prediction.

    Returns:
        The derivatives with respect to the weights, shape (features,), and to the bias, a number.

    Raises:
        ValueError: if `y` does not hold one number for each row.

    Source:
        The derivative of equation 3.3 of the book, divided by the number of rows.

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 9.0])
        >>> gradient, slope = mse_gradient(x, y, np.array([2.0]), 0.0)  # only the last row is wrong, by -3
        >>> gradient.tolist(), float(slope)  # 2/3 * (3 * -3), 2/3 * -3
        ([-6.0], -2.0)
    """
    require_rows(x, y)
    errors = x @ weights + bias - y
    return 2 * x.T @ errors / len(y), 2 * errors.sum() / len(y)


class LinearRegression:
    """Predict a number by a weighted sum of the features plus a bias: `x @ weights_ + bias_`.

    Args:
        fit_bias: Whether there is a bias. Without one, the prediction for features of zero is zero.

    Attributes:
        weights_: one number for each feature, shape (features,). scikit-learn calls them `coef_`.
        bias_: the prediction where all features are zero. scikit-learn calls it `intercept_`.
        losses_: the mean squared error before each step, if the line was found by `descend`.

    Source:
        Section 3.2 of the book.

    Example:
        >>> line = LinearRegression().fit(np.array([[1.0], [2.0], [3.0]]), np.array([3.0, 5.0, 7.0]))
        >>> [round(float(number), 6) for number in (*line.weights_, line.bias_)]
        [2.0, 1.0]
    """

    def __init__(self, fit_bias: bool = True) -> None:
        self.fit_bias = fit_bias

    def fit(self, x: Float[np.ndarray, "rows features"], y: Float[np.ndarray, " rows"]) -> Self:
        """Find the smallest mean squared error at once, by solving for it (`numpy.linalg.lstsq`)."""
        require_rows(x, y)
        # The bias is the weight of a feature that is always one, or zero where there is to be no bias.
        ones = np.full((len(x), 1), float(self.fit_bias), dtype=x.dtype)
        solution = np.linalg.lstsq(np.hstack([x, ones]), y)[0]
        self.weights_, self.bias_ = solution[:-1], solution[-1]
        return self

    def descend(
        self,
        x: Float[np.ndarray, "rows features"],
        y: Float[np.ndarray, " rows"],
        learning_rate: float,
        steps: int,
    ) -> Self:
        """Walk downhill instead: from zero, step after step against the gradient.

        Args:
            x: features, shape (rows, features).
            y: targets, shape (rows,).
            learning_rate: by what the gradient is multiplied to make a step.
            steps: how many steps are taken.
        """
        self.weights_, self.bias_ = np.zeros(x.shape[1], dtype=x.dtype), x.dtype.type(0)
        self.losses_ = []
        for _ in range(steps):
            self.losses_.append(mean_squared_error(self.predict(x), y))
            gradient, slope = mse_gradient(x, y, self.weights_, self.bias_)
            self.weights_ = self.weights_ - learning_rate * gradient
            if self.fit_bias:
                self.bias_ = self.bias_ - learning_rate * slope
        return self

    def predict(self, x: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, " rows"]:
        """Return one number for each row, in the unit of the targets."""
        return x @ self.weights_ + self.bias_


# --- the choice ---------------------------------------------------------------------------------------------


def choose_depth(
    predictions: Shaped[np.ndarray, "depths rows"], labels: Shaped[np.ndarray, " rows"], depths: Sequence[int]
) -> int:
    """Choose a depth by validation accuracy; of several equally accurate ones, the smallest.

    Args:
        predictions: what a tree of each depth says of the validation rows, shape (depths, rows).
        labels: what is right, shape (rows,).
        depths: the depth of each tree, in any order.

    Returns:
        One of the depths.

    Raises:
        ValueError: if there is not one prediction for each depth and each label.

    Source:
        Section 7.2 of the book; the smallest depth, since a simpler tree is cheaper to use and to read.

    Example:
        >>> labels = np.array([0, 1, 1])
        >>> predictions = np.array([[0, 1, 0], [0, 1, 1], [0, 1, 1]])  # right for 2, 3 and 3 of the rows
        >>> choose_depth(predictions, labels, [1, 4, 2])
        2
    """
    if predictions.shape != (len(depths), len(labels)):
        raise ValueError(
            f"{len(depths)} depths and {len(labels)} labels need predictions of shape "
            f"{(len(depths), len(labels))}; got {predictions.shape}"
        )
    right = (predictions == labels).sum(axis=1)
    return min(depth for depth, count in zip(depths, right, strict=True) if count == right.max())
