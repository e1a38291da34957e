"""How much can be learned from data: a coin that nobody can predict, and error bars for everything else.

Three ways to say how far an average over n examples may lie from what it estimates: the standard error
(typical distance), Hoeffding's inequality (a bound that holds whatever the distribution), the bootstrap (any
estimate, by drawing from the data again). All three take the examples to be independent draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float


def simulate_coin_predictor(
    predict: Callable[[Sequence[int]], int], tosses: Sequence[int]
) -> Bool[np.ndarray, " tosses"]:
    """Let a rule predict each toss from the tosses before it, and say which predictions were right.

    Args:
        predict: The rule. It is given all earlier tosses, an empty list at first, and returns 0 or 1.
        tosses: The results in their order, each 0 or 1. Any other sequence of zeros and ones will do.

    Returns:
        Whether each prediction was right, of shape (tosses,). The mean is the accuracy.

    >>> repeat_the_last = lambda past: past[-1] if past else 0
    >>> simulate_coin_predictor(repeat_the_last, [0, 0, 1, 1])
    array([ True,  True, False,  True])
    """
    past: list[int] = []
    right = []
    for toss in tosses:
        right.append(predict(past) == toss)
        past.append(toss)
    return np.array(right, dtype=bool)


def standard_error(values: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "..."]:
    """Estimate how far the mean of n independent values typically lies from the mean of all there could be.

    Args:
        values: Samples of n values each along the last axis.

    Returns:
        The standard error of each mean, in the unit of the values: the sample's standard deviation (n - 1 in
        its denominator) divided by the square root of n.

    Raises:
        ValueError: If n is less than 2: one value says nothing about the spread.

    Source:
        Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 2.

    >>> float(standard_error(np.array([1.0, 3.0])))  # standard deviation sqrt(2), over sqrt(2)
    1.0
    """
    n = values.shape[-1]
    if n < 2:
        raise ValueError(f"a standard error needs at least two values, and {n} was given")
    return values.std(axis=-1, ddof=1) / math.sqrt(n)


def hoeffding_bound(samples: int, tolerance: float, width: float = 1.0, models: int = 1) -> float:
    """Bound the probability that some model's average lies further from its expectation than the tolerance.

    With one model it is Hoeffding's inequality for both sides. With several, each may fail on its own, and
    the probabilities are added (the union bound).

    Args:
        samples: Number of independent values in each average.
        tolerance: The distance that is still tolerated, in the unit of the values.
        width: Distance from the smallest to the largest value that is possible; 1 for right or wrong.
        models: How many models were looked at, all of them fixed before the data were seen.

    Returns:
        A probability, at most 1.

    Raises:
        ValueError: If the tolerance is not positive.

    Source:
        Hoeffding (1963), "Probability Inequalities for Sums of Bounded Random Variables", theorem 2; for
        several models, Shalev-Shwartz and Ben-David (2014), "Understanding Machine Learning", section 4.2.

    >>> round(hoeffding_bound(200, 0.1), 4)  # 2 exp(-4)
    0.0366
    >>> hoeffding_bound(10, 0.1)  # 2 exp(-0.2) is above 1
    1.0
    """
    if tolerance <= 0:
        raise ValueError(f"the tolerance is a distance above zero, not {tolerance}")
    share = tolerance / width
    return min(1.0, 2 * models * math.exp(-2 * samples * share**2))


def hoeffding_sample_size(
    tolerance: float, confidence: float = 0.95, width: float = 1.0, models: int = 1
) -> int:
    """Say how many independent values Hoeffding's inequality asks for.

    Args:
        tolerance: The distance that is still tolerated, in the unit of the values.
        confidence: The least probability, below 1, with which no average lies further off.
        width: Distance from the smallest to the largest value that is possible; 1 for right or wrong.
        models: How many models were looked at, all of them fixed before the data were seen.

    Returns:
        The smallest number of values for which :func:`hoeffding_bound` is at most 1 - confidence.

    Raises:
        ValueError: If the tolerance is not positive, or the confidence is not between 0 and 1.

    Source:
        Hoeffding (1963), theorem 2, solved for the number of values.

    >>> hoeffding_sample_size(0.1)  # ln(2 / 0.05) / 0.02 = 184.4
    185
    """
    if tolerance <= 0:
        raise ValueError(f"the tolerance is a distance above zero, not {tolerance}")
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence lies between 0 and 1, as 0.95 does, and {confidence} was given")
    share = tolerance / width
    return math.ceil(math.log(2 * models / (1 - confidence)) / (2 * share**2))


def bootstrap_interval(
    values: Float[np.ndarray, " n"],
    statistic: Callable[[np.ndarray], float] = np.mean,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Put an error bar on any statistic: compute it again on many resamples of the data.

    A resample is as large as the data and drawn from them with replacement, so that some values occur twice
    and others not at all. The interval holds the middle share of the statistics (the percentile method).

    Args:
        values: The data, of shape (n,).
        statistic: What is computed from such an array, as ``np.median``.
        confidence: Share of the resamples' statistics that the interval holds, between 0 and 1.
        resamples: How many resamples are drawn.
        seed: The same seed gives the same interval.

    Returns:
        The lower and the upper end.

    Raises:
        ValueError: If the confidence is not between 0 and 1.

    Source:
        Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; the percentile method as in Efron
        and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.

    >>> low, high = bootstrap_interval(np.array([4.0, 4.0, 4.0]))
    >>> low, high
    (4.0, 4.0)
    >>> low, high = bootstrap_interval(np.arange(11.0), np.median)
    >>> 0 <= low < 5 < high <= 10
    True
    """
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence lies between 0 and 1, as 0.95 does, and {confidence} was given")
    rng = np.random.default_rng(seed)
    resampled = rng.choice(values, size=(resamples, len(values)))
    estimates = [statistic(resample) for resample in resampled]
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimates, [tail, 1 - tail])
    return float(low), float(high)
