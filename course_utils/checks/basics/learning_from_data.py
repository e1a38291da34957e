"""What is graded in the exercise "What learning from data can and cannot do": cases, mistakes, variants."""

import math
import random
from statistics import NormalDist

import numpy as np

from course_utils.basics import learning_from_data as reference
from course_utils.checking import Draw, function

# --- standard_error


standard_error = function(reference.standard_error, points=2, check_dtype=False)
standard_error.hint(
    idea="Two steps: how much single values differ from one another, then how much of that is left in the "
    "mean of all of them.",
)
standard_error.forbid("scipy.stats.sem")


def numbers(draw: Draw, *shape: int, mean: float = 4200.0, scale: float = 700.0):
    """Draw values that look like body masses in grams."""
    return draw.numpy.normal(mean, scale, shape)


standard_error.case("one sample")(lambda draw: {"values": numbers(draw, 9)})
standard_error.case("a table: one sample in each row")(lambda draw: {"values": numbers(draw, 5, 7)})
standard_error.case("a sample of two")(lambda draw: {"values": numbers(draw, 2)})
standard_error.case("values far from zero and close together", rtol=1e-3)(
    lambda draw: {"values": numbers(draw, 12, mean=3e8, scale=0.5)}
)
standard_error.case("one value is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"values": numbers(draw, 1)}
)
standard_error.case("an empty sample is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"values": numbers(draw, 0)}
)
standard_error.case("three axes", hidden=True)(lambda draw: {"values": numbers(draw, 2, 3, 6)})
standard_error.case("float32", hidden=True)(lambda draw: {"values": numbers(draw, 4, 11).astype(np.float32)})
standard_error.case("a table of single values is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"values": numbers(draw, 5, 1)}
)
standard_error.mistake(
    "The standard deviation has n in its denominator. The mean was fitted to the same values, so the "
    "distances to it are too small: divide by n - 1 (`ddof=1`).",
    edit=("ddof=1", "ddof=0"),
)
standard_error.mistake(
    "This is the standard deviation: how far one value lies from the mean. The mean of n values is closer, "
    "by the square root of n.",
    edit=(" / math.sqrt(n)", ""),
)
standard_error.mistake(
    "The standard deviation is divided by n. Uncertainty shrinks with the square root of n only.",
    edit=("math.sqrt(n)", "n"),
)
standard_error.mistake(
    "The n - 1 is used twice. It belongs in the standard deviation; under the root stands n.",
    edit=("math.sqrt(n)", "math.sqrt(n - 1)"),
)
standard_error.mistake(
    "The variance is used in place of the standard deviation: take its square root.",
    edit=("values.std(", "values.var("),
)
standard_error.mistake(
    "All values of the table are thrown together. Each row is a sample of its own: work along the last axis.",
    edit=("values.std(axis=-1, ddof=1)", "values.std(ddof=1)"),
)
standard_error.mistake(
    "The spread is taken down the columns, across different samples. A sample is a row: the last axis.",
    edit=("axis=-1", "axis=0"),
)
standard_error.mistake(
    "n is the number of rows of the table, not the number of values in a sample.",
    edit=("values.shape[-1]", "values.shape[0]"),
)
standard_error.mistake(
    "n is the number of all values in the table, not of those in one sample: take the last axis.",
    edit=("values.shape[-1]", "values.size"),
)
standard_error.mistake(
    "One value is let through, and the answer is NaN. One value says nothing about the spread: raise a "
    "ValueError.",
    edit=("if n < 2:", "if False:"),
)
standard_error.mistake(
    "A sample without any value is let through. It has fewer than two values, too: raise a ValueError.",
    edit=("if n < 2:", "if n == 1:"),
)


@standard_error.mistake(
    "The mean of the squares minus the square of the mean: two huge numbers whose digits cancel where the "
    "values lie far from zero. Subtract the mean first, then square."
)
def by_the_short_formula(values):
    n = values.shape[-1]
    if n < 2:
        raise ValueError("too few")
    variance = ((values**2).mean(-1) - values.mean(-1) ** 2) * n / (n - 1)
    return np.sqrt(np.maximum(variance, 0) / n)


@standard_error.variant
def with_sums(values):
    n = values.shape[-1]
    if n <= 1:
        raise ValueError("too few")
    distances = values - values.mean(axis=-1, keepdims=True)
    return np.sqrt((distances**2).sum(axis=-1) / (n * (n - 1)))


