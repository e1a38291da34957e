"""The reference against scikit-learn and SciPy, and the properties that EM must have."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans as TheirKMeans
from sklearn.mixture import GaussianMixture as TheirMixture

from course_utils.basics.clustering_and_em import (
    GaussianMixture,
    e_step,
    e_step_with_labels,
    em,
    kmeans,
    kmeans_step,
    log_gaussian,
    m_step,
    spread_centers,
)

SEEDS = [0, 1, 2]
DTYPES = [torch.float32, torch.float64]
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-8}


def some_points(seed, points=61, features=3, clusters=4, dtype=torch.float64, apart=2.0):
    """Clouds of different spread around random centers, and one start for each."""
    generator = torch.Generator().manual_seed(seed)
    centers = apart * torch.randn(clusters, features, generator=generator, dtype=torch.float64)
    group = torch.arange(points) % clusters
    spread = 0.3 + torch.rand(clusters, features, generator=generator, dtype=torch.float64)
    noise = torch.randn(points, features, generator=generator, dtype=torch.float64)
    drawn = centers[group] + spread[group] * noise
    return drawn.to(dtype), drawn[:clusters].clone().to(dtype)


def some_mixture(seed, components=4, features=3, dtype=torch.float64):
    """Weights, means and covariances."""
    generator = torch.Generator().manual_seed(seed + 100)
    drawn = torch.rand(components, generator=generator, dtype=torch.float64) + 0.2
    means = torch.randn(components, features, generator=generator, dtype=torch.float64)
    roots = torch.randn(components, features, features + 2, generator=generator, dtype=torch.float64)
    covariances = roots @ roots.mT / features
    return tuple(part.to(dtype) for part in (drawn / drawn.sum(), means, covariances))


def their_mixture(weights, means, covariances, steps=1, ridge=1e-6):
    """scikit-learn's mixture that starts where it is told to."""
    return TheirMixture(
        len(weights),
        weights_init=weights.double().numpy() / weights.double().sum().numpy(),
        means_init=means.double().numpy(),
        precisions_init=np.linalg.inv(covariances.double().numpy()),
        max_iter=steps,
        reg_covar=ridge,
        tol=0,
    )


# --- k-means ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_a_step_of_kmeans_equals_sklearn(seed, dtype, shift):
    points, centers = some_points(seed, dtype=dtype)
    labels, moved = kmeans_step(points + shift, centers + shift)
    theirs = TheirKMeans(4, init=(centers + shift).numpy(), n_init=1, max_iter=1).fit(
        (points + shift).numpy()
    )
    np.testing.assert_allclose(moved, theirs.cluster_centers_, rtol=1e-4, atol=1e-4)
    squares = ((points[:, None] - centers) ** 2).sum(-1)
    assert torch.equal(labels, squares.argmin(1))
    assert moved.dtype == dtype


@pytest.mark.parametrize("seed", range(6))
def test_kmeans_equals_sklearn(seed):
    points, centers = some_points(seed, points=157, apart=1.0)
    found = kmeans(points, centers)
    theirs = TheirKMeans(4, init=centers.numpy(), n_init=1, tol=0).fit(points.numpy())
    np.testing.assert_allclose(found.centers, theirs.cluster_centers_, rtol=1e-9)
    np.testing.assert_array_equal(found.labels, theirs.labels_)
    assert found.history[-1] == pytest.approx(theirs.inertia_)
    assert len(found.history) > 3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(8))
def test_the_loss_of_kmeans_never_rises(seed, dtype):
    points, _ = some_points(seed, points=203, dtype=dtype, apart=0.5)
    history = kmeans(points, points[:7]).history
    assert all(after <= before * (1 + 1e-6) for before, after in itertools.pairwise(history))
    assert history[-1] < history[0]


