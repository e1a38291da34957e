"""What is graded of basics/clustering_and_em."""

import contextlib
import itertools

import torch

from course_utils.basics import clustering_and_em as reference
from course_utils.basics.arrays_and_tensors import one_hot
from course_utils.checking import Draw, function

# --- kmeans_step --------------------------------------------------------------------------------------------

kmeans_step = function(reference.kmeans_step, points=4)
kmeans_step.forbid(
    "sklearn.cluster",
    "course_utils.basics.clustering_and_em.kmeans_step",
    "course_utils.basics.clustering_and_em.kmeans",
)


def clouds(draw: Draw, points: int, clusters: int, features: int, mean=0.0, dtype=torch.float32):
    """Draw points, and some of them, a little moved, as centers: each is nearest to one point at least."""
    drawn = 3 * draw.normal(points, features, dtype=dtype) + mean
    return {"points": drawn, "centers": drawn[:clusters] + 1e-3}


def with_stray_center(draw: Draw, points: int, clusters: int, features: int, place: int):
    """Draw the same with a center that is far from all points."""
    inputs = clouds(draw, points, clusters, features)
    inputs["centers"][place] = 100.0 + draw.normal(features)
    return inputs


kmeans_step.case("eleven points, three centers")(lambda draw: clouds(draw, 11, 3, 2))
kmeans_step.case("four features")(lambda draw: clouds(draw, 17, 5, 4))
# So many points that torch.cdist expands the squares, and a tolerance at which the means count, too.
kmeans_step.case("points far from the origin", rtol=2e-6)(lambda draw: clouds(draw, 61, 7, 2, mean=20000.0))
kmeans_step.case("a center without points stays")(lambda draw: with_stray_center(draw, 12, 4, 3, 1))


@kmeans_step.case("a mean that is zero", atol=1e-4)
def _(draw):
    # In whole numbers, so that each point and its opposite add to exactly zero; to nearly zero where all
    # points are moved first.
    pairs = draw.integers(1, 5, 4, 2).float()
    far = draw.integers(40, 50, 5, 2).float()
    return {"points": torch.cat([pairs, -pairs, far]), "centers": torch.tensor([[0.5, -0.5], [45.0, 45.0]])}


kmeans_step.case("the last center has no points", hidden=True)(
    lambda draw: with_stray_center(draw, 9, 3, 2, 2)
)
kmeans_step.case("double precision", hidden=True)(lambda draw: clouds(draw, 14, 4, 3, dtype=torch.float64))
kmeans_step.case("one center for all", hidden=True)(lambda draw: clouds(draw, 7, 1, 3))
kmeans_step.hint(
    idea="The table of distances has a row for each point; the place of its smallest entry is the point's "
    "label. For the new centers, average the points of each label, and look out for a label without points.",
)
DISTANCES = "pairwise_distances(points, centers)"
kmeans_step.mistake(
    "Each point goes to the center that is farthest: take the smallest distance.",
    edit=("argmin", "argmax"),
)
kmeans_step.mistake(
    "The labels are those of the centers, one for each: ask for the smallest entry of each row, not of each "
    "column.",
    edits=[
        ("argmin(dim=1)", "argmin(dim=0)"),
        ("one_hot(labels, len(centers))", "one_hot(labels, len(points)).T[:, : len(centers)]"),
        ("members.T @ points", "members.T @ points[: len(members)]"),
    ],
)
kmeans_step.mistake(
    "The sums of the points are not divided by how many there are: a center is a mean.",
    edit=("members.T @ points / counts ", "members.T @ points "),
)
kmeans_step.mistake(
    "The sums are divided by the number of all points. Divide by the number of points of that center.",
    edit=("points / counts ", "points / len(points) "),
)
kmeans_step.mistake(
    "A center without points jumps to the origin: it stays where it was.",
    edit=("torch.where(counts > 0, means, centers)", "means.nan_to_num()"),
)
kmeans_step.mistake(
    "A center without points becomes NaN, zero divided by zero: it stays where it was.",
    edit=("torch.where(counts > 0, means, centers)", "means"),
)
kmeans_step.mistake(
    "A center without points is left out. There must be as many centers as before.",
    edit=("torch.where(counts > 0, means, centers)", "means[counts[:, 0] > 0]"),
)
kmeans_step.mistake(
    "The labels are asked for again after the centers have moved. Return those that the means were taken "
    "with.",
    edit=(
        "return labels, torch.where(counts > 0, means, centers)",
        "moved = torch.where(counts > 0, means, centers)\n"
        "    return pairwise_distances(points, moved).argmin(dim=1), moved",
    ),
)
kmeans_step.mistake(
    "The differences of the features are made positive and added (the city-block distance). k-means goes by "
    "the Euclidean distance.",
    edit=(DISTANCES, "(points[:, None] - centers).abs().sum(2)"),
)
kmeans_step.mistake(
    "The square of the distance is expanded into large numbers: far from the origin nothing but rounding "
    "errors is left. Subtract first.",
    edit=(
        DISTANCES,
        "(points.square().sum(1)[:, None] + centers.square().sum(1) - 2 * points @ centers.T)",
    ),
)
kmeans_step.mistake(
    "For more than 25 points torch.cdist expands the square of the distance, and rounds the difference away "
    "far from the origin. Subtract first.",
    edit=(DISTANCES, "torch.cdist(points, centers)"),
)
kmeans_step.mistake(
    "A mean of zero is taken for a center without points. Count the points.",
    edit=("torch.where(counts > 0, means, centers)", "torch.where(means.nan_to_num() != 0, means, centers)"),
)
kmeans_step.mistake(
    "Labels and centers are returned in the other order.",
    edit=(
        "return labels, torch.where(counts > 0, means, centers)",
        "return torch.where(counts > 0, means, centers), labels",
    ),
)