@standard_error.variant
def with_the_other_denominator(values):
    n = np.shape(values)[-1]
    if n in (0, 1):
        raise ValueError("too few")
    return np.std(values, axis=-1) / (n - 1) ** 0.5


# --- hoeffding_bound


# No absolute tolerance: bounds may be tiny, and two wrong ones are not the same for it.
hoeffding_bound = function(reference.hoeffding_bound, points=3, atol=0.0)


def enough(draw: Draw, low: float, high: float, width: float = 1.0):
    """Draw a number of samples and a tolerance such that the exponent lies between -high and -low."""
    samples = draw.integer(40, 300)
    exponent = draw.numpy.uniform(low, high)
    return {"samples": samples, "tolerance": float(width * math.sqrt(exponent / (2 * samples)))}


hoeffding_bound.case("one model, right or wrong")(lambda draw: enough(draw, 1.0, 2.5))


@hoeffding_bound.case("values in a wider range")
def _(draw):
    width = float(draw.numpy.uniform(1.8, 2.6))
    return {**enough(draw, 1.0, 2.0, width), "width": width}


@hoeffding_bound.case("values in grams")
def _(draw):
    width = float(draw.integer(1500, 4500))
    return {**enough(draw, 1.0, 2.0, width), "width": width}


@hoeffding_bound.case("several models")
def _(draw):
    return {**enough(draw, 4.0, 5.5), "models": draw.integer(3, 9)}


@hoeffding_bound.case("several models, where the sum exceeds 1")
def _(draw):
    return {**enough(draw, 0.9, 1.4), "models": draw.integer(4, 9)}


hoeffding_bound.case("a few samples, where the formula exceeds 1")(
    lambda draw: {"samples": draw.integer(2, 6), "tolerance": float(draw.numpy.uniform(0.02, 0.1))}
)
hoeffding_bound.case("two samples and a wide tolerance")(
    lambda draw: {"samples": 2, "tolerance": float(draw.numpy.uniform(0.85, 0.95))}
)
hoeffding_bound.case("a tolerance of zero is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"samples": draw.integer(10, 99), "tolerance": 0.0}
)
hoeffding_bound.case("a negative tolerance is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"samples": draw.integer(10, 99), "tolerance": -float(draw.numpy.uniform(0.05, 0.3))}
)
hoeffding_bound.case("a tolerance beyond the width", hidden=True)(
    lambda draw: {"samples": 2, "tolerance": float(draw.numpy.uniform(1.2, 1.5))}
)
hoeffding_bound.case("very many samples", hidden=True)(lambda draw: enough(draw, 22.0, 30.0))


@hoeffding_bound.case("several models and a width below 1", hidden=True)
def _(draw):
    width = float(draw.numpy.uniform(0.2, 0.6))
    return {**enough(draw, 4.0, 5.5, width), "width": width, "models": draw.integer(4, 11)}


