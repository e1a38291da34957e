"""What is graded of basics/arrays_and_tensors."""

import functools
import math

import numpy as np
import torch

from course_utils.basics import arrays_and_tensors as reference
from course_utils.checking import Draw, Script, function, predictor, stateful
from course_utils.data import load_penguins

# --- one_hot ------------------------------------------------------------------------------------------------

one_hot = function(reference.one_hot, points=2)
one_hot.forbid("torch.nn.functional.one_hot")


def some_labels(draw: Draw, *shape: int, classes: int, top: int | None = None):
    """Draw labels below `top` (all classes by default), the largest of them among the first."""
    top = classes if top is None else top
    labels = draw.integers(0, top, *shape)
    labels.view(-1)[:2] = torch.tensor([top - 1, 0])
    return {"labels": labels, "classes": classes}


one_hot.case("seven labels, four classes")(lambda draw: some_labels(draw, 7, classes=4))
one_hot.case("classes that do not occur")(lambda draw: some_labels(draw, 8, classes=6, top=4))
one_hot.case("labels in a table")(lambda draw: some_labels(draw, 3, 5, classes=4))
one_hot.case("as many labels as classes", hidden=True)(lambda draw: some_labels(draw, 5, classes=5, top=3))
one_hot.case("labels with three axes", hidden=True)(lambda draw: some_labels(draw, 2, 3, 4, classes=5))
one_hot.case("a label that is too large is refused", raises=ValueError, weight=0.5)(
    lambda draw: some_labels(draw, 6, classes=3, top=4)
)