@kmeans_step.mistake("Each center moves to the median of its points. k-means takes the mean.")
def medians(points, centers):
    labels, moved = reference.kmeans_step(points, centers)
    for k in labels.unique().tolist():
        moved[k] = points[labels == k].median(dim=0).values
    return labels, moved


@kmeans_step.variant
def with_a_loop(points, centers):
    labels = ((points[:, None] - centers) ** 2).sum(-1).argmin(1)
    moved = centers.clone()
    for k in range(len(centers)):
        if (labels == k).any():
            moved[k] = points[labels == k].mean(0)
    return labels, moved


@kmeans_step.variant
def with_cdist_and_index_add(points, centers):
    labels = torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1).indices
    sums = torch.zeros_like(centers).index_add_(0, labels, points)
    counts = labels.bincount(minlength=len(centers))
    moved = sums / counts[:, None]
    moved[counts == 0] = centers[counts == 0]
    return [labels, moved]


@kmeans_step.variant
def centered_first(points, centers):
    middle = points.mean(0)
    labels, moved = reference.kmeans_step(points - middle, centers - middle)
    return labels, moved + middle


kmeans_step.equivalent(
    "members = one_hot(labels, len(centers)).to(centers)", "points and centers have the same type"
)

# --- e_step -------------------------------------------------------------------------------------------------

e_step = function(reference.e_step, points=4)
e_step.forbid("sklearn.mixture", "course_utils.basics.clustering_and_em.GaussianMixture")


def mixture(draw: Draw, components: int, features: int, dtype=torch.float32):
    """Draw the parameters of a mixture."""
    weights = draw.uniform(components, low=0.2, high=1.5, dtype=dtype)
    roots = draw.normal(components, features, features + 3, dtype=dtype)
    return {
        "weights": weights / weights.sum(),
        "means": 0.7 * draw.normal(components, features, dtype=dtype),
        "covariances": roots @ roots.mT / features,
    }


def expecting(draw: Draw, points: int, components: int, features: int, far=0.0, dtype=torch.float32):
    """Draw points and a mixture. With `far`, each point is by so much farther away than the one before."""
    drawn = draw.normal(points, features, dtype=dtype) + far * torch.arange(1, points + 1)[:, None]
    return {"points": drawn, **mixture(draw, components, features, dtype)}