hoeffding_bound.hint(
    nudges={"values in grams": "What unit is the tolerance in, and how large may it be?"},
    idea="Write the tolerance as a share of the width first. The rest is the formula, and a thought about "
    "what a probability can be.",
)
FORMULA = "2 * models * math.exp(-2 * samples * share**2)"
hoeffding_bound.mistake(
    "The average may be too high or too low: both sides count, so the formula starts with a 2.",
    edit=("2 * models * math", "models * math"),
)
hoeffding_bound.mistake(
    "The 2 in the exponent is missing.",
    edit=("-2 * samples", "-samples"),
)
hoeffding_bound.mistake(
    "The tolerance is not squared. That is where the square root law comes from: half the tolerance, four "
    "times the data.",
    edit=("share**2", "share"),
)
hoeffding_bound.mistake(
    "The width is not used. A tolerance of 100 is much for numbers between 0 and 200, and little between 0 "
    "and a million: divide by the width.",
    edit=("tolerance / width", "tolerance"),
)
hoeffding_bound.mistake(
    "The tolerance is squared and the width is not: divide first, then square.",
    edit=("share**2", "(tolerance**2 / width)"),
)
hoeffding_bound.mistake(
    "The number of models is not used. Each model may fail on its own; add the probabilities.",
    edit=("2 * models *", "2 *"),
)
hoeffding_bound.mistake(
    "The result can exceed 1. No probability does: there the inequality says nothing, and the bound is 1.",
    edit=(f"min(1.0, {FORMULA})", FORMULA),
)
hoeffding_bound.mistake(
    "This is the probability that the average is close. The bound is for the other case, that it is off.",
    edit=(f"min(1.0, {FORMULA})", f"1 - min(1.0, {FORMULA})"),
)
hoeffding_bound.mistake(
    "The exponent has the wrong sign or none: more samples must make the bound smaller.",
    edit=("-2 * samples", "2 * samples"),
)
hoeffding_bound.mistake(
    "The number of samples divides. That is the form for a sum of n values; for their average it multiplies.",
    edit=("-2 * samples * share**2", "-2 * share**2 / samples"),
)
hoeffding_bound.mistake(
    "A tolerance of zero or less is let through. It is a distance: raise a ValueError.",
    edit=("tolerance <= 0", "False"),
)
hoeffding_bound.mistake(
    "A tolerance of 1 or more is refused. It has the unit of the values: where they are grams, 100 is a "
    "sensible tolerance.",
    edit=("tolerance <= 0", "not 0 < tolerance < 1"),
)
hoeffding_bound.mistake(
    "A tolerance above 1 is taken for 1. It has the unit of the values and no largest value: where they are "
    "grams, 100 is 100.",
    edit=("tolerance / width", "min(1.0, tolerance) / width"),
)
hoeffding_bound.mistake(
    "Where the tolerance is larger than the width, 0 is returned. No average is off by so much, but the "
    "bound is asked for: what the formula says.",
    edit=("2 * models * math.exp(", "(share <= 1) * 2 * models * math.exp("),
)
hoeffding_bound.mistake(
    "The result can still exceed 1, since it is cut off before it is multiplied by the number of models. Cut "
    "off last.",
    edit=(f"min(1.0, {FORMULA})", "models * min(1.0, 2 * math.exp(-2 * samples * share**2))"),
)
hoeffding_bound.mistake(
    "The number of models stands in the exponent. It multiplies the whole: the probabilities are added.",
    edit=(FORMULA, "2 * math.exp(-2 * samples * models * share**2)"),
)
hoeffding_bound.mistake(
    "The bound is raised to the power M, as if all models had to be off at once. One that is off is enough: "
    "multiply by M.",
    edit=(FORMULA, "(2 * math.exp(-2 * samples * share**2)) ** models"),
)


@hoeffding_bound.mistake(
    "The models are treated as independent coins, 1 - (1 - p)^M. They are judged on the same data, so that "
    "is not known: add the probabilities, which is right in any case."
)
def as_if_independent(samples, tolerance, width=1.0, models=1):
    return 1 - (1 - reference.hoeffding_bound(samples, tolerance, width)) ** models


@hoeffding_bound.variant
def step_by_step(samples, tolerance, width=1.0, models=1):
    if not tolerance > 0:
        raise ValueError("tolerance")
    exponent = -2.0 * samples * tolerance * tolerance / width / width
    bound = 2.0 * math.e**exponent * models
    return bound if bound < 1 else 1


@hoeffding_bound.variant
def with_logarithms(samples, tolerance, width=1.0, models=1):
    if tolerance <= 0:
        raise ValueError("tolerance")
    return np.exp(np.minimum(0.0, np.log(2 * models) - 2 * samples * (tolerance / width) ** 2))


# --- hoeffding_sample_size


hoeffding_sample_size = function(reference.hoeffding_sample_size, points=3, rtol=0.0, atol=1e-6)
hoeffding_sample_size.hint(
    idea="Set the bound equal to the probability that is left for failure, solve for the number of samples, "
    "and remember that half a sample cannot be drawn.",
)


def asked(
    draw: Draw,
    low: float,
    high: float,
    *,
    confidence: float = 0.95,
    width: float = 1.0,
    models: int = 1,
    above_half: bool = False,
):
    """Draw a tolerance for which the number to be rounded up ends in .1 to .4, or in .6 to .9."""
    while True:
        tolerance = float(draw.numpy.uniform(low, high)) * width
        exact = math.log(2 * models / (1 - confidence)) / (2 * (tolerance / width) ** 2)
        if 0.1 < exact % 1 - 0.5 * above_half < 0.4:
            return tolerance


hoeffding_sample_size.case("right or wrong, 95 percent")(lambda draw: {"tolerance": asked(draw, 0.03, 0.15)})


@hoeffding_sample_size.case("another confidence")
def _(draw):
    confidence = float(draw.numpy.uniform(0.6, 0.85))
    return {"tolerance": asked(draw, 0.03, 0.15, confidence=confidence), "confidence": confidence}


