"""The reference against SciPy, exact probabilities and Monte-Carlo coverage; properties that must hold."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from course_utils.basics.learning_from_data import (
    bootstrap_interval,
    hoeffding_bound,
    hoeffding_sample_size,
    simulate_coin_predictor,
    standard_error,
)
from course_utils.data import load_penguins

SEEDS = [0, 1, 2]


# --- the coin -----------------------------------------------------------------------------------------------

RULES = {
    "always 1": lambda past: 1,
    "repeat the last": lambda past: past[-1] if past else 0,
    "the other one": lambda past: 1 - past[-1] if past else 1,
    "the majority": lambda past: int(2 * sum(past) > len(past)),
    "the parity": lambda past: sum(past) % 2,
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("length", [1, 2, 7, 10])
def test_every_rule_is_right_in_half_of_all_sequences(name, length):
    """All sequences of a fair coin are equally likely, so this is the accuracy itself, not an estimate."""
    right = [simulate_coin_predictor(RULES[name], s).sum() for s in itertools.product([0, 1], repeat=length)]
    assert sum(right) * 2 == length * 2**length


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("chance", [0.5, 0.7, 0.95])
def test_accuracy_on_coins_is_what_probability_says(seed, chance):
    tosses = (np.random.default_rng(seed).random(2_000) < chance).astype(int)
    expected = {
        "always 1": chance,
        "repeat the last": chance**2 + (1 - chance) ** 2,
        "the majority": max(chance, 1 - chance),
    }
    for name, accuracy in expected.items():
        # Four standard errors; neighbors of "repeat the last" share a toss, hence the factor.
        assert (
            abs(simulate_coin_predictor(RULES[name], tosses).mean() - accuracy) < 4 * 1.5 * 0.5 / 2_000**0.5
        )


def test_the_rule_sees_the_past_and_nothing_else():
    seen = []

    def rule(past):
        seen.append(list(past))
        return 1

    right = simulate_coin_predictor(rule, (1, 0, 1))
    assert seen == [[], [1], [1, 0]]
    assert right.tolist() == [True, False, True]
    assert simulate_coin_predictor(rule, []).shape == (0,)
    assert simulate_coin_predictor(rule, np.array([1, 1])).dtype == bool


# --- standard error -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [(2,), (7,), (3, 5), (2, 1, 4, 11)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_standard_error_equals_scipy(seed, shape, dtype, scale):
    values = (np.random.default_rng(seed).normal(3, 1, shape) * scale).astype(dtype)
    ours = standard_error(values)
    np.testing.assert_allclose(ours, scipy.stats.sem(values, axis=-1), rtol=1e-4)
    assert ours.dtype == dtype
    assert np.shape(ours) == shape[:-1]


def test_standard_error_far_from_zero_and_of_constants():
    values = np.random.default_rng(0).normal(0, 1, 9)
    assert standard_error(values + 1e8) == pytest.approx(standard_error(values), rel=1e-6)
    assert standard_error(np.full(5, 2.5)) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_standard_error_is_the_spread_of_means(seed):
    """Monte Carlo: what it says of one sample is, on the whole, how far means of samples scatter."""
    samples = np.random.default_rng(seed).exponential(2.0, (20_000, 30))
    assert np.sqrt((standard_error(samples) ** 2).mean()) == pytest.approx(samples.mean(-1).std(), rel=0.03)


@pytest.mark.parametrize("shape", [(1,), (0,), (5, 1)])
def test_standard_error_refuses_samples_of_one(shape):
    with pytest.raises(ValueError, match="at least two values"):
        standard_error(np.zeros(shape))


# --- Hoeffding ----------------------------------------------------------------------------------------------


def exact_failure(samples, chance, tolerance):
    """Probability that the average of `samples` tosses is off by at least the tolerance (binomial)."""
    above = scipy.stats.binom.sf(math.ceil(samples * (chance + tolerance) - 1e-9) - 1, samples, chance)
    below = scipy.stats.binom.cdf(math.floor(samples * (chance - tolerance) + 1e-9), samples, chance)
    return above + below


@pytest.mark.parametrize("samples", [1, 2, 9, 50, 333, 2000])
@pytest.mark.parametrize("chance", [0.03, 0.5, 0.8])
@pytest.mark.parametrize("tolerance", [0.01, 0.05, 0.2, 0.5])
def test_the_bound_is_above_the_exact_probability(samples, chance, tolerance):
    assert exact_failure(samples, chance, tolerance) <= hoeffding_bound(samples, tolerance) * (1 + 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("models", [1, 5, 40])
def test_monte_carlo_coverage(seed, models):
    """Body masses and models that are fixed beforehand: failures are no more frequent than the bound says."""
    rng = np.random.default_rng(seed)
    mass = load_penguins()["body_mass_g"].dropna().to_numpy()
    width, tolerance, samples = mass.max() - mass.min(), 500.0, 60
    means = rng.choice(mass, (1500, models, samples)).mean(-1)
    failed = (np.abs(means - mass.mean()) > tolerance).any(-1).mean()
    assert failed <= hoeffding_bound(samples, tolerance, width, models)
    right = rng.binomial(200, 0.5, (20_000, models))
    off = (np.abs(right - 100) >= 20).any(-1).mean()
    bound = hoeffding_bound(200, 0.1, models=models)
    assert off <= bound
    # And the bound is not void: it is within a factor of ten for a fair coin.
    assert bound <= 10 * max(off, 0.004)


def test_the_bound_by_hand_and_its_limits():
    assert hoeffding_bound(100, 0.1) == pytest.approx(2 * math.exp(-2))
    assert hoeffding_bound(100, 50.0, width=500.0) == hoeffding_bound(100, 0.1)
    assert hoeffding_bound(500, 0.1, models=10) == pytest.approx(10 * hoeffding_bound(500, 0.1))
    assert hoeffding_bound(0, 0.1) == hoeffding_bound(1, 1e-9) == 1.0
    assert hoeffding_bound(10**9, 0.5) == 0.0
    falling = [hoeffding_bound(n, 0.05) for n in range(0, 3000, 50)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("seed", range(20))
def test_the_sample_size_is_the_smallest_that_keeps_the_promise(seed):
    rng = np.random.default_rng(seed)
    width, models = float(rng.uniform(0.1, 1e4)), int(rng.integers(1, 10_000))
    tolerance, confidence = float(rng.uniform(0.005, 0.6)) * width, float(rng.uniform(0.01, 0.9999))
    samples = hoeffding_sample_size(tolerance, confidence, width, models)
    assert isinstance(samples, int)
    assert hoeffding_bound(samples, tolerance, width, models) <= 1 - confidence
    if samples > 1:
        assert hoeffding_bound(samples - 1, tolerance, width, models) > 1 - confidence


def test_the_sample_size_by_hand():
    assert [hoeffding_sample_size(tolerance) for tolerance in (0.1, 0.05, 0.01)] == [185, 738, 18445]
    assert hoeffding_sample_size(5.0) == 1
    # Half the tolerance takes four times the data, a million models only five times.
    assert hoeffding_sample_size(0.01) / hoeffding_sample_size(0.02) == pytest.approx(4, rel=1e-3)
    assert hoeffding_sample_size(0.01, models=10**6) / hoeffding_sample_size(0.01) == pytest.approx(
        4.75, abs=0.01
    )


@pytest.mark.parametrize("tolerance", [0, -0.1])
def test_a_tolerance_that_is_no_distance_is_refused(tolerance):
    for function in (lambda: hoeffding_bound(10, tolerance), lambda: hoeffding_sample_size(tolerance)):
        with pytest.raises(ValueError, match="above zero"):
            function()


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    values = np.arange(5.0)
    for function in (
        lambda: hoeffding_sample_size(0.1, confidence),
        lambda: bootstrap_interval(values, confidence=confidence),
    ):
        with pytest.raises(ValueError, match="between 0 and 1"):
            function()


# --- bootstrap ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("statistic", [np.mean, np.std, np.median])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bootstrap_interval_equals_scipy(seed, statistic, confidence, dtype):
    values = np.random.default_rng(seed).exponential(5.0, 101).astype(dtype)
    ours = bootstrap_interval(values, statistic, confidence, resamples=3000, seed=seed)
    theirs = scipy.stats.bootstrap(
        (values,),
        statistic,
        confidence_level=confidence,
        n_resamples=3000,
        method="percentile",
        rng=np.random.default_rng(seed + 100),
    )
    # Two sets of resamples: their ends differ by a small part of the spread of the statistic.
    np.testing.assert_allclose(ours, theirs.confidence_interval, atol=0.5 * theirs.standard_error)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("statistic", [np.mean, np.std, np.median])
def test_bootstrap_interval_is_scipys_from_the_same_random_numbers(seed, statistic):
    values = np.random.default_rng(seed).exponential(5.0, 23)
    theirs = scipy.stats.bootstrap(
        (values,), statistic, n_resamples=300, method="percentile", rng=np.random.default_rng(seed)
    )
    ours = bootstrap_interval(values, statistic, resamples=300, seed=seed)
    np.testing.assert_allclose(ours, theirs.confidence_interval, rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_bootstrap_interval_counts_equal_values_as_often_as_they_occur(seed):
    values = np.repeat([1.0, 2.0], [900, 100])
    low, high = bootstrap_interval(values, resamples=300, seed=seed)
    assert 1.07 < low < 1.1 < high < 1.13


@pytest.mark.parametrize("seed", SEEDS)
def test_bootstrap_interval_equals_the_standard_error_for_a_mean(seed):
    values = np.random.default_rng(seed).normal(50, 10, 200)
    low, high = bootstrap_interval(values, resamples=4000, seed=seed)
    assert high - low == pytest.approx(2 * 1.96 * standard_error(values), rel=0.08)


def test_bootstrap_coverage():
    """Of 300 intervals for a mean, each from fresh data, about 95 in 100 hold the mean."""
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(300):
        low, high = bootstrap_interval(rng.normal(3, 1, 40), resamples=300, seed=seed)
        hits += low <= 3 <= high
    assert 0.89 < hits / 300 < 0.98


def test_bootstrap_interval_properties():
    values = np.random.default_rng(0).normal(0, 1, 31)
    kept = values.copy()
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)
    low, high = bootstrap_interval(values, seed=1)
    wide = bootstrap_interval(values, confidence=0.99, seed=1)
    assert wide[0] < low < values.mean() < high < wide[1]
    moved = bootstrap_interval(10 * values + 5, seed=1)
    assert moved == pytest.approx((10 * low + 5, 10 * high + 5))
    assert bootstrap_interval(np.array([7.0]), resamples=5) == (7.0, 7.0)
    assert all(type(end) is float for end in (low, high))
    np.testing.assert_array_equal(values, kept)
