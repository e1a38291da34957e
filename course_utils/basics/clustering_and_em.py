"""Learning without labels: k-means, and Gaussian mixtures fitted by expectation maximization (EM).

Both go back and forth between two questions: which group is each point in, and where are the groups? k-means
answers the first with a yes or no (`kmeans_step`), EM with probabilities (`e_step`, `m_step`). Where some
labels are known, EM keeps them (`e_step_with_labels`). `kmeans` and `GaussianMixture` repeat the steps.

Sources:
    Lloyd 1982, "Least squares quantization in PCM", https://doi.org/10.1109/TIT.1982.1056489.
    Dempster, Laird and Rubin 1977, "Maximum likelihood from incomplete data via the EM algorithm".
    Bishop 2006, "Pattern Recognition and Machine Learning", chapter 9 ("the book" below).
    Nigam, McCallum, Thrun and Mitchell 2000, "Text classification from labeled and unlabeled documents
    using EM", https://doi.org/10.1023/A:1007692713085.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.basics.arrays_and_tensors import log_sum_exp, one_hot, pairwise_distances

UNKNOWN = -1
"""Stands for a label that is not known."""


class KMeans(NamedTuple):
    """What `kmeans` found; `history` is the sum of squared distances at the start and after each step."""

    centers: Float[Tensor, "clusters features"]
    labels: Int[Tensor, " points"]
    history: list[float]


def kmeans_step(
    points: Float[Tensor, "points features"], centers: Float[Tensor, "clusters features"]
) -> tuple[Int[Tensor, " points"], Float[Tensor, "clusters features"]]:
    """Assign each point to its nearest center, then move each center to the mean of its points.

    Args:
        points: shape (points, features).
        centers: shape (clusters, features), in the same units.

    Returns:
        The number of the nearest of the given centers for each point, shape (points,); and the new centers,
        shape (clusters, features). A center without points stays where it is.

    Source:
        Lloyd 1982; the book, equations 9.2 and 9.4.

    Example:
        >>> points = torch.tensor([[0.0], [2.0], [9.0]])
        >>> labels, centers = kmeans_step(points, torch.tensor([[0.0], [5.0]]))
        >>> labels, centers  # 2 is nearer to 0 than to 5
        (tensor([0, 0, 1]), tensor([[1.],
                [9.]]))
    """
    labels = pairwise_distances(points, centers).argmin(dim=1)
    members = one_hot(labels, len(centers)).to(points)
    counts = members.sum(dim=0)[:, None]
    means = members.T @ points / counts  # not a number where there are no points
    return labels, torch.where(counts > 0, means, centers)


def kmeans(
    points: Float[Tensor, "points features"], centers: Float[Tensor, "clusters features"], steps: int = 100
) -> KMeans:
    """Repeat `kmeans_step` until no center moves, or `steps` times.

    Args:
        points: shape (points, features).
        centers: where to start, shape (clusters, features).
        steps: the most steps to take.

    Returns:
        Centers, labels and history. No step makes the loss (the book, equation 9.1) larger, so it ends, at a
        local minimum.

    Source:
        Lloyd 1982; equals `sklearn.cluster.KMeans` from the same start.

    Example:
        >>> found = kmeans(torch.tensor([[0.0], [2.0], [9.0]]), torch.tensor([[0.0], [5.0]]))
        >>> found.history, found.labels
        ([20.0, 2.0], tensor([0, 0, 1]))
    """
    history: list[float] = []
    for step in range(steps + 1):
        labels, moved = kmeans_step(points, centers)
        history.append((points - centers[labels]).square().sum().item())
        if torch.equal(moved, centers) or step == steps:
            break
        centers = moved
    return KMeans(centers, labels, history)


def spread_centers(
    points: Float[Tensor, "points features"], clusters: int, generator: torch.Generator
) -> Float[Tensor, "clusters features"]:
    """Pick points as first centers, each likelier the farther it is from those before (k-means++).

    Args:
        points: shape (points, features), at least `clusters` of them different.
        clusters: how many centers.
        generator: where the random numbers come from.

    Returns:
        Different points, shape (clusters, features).

    Source:
        Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding", section 2.2: the
        probability is proportional to the squared distance to the nearest center so far.

    Example:
        >>> points = torch.tensor([[0.0], [0.0], [5.0]])
        >>> sorted(spread_centers(points, 2, torch.Generator().manual_seed(0)).flatten().tolist())
        [0.0, 5.0]
    """
    first = torch.randint(len(points), (1,), generator=generator)
    centers = points[first]
    for _ in range(clusters - 1):
        chance = pairwise_distances(points, centers).amin(dim=1).square()
        centers = torch.cat([centers, points[torch.multinomial(chance, 1, generator=generator)]])
    return centers


def log_gaussian(
    points: Float[Tensor, "points features"],
    means: Float[Tensor, "components features"],
    covariances: Float[Tensor, "components features features"],
) -> Float[Tensor, "points components"]:
    """Return the logarithm of each normal density at each point.

    `-(features * log(2 pi) + log det C + (x - m)^T C^-1 (x - m)) / 2` for mean m and covariance C. With the
    Cholesky factor `C = L L^T` the last term is the squared length of `L^-1 (x - m)`, and the determinant is
    the squared product of L's diagonal: nothing is inverted.

    Args:
        points: shape (points, features).
        means: shape (components, features).
        covariances: shape (components, features, features), symmetric with positive eigenvalues.

    Returns:
        Log densities, shape (points, components).

    Raises:
        torch.linalg.LinAlgError: if a covariance is singular. Give `m_step` a ridge.

    Source:
        The book, equation 2.43; equals `scipy.stats.multivariate_normal.logpdf`.

    Example:
        >>> log_gaussian(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0]]), torch.ones(1, 1, 1))
        tensor([[-0.9189],
                [-1.4189]])
    """
    factors = torch.linalg.cholesky(covariances)
    differences = points - means[:, None, :]  # (components, points, features)
    scaled = torch.linalg.solve_triangular(factors, differences.mT, upper=False)
    squares = scaled.square().sum(dim=1)
    log_determinants = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    return -(points.shape[1] * math.log(2 * math.pi) + log_determinants[:, None] + squares).mT / 2


def e_step(
    points: Float[Tensor, "points features"],
    weights: Float[Tensor, " components"],
    means: Float[Tensor, "components features"],
    covariances: Float[Tensor, "components features features"],
) -> tuple[Float[Tensor, "points components"], Float[Tensor, ""]]:
    """Return how probable each component is for each point, and the log-likelihood of all points.

    The responsibility of component k for point x is `weight_k N(x | k) / sum over j of weight_j N(x | j)`,
    the log-likelihood the sum over all points of the logarithm of that denominator. Both are computed from
    logarithms, since densities far from all means are rounded to zero.

    Args:
        points: shape (points, features).
        weights: the share of each component, shape (components,), summing to one.
        means: shape (components, features).
        covariances: shape (components, features, features).

    Returns:
        Responsibilities, shape (points, components), rows summing to one; and the log-likelihood, a scalar.

    Source:
        The book, equations 9.23 and 9.14.

    Example:
        >>> points, means = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [2.0]])
        >>> responsibilities, _ = e_step(points, torch.tensor([0.5, 0.5]), means, torch.ones(2, 1, 1))
        >>> responsibilities  # one over 1 + e**-2
        tensor([[0.8808, 0.1192],
                [0.1192, 0.8808]])
    """
    log_joint = weights.log() + log_gaussian(points, means, covariances)
    log_evidence = log_sum_exp(log_joint, dim=1, keepdim=True)
    return (log_joint - log_evidence).exp(), log_evidence.sum()


def e_step_with_labels(
    points: Float[Tensor, "points features"],
    weights: Float[Tensor, " components"],
    means: Float[Tensor, "components features"],
    covariances: Float[Tensor, "components features features"],
    labels: Int[Tensor, " points"],
) -> tuple[Float[Tensor, "points components"], Float[Tensor, ""]]:
    """Do the E-step where some points are known to belong to a component.

    A point with a label has responsibility one there and zero elsewhere, and adds `log(weight_k N(x | k))`
    of its component k to the log-likelihood. Any other point is treated as in `e_step`.

    Args:
        points, weights, means, covariances: as in `e_step`.
        labels: the component of each point, or -1 where it is not known, shape (points,).

    Returns:
        Responsibilities, shape (points, components); and the log-likelihood of points and labels, a scalar.

    Source:
        Nigam et al. 2000, where the components are models of text.

    Example:
        >>> points, means = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [2.0]])
        >>> halves, labels = torch.tensor([0.5, 0.5]), torch.tensor([1, -1])
        >>> responsibilities, _ = e_step_with_labels(points, halves, means, torch.ones(2, 1, 1), labels)
        >>> responsibilities
        tensor([[0.0000, 1.0000],
                [0.1192, 0.8808]])
    """
    log_joint = weights.log() + log_gaussian(points, means, covariances)
    allowed = (labels[:, None] == UNKNOWN) | (labels[:, None] == torch.arange(len(weights)))
    log_joint = log_joint.where(allowed, float("-inf"))
    log_evidence = log_sum_exp(log_joint, dim=1, keepdim=True)
    return (log_joint - log_evidence).exp(), log_evidence.sum()


def m_step(
    points: Float[Tensor, "points features"],
    responsibilities: Float[Tensor, "points components"],
    ridge: float = 1e-6,
) -> tuple[
    Float[Tensor, " components"],
    Float[Tensor, "components features"],
    Float[Tensor, "components features features"],
]:
    """Fit each component to all points, each point counting as much as the component is responsible for it.

    With `N_k` for the sum of the responsibilities of component k: its weight is `N_k / points`, its mean and
    its covariance are the weighted mean and covariance of the points.

    Args:
        points: shape (points, features).
        responsibilities: shape (points, components), rows summing to one.
        ridge: added to each variance (the diagonals), in squared units of the features, so that no
            covariance becomes singular.

    Returns:
        Weights (components,), means (components, features), covariances (components, features, features). A
        component that is responsible for nothing gets weight 0, mean 0, and the ridge.

    Source:
        The book, equations 9.24 to 9.26; the ridge is scikit-learn's `reg_covar`.

    Example:
        >>> points = torch.tensor([[0.0], [2.0], [9.0]])
        >>> halves = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        >>> weights, means, _ = m_step(points, halves)
        >>> weights, means  # (0 + 2/2) / 1.5 and (2/2 + 9) / 1.5
        (tensor([0.5000, 0.5000]), tensor([[0.6667],
                [6.6667]]))
    """
    totals = responsibilities.sum(dim=0)
    # A component that is responsible for nothing would be divided by zero.
    shares = responsibilities / totals.where(totals > 0, 1.0)
    means = shares.T @ points
    differences = points[:, None, :] - means  # (points, components, features)
    covariances = torch.einsum("nk,nkd,nke->kde", shares, differences, differences)
    return totals / len(points), means, covariances + ridge * torch.eye(points.shape[1]).to(points)


class Fit(NamedTuple):
    """What `em` found; `history` is the log-likelihood at the start and after each step."""

    weights: Float[Tensor, " components"]
    means: Float[Tensor, "components features"]
    covariances: Float[Tensor, "components features features"]
    history: list[float]


def em(
    points: Float[Tensor, "points features"],
    weights: Float[Tensor, " components"],
    means: Float[Tensor, "components features"],
    covariances: Float[Tensor, "components features features"],
    labels: Int[Tensor, " points"] | None = None,
    steps: int = 100,
    tolerance: float = 1e-6,
    ridge: float = 1e-6,
) -> Fit:
    """Repeat E-step and M-step until a step gains less than `tolerance` for each point, or `steps` times.

    Args:
        points: shape (points, features).
        weights, means, covariances: where to start, of the shapes in `e_step`.
        labels: the component of each point, or -1 where it is not known; by default none is known.
        steps: the most steps to take.
        tolerance: the smallest gain in log-likelihood for each point to go on for.
        ridge: see `m_step`. Without it the log-likelihood never falls.

    Returns:
        The parameters after the last step, and the history, one longer than the number of steps taken.

    Raises:
        torch.linalg.LinAlgError: if a covariance becomes singular, which a ridge prevents.

    Source:
        The book, section 9.2.2; equals `sklearn.mixture.GaussianMixture` from the same start.

    Example:
        >>> points = torch.tensor([[0.0], [1.0], [8.0], [9.0]])
        >>> found = em(points, torch.tensor([0.5, 0.5]), torch.tensor([[0.0], [9.0]]), torch.ones(2, 1, 1))
        >>> found.means
        tensor([[0.5000],
                [8.5000]])
    """
    if labels is None:
        labels = torch.full((len(points),), UNKNOWN)
    history: list[float] = []
    for step in range(steps + 1):
        responsibilities, log_likelihood = e_step_with_labels(points, weights, means, covariances, labels)
        history.append(log_likelihood.item())
        converged = step > 0 and history[-1] - history[-2] < tolerance * len(points)
        if converged or step == steps:
            break
        weights, means, covariances = m_step(points, responsibilities, ridge)
    return Fit(weights, means, covariances, history)


class GaussianMixture:
    """A density that is a weighted sum of normal densities, fitted by EM.

    Args:
        components: how many.
        ridge, steps, tolerance: see `em`.
        restarts: how often to start; the fit with the largest log-likelihood is kept.
        seed: the same seed gives the same starts.

    After `fit` it has the attributes of `Fit`: weights, means, covariances, history.

    Example:
        >>> points = torch.tensor([[0.0], [1.0], [8.0], [9.0]])
        >>> mixture = GaussianMixture(2).fit(points, torch.tensor([1, -1, 0, -1]))
        >>> mixture.predict(torch.tensor([[2.0], [7.0]]))
        tensor([1, 0])
    """

    def __init__(
        self,
        components: int,
        ridge: float = 1e-6,
        restarts: int = 1,
        steps: int = 100,
        tolerance: float = 1e-6,
        seed: int = 0,
    ) -> None:
        self.components = components
        self.ridge = ridge
        self.restarts = restarts
        self.steps = steps
        self.tolerance = tolerance
        self.seed = seed

    def fit(
        self, points: Float[Tensor, "points features"], labels: Int[Tensor, " points"] | None = None
    ) -> GaussianMixture:
        """Fit the mixture, starting from k-means; labels, where given, are kept and name the components.

        Args:
            points: shape (points, features).
            labels: the component of each point, or -1 where it is not known, shape (points,). k-means then
                starts once, from the mean of each component's labeled points.

        Returns:
            The mixture itself.

        Raises:
            ValueError: if labels are given and a component has none.
        """
        if labels is None:
            generator = torch.Generator().manual_seed(self.seed)
            starts = [spread_centers(points, self.components, generator) for _ in range(self.restarts)]
        else:
            starts = [self._labeled_means(points, labels)]
        fits = []
        for centers in starts:
            groups = one_hot(kmeans(points, centers).labels, self.components).to(points)
            start = m_step(points, groups, self.ridge)
            fits.append(em(points, *start, labels, self.steps, self.tolerance, self.ridge))
        best = max(fits, key=lambda fit: fit.history[-1])
        self.weights, self.means, self.covariances, self.history = best
        return self

    def _labeled_means(self, points: Tensor, labels: Tensor) -> Tensor:
        known = labels != UNKNOWN
        groups = one_hot(labels[known], self.components).to(points)
        counts = groups.sum(dim=0)
        if (counts == 0).any():
            raise ValueError(
                f"each of the {self.components} components needs a label; found {counts.int().tolist()}."
            )
        return m_step(points[known], groups)[1]

    def responsibilities(
        self, points: Float[Tensor, "points features"]
    ) -> Float[Tensor, "points components"]:
        """Return how probable each component is for each point."""
        return e_step(points, self.weights, self.means, self.covariances)[0]

    def predict(self, points: Float[Tensor, "points features"]) -> Int[Tensor, " points"]:
        """Return the most probable component of each point."""
        return self.responsibilities(points).argmax(dim=1)

    def log_likelihood(self, points: Float[Tensor, "points features"]) -> float:
        """Return the logarithm of the density of all points together."""
        return e_step(points, self.weights, self.means, self.covariances)[1].item()

    def bic(self, points: Float[Tensor, "points features"]) -> float:
        """Return the Bayesian information criterion, smaller is better (Schwarz 1978).

        `parameters * log(points) - 2 * log_likelihood`, where the weights sum to one, so that one of them is
        not free, and a covariance is symmetric.
        """
        features = points.shape[1]
        parameters = self.components - 1 + self.components * (features + features * (features + 1) // 2)
        return parameters * math.log(len(points)) - 2 * self.log_likelihood(points)