@hoeffding_sample_size.case("values in grams")
def _(draw):
    width = float(draw.integer(1500, 4500))
    return {"tolerance": asked(draw, 0.03, 0.15, width=width), "width": width}


@hoeffding_sample_size.case("values in a range of 3")
def _(draw):
    return {"tolerance": asked(draw, 0.03, 0.15, width=3.0), "width": 3.0}


@hoeffding_sample_size.case("several models")
def _(draw):
    models = draw.integer(3, 40)
    return {"tolerance": asked(draw, 0.03, 0.15, models=models, above_half=True), "models": models}


hoeffding_sample_size.case("a tolerance of zero is refused", raises=ValueError, weight=0.5)(
    lambda _draw: {"tolerance": 0.0}
)
hoeffding_sample_size.case("a confidence of 1 is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"tolerance": float(draw.numpy.uniform(0.05, 0.2)), "confidence": 1.0}
)
hoeffding_sample_size.case("a confidence of 0 is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"tolerance": float(draw.numpy.uniform(0.05, 0.2)), "confidence": 0.0}
)
hoeffding_sample_size.case("a negative tolerance is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"tolerance": -float(draw.numpy.uniform(0.05, 0.2))}
)
hoeffding_sample_size.case("a negative confidence is refused", raises=ValueError, weight=0.25)(
    lambda draw: {"tolerance": float(draw.numpy.uniform(0.05, 0.2)), "confidence": -0.5}
)
hoeffding_sample_size.case("a confidence of 95 is refused", raises=ValueError, weight=0.25)(
    lambda draw: {"tolerance": float(draw.numpy.uniform(0.05, 0.2)), "confidence": 95.0}
)
hoeffding_sample_size.case("a very small tolerance", hidden=True)(
    lambda draw: {"tolerance": asked(draw, 0.001, 0.003)}
)
hoeffding_sample_size.case("a tolerance beyond the width", hidden=True)(
    lambda draw: {"tolerance": float(draw.numpy.uniform(1.8, 2.5)), "confidence": 0.8}
)

SIZE = "math.log(2 * models / (1 - confidence)) / (2 * share**2)"
hoeffding_sample_size.mistake(
    "The number is rounded down, and with one sample too few the promise does not hold: round up.",
    edit=("math.ceil(", "math.floor("),
)
hoeffding_sample_size.mistake(
    "The number is rounded to the nearest, which may be one too few: round up.",
    edit=("math.ceil(", "round("),
)
hoeffding_sample_size.mistake(
    "The number is not rounded. A sample cannot be drawn in part: round up to a whole number.",
    edit=(f"math.ceil({SIZE})", SIZE),
)
hoeffding_sample_size.mistake(
    "Only one side is counted: with the 2 for both sides the logarithm is that of 2 M / (1 - confidence).",
    edit=("2 * models / (1", "models / (1"),
)
hoeffding_sample_size.mistake(
    "The confidence stands where the probability of failure belongs, 1 - confidence.",
    edit=("(1 - confidence)", "confidence"),
)
hoeffding_sample_size.mistake(
    "The tolerance is not squared: half the tolerance must take four times the data.",
    edit=("share**2", "share"),
)
hoeffding_sample_size.mistake(
    "The 2 of the exponent is lost: it stands in the denominator, before the squared tolerance.",
    edit=("(2 * share**2)", "share**2"),
)
hoeffding_sample_size.mistake(
    "The logarithm is the one to base 10. The inverse of exp is the natural logarithm, math.log.",
    edit=("math.log(", "math.log10("),
)
hoeffding_sample_size.mistake(
    "The width is not used: divide the tolerance by it.",
    edit=("tolerance / width", "tolerance"),
)
hoeffding_sample_size.mistake(
    "The tolerance is squared and the width is not: divide first, then square.",
    edit=("share**2", "tolerance**2 / width"),
)
hoeffding_sample_size.mistake(
    "The fraction in the logarithm is upside down, so the number comes out negative. Dividing by -2 turns it "
    "over, and the inequality with it.",
    edit=("2 * models / (1 - confidence)", "(1 - confidence) / (2 * models)"),
)
hoeffding_sample_size.mistake(
    "The number of models is not used: it stands in the logarithm.",
    edit=("2 * models /", "2 /"),
)
hoeffding_sample_size.mistake(
    "The logarithm is taken of 2 M alone. The whole fraction 2 M / (1 - confidence) stands in it.",
    edit=("math.log(2 * models / (1 - confidence))", "math.log(2 * models) / (1 - confidence)"),
)
hoeffding_sample_size.mistake(
    "The size is multiplied by the number of models. All are judged on the same data: M stands in the "
    "logarithm, where it costs little.",
    edits=[("2 * models /", "2 /"), ("math.ceil(", "models * math.ceil(")],
)
hoeffding_sample_size.mistake(
    "A tolerance of zero or less is not refused: no amount of data gives certainty to the last digit. Raise "
    "a ValueError.",
    edit=("if tolerance <= 0:", "if False:"),
)
hoeffding_sample_size.mistake(
    "A confidence of 0 or 1 is not refused. Certainty takes infinitely many samples: raise a ValueError.",
    edit=("if not 0 < confidence < 1:", "if False:"),
)
hoeffding_sample_size.mistake(
    "A confidence below 0 is let through. A confidence lies between 0 and 1: raise a ValueError.",
    edit=("if not 0 < confidence < 1:", "if confidence == 0 or confidence >= 1:"),
)