@one_hot.case("a negative label is refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = some_labels(draw, 6, classes=4)
    inputs["labels"][draw.integer(2, 6)] = -1
    return inputs


one_hot.hint(
    idea="Put the labels in a column and the class numbers 0, 1, 2, ... in a row, and ask where the two are "
    "equal.",
)
one_hot.mistake(
    "The number of columns comes from the labels at hand. Other labels would get other columns: use "
    "`classes`.",
    edit=("torch.arange(classes,", "torch.arange(int(labels.max()) + 1,"),
)
one_hot.mistake(
    "The result holds whole numbers. Layers compute with float32: convert the zeros and ones.",
    edit=(".float()", ".long()"),
)
one_hot.mistake(
    "The result holds True and False. Layers compute with float32: convert them.",
    edit=(".float()", ""),
)
one_hot.mistake(
    "The ones stand one place too far to the left: classes are counted from 0.",
    edit=("labels[..., None]", "labels[..., None] - 1"),
)
one_hot.mistake(
    "A negative label is let through and gets a row of zeros.",
    edit=("(labels < 0) | (labels >= classes)", "labels >= classes"),
)
one_hot.mistake(
    "A label that is too large is let through and gets a row of zeros.",
    edit=("(labels < 0) | (labels >= classes)", "labels < 0"),
)
one_hot.mistake(
    "No label is refused: one that is no class number gets a row of zeros.",
    edit=("((labels < 0) | (labels >= classes)).any()", "False"),
)


@one_hot.mistake(
    "Rows of an identity matrix are picked by label, without a look at the labels: -1 picks the last row, "
    "as in a list, and a label that is too large raises an IndexError instead of a ValueError."
)
def unguarded_identity(labels, classes):
    return torch.eye(classes)[labels]


@one_hot.mistake("The classes run along the first axis: they are the last axis of the result.")
def classes_first(labels, classes):
    return reference.one_hot(labels, classes).movedim(-1, 0)


@one_hot.variant
def with_identity(labels, classes):
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError("no class number")
    return torch.eye(classes)[labels]


@one_hot.variant
def with_scatter(labels, classes):
    if not ((labels >= 0) & (labels < classes)).all():
        raise ValueError("no class number")
    return torch.zeros(*labels.shape, classes).scatter_(-1, labels.unsqueeze(-1), 1.0)


@one_hot.variant
def with_loop(labels, classes):
    if any(not 0 <= label < classes for label in labels.flatten().tolist()):
        raise ValueError("no class number")
    result = torch.zeros(labels.numel(), classes)
    for row, label in enumerate(labels.flatten()):
        result[row, label] = 1
    return result.reshape(*labels.shape, classes)


one_hot.equivalent(
    "return (labels[..., None] == torch.arange(classes)).float()",
    "the checks give labels on the CPU, where `arange` puts its numbers by itself",
)

# --- batched_matvec -----------------------------------------------------------------------------------------

batched_matvec = function(reference.batched_matvec, points=3)


def batch(draw: Draw, *shape: int, dtype=torch.float32):
    """Draw matrices of shape (..., rows, columns) and a vector for each."""
    *leading, _, columns = shape
    return {
        "matrices": draw.normal(*shape, dtype=dtype),
        "vectors": draw.normal(*leading, columns, dtype=dtype),
    }


batched_matvec.case("four matrices of 3 rows and 5 columns")(lambda draw: batch(draw, 4, 3, 5))
batched_matvec.case("as many matrices as rows")(lambda draw: batch(draw, 6, 6, 5))
batched_matvec.case("square matrices")(lambda draw: batch(draw, 3, 5, 5))
batched_matvec.case("matrices of one row")(lambda draw: batch(draw, 7, 1, 4))
batched_matvec.case("two leading axes")(lambda draw: batch(draw, 2, 3, 4, 5))
batched_matvec.case("one matrix, one vector")(lambda draw: batch(draw, 3, 4))
batched_matvec.case("double precision", rtol=1e-11, atol=1e-11)(
    lambda draw: batch(draw, 5, 2, 3, dtype=torch.float64)
)
batched_matvec.case("all sizes equal", hidden=True)(lambda draw: batch(draw, 4, 4, 4))
batched_matvec.case("three leading axes", hidden=True)(lambda draw: batch(draw, 2, 1, 3, 5, 4))
batched_matvec.efficiency("no Python loop over the batch", at_most=20, weight=1.5)(
    lambda draw: batch(draw, 3000, 2, 3)
)


@batched_matvec.case("one vector for all matrices is refused", raises=ValueError, weight=0.5)
def _(draw):
    return {"matrices": draw.normal(4, 3, 5), "vectors": draw.normal(5)}


@batched_matvec.case("a batch of a single vector is refused", raises=ValueError, weight=0.5)
def _(draw):
    return {"matrices": draw.normal(4, 3, 5), "vectors": draw.normal(1, 5)}


@batched_matvec.case("vectors of another length are refused", raises=ValueError, weight=0.5)
def _(draw):
    return {"matrices": draw.normal(4, 3, 5), "vectors": draw.normal(4, 1)}


@batched_matvec.case(
    "a second batch axis that does not fit is refused", raises=ValueError, weight=0.5, hidden=True
)
def _(draw):
    return {"matrices": draw.normal(2, 3, 4, 5), "vectors": draw.normal(2, 1, 5)}


@batched_matvec.case("as many numbers on other axes are refused", raises=ValueError, weight=0.5, hidden=True)
def _(draw):
    return {"matrices": draw.normal(2, 3, 4, 5), "vectors": draw.normal(3, 2, 5)}


def refuse_unfit(matrices, vectors):
    """Raise as the reference does, so that a wrong answer differs from it in its own way only."""
    if matrices.shape[:-2] + matrices.shape[-1:] != vectors.shape:
        raise ValueError("a vector for each matrix")


batched_matvec.hint(
    idea="Make each vector a matrix with one column, so that the matrix product lines up, and drop that "
    "column at the end. Or stretch the vector over the rows, multiply entry by entry, and add up.",
)
PRODUCT = "return (matrices @ vectors[..., :, None]).squeeze(-1)"
batched_matvec.mistake(
    "The vectors are lined up with the rows axis instead of the batch: where there are as many matrices as "
    "rows, broadcasting pairs row i of every matrix with vector i, and raises nothing. Give the vectors a "
    "rows axis.",
    edit=(PRODUCT, "return (matrices * vectors).sum(-1)"),
)
batched_matvec.mistake(
    "The product is never summed: entry i is the sum over the columns j.",
    edit=(PRODUCT, "return matrices * vectors[..., None, :]"),
)
batched_matvec.mistake(
    "The sum runs over the rows. A matrix times a vector sums over the columns.",
    edit=(PRODUCT, "return (matrices * vectors[..., None, :]).sum(-2)"),
)
batched_matvec.mistake(
    "The matrices are transposed. With square ones nothing is raised, and the result is wrong.",
    edit=("(matrices @", "(matrices.mT @"),
)
batched_matvec.mistake(
    "Every matrix meets every vector: that is a table of all pairs. Each matrix has a vector of its own.",
    edit=(PRODUCT, "return matrices @ (vectors.mT if vectors.ndim > 1 else vectors)"),
)
batched_matvec.mistake(
    "The result keeps the axis of length one that the vectors were given: drop it.",
    edit=(".squeeze(-1)", ""),
)
batched_matvec.mistake(
    "`squeeze()` without an axis drops every axis of length one, the single row of a matrix too: name the "
    "axis.",
    edit=(".squeeze(-1)", ".squeeze()"),
)
batched_matvec.mistake(
    "Shapes that do not fit are let through: one vector is quietly used for all matrices.",
    edit=("matrices.shape[:-2] + matrices.shape[-1:] != vectors.shape", "False"),
)
batched_matvec.mistake(
    "The product is computed in float32 and then converted: the type is right, and the digits are gone.",
    edit=(
        PRODUCT,
        "return (matrices.float() @ vectors.float()[..., :, None]).squeeze(-1).to(matrices.dtype)",
    ),
)


@batched_matvec.mistake(
    "The numbers of the vectors are counted and brought into shape, so that vectors on other axes are dealt "
    "out to the wrong matrices. Compare the shapes."
)
def counted_and_reshaped(matrices, vectors):
    *leading, _, columns = matrices.shape
    if vectors.numel() != math.prod(leading) * columns:
        raise ValueError("a vector for each matrix")
    return (matrices @ vectors.reshape(*leading, columns, 1)).squeeze(-1)


@batched_matvec.mistake("Right, but it goes through the batch one by one in Python: multiply all at once.")
def matrix_by_matrix(matrices, vectors):
    refuse_unfit(matrices, vectors)
    columns = matrices.shape[-1]
    pairs = zip(matrices.reshape(-1, *matrices.shape[-2:]), vectors.reshape(-1, columns), strict=True)
    return torch.stack([matrix @ vector for matrix, vector in pairs]).reshape(matrices.shape[:-1])


@batched_matvec.variant
def with_einsum(matrices, vectors):
    refuse_unfit(matrices, vectors)
    return torch.einsum("...ij,...j->...i", matrices, vectors)


@batched_matvec.variant
def with_a_sum(matrices, vectors):
    refuse_unfit(matrices, vectors)
    return (matrices * vectors.unsqueeze(-2)).sum(dim=-1)


@batched_matvec.variant
def with_rows(matrices, vectors):
    refuse_unfit(matrices, vectors)
    return torch.matmul(vectors[..., None, :], matrices.transpose(-1, -2))[..., 0, :]


# --- pairwise_distances -------------------------------------------------------------------------------------

distances = function(reference.pairwise_distances, points=4)
distances.forbid(
    "torch.cdist", "torch.nn.functional.pairwise_distance", "scipy.spatial.distance", "sklearn.metrics"
)


def tables(draw: Draw, rows: int, others: int, features: int, dtype=torch.float32):
    """Draw two tables of points whose numbers are eighths.

    Their squares and sums are exact, so that a formula which loses digits differs from the right one only
    where that is looked at, and by the same amount on every machine.
    """
    return {
        "x": (8 * draw.normal(rows, features, dtype=dtype)).round() / 8,
        "y": (8 * draw.normal(others, features, dtype=dtype)).round() / 8,
    }


def apart(inputs):
    """Keep all points apart: a tiny number under the root then does not matter where speed is looked at."""
    return {**inputs, "y": inputs["y"] + 1 / 16}


distances.case("five points and three others")(lambda draw: tables(draw, 5, 3, 4))
distances.case("two tables of the same size")(lambda draw: tables(draw, 4, 4, 3))
distances.case("double precision", rtol=1e-11, atol=1e-11)(
    lambda draw: tables(draw, 7, 2, 5, dtype=torch.float64)
)
distances.case("one point, one feature", hidden=True)(lambda draw: tables(draw, 1, 5, 1))
distances.case("more points than features in double precision", hidden=True, rtol=1e-11, atol=1e-11)(
    lambda draw: tables(draw, 2, 9, 6, dtype=torch.float64)
)
distances.efficiency("no Python loop over the points of x", at_most=12, weight=1)(
    lambda draw: apart(tables(draw, 600, 9, 1))
)
distances.efficiency("no Python loop over the points of y", at_most=12, weight=1)(
    lambda draw: apart(tables(draw, 9, 600, 1))
)
distances.case("a vector in place of the first table is refused", raises=ValueError, weight=0.5)(
    lambda draw: {"x": draw.normal(4), "y": draw.normal(3, 4)}
)
distances.case("three axes are refused", raises=ValueError, weight=0.5, hidden=True)(
    lambda draw: {"x": draw.normal(2, 5, 4), "y": draw.normal(3, 4)}
)


def far_away(draw: Draw, far: float, dtype):
    """Draw points on both sides of the origin: to move their mean to the origin brings none of them near.

    Beside the square of the large feature, those of the others are lost whatever the order of the sum.
    """
    inputs = tables(draw, 6, 4, 3, dtype)
    large = draw.integer(0, 3)
    for points in inputs.values():
        points.clamp_(-1.5, 1.5)
        points[:, large] = far
        points[::2, large] = -far
    return inputs


distances.case("points far from the origin", weight=2)(lambda draw: far_away(draw, 2.0**14, torch.float32))
distances.case("points far from the origin, in double precision")(
    lambda draw: far_away(draw, 2.0**40, torch.float64)
)


@distances.case("points that stand in both tables")
def _(draw):
    inputs = tables(draw, 6, 5, 3)
    inputs["y"][2] = inputs["x"][4]
    return inputs


@distances.case("one feature against four is refused", raises=ValueError, weight=0.5)
def _(draw):
    return {"x": draw.normal(5, 4), "y": draw.normal(3, 1)}


@distances.case("four features against one are refused", raises=ValueError, weight=0.5, hidden=True)
def _(draw):
    return {"x": draw.normal(5, 1), "y": draw.normal(3, 4)}


@distances.case("a vector in place of the second table is refused", raises=ValueError, weight=0.5)
def _(draw):
    return {"x": draw.normal(5, 4), "y": draw.normal(4)}


def refuse_other_features(x, y):
    """Raise as the reference does, so that a wrong answer differs from it in its own way only."""
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError("two matrices with the same features")


distances.hint(
    idea="Give each table an axis of length one where the other has its points. The difference then has "
    "three axes, of which the last is squared and summed away.",
)
DIFFERENCES = "x[:, None, :] - y[None, :, :]"
distances.mistake(
    "The root is missing: these are squared distances.", edit=(".sum(dim=-1).sqrt()", ".sum(dim=-1)")
)
distances.mistake(
    "The differences are not squared but made positive: that is the city-block distance, along the streets.",
    edit=(".square().sum(dim=-1).sqrt()", ".abs().sum(dim=-1)"),
)
distances.mistake(
    "Rows and columns are swapped: row i belongs to point i of x.",
    edit=(DIFFERENCES, "y[:, None, :] - x[None, :, :]"),
)
distances.mistake(
    "Only rows of the same number are subtracted: an axis of length one makes each meet each.",
    edit=(DIFFERENCES, "x - y"),
)
distances.mistake(
    "The sum runs over the points of x. It runs over the features, the last axis.",
    edit=(".sum(dim=-1)", ".sum(dim=0)"),
)
distances.mistake(
    "The sum runs over the other points. It runs over the features, the last axis.",
    edit=(".sum(dim=-1)", ".sum(dim=1)"),
)
distances.mistake(
    "The root is taken before the sum, which makes each difference positive and adds them: first sum, then "
    "the root.",
    edit=(".sum(dim=-1).sqrt()", ".sqrt().mean(dim=-1)"),
)
distances.mistake(
    "Tables with different features are let through: broadcasting stretches a single feature to many.",
    edit=("x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]", "False"),
)


@distances.mistake(
    "The square is expanded to |x|^2 + |y|^2 - 2 x.y, a difference of large numbers: far from the origin "
    "nothing but rounding errors is left. Subtract the points first."
)
def expanded(x, y):
    refuse_other_features(x, y)
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return squares.clamp(min=0).sqrt()


@distances.mistake(
    "The square is expanded to |x|^2 + |y|^2 - 2 x.y, in float64. That only moves the trouble further out: "
    "the differences of float64 numbers are lost in their squares. Subtract the points first."
)
def expanded_in_double_precision(x, y):
    return expanded(x.double(), y.double()).to(x.dtype)


@distances.mistake(
    "The differences are computed in float32 and the result converted: the type is right, and the digits are "
    "gone."
)
def distances_in_single_precision(x, y):
    return reference.pairwise_distances(x.float(), y.float()).to(x.dtype)


@distances.mistake("Right, but it goes through the points one by one in Python: let broadcasting do it.")
def point_by_point(x, y):
    refuse_other_features(x, y)
    return torch.stack([(point - y).square().sum(-1).sqrt() for point in x])


@distances.mistake("Right, but all pairs are visited in Python: an axis of length one makes each meet each.")
def pair_by_pair_of_points(x, y):
    refuse_other_features(x, y)
    pairs = [(point - other).square().sum().sqrt() for point in x for other in y]
    return torch.stack(pairs).reshape(len(x), len(y))


@distances.variant
def with_norm(x, y):
    refuse_other_features(x, y)
    return torch.linalg.vector_norm(x.unsqueeze(1) - y, dim=2)


@distances.variant
def feature_by_feature(x, y):
    refuse_other_features(x, y)
    total = torch.zeros(len(x), len(y), dtype=x.dtype)
    for column, other in zip(x.T, y.T, strict=True):
        total += (column[:, None] - other) ** 2
    return total**0.5


@distances.variant
def with_numpy(x, y):
    refuse_other_features(x, y)
    return torch.from_numpy(np.linalg.norm(x.numpy()[:, None] - y.numpy()[None], axis=-1))


distances.equivalent("differences = y[None, :, :] - x[:, None, :]", "the sign is squared away")


# --- classify -----------------------------------------------------------------------------------------------


MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


@functools.cache
def penguins():
    """Known birds with the numbers of their species, and birds to be tried on."""
    found = load_penguins().dropna(subset=MEASURES)
    birds = torch.tensor(found[MEASURES].to_numpy(dtype=np.float32))
    labels = torch.tensor(found["species"].astype("category").cat.codes.to_numpy(dtype=np.int64))
    known = torch.arange(len(labels)) % 3 == 0
    birds = reference.standardize(birds, birds[known])
    return birds[known], labels[known], birds[~known], labels[~known]


def train(choose=lambda found, labels: labels[found.argmin(1)], prepare=lambda birds: birds):
    """Return a nearest-neighbor classifier, or with other arguments a wrong one."""
    birds, labels, _, _ = penguins()

    def classify(rows):
        return choose(reference.pairwise_distances(prepare(rows), prepare(birds)), labels)

    return classify


def accuracy(predictions, targets):
    """Return the share of right class numbers."""
    return float((predictions == targets).double().mean())


classify = predictor("classify", train=train, score=accuracy, at_least=0.85, points=3)
classify.hint(
    idea="The table of distances has a row for each new bird. The place of the smallest entry in a row "
    "says which known bird is nearest, and the label is asked for at that place.",
    page='"Distances" in the chapter "Vectors, arrays, tensors and why GPUs".',
)


def draw_birds(draw: Draw, count: int, of=None):
    """Draw birds that are not among the known ones, with their labels."""
    _, _, birds, labels = penguins()
    if of is not None:
        birds, labels = birds[labels == of], labels[labels == of]
    chosen = draw.permutation(len(labels))[:count]
    return birds[chosen], labels[chosen]


classify.case("birds you have not seen")(lambda draw: draw_birds(draw, 60))
classify.case("Gentoos only")(lambda draw: draw_birds(draw, 37, of=2))
classify.case("other birds", hidden=True)(lambda draw: draw_birds(draw, 50))
classify.case("Adelies only", hidden=True)(lambda draw: draw_birds(draw, 31, of=0))
classify.case("Chinstraps only", hidden=True)(lambda draw: draw_birds(draw, 29, of=1))


@classify.mistake("The bird farthest away decides: take the smallest distance, not the largest.")
def farthest():
    return train(lambda found, labels: labels[found.argmax(1)])


@classify.mistake("The place of the nearest bird is returned. Its label is asked for at that place.")
def place_of_the_nearest():
    return train(lambda found, _: found.argmin(1))


@classify.mistake(
    "All known birds vote, so that every bird gets the most frequent label: let the nearest decide."
)
def all_vote():
    return train(lambda found, labels: labels.mode().values.expand(len(found)))


@classify.mistake(
    "The smallest distance is returned (`min`). Its place is needed (`argmin`), and the label at that place."
)
def distance_of_the_nearest():
    return train(lambda found, _: found.min(1).values)


@classify.mistake(
    "The smallest is looked for in each column, once for each known bird. Search the row of each new bird."
)
def nearest_in_each_column():
    return train(lambda found, labels: labels[found.argmin(0)])


@classify.mistake(
    "One place for the whole table: `argmin` without an axis looks through all of it. Name the axis of the "
    "known birds."
)
def one_place_for_all():
    return train(lambda found, labels: labels[found.argmin() % len(labels)])


@classify.variant
def three_neighbors():
    return train(lambda found, labels: labels[found.topk(3, largest=False).indices].mode(dim=1).values)


@classify.variant
def nearest_mean():
    birds, labels, _, _ = penguins()
    means = torch.stack([birds[labels == number].mean(0) for number in range(3)])
    return lambda rows: torch.cdist(rows, means).argmin(1)


@classify.variant
def by_city_blocks():
    birds, labels, _, _ = penguins()
    return lambda rows: labels[torch.cdist(rows, birds, p=1).argmin(1)]


@classify.variant
def with_topk():
    birds, labels, _, _ = penguins()
    return lambda rows: labels[(-torch.cdist(rows, birds)).topk(1).indices.flatten()]


# --- log_sum_exp --------------------------------------------------------------------------------------------

log_sum_exp = function(reference.log_sum_exp, points=4)
log_sum_exp.forbid("torch.logsumexp", "torch.special.logsumexp", "scipy.special.logsumexp")

log_sum_exp.case("scores around zero")(lambda draw: {"scores": draw.normal(4, 7, scale=2.0)})
log_sum_exp.case("scores around 1000")(lambda draw: {"scores": draw.normal(3, 5, mean=1000.0)})
log_sum_exp.case("scores around -1000")(lambda draw: {"scores": draw.normal(3, 6, mean=-1000.0)})
log_sum_exp.case("along the first axis")(lambda draw: {"scores": draw.normal(4, 4), "dim": 0})
log_sum_exp.case("the axis stays where asked for")(
    lambda draw: {"scores": draw.normal(2, 3, 5), "dim": 1, "keepdim": True}
)
log_sum_exp.case("the middle of three axes", hidden=True)(
    lambda draw: {"scores": draw.normal(3, 4, 2, mean=200.0), "dim": 1}
)
log_sum_exp.case("one score in each row")(lambda draw: {"scores": draw.normal(1, 4, 1)})
log_sum_exp.case("scores around 80,000, in double precision", rtol=1e-11, atol=1e-11)(
    lambda draw: {"scores": draw.normal(3, 5, mean=8e4, dtype=torch.float64)}
)
log_sum_exp.case("an axis counted from the end, in double precision", hidden=True, rtol=1e-11, atol=1e-11)(
    lambda draw: {"scores": draw.normal(2, 5, 3, mean=-9e4, dtype=torch.float64), "dim": -2}
)
log_sum_exp.case("scores far apart in one row")(lambda draw: {"scores": draw.normal(3, 6, scale=150.0)})


@log_sum_exp.case("rows of very different size")
def _(draw):
    return {"scores": draw.normal(4, 5) + torch.tensor([[-900.0], [0.0], [60.0], [900.0]])}


@log_sum_exp.case("some scores are minus infinity")
def _(draw):
    scores = draw.normal(5, 6, scale=3.0)
    scores[:, draw.integer(0, 6)] = -torch.inf
    return {"scores": scores}


@log_sum_exp.case("a row of nothing but minus infinity")
def _(draw):
    scores = draw.normal(4, 3)
    scores[draw.integer(0, 4)] = -torch.inf
    return {"scores": scores}


log_sum_exp.hint(
    nudges={
        "rows of very different size": "Which number do you subtract, and is it right for every row?",
        "a row of nothing but minus infinity": "What is minus infinity minus minus infinity?",
    },
    idea="Subtract the largest score of each row before the exponential, and add it again after the "
    "logarithm. Where the largest is infinite, there is nothing to subtract.",
)
SHIFT = "largest.where(largest.isfinite(), 0.0)"
log_sum_exp.mistake(
    "The exponentials are taken as they are: above 88 they are infinite in float32, and below -104 they are "
    "zero.",
    edit=(SHIFT, "torch.zeros_like(largest)"),
)
log_sum_exp.mistake(
    "The largest score is subtracted but never added again.",
    edit=("result = shift + ", "result = "),
)
log_sum_exp.mistake(
    "One largest score is used for all rows: rows with much smaller scores become minus infinity. Each "
    "needs its own.",
    edit=("scores.amax(dim, keepdim=True)", "scores.max().expand_as(scores.amax(dim, keepdim=True))"),
)
log_sum_exp.mistake(
    "The sum runs over all scores, not over one axis.",
    edit=(".exp().sum(dim, keepdim=True).log()", ".exp().sum().log()"),
)
log_sum_exp.mistake(
    "The mean is taken instead of the sum.",
    edit=(".exp().sum(dim", ".exp().mean(dim"),
)
log_sum_exp.mistake(
    "`dim` is not looked at: the last axis is always the one that is summed over.",
    edits=[
        ("scores.amax(dim, keepdim=True)", "scores.amax(-1, keepdim=True)"),
        (".sum(dim, keepdim=True)", ".sum(-1, keepdim=True)"),
        ("result.squeeze(dim)", "result.squeeze(-1)"),
    ],
)
log_sum_exp.mistake(
    "`keepdim` is not looked at: with True the axis stays, with length one.",
    edit=("result if keepdim else result.squeeze(dim)", "result.squeeze(dim)"),
)
log_sum_exp.mistake(
    "`squeeze()` without an axis drops every axis of length one: name the one that was summed over.",
    edit=("result.squeeze(dim)", "result.squeeze()"),
)
log_sum_exp.mistake(
    "A row of nothing but minus infinity becomes NaN: infinity minus infinity. Subtract zero there.",
    edit=(SHIFT, "largest"),
)
log_sum_exp.mistake(
    "The smallest score is subtracted: the others grow, and overflow all the sooner. Subtract the largest.",
    edit=("scores.amax(dim", "scores.amin(dim"),
)
log_sum_exp.mistake(
    "The mean is subtracted: a score far above it still overflows. Subtract the largest.",
    edit=("scores.amax(dim, keepdim=True)", "scores.mean(dim, keepdim=True)"),
)
log_sum_exp.mistake(
    "This is the largest score alone: close, where one score is far above the others, and else too small.",
    edit=("result = shift + (scores - shift).exp().sum(dim, keepdim=True).log()", "result = largest"),
)


@log_sum_exp.mistake(
    "The result is computed in float32 and then converted: the type is right, and the digits are gone."
)
def log_sum_exp_in_single_precision(scores, dim=-1, keepdim=False):
    return reference.log_sum_exp(scores.float(), dim, keepdim).to(scores.dtype)


@log_sum_exp.mistake(
    "The scores are cut off to keep the exponentials finite. Nothing overflows, but the result is that of "
    "other scores."
)
def cut_off(scores, dim=-1, keepdim=False):
    return scores.clamp(-80, 80).exp().sum(dim, keepdim=keepdim).log()


@log_sum_exp.variant
def pair_by_pair(scores, dim=-1, keepdim=False):
    first, *others = scores.unbind(dim)
    for other in others:
        first = torch.logaddexp(first, other)
    return first.unsqueeze(dim) if keepdim else first


@log_sum_exp.variant
def with_numpy_arrays(scores, dim=-1, keepdim=False):
    array = scores.numpy()
    largest = array.max(axis=dim, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0).astype(array.dtype)
    with np.errstate(divide="ignore"):
        result = largest + np.log(np.exp(array - largest).sum(axis=dim, keepdims=True))
    return torch.from_numpy(result if keepdim else result.squeeze(axis=dim))


@log_sum_exp.variant
def without_not_a_number(scores, dim=-1, keepdim=False):
    top = torch.nan_to_num(scores.max(dim=dim, keepdim=True).values, neginf=0.0)
    return top.sum(dim, keepdim=keepdim) + torch.log(torch.exp(scores - top).sum(dim, keepdim=keepdim))


# --- numpy_to_tensor and back -------------------------------------------------------------------------------

round_trip = stateful(reference.RoundTrip, points=3)


def numbers(draw: Draw, rows: int, columns: int, dtype):
    """Draw whole numbers, in an array of the given type."""
    return draw.numpy.integers(1, 90, (rows, columns)).astype(dtype)


@round_trip.case("what NumPy writes, the tensor sees")
def _(draw):
    return Script.build(numbers(draw, 2, 5, np.float64)).call("write_array", 3, 101).get("tensor").get("back")


@round_trip.case("what PyTorch writes, both arrays see")
def _(draw):
    return Script.build(numbers(draw, 3, 4, np.float32)).call("write_tensor", 1, 102).get("array").get("back")


@round_trip.case("what the last array gets, all see")
def _(draw):
    return Script.build(numbers(draw, 4, 3, np.float32)).call("write_back", 2, 103).get("array").get("tensor")


@round_trip.case("whole numbers stay whole numbers")
def _(draw):
    return Script.build(numbers(draw, 2, 3, np.int64)).get("tensor").get("back")


@round_trip.case("a single column")
def _(draw):
    script = (
        Script.build(numbers(draw, 5, 1, np.float32)).call("write_array", 0, 104).get("tensor").get("back")
    )
    return script.call("write_back", 0, 105).get("array")


@round_trip.case("bytes", hidden=True)
def _(draw):
    return Script.build(numbers(draw, 3, 5, np.uint8)).call("write_array", 4, 106).get("tensor").get("back")


@round_trip.case("the last array is another object on the same memory")
def _(draw):
    return (
        Script.build(numbers(draw, 3, 2, np.float64))
        .call("two_arrays")
        .call("write_tensor", 0, 107)
        .get("back")
    )


round_trip.hint(
    idea="One function of PyTorch builds a tensor around the memory of an array, and one method of a tensor "
    "hands out an array around its memory. Functions that are named after what they make mostly copy.",
)
round_trip.mistake(
    "`torch.tensor` copies: the tensor has numbers of its own, and what is written to the array does not "
    "reach it.",
    edit=("torch.from_numpy(array)", "torch.tensor(array)"),
    of=reference.numpy_to_tensor,
)
round_trip.mistake(
    "The tensor is always float32: a different type needs memory of its own, so the numbers are copied and "
    "converted.",
    edit=("torch.from_numpy(array)", "torch.from_numpy(array).float()"),
    of=reference.numpy_to_tensor,
)
round_trip.mistake(
    "The array is put in order first (`np.ascontiguousarray`), which copies one whose rows do not follow "
    "one another in memory. A tensor has strides as well: it can take the array as it is.",
    edit=("torch.from_numpy(array)", "torch.from_numpy(np.ascontiguousarray(array))"),
    of=reference.numpy_to_tensor,
)
round_trip.mistake(
    "The way back copies: `np.array` (or `.copy()`) makes an array with numbers of its own.",
    edit=("tensor.numpy()", "np.array(tensor)"),
    of=reference.tensor_to_numpy,
)
round_trip.mistake(
    "The way back goes through a list: the numbers are copied, and their type is guessed anew.",
    edit=("tensor.numpy()", "np.array(tensor.tolist())"),
    of=reference.tensor_to_numpy,
)
round_trip.mistake(
    "Both ways copy: nothing that is written reaches the others.",
    edits=[
        ("numpy_to_tensor(self.array)", "torch.tensor(self.array)"),
        ("tensor_to_numpy(self.tensor)", "np.array(self.tensor)"),
    ],
)
round_trip.mistake(
    "The last array is made from the first one by a copy, not from the tensor.",
    edit=("tensor_to_numpy(self.tensor)", "self.array.astype(np.float64)"),
)
round_trip.mistake(
    "The last array is the first one under a second name: ask the tensor for its array.",
    edit=("tensor_to_numpy(self.tensor)", "self.array"),
)


class WithAsTensor(reference.RoundTrip):
    """The functions that share where they can."""

    def __init__(self, numbers):
        self.array = numbers.copy().T
        self.tensor = torch.as_tensor(self.array)
        self.back = np.asarray(self.tensor)


class WithExchange(reference.RoundTrip):
    """The protocol by which libraries hand memory to one another."""

    def __init__(self, numbers):
        self.array = numbers.copy().T
        self.tensor = torch.from_dlpack(self.array)
        self.back = np.from_dlpack(self.tensor)


round_trip.variant(WithAsTensor)
round_trip.variant(WithExchange)