def test_kmeans_stops_where_it_was_told_to_and_where_nothing_moves():
    points, centers = some_points(0, points=157, apart=1.0)
    assert len(kmeans(points, centers, steps=2).history) == 3
    ended = kmeans(points, centers)
    assert kmeans(points, ended.centers).history == ended.history[-1:]
    squares = ((points[:, None] - ended.centers) ** 2).sum(-1)
    assert squares.amin(1).sum().item() == pytest.approx(ended.history[-1])
    assert torch.equal(squares.argmin(1), ended.labels)
    still = kmeans(points, centers, steps=0)
    assert torch.equal(still.centers, centers)
    assert still.history == kmeans(points, centers).history[:1]


def test_a_center_without_points_stays():
    points, centers = some_points(0)
    far = torch.cat([centers[:1], torch.full((1, 3), 1e3, dtype=torch.float64), centers[1:]])
    labels, moved = kmeans_step(points, far)
    assert torch.equal(moved[1], far[1])
    # Sums over another number of clusters may be taken in another order.
    torch.testing.assert_close(moved[[0, 2, 3, 4]], kmeans_step(points, centers)[1], rtol=1e-12, atol=0)
    assert 1 not in labels


def test_spread_centers_are_drawn_by_squared_distance():
    points = torch.tensor([[0.0], [1.0], [3.0]])
    generator = torch.Generator().manual_seed(0)
    pairs = [tuple(spread_centers(points, 2, generator).flatten().tolist()) for _ in range(6000)]
    share = {pair: pairs.count(pair) / len(pairs) for pair in set(pairs)}
    expected = {
        (0, 1): 1 / 30,
        (0, 3): 9 / 30,
        (1, 0): 1 / 15,
        (1, 3): 4 / 15,
        (3, 0): 9 / 39,
        (3, 1): 4 / 39,
    }
    assert share == pytest.approx(expected, abs=0.025)


def test_spread_centers_never_take_a_point_twice():
    points = torch.tensor([[0.0], [0.0], [0.0], [1.0], [2.0]])
    for seed in range(50):
        picked = spread_centers(points, 3, torch.Generator().manual_seed(seed))
        assert sorted(picked.flatten().tolist()) == [0, 1, 2]


# --- the steps of EM ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("features", [1, 2, 5])
def test_log_gaussian_equals_scipy(seed, dtype, features):
    points, _ = some_points(seed, points=17, features=features, dtype=dtype)
    _, means, covariances = some_mixture(seed, 3, features, dtype)
    ours = log_gaussian(points, means, covariances)
    theirs = [
        multivariate_normal(mean.double(), matrix.double(), allow_singular=True).logpdf(points.double())
        for mean, matrix in zip(means, covariances, strict=True)
    ]
    np.testing.assert_allclose(ours, np.array(theirs).T, rtol=1e-3 if dtype == torch.float32 else 1e-9)
    assert ours.dtype == dtype