@hoeffding_sample_size.variant
def one_more_than_the_floor(tolerance, confidence=0.95, width=1.0, models=1):
    if tolerance <= 0 or confidence <= 0 or confidence >= 1:
        raise ValueError("arguments")
    failure = (1 - confidence) / models
    return int(np.log(2 / failure) * width**2 / tolerance**2 / 2) + 1


@hoeffding_sample_size.variant
def with_a_difference_of_logarithms(tolerance, confidence=0.95, width=1.0, models=1):
    if not (tolerance > 0 and 0 < confidence < 1):
        raise ValueError("arguments")
    need = math.log(2) + math.log(models) - math.log1p(-confidence)
    return math.ceil(0.5 * need * (width / tolerance) ** 2)


@hoeffding_sample_size.variant
def by_bisection(tolerance, confidence=0.95, width=1.0, models=1):
    if not (tolerance > 0 and 0 < confidence < 1):
        raise ValueError("arguments")
    low, high = 0, 1

    def enough_are(samples):
        return 2 * models * math.exp(-2 * samples * (tolerance / width) ** 2) <= 1 - confidence

    while not enough_are(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough_are(middle) else (middle, high)
    return high


# --- bootstrap_interval


bootstrap_interval = function(reference.bootstrap_interval, points=4)
bootstrap_interval.hint(
    idea="Treat the data as if it were the whole world, draw from it again and again with replacement, and "
    "look at where the middle share of the results lies.",
)
bootstrap_interval.forbid("scipy.stats.bootstrap")


def the_mean(values, axis=None):
    return np.mean(values, axis=axis)


def the_median(values, axis=None):
    return np.median(values, axis=axis)


def the_largest(values, axis=None):
    return np.max(values, axis=axis)


def the_smallest(values, axis=None):
    return np.min(values, axis=axis)


def how_many(values, *more, **named):
    if more or named:
        raise TypeError("this statistic takes one sample and nothing else")
    return len(values)


# Functions in Python, which can be written down for a class edition; NumPy's own cannot.
STATISTICS = {"mean": the_mean, "median": the_median, "largest": the_largest, "smallest": the_smallest}


def skewed(draw: Draw, n: int):
    """Draw values with a long tail to the right, so that an interval is not symmetric."""
    return 20.0 + 5.0 * draw.numpy.exponential(1.0, n)


def long_run(values: np.ndarray, statistic, confidence: float) -> tuple[float, float, float]:
    """The ends that very many resamples give, and the spread of the statistics."""
    rng = np.random.default_rng(12345)
    table = values[rng.integers(0, len(values), (5_000, len(values)))]
    estimates = statistic(table, axis=1)
    low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high), float(estimates.std())


def two_numbers(result) -> str | None:
    """Say so where a result is no pair of numbers in order."""
    if not isinstance(result, (tuple, list, np.ndarray)) or len(result) != 2:
        return "two numbers are expected: the lower and the upper end"
    if any(np.ndim(end) != 0 or not np.isfinite(end) for end in result):
        return "both ends must be finite numbers"
    return "the ends are swapped: the lower one comes first" if result[0] > result[1] else None