FAR = "points far from all means"
e_step.case("nine points, three components")(lambda draw: expecting(draw, 9, 3, 2))
e_step.case("as many points as components")(lambda draw: expecting(draw, 5, 5, 3))
e_step.case(FAR)(lambda draw: expecting(draw, 7, 4, 3, far=300.0, dtype=torch.float64))
e_step.case("one component", hidden=True)(lambda draw: expecting(draw, 6, 1, 4))
e_step.case("one feature", hidden=True)(lambda draw: expecting(draw, 8, 3, 1))
e_step.case("double precision", hidden=True)(lambda draw: expecting(draw, 10, 4, 2, dtype=torch.float64))
e_step.hint(
    idea="Add the logarithm of each weight to the log densities of its component. The log-sum-exp of a row "
    "is the point's log density under the whole mixture; subtract it before you exponentiate.",
    nudges={FAR: "A density may be rounded to zero. Its logarithm is not: where do you leave it?"},
)
LOG_WEIGHTS = "weights.log() + "
NORMALIZED = "(log_joint - log_evidence).exp()"
e_step.mistake(
    "The weights of the components are left out: a large group claims more points than a small one.",
    edit=(LOG_WEIGHTS, ""),
)
e_step.mistake(
    "The weights are added to the log densities as they are: add their logarithms.",
    edit=(LOG_WEIGHTS, "weights + "),
)
e_step.mistake(
    "The responsibilities of each component sum to one over the points. Those of each point must sum to one "
    "over the components.",
    edit=("dim=1", "dim=0"),
)
e_step.mistake(
    "Each point is given to its likeliest component altogether. EM keeps the probabilities.",
    edit=(NORMALIZED, "one_hot(log_joint.argmax(1), len(weights)).to(points)"),
)
e_step.mistake(
    "The logarithms of the responsibilities are returned: exponentiate them.",
    edit=(NORMALIZED, "(log_joint - log_evidence)"),
)
e_step.mistake(
    "The densities are not divided by their sum: they are no probabilities yet.",
    edit=(NORMALIZED, "log_joint.exp()"),
)
e_step.mistake(
    "The log-likelihood is averaged over the points: it is the sum.",
    edit=("log_evidence.sum()", "log_evidence.mean()"),
)
e_step.mistake(
    "The sign of the log-likelihood is turned: this is the loss, which falls.",
    edit=("log_evidence.sum()", "-log_evidence.sum()"),
)
e_step.mistake(
    "The log-likelihood is the expected one of points and components together, responsibilities times log "
    "joint densities. The log-likelihood of the points is the sum of the log-sum-exp of the rows.",
    edit=("log_evidence.sum()", "(log_joint.softmax(1) * log_joint).sum()"),
)
e_step.mistake(
    "The densities of the points are added and then the logarithm taken. A product of densities is a sum of "
    "logarithms: first the logarithm of each point, then the sum.",
    edit=("log_evidence.sum()", "log_sum_exp(log_evidence, dim=0)[0]"),
)


@e_step.mistake(
    "The densities are exponentiated before they are divided: far from all means they are zero, and zero by "
    "zero is not a number. Stay with logarithms until the end."
)
def in_plain_numbers(points, weights, means, covariances):
    joint = weights * reference.log_gaussian(points, means, covariances).exp()
    return joint / joint.sum(1, keepdim=True), joint.sum(1).log().sum()


@e_step.mistake(
    "The largest entry of the whole table is subtracted before exponentiating, and rows far below it become "
    "zero. Subtract the largest entry of each row."
)
def largest_of_all(points, weights, means, covariances):
    joint = weights.log() + reference.log_gaussian(points, means, covariances)
    scaled = (joint - joint.max()).exp()
    total = scaled.sum(1, keepdim=True)
    return scaled / total, (joint.max() + total.log()).sum()


@e_step.variant
def with_softmax(points, weights, means, covariances):
    joint = reference.log_gaussian(points, means, covariances) + torch.log(weights)
    return torch.softmax(joint, dim=1), torch.logsumexp(joint, dim=1).sum()