def test_log_gaussian_refuses_a_flat_covariance():
    with pytest.raises(torch.linalg.LinAlgError):
        log_gaussian(torch.zeros(2, 2), torch.zeros(1, 2), torch.ones(1, 2, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_e_step_equals_sklearn(seed, dtype):
    points, _ = some_points(seed, dtype=dtype)
    mixture = some_mixture(seed, dtype=dtype)
    responsibilities, log_likelihood = e_step(points, *mixture)
    theirs = their_mixture(*mixture)
    # What fit() does before its first step.
    theirs._initialize_parameters(points.double().numpy(), np.random.RandomState(0))
    mean_log_evidence, log_responsibilities = theirs._e_step(points.double().numpy())
    np.testing.assert_allclose(responsibilities, np.exp(log_responsibilities), atol=TOLERANCE[dtype])
    assert log_likelihood.item() / len(points) == pytest.approx(mean_log_evidence, rel=TOLERANCE[dtype])
    assert responsibilities.dtype == log_likelihood.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_e_step_stays_finite_far_from_all_means(dtype):
    weights, means, covariances = some_mixture(0, dtype=dtype)
    responsibilities, log_likelihood = e_step(
        1000 * torch.ones(5, 3, dtype=dtype), weights, means, covariances
    )
    assert responsibilities.isfinite().all()
    assert log_likelihood.isfinite()
    torch.testing.assert_close(responsibilities.sum(1), torch.ones(5, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.3])
def test_m_step_equals_sklearn(seed, dtype, ridge):
    points, _ = some_points(seed, dtype=dtype)
    generator = torch.Generator().manual_seed(seed)
    responsibilities = torch.rand(61, 4, generator=generator, dtype=torch.float64)
    responsibilities = (responsibilities / responsibilities.sum(1, keepdim=True)).to(dtype)
    theirs = TheirMixture(4, reg_covar=ridge)
    theirs._m_step(points.double().numpy(), responsibilities.double().log().numpy())
    for ours, name in zip(
        m_step(points, responsibilities, ridge), ("weights_", "means_", "covariances_"), strict=True
    ):
        np.testing.assert_allclose(ours, getattr(theirs, name), atol=TOLERANCE[dtype])
        assert ours.dtype == dtype


def test_m_step_survives_a_component_without_points():
    responsibilities = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    weights, means, covariances = m_step(torch.tensor([[0.0], [1.0], [5.0]]), responsibilities)
    assert weights.tolist() == pytest.approx([1, 0], abs=1e-5)
    assert all(part.isfinite().all() for part in (weights, means, covariances))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_with_no_label_known_it_is_the_plain_e_step(seed, dtype):
    points, _ = some_points(seed, dtype=dtype)
    mixture = some_mixture(seed, dtype=dtype)
    for ours, plain in zip(
        e_step_with_labels(points, *mixture, torch.full((61,), -1)), e_step(points, *mixture), strict=True
    ):
        torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_all_labels_known_em_is_a_gaussian_for_each_class(seed):
    points, _ = some_points(seed)
    labels = torch.arange(61) % 4
    found = em(points, *some_mixture(seed), labels, ridge=0.0)
    for group in range(4):
        members = points[labels == group]
        assert found.weights[group].item() == pytest.approx(len(members) / 61)
        torch.testing.assert_close(found.means[group], members.mean(0))
        torch.testing.assert_close(found.covariances[group], torch.cov(members.T, correction=0))
    assert len(found.history) == 3  # one step is all there is to do, the next one gains nothing


@pytest.mark.parametrize("seed", SEEDS)
def test_the_log_likelihood_counts_a_label_by_its_joint_density(seed):
    points, _ = some_points(seed)
    weights, means, covariances = some_mixture(seed)
    labels = torch.full((61,), -1)
    labels[[3, 50]] = torch.tensor([2, 0])
    responsibilities, log_likelihood = e_step_with_labels(points, weights, means, covariances, labels)
    expected = 0.0
    for point, label in zip(points, labels.tolist(), strict=True):
        densities = [
            weights[k] * multivariate_normal(means[k], covariances[k]).pdf(point)
            for k in ([label] if label >= 0 else range(4))
        ]
        expected += np.log(np.sum(densities))
    assert log_likelihood.item() == pytest.approx(expected, rel=1e-9)
    assert responsibilities[3].tolist() == [0, 0, 1, 0]
    assert responsibilities[50].tolist() == [1, 0, 0, 0]


# --- EM -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("steps", "ridge"), [(1, 1e-6), (2, 0.1), (9, 1e-6)])
def test_em_equals_sklearn_from_the_same_start(seed, dtype, steps, ridge):
    points, _ = some_points(seed, points=113, dtype=dtype)
    start = some_mixture(seed, dtype=dtype)
    ours = em(points, *start, steps=steps, tolerance=-np.inf, ridge=ridge)
    theirs = their_mixture(*start, steps=steps, ridge=ridge).fit(points.double().numpy())
    for part, name in zip(ours[:3], ("weights_", "means_", "covariances_"), strict=True):
        np.testing.assert_allclose(part, getattr(theirs, name), rtol=1e-3, atol=100 * TOLERANCE[dtype])
    assert len(ours.history) == steps + 1
    assert ours.history[-1] / 113 == pytest.approx(theirs.score(points.double().numpy()), rel=1e-4)


@pytest.mark.parametrize("known", [0, 5, 113])
@pytest.mark.parametrize("seed", range(10))
def test_without_a_ridge_the_log_likelihood_never_falls(seed, known):
    points, _ = some_points(seed, points=113, apart=0.7)
    labels = torch.where(torch.arange(113) < known, torch.arange(113) % 4, -1)
    start = some_mixture(seed)
    history = em(points, *start, labels, steps=15, tolerance=-np.inf, ridge=0.0).history
    assert all(after >= before - 1e-9 * abs(before) for before, after in itertools.pairwise(history))
    assert len(history) == 16


def test_it_stops_when_little_is_gained():
    points, _ = some_points(0)
    start = some_mixture(0)
    gains = np.diff(em(points, *start, steps=60, tolerance=0.01).history)
    assert (gains[:-1] >= 0.61).all()
    assert gains[-1] < 0.61
    assert len(gains) < 60


def test_moving_and_stretching_the_points_moves_and_stretches_the_mixture():
    """Unlike k-means, a full-covariance mixture does not care for units."""
    points, _ = some_points(0)
    start = some_mixture(0)
    stretch, shift = torch.tensor([3.0, 0.2, 50.0]).double(), torch.tensor([4.0, -1.0, 7.0]).double()
    plain = em(points, *start, ridge=0.0, steps=5)
    weights, means, covariances = start
    other = (weights, means * stretch + shift, covariances * stretch * stretch[:, None])
    moved = em(points * stretch + shift, *other, ridge=0.0, steps=5)
    torch.testing.assert_close(moved.weights, plain.weights)
    torch.testing.assert_close(moved.means, plain.means * stretch + shift)
    torch.testing.assert_close(moved.covariances, plain.covariances * stretch * stretch[:, None])


# --- the mixture --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mixture_that_is_told_apart_is_the_one_sklearn_finds(seed):
    points, _ = some_points(seed, points=211, apart=8.0)
    ours = GaussianMixture(4, restarts=5, seed=seed).fit(points)
    theirs = TheirMixture(4, n_init=5, random_state=seed, tol=1e-8).fit(points.numpy())
    assert ours.log_likelihood(points) / 211 == pytest.approx(theirs.score(points.numpy()), abs=1e-4)
    assert ours.bic(points) == pytest.approx(theirs.bic(points.numpy()), abs=0.1)
    order, other = ours.means[:, 0].argsort(), np.argsort(theirs.means_[:, 0])
    np.testing.assert_allclose(ours.means[order], theirs.means_[other], atol=1e-3)
    np.testing.assert_allclose(
        ours.responsibilities(points)[:, order], theirs.predict_proba(points.numpy())[:, other], atol=1e-3
    )


def test_restarts_keep_the_best():
    points, _ = some_points(3, points=150, apart=0.8)
    best = [GaussianMixture(5, restarts=restarts).fit(points).history[-1] for restarts in (1, 4, 16)]
    assert best == sorted(best)
    assert best[0] < best[-1]


def test_labels_name_the_components():
    points, _ = some_points(1, apart=8.0)
    truth = torch.arange(61) % 4
    names = torch.tensor([2, 0, 3, 1])
    labels = torch.where(torch.arange(61) < 4, names[truth], -1)
    assert torch.equal(GaussianMixture(4).fit(points, labels).predict(points), names[truth])


def test_labels_for_some_components_only_are_refused():
    points, _ = some_points(0)
    labels = torch.where(torch.arange(61) < 3, torch.tensor(1), torch.tensor(-1))
    with pytest.raises(ValueError, match=r"each of the 4 components needs a label; found \[0, 3, 0, 0\]"):
        GaussianMixture(4).fit(points, labels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_component_on_one_point_is_kept_from_collapsing_by_the_ridge(dtype):
    points = torch.tensor([[0.0], [0.1], [0.3], [9.0]], dtype=dtype)
    found = GaussianMixture(2, ridge=1e-3).fit(points)
    assert found.covariances.amin().item() == pytest.approx(1e-3, rel=1e-3)
    assert np.isfinite(found.history).all()