def in_place(low_wanted: float, high_wanted: float, off: float, itself: float):
    """A property: each end is within `off` of where it should be. `itself` is the statistic of the data."""

    def holds(result):
        wrong = two_numbers(result)
        if wrong:
            return wrong
        low, high = map(float, result)
        gaps = {"lower": low - low_wanted, "upper": high - high_wanted}
        if all(abs(gap) <= off for gap in gaps.values()):
            return None
        if math.isclose(low, high, rel_tol=1e-9):
            same = math.isclose(low, itself, rel_tol=1e-9)
            which = "the statistic of the data itself" if same else "the same number"
            return f"the interval has no width: both ends are {which}"
        if low > high_wanted or high < low_wanted:
            return "the interval lies beside the one expected: is it the interval of this statistic?"
        ratio = (high - low) / (high_wanted - low_wanted)
        if ratio > 2:
            return "the interval is more than twice as wide as it should be"
        if ratio < 0.5:
            return "the interval is less than half as wide as it should be"
        if gaps["lower"] < -off / 2 and gaps["upper"] > off / 2:
            return "the interval is too wide"
        if gaps["lower"] > off / 2 and gaps["upper"] < -off / 2:
            return "the interval is too narrow"
        return "an end is not where it should be: " + " and ".join(
            f"the {name} one is too {'low' if gap < 0 else 'high'}"
            for name, gap in gaps.items()
            if abs(gap) > off
        )

    return holds


def asked_for(draw: Draw, values: np.ndarray, statistic: str, confidence: float, resamples: int):
    """The arguments; what has its default is left to it."""
    return {
        "values": values,
        **({} if statistic == "mean" else {"statistic": STATISTICS[statistic]}),
        **({} if confidence == 0.95 else {"confidence": confidence}),
        "resamples": resamples,
        "seed": draw.integer(0, 999),
    }


def an_interval(
    name: str, n: int, statistic: str, confidence: float, share: float, resamples: int = 600, **options
):
    """Declare a case in which each end may be off by a share of the spread of the statistic."""

    @bootstrap_interval.property(name, seconds=10.0, **options)
    def _(draw):
        values, function = skewed(draw, n), STATISTICS[statistic]
        low, high, spread = long_run(values, function, confidence)
        inputs = asked_for(draw, values, statistic, confidence, resamples)
        return inputs, in_place(low, high, share * spread, float(function(values)))


def two_of_the_values(
    name: str, n: int, statistic: str, confidence: float, places: tuple[int, int], **options
):
    """Declare a case in which the ends are two of the values, whatever is drawn.

    The largest value of a resample is one of the data, and so is its median. With the confidences chosen, the
    quantiles lie five standard errors or more from the borders between two of the data, so that chance does
    not decide. The values are sorted: whoever never draws the first or the last one misses an extreme.
    """

    @bootstrap_interval.property(name, seconds=10.0, **options)
    def _(draw):
        values = np.sort(skewed(draw, n))
        low, high = values[list(places)]
        inputs = asked_for(draw, values, statistic, confidence, 300)
        return inputs, in_place(low, high, 1e-3 * (high - low), float(STATISTICS[statistic](values)))


# The ends of 600 resamples differ from those of very many by 0.14 (95%) or 0.07 (60%) of the spread of the
# statistic, those of 1000 by 0.05 (30%). The bars are at about six times as much, so that no right answer is
# refused. What is only slightly wrong is caught where the ends must be two of the values.
an_interval("the mean of 25 values, 95 percent", 25, "mean", 0.95, 1.0, weight=2)
an_interval("the mean of 31 values, 60 percent", 31, "mean", 0.6, 0.42)
two_of_the_values("the largest of 12 values, 58 percent", 12, "largest", 0.58, (-2, -1))
two_of_the_values("the median of 7 values, 58 percent", 7, "median", 0.58, (2, 4))
an_interval("the mean of 14 values, 30 percent", 14, "mean", 0.3, 0.27, resamples=1000, hidden=True)
two_of_the_values("the smallest of 11 values, 58 percent", 11, "smallest", 0.58, (0, 1), hidden=True)


@bootstrap_interval.property("the mean of values that repeat, 60 percent", seconds=10.0)
def _(draw):
    # One value stands for most of the data: drawn once each, the values have another mean and scatter more.
    values = np.repeat(np.sort(skewed(draw, 5)), [12, 3, 2, 2, 2])
    low, high, spread = long_run(values, the_mean, 0.6)
    inputs = asked_for(draw, values, "mean", 0.6, 600)
    return inputs, in_place(low, high, 0.42 * spread, float(the_mean(values)))