@e_step.variant
def component_by_component(points, weights, means, covariances):
    columns = [
        torch.distributions.MultivariateNormal(mean, covariance).log_prob(points) + weight.log()
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    joint = torch.stack(columns, dim=1)
    largest = joint.max(dim=1, keepdim=True).values
    scaled = (joint - largest).exp()
    total = scaled.sum(dim=1, keepdim=True)
    return scaled / total, (largest + total.log()).sum()


e_step.equivalent(
    "log_evidence = log_sum_exp(log_joint, keepdim=True)", "the axis of the components is the last one"
)

# --- m_step -------------------------------------------------------------------------------------------------

m_step = function(reference.m_step, points=4)
m_step.forbid("sklearn.mixture", "course_utils.basics.clustering_and_em.em")


def shared(draw: Draw, points: int, components: int, features: int, dtype=torch.float32, **more):
    """Draw points beside the origin and responsibilities."""
    return {
        "points": draw.normal(points, features, dtype=dtype) + 1.5,
        "responsibilities": draw.normal(points, components, scale=1.5, dtype=dtype).softmax(dim=1),
        **more,
    }


m_step.case("nine points, three components")(lambda draw: shared(draw, 9, 3, 2))
m_step.case("a large ridge")(lambda draw: shared(draw, 11, 4, 3, ridge=draw.choice([0.5, 0.7])))
m_step.case("without a ridge", hidden=True)(lambda draw: shared(draw, 12, 3, 2, ridge=0.0))


@m_step.case("the ridge by itself", atol=1e-9)
def _(draw):
    # Twice the same whole numbers: in every formula the covariance is exactly zero.
    return {"points": draw.integers(-4, 5, 1, 3).float().repeat(2, 1), "responsibilities": torch.ones(2, 1)}


@m_step.case("no ridge, and all points the same", atol=1e-9)
def _(draw):
    # Four times, so that a share is a quarter: the covariance is exactly zero here, too.
    inputs = {"points": draw.integers(-4, 5, 1, 2).float().repeat(4, 1), "responsibilities": torch.ones(4, 1)}
    return {**inputs, "ridge": 0.0}


@m_step.case("a component that is responsible for very little")
def _(draw):
    inputs = shared(draw, 10, 3, 2, dtype=torch.float64)
    little = inputs["responsibilities"] * torch.tensor([1.0, 1e-6, 1.0])
    return {**inputs, "responsibilities": little / little.sum(1, keepdim=True)}


m_step.case("more components than points")(lambda draw: shared(draw, 4, 7, 2))
m_step.case("one feature", hidden=True)(lambda draw: shared(draw, 10, 2, 1))
m_step.case("double precision", hidden=True)(lambda draw: shared(draw, 13, 5, 3, dtype=torch.float64))


@m_step.case("each point belongs to one component")
def _(draw):
    labels = torch.cat([torch.arange(3), draw.integers(0, 3, 8)])
    return {"points": draw.normal(11, 2) + 1.5, "responsibilities": one_hot(labels, 3)}


@m_step.case("a component without points")
def _(draw):
    labels = 2 * draw.integers(0, 2, 9)
    labels[:2] = torch.tensor([0, 2])
    return {"points": draw.normal(9, 2), "responsibilities": one_hot(labels, 3), "ridge": 0.1}


m_step.hint(
    idea="Everything is an average in which each point counts as much as its responsibility: first how many "
    "points a component has, then their mean, then the mean product of the deviations from that mean.",
)
COVARIANCES = "covariances = torch.einsum('nk,nkd,nke->kde', shares, differences, differences)".replace(
    "'", '"'
)
m_step.mistake(
    "Each point counts for its likeliest component only. It counts for all, as much as they are responsible.",
    edit=(
        "    totals = ",
        "    responsibilities = one_hot(responsibilities.argmax(1), responsibilities.shape[1]).to(points)\n"
        "    totals = ",
    ),
)
m_step.mistake(
    "The weights are the sums of the responsibilities: divide by the number of points.",
    edit=("return totals / len(points), means", "return totals, means"),
)
m_step.mistake(
    "The means are divided by the number of all points. Divide by the sum of the component's "
    "responsibilities.",
    edit=("means = shares.T @ points", "means = responsibilities.T @ points / len(points)"),
)
m_step.mistake(
    "The covariances are divided by the number of all points. Divide by the sum of the component's "
    "responsibilities.",
    edit=(COVARIANCES, f"{COVARIANCES} * (totals / len(points))[:, None, None]"),
)
m_step.mistake(
    "The covariances are divided by one less than the sum of the responsibilities. Maximum likelihood "
    "divides by the sum itself.",
    edit=(COVARIANCES, f"{COVARIANCES} * (totals / (totals - 1))[:, None, None]"),
)
m_step.mistake(
    "The deviations are taken from the mean of all points. Take them from the component's own mean.",
    edit=("points[:, None, :] - means", "(points - points.mean(0))[:, None, :]"),
)
m_step.mistake(
    "The products of the points are averaged without subtracting the mean first.",
    edit=("points[:, None, :] - means", "points[:, None, :]"),
)
m_step.mistake(
    "Only the variances are kept. The covariances beside the diagonal say how the features vary together.",
    edit=(COVARIANCES, COVARIANCES + " * torch.eye(points.shape[1]).to(points)"),
)
m_step.mistake(
    "The ridge is added to every entry: it belongs on the diagonal only.",
    edit=("ridge * torch.eye(points.shape[1]).to(points)", "ridge"),
)
m_step.mistake(
    "The ridge is left out.",
    edit=(" + ridge * torch.eye(points.shape[1]).to(points)", ""),
)
m_step.mistake(
    "The ridge is never smaller than 1e-6. Where it is given as 0, nothing is added.",
    edit=("ridge * torch.eye", "max(ridge, 1e-6) * torch.eye"),
)
m_step.mistake(
    "A small number is added to the sum of the responsibilities, to be safe from zero. For a component that "
    "is responsible for very little it is not small: treat a sum of exactly zero by itself.",
    edit=("totals.where(totals > 0, 1.0)", "(totals + 1e-6)"),
)
m_step.mistake(
    "A small sum of responsibilities is replaced by a larger number before it divides. However little a "
    "component is responsible for, divide by that: only a sum of exactly zero is special.",
    edit=("totals.where(totals > 0, 1.0)", "totals.clamp(min=0.1)"),
)
m_step.mistake(
    "The responsibilities are squared in the covariances: multiply one of the two deviations with them, not "
    "both.",
    edit=(COVARIANCES, COVARIANCES.replace("shares,", "responsibilities * shares,")),
)
m_step.mistake(
    "A component without points divides by zero and becomes NaN: it gets weight 0, mean 0, and the ridge.",
    edit=("totals.where(totals > 0, 1.0)", "totals"),
)


@m_step.variant
def loop_over_components(points, responsibilities, ridge=1e-6):
    weights, means, covariances = [], [], []
    for r in responsibilities.T:
        total = r.sum().clamp(min=1e-12)
        mean = (r[:, None] * points).sum(0) / total
        centered = points - mean
        weights.append(r.mean())
        means.append(mean)
        covariances.append(
            (r[:, None] * centered).T @ centered / total + ridge * torch.eye(len(mean)).to(mean)
        )
    return torch.stack(weights), torch.stack(means), torch.stack(covariances)


@m_step.variant
def with_matrix_products(points, responsibilities, ridge=1e-6):
    totals = responsibilities.sum(0)
    shares = (responsibilities / torch.where(totals > 0, totals, 1.0)).T
    means = shares @ points
    centered = points - means[:, None]
    covariances = (shares[:, :, None] * centered).mT @ centered
    covariances.diagonal(dim1=1, dim2=2).add_(ridge)
    return totals / len(points), means, covariances


@m_step.variant
def mean_square_less_squared_mean(points, responsibilities, ridge=1e-6):
    totals = responsibilities.sum(0)
    shares = responsibilities / totals.clamp(min=1e-20)
    means = shares.T @ points
    products = torch.einsum("nk,nd,ne->kde", shares, points, points)
    unit = torch.eye(points.shape[1])
    return totals / len(points), means, products - means[:, :, None] * means[:, None, :] + ridge * unit


for one in ("-1.0", "2.0"):
    m_step.equivalent(
        f"shares = responsibilities / totals.where(totals > 0, {one})", "zero is divided by it, nothing else"
    )
m_step.equivalent("differences = means - points[:, None, :]", "each product has two, so the sign goes")
EYE = "return (totals / len(points), means, covariances + ridge * torch.eye(points.shape[1]){})"
m_step.equivalent(
    EYE.format(".to(points)").replace("len(points)", "len(responsibilities)"),
    "there is a row of responsibilities for each point",
)
m_step.equivalent(EYE.format(""), "on a CPU they take the type of what they are added to")
m_step.equivalent(EYE.format(".to(responsibilities)"), "points and responsibilities have the same type")

# --- e_step_with_labels -------------------------------------------------------------------------------------

e_step_with_labels = function(reference.e_step_with_labels, points=4)
e_step_with_labels.forbid("sklearn.mixture", "course_utils.basics.clustering_and_em.GaussianMixture")


def partly(draw: Draw, points: int, components: int, features: int, known: int, **more):
    """Draw points and a mixture, and labels for some points, the first and the last component among them."""
    inputs = expecting(draw, points, components, features, **more)
    labels = torch.full((points,), -1)
    labels[:known] = draw.integers(0, components, known)
    labels[: min(known, 2)] = torch.tensor([components - 1, 0])[: min(known, 2)]
    if known < points:
        # A point without a label comes first, and one with a label after it.
        labels = torch.cat([labels[-1:], labels[:-1][draw.permutation(points - 1)]])
    return {**inputs, "labels": labels}


e_step_with_labels.case("four of nine labels are known")(lambda draw: partly(draw, 9, 3, 2, known=4))
e_step_with_labels.case("as many points as components")(lambda draw: partly(draw, 5, 5, 3, known=3))
e_step_with_labels.case("no label is known")(lambda draw: partly(draw, 8, 4, 2, known=0))
e_step_with_labels.case("all labels are known", hidden=True)(lambda draw: partly(draw, 7, 3, 4, known=7))
e_step_with_labels.case("far from all means")(
    lambda draw: partly(draw, 10, 3, 4, known=4, far=300.0, dtype=torch.float64)
)
e_step_with_labels.case("double precision", hidden=True)(
    lambda draw: partly(draw, 11, 4, 3, known=5, dtype=torch.float64)
)
e_step_with_labels.hint(
    idea="A label rules out all other components of its point: their log joint densities become minus "
    "infinity, before the log-sum-exp. The rest is the plain E-step.",
)
ALLOWED = "log_joint = log_joint.where(allowed, float('-inf'))".replace("'", '"')
UNKNOWN = "(labels[:, None] == UNKNOWN) | "
e_step_with_labels.mistake(
    "The labels are not looked at: where one is known, the responsibilities are one and zeros.",
    edit=(ALLOWED, "log_joint = log_joint"),
)
e_step_with_labels.mistake(
    "The log-likelihood does not know of the labels. A point with a label adds the log joint density of its "
    "own component.",
    edit=(
        "return (log_joint - log_evidence).exp(), log_evidence.sum()",
        "return (log_joint - log_evidence).exp(), e_step(points, weights, means, covariances)[1]",
    ),
)


@e_step_with_labels.mistake(
    "The label -1 is taken as an index, which picks the last component. It says that the label is unknown."
)
def last_component(points, weights, means, covariances, labels):
    labels = torch.where(labels < 0, len(weights) - 1, labels)
    return reference.e_step_with_labels(points, weights, means, covariances, labels)


@e_step_with_labels.mistake(
    "Points without a label are left out of the log-likelihood: they belong to it too."
)
def labeled_only(points, weights, means, covariances, labels):
    responsibilities, _ = reference.e_step_with_labels(points, weights, means, covariances, labels)
    known = labels >= 0
    joint = weights.log() + reference.log_gaussian(points, means, covariances)
    return responsibilities, joint[known, labels[known]].sum()


@e_step_with_labels.mistake("Points with a label are left out of the log-likelihood: they belong to it too.")
def unlabeled_only(points, weights, means, covariances, labels):
    responsibilities, _ = reference.e_step_with_labels(points, weights, means, covariances, labels)
    return responsibilities, reference.e_step(points[labels < 0], weights, means, covariances)[1]


@e_step_with_labels.mistake(
    "The other responsibilities of a point with a label are set to zero, but its own stays below one: the "
    "label is certain."
)
def not_certain(points, weights, means, covariances, labels):
    responsibilities, _ = reference.e_step(points, weights, means, covariances)
    known, log_likelihood = reference.e_step_with_labels(points, weights, means, covariances, labels)
    return responsibilities * (known > 0), log_likelihood


@e_step_with_labels.mistake(
    "Points without a label are given to their likeliest component altogether. They keep their probabilities."
)
def hard_guesses(points, weights, means, covariances, labels):
    responsibilities, log_likelihood = reference.e_step_with_labels(
        points, weights, means, covariances, labels
    )
    return one_hot(responsibilities.argmax(1), len(weights)).to(points), log_likelihood


@e_step_with_labels.mistake(
    "A point with a label adds the log density of its component without the component's weight."
)
def without_weight(points, weights, means, covariances, labels):
    responsibilities, log_likelihood = reference.e_step_with_labels(
        points, weights, means, covariances, labels
    )
    return responsibilities, log_likelihood - weights[labels[labels >= 0]].log().sum()


@e_step_with_labels.mistake(
    "Points without a label get the same probability for each component. The mixture knows better: do the "
    "E-step for them."
)
def uniform_guesses(points, weights, means, covariances, labels):
    responsibilities, log_likelihood = reference.e_step_with_labels(
        points, weights, means, covariances, labels
    )
    even = torch.full_like(responsibilities, 1 / len(weights))
    return torch.where(labels[:, None] < 0, even, responsibilities), log_likelihood


@e_step_with_labels.variant
def overwriting(points, weights, means, covariances, labels):
    responsibilities, _ = reference.e_step(points, weights, means, covariances)
    joint = weights.log() + reference.log_gaussian(points, means, covariances)
    known = (labels >= 0).nonzero()[:, 0]
    responsibilities[known] = torch.eye(len(weights), dtype=points.dtype)[labels[known]]
    evidence = torch.logsumexp(joint, dim=1)
    evidence[known] = joint[known, labels[known]]
    return responsibilities, evidence.sum()


@e_step_with_labels.variant
def point_by_point(points, weights, means, covariances, labels):
    joint = weights.log() + reference.log_gaussian(points, means, covariances)
    rows, total = [], 0.0
    for row, label in zip(joint, labels.tolist(), strict=True):
        if label == -1:
            rows.append(row.softmax(0))
            total = total + row.logsumexp(0)
        else:
            rows.append((torch.arange(len(weights)) == label).to(points))
            total = total + row[label]
    return torch.stack(rows), total


for name in ("means", "covariances"):
    e_step_with_labels.equivalent(
        f"allowed = (labels[:, None] == UNKNOWN) | (labels[:, None] == torch.arange(len({name})))",
        "there is one for each component",
    )
e_step_with_labels.equivalent(
    "log_evidence = log_sum_exp(log_joint, keepdim=True)", "the axis of the components is the last one"
)

# --- em -----------------------------------------------------------------------------------------------------

em = function(reference.em, points=5)
em.forbid(
    "sklearn.mixture",
    "course_utils.basics.clustering_and_em.em",
    "course_utils.basics.clustering_and_em.GaussianMixture",
)


def start(draw: Draw, points: int, components: int, features: int, known: int = 0, apart=1.5, **more):
    """Draw clouds and where to start, in double precision."""
    group = torch.arange(points) % components
    middles = apart * draw.normal(components, features, dtype=torch.float64)
    drawn = middles[group] + draw.normal(points, features, dtype=torch.float64)
    inputs = {"points": drawn, **mixture(draw, components, features, torch.float64)}
    if known:
        inputs["labels"] = torch.where(torch.arange(points) < known, group, -1)
    return {**inputs, **more}


em.case("three steps")(lambda draw: start(draw, 31, 2, 2, steps=3, tolerance=0.0))
em.case("no step at all")(lambda draw: start(draw, 17, 3, 2, steps=0))
em.case("one step with a large ridge")(lambda draw: start(draw, 23, 2, 3, steps=1, ridge=0.4))


def steps_taken(inputs, tolerance):
    """Count the entries of the history with another tolerance."""
    return len(reference.em(**{**inputs, "tolerance": tolerance}).history)


@em.case("it stops when little is gained", weight=2)
def _(draw):
    # Drawn again until it matters whether, and with what, the gain is compared.
    while True:
        inputs = start(draw, 41, 2, 2, apart=3.0, steps=25, tolerance=0.01, ridge=0.05)
        height = abs(reference.em(**inputs).history[-1])
        share, entries, right, whole = (steps_taken(inputs, 0.01 * by / 41) for by in (height, 82, 41, 1))
        if share < entries < right < whole < 26:
            return inputs


@em.case("it stops when the log-likelihood falls")
def _(draw):
    # A ridge that is new at the end of a climb.
    inputs = start(draw, 37, 2, 2)
    end = reference.em(**inputs, steps=40, tolerance=0.0)
    fitted = {"weights": end.weights, "means": end.means, "covariances": end.covariances}
    return {**inputs, **fitted, "steps": 4, "tolerance": 1e-3, "ridge": 1.0}


em.case("the first gain is too small already", weight=0.5)(
    lambda draw: start(draw, 19, 3, 2, steps=6, tolerance=1e6)
)
em.case("some labels are known")(lambda draw: start(draw, 29, 3, 2, known=9, steps=4, tolerance=0.0))


@em.case("some labels, and little gained")
def _(draw):
    # Drawn again until it matters that all points count, not only those without a label.
    while True:
        inputs = start(draw, 43, 2, 2, known=23, steps=25, tolerance=0.01, ridge=0.05)
        entries, right, unlabeled = (steps_taken(inputs, 0.01 * by / 43) for by in (86, 43, 20))
        if entries < right < unlabeled < 26:
            return inputs


em.case("other sizes", hidden=True)(lambda draw: start(draw, 37, 4, 3, steps=5, tolerance=0.0, ridge=0.1))


@em.property("the log-likelihood never falls", weight=2)
def _(draw):
    def holds(result) -> str | None:
        history = [float(number) for number in result[3]]
        if len(history) != 13:
            return "twelve steps were asked for, so the history has thirteen entries"
        falls = any(after < before - 1e-6 * abs(before) for before, after in itertools.pairwise(history))
        return "the log-likelihood falls, which EM without a ridge cannot do" if falls else None

    # Drawn again until no component shrinks to a few points in a line, where nothing but a ridge helps.
    while True:
        inputs = start(draw, 53, 2, 2, steps=12, tolerance=-1.0, ridge=0.0)
        with contextlib.suppress(torch.linalg.LinAlgError):
            if torch.linalg.eigvalsh(reference.em(**inputs).covariances).min() > 0.05:
                return inputs, holds


em.hint(
    idea="Do the E-step, note the log-likelihood, ask whether to stop, and only then do the M-step: so the "
    "last entry of the history belongs to the parameters that are returned.",
)
STOP = "if converged or step == steps:"
em.mistake(
    "The labels are not passed on to the E-step.",
    edit=(
        "covariances, labels)\n        history",
        "covariances, torch.full((len(points),), UNKNOWN))\n        history",
    ),
)
em.mistake(
    "The ridge is not passed on to the M-step.",
    edit=("m_step(points, responsibilities, ridge)", "m_step(points, responsibilities)"),
)
em.mistake(
    "The gain is compared with the tolerance itself: the tolerance is for each point.",
    edit=("tolerance * len(points)", "tolerance"),
)
em.mistake(
    "The gain is compared with a share of the log-likelihood: compare it with the tolerance times the number "
    "of points.",
    edit=("tolerance * len(points)", "tolerance * abs(history[-2])"),
)
em.mistake(
    "The tolerance is multiplied by the number of entries, points times features: it is for each point.",
    edit=("tolerance * len(points)", "tolerance * points.numel()"),
)
em.mistake(
    "The tolerance is counted for the points without a label only: it is for each point.",
    edit=("tolerance * len(points)", "tolerance * (labels == UNKNOWN).sum().item()"),
)
em.mistake(
    "The gain is compared without its sign, so that the loop goes on after a fall. A fall is no gain: stop.",
    edit=("history[-1] - history[-2] <", "abs(history[-1] - history[-2]) <"),
)
em.mistake(
    "It never stops early: stop after a step that gains less than the tolerance for each point.",
    edit=(STOP, "if step == steps:"),
)
em.mistake(
    "One step too few is taken: the history holds the start and one entry for each step.",
    edit=("range(steps + 1)", "range(max(steps, 1))"),
)
em.mistake(
    "The parameters are one step ahead of the history: its last entry belongs to what is returned.",
    edit=(
        "    return Fit(weights, means, covariances, history)",
        "    weights, means, covariances = m_step(points, responsibilities, ridge)\n"
        "    return Fit(weights, means, covariances, history)",
    ),
)
em.mistake(
    "The history begins after the first step: it begins with the log-likelihood of the start.",
    edit=(
        "return Fit(weights, means, covariances, history)",
        "return Fit(weights, means, covariances, history[1:])",
    ),
)
em.mistake(
    "The responsibilities are rounded to zeros and ones before the M-step. These are not the probabilities "
    "that make each step an ascent.",
    edit=(
        "m_step(points, responsibilities, ridge)",
        "m_step(points, one_hot(responsibilities.argmax(1), len(weights)).to(points), ridge)",
    ),
)
em.mistake(
    "The covariances stay what they were at the start: the M-step fits them too.",
    edit=("weights, means, covariances = m_step", "weights, means, _ = m_step"),
)
em.mistake(
    "The weights stay what they were at the start: the M-step fits them too.",
    edit=("weights, means, covariances = m_step", "_, means, covariances = m_step"),
)
em.mistake(
    "Each E-step starts from the first parameters again: use those of the last M-step.",
    edit=(
        "weights, means, covariances = m_step(points, responsibilities, ridge)\n",
        "fitted = m_step(points, responsibilities, ridge)\n",
    ),
)
em.mistake(
    "The history holds the log-likelihood for each point: it is the sum over all points.",
    edit=("log_likelihood.item()", "log_likelihood.item() / len(points)"),
)


@em.variant
def step_then_look(points, weights, means, covariances, labels=None, steps=100, tolerance=1e-6, ridge=1e-6):
    labels = torch.full((len(points),), -1) if labels is None else labels
    responsibilities, now = reference.e_step_with_labels(points, weights, means, covariances, labels)
    history = [float(now)]
    for _ in range(steps):
        weights, means, covariances = reference.m_step(points, responsibilities, ridge)
        responsibilities, now = reference.e_step_with_labels(points, weights, means, covariances, labels)
        history.append(float(now))
        if history[-1] - history[-2] < tolerance * len(points):
            break
    return weights, means, covariances, history


@em.variant
def with_two_e_steps(points, weights, means, covariances, labels=None, steps=100, tolerance=1e-6, ridge=1e-6):
    def expect(mixture):
        if labels is None:
            return reference.e_step(points, *mixture)
        return reference.e_step_with_labels(points, *mixture, labels)

    mixture = (weights, means, covariances)
    history = [expect(mixture)[1]]
    while len(history) <= steps:
        mixture = reference.m_step(points, expect(mixture)[0], ridge)
        history.append(expect(mixture)[1])
        if (history[-1] - history[-2]) / len(points) < tolerance:
            break
    return [*mixture, [value.item() for value in history]]


em.equivalent("for step in range(steps + 2):", "the loop is left at the last step in any case")
em.equivalent("history.append(log_likelihood)", "a tensor of no axes is a number, too")
STOPS = "converged = step > 0 and history[-1] - history[-2] {} tolerance * len({})"
em.equivalent(STOPS.format("<=", "points"), "the gain never equals the tolerance exactly")
em.equivalent(STOPS.format("<", "labels"), "there is a label, or -1, for each point")