@bootstrap_interval.property("each resample is as large as the data")
def _(draw):
    n = draw.integer(13, 17)
    inputs = {"values": skewed(draw, n), "statistic": how_many, "resamples": 40, "seed": draw.integer(0, 999)}

    def holds(result):
        wrong = two_numbers(result)
        if wrong:
            return wrong
        if tuple(map(float, result)) != (n, n):
            return "the statistic counts the values of a resample: both ends must be as many as were given"
        return None

    return inputs, holds


@bootstrap_interval.property("the seed decides")
def _(draw):
    values, seed = skewed(draw, 17), draw.integer(0, 999)
    calls = [{"values": values, "resamples": 60, "seed": seed + more} for more in (0, 0, 1)]

    def holds(results):
        for result in results:
            wrong = two_numbers(result)
            if wrong:
                return wrong
        first, again, other = (tuple(map(float, result)) for result in results)
        if first != again:
            return "the same seed gives another interval"
        if first == other:
            return "another seed gives the same interval"
        return None

    return calls, holds


@bootstrap_interval.property("95.1 and 95.9 percent are not the same")
def _(draw):
    # The same seed gives the same resamples, so that the ends differ by the confidence alone.
    values, seed = skewed(draw, 23), draw.integer(0, 999)
    calls = [{"values": values, "confidence": c, "resamples": 500, "seed": seed} for c in (0.951, 0.959)]

    def holds(results):
        for result in results:
            wrong = two_numbers(result)
            if wrong:
                return wrong
        narrow, wide = (tuple(map(float, result)) for result in results)
        return "the intervals for 95.1 and 95.9 percent are the same" if narrow == wide else None

    return calls, holds


@bootstrap_interval.property("a single resample")
def _(draw):
    inputs = {"values": skewed(draw, 19), "resamples": 1, "seed": draw.integer(0, 999)}

    def holds(result):
        wrong = two_numbers(result)
        if wrong:
            return wrong
        if result[0] != result[1]:
            return "with a single resample both ends are its statistic: `resamples` is not looked at"
        return None

    return inputs, holds


bootstrap_interval.case("a confidence of 1 is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"values": skewed(draw, 11), "confidence": 1.0, "resamples": 50}
)
bootstrap_interval.case("a confidence of 0 is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"values": skewed(draw, 11), "confidence": 0.0, "resamples": 50}
)

bootstrap_interval.case("a negative confidence is refused", raises=ValueError, weight=0.25)(
    lambda draw: {"values": skewed(draw, 11), "confidence": -0.5, "resamples": 50}
)
bootstrap_interval.case("a confidence of 95 is refused", raises=ValueError, weight=0.25)(
    lambda draw: {"values": skewed(draw, 11), "confidence": 95.0, "resamples": 50}
)

EACH = "statistic(resample) for resample in resampled"
bootstrap_interval.mistake(
    "The resamples are drawn without replacement: each holds all values once, and its mean is always the "
    "same.",
    edit=(EACH, "statistic(rng.choice(values, len(values), replace=False)) for _ in resampled"),
)
bootstrap_interval.mistake(
    "Each tail gets the whole of 1 - confidence. There are two tails: each gets half.",
    edit=("(1 - confidence) / 2", "1 - confidence"),
)
bootstrap_interval.mistake(
    "Half of the confidence is cut off at each end. What lies outside is 1 - confidence: each end loses half "
    "of that.",
    edit=("(1 - confidence) / 2", "confidence / 2"),
)
bootstrap_interval.mistake(
    "np.percentile counts from 0 to 100, and it is given shares between 0 and 1: both ends lie at the lowest "
    "results. np.quantile takes shares.",
    edit=("np.quantile(", "np.percentile("),
)
bootstrap_interval.mistake(
    "The confidence is not used: the interval is always that for 95 percent.",
    edit=("tail = (1 - confidence) / 2", "tail = 0.025"),
)
bootstrap_interval.mistake(
    "The statistic is not used: the interval is always that of the mean.",
    edit=("statistic(resample)", "np.mean(resample)"),
)
bootstrap_interval.mistake(
    "These are quantiles of the values, not of the statistics of resamples: they say where single values "
    "lie.",
    edit=("np.quantile(estimates,", "np.quantile(values,"),
)
bootstrap_interval.mistake(
    "The resamples are half as large as the data, so the interval is too wide. Draw as many values as there "
    "are.",
    edit=("(resamples, len(values))", "(resamples, len(values) // 2)"),
)
bootstrap_interval.mistake(
    "The last value is never drawn: `rng.integers` leaves out its upper limit. Give it len(values).",
    edit=(
        "rng.choice(values, size=(resamples, len(values)))",
        "values[rng.integers(0, len(values) - 1, (resamples, len(values)))]",
    ),
)
bootstrap_interval.mistake(
    "A resample is a little too small. Draw as many values as there are, len(values), and keep what comes "
    "twice.",
    edit=("(resamples, len(values))", "(resamples, len(values) - 1)"),
)
bootstrap_interval.mistake(
    "The statistic is given the whole table and an `axis`. It is a function of one sample: call it on each "
    "resample.",
    edit=("[statistic(resample) for resample in resampled]", "statistic(resampled, axis=1)"),
)
bootstrap_interval.mistake(
    "Values that occur several times are drawn as if they occurred once (`np.unique` or a set). Two birds of "
    "the same mass are two birds: draw from all values.",
    edit=(
        "rng.choice(values, size=(resamples, len(values)))",
        "rng.choice(np.unique(values), size=(resamples, len(np.unique(values))))",
    ),
)
bootstrap_interval.mistake(
    "What is left out at each end is rounded to a whole percent, so that 95 percent is taken for 96 (or 94). "
    "Use the share as it is.",
    edit=("(1 - confidence) / 2", "int(100 * (1 - confidence) / 2) / 100"),
)
bootstrap_interval.mistake(
    "Each resample has as many values as there are resamples. It has as many as the data: len(values).",
    edit=("(resamples, len(values))", "(resamples, resamples)"),
)
bootstrap_interval.mistake(
    "The ends are swapped: the lower one comes first.",
    edit=("return float(low), float(high)", "return float(high), float(low)"),
)
bootstrap_interval.mistake(
    "The seed is not looked at: make the generator from the argument.",
    edit=("default_rng(seed)", "default_rng(0)"),
)
bootstrap_interval.mistake(
    "The number of resamples is not looked at.",
    edit=("(resamples, len(values))", "(1000, len(values))"),
)
bootstrap_interval.mistake(
    "The generator is made anew for each resample, so that all resamples are the same. Make it once, before "
    "the loop.",
    edit=(EACH, "statistic(np.random.default_rng(seed).choice(values, len(values))) for _ in resampled"),
)
bootstrap_interval.mistake(
    "The spread of the statistics is divided by the root of n once more. Their quantiles are the interval: "
    "they are means of n values already.",
    edit=(
        "tail = (1 - confidence) / 2",
        "estimates = np.mean(estimates) + (estimates - np.mean(estimates)) / "
        "math.sqrt(len(values))\n    tail = (1 - confidence) / 2",
    ),
)
bootstrap_interval.mistake(
    "A confidence of 0 or 1 is not refused: raise a ValueError.",
    edit=("if not 0 < confidence < 1:", "if False:"),
)


@bootstrap_interval.mistake(
    "The interval is laid around the statistic of the data, by a number of standard deviations or by "
    "mirroring. The ends are the quantiles of the results themselves, which need not be symmetric."
)
def with_a_bell(values, statistic=np.mean, confidence=0.95, resamples=1000, seed=0):
    if not 0 < confidence < 1:
        raise ValueError("confidence")
    rng = np.random.default_rng(seed)
    spread = np.std([statistic(rng.choice(values, len(values))) for _ in range(resamples)])
    if resamples == 1:
        return float(statistic(values)), float(statistic(values))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    return float(statistic(values) - reach), float(statistic(values) + reach)


@bootstrap_interval.variant
def with_positions(values, statistic=np.mean, confidence=0.95, resamples=1000, seed=0):
    if confidence <= 0 or confidence >= 1:
        raise ValueError("confidence")
    places = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    estimates = np.array([statistic(values[row]) for row in places])
    return tuple(np.percentile(estimates, [50 - 50 * confidence, 50 + 50 * confidence]))


@bootstrap_interval.variant
def by_sorting(values, statistic=np.mean, confidence=0.95, resamples=1000, seed=0):
    if not 0 < confidence < 1:
        raise ValueError("confidence")
    chance, numbers = random.Random(seed), list(values)
    found = sorted(
        float(statistic(np.array(chance.choices(numbers, k=len(numbers))))) for _ in range(resamples)
    )
    cut = int((1 - confidence) / 2 * resamples)
    return [found[cut], found[resamples - 1 - cut]]


for kept in ("return (low, float(high))", "return (float(low), high)"):
    bootstrap_interval.equivalent(kept, "a NumPy number counts as a number")
