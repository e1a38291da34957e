"""What is graded in the exercise "Memorizers, lines and trees": cases, known mistakes, variants."""

import functools
import itertools
from collections import Counter

import numpy as np

from course_utils.basics import decision_trees
from course_utils.basics import first_models as reference
from course_utils.checking import Draw, Script, function, stateful

# --- mse_gradient -------------------------------------------------------------------------------------------

mse_gradient = function(reference.mse_gradient, points=3, check_dtype=False)
mse_gradient.hint(
    idea="Write down by how much each prediction is too large. A weight is to blame for a row as far as its "
    "feature took part; the bias took part in every row alike.",
)
mse_gradient.forbid("torch", "jax", "autograd", "sklearn.linear_model")


def line(draw: Draw, rows: int, features: int, **more):
    """Draw features, targets, weights and a bias."""
    normal = draw.numpy.normal
    drawn = {
        "x": normal(1, 2, (rows, features)),
        "y": normal(3, 2, rows),
        "weights": normal(0, 2, features),
        "bias": float(normal(0, 1)) + draw.choice([-3.0, 3.0]),
    }
    return {**drawn, **more}


mse_gradient.case("five rows, two features")(lambda draw: line(draw, 5, 2))
mse_gradient.case("a single feature")(lambda draw: line(draw, 7, 1))
mse_gradient.case("more features than rows")(lambda draw: line(draw, 4, 6))
mse_gradient.case("a bias of zero")(lambda draw: line(draw, 6, 3, bias=0.0))
mse_gradient.case("one row", hidden=True)(lambda draw: line(draw, 1, 3))
mse_gradient.case("targets as a column are refused", raises=ValueError, weight=0.5)(
    lambda draw: line(draw, 8, 2, y=draw.numpy.normal(0, 1, (8, 1)))
)
mse_gradient.case("one target for nine rows is refused", raises=ValueError, weight=0.5)(
    lambda draw: line(draw, 9, 2, y=draw.numpy.normal(0, 1, 1))
)


@mse_gradient.case("a perfect line", atol=1e-4)
def _(draw):
    drawn = line(draw, 6, 4)
    return {**drawn, "y": drawn["x"] @ drawn["weights"] + drawn["bias"]}


WEIGHTS, BIAS = "2 * x.T @ errors / len(y)", "2 * errors.sum() / len(y)"
mse_gradient.mistake(
    "The factor is 2/3. That is 2/n for three rows; use the number of rows at hand.",
    edits=[(WEIGHTS, "2 * x.T @ errors / 3"), (BIAS, "2 * errors.sum() / 3")],
)
mse_gradient.mistake(
    "The factor 2, from the derivative of the square, is missing.",
    edits=[(WEIGHTS, "x.T @ errors / len(y)"), (BIAS, "errors.sum() / len(y)")],
)
mse_gradient.mistake(
    "The error is summed over the rows instead of averaged: divide by their number.",
    edits=[(WEIGHTS, "2 * x.T @ errors"), (BIAS, "2 * errors.sum()")],
)
mse_gradient.mistake(
    "The sign is wrong: the gradient points uphill. Take the prediction minus the target, not the reverse.",
    edit=("x @ weights + bias - y", "y - (x @ weights + bias)"),
)
mse_gradient.mistake(
    "The bias is missing from the predictions.",
    edit=("x @ weights + bias - y", "x @ weights - y"),
)
mse_gradient.mistake(
    "The derivative for the bias is summed over the rows, not averaged.",
    edit=(BIAS, "2 * errors.sum()"),
)
mse_gradient.mistake(
    "The derivative for the bias lacks its factor 2.",
    edit=(BIAS, "errors.mean()"),
)
mse_gradient.mistake(
    "The derivative for the bias is multiplied by the features. The bias has none: all rows count alike.",
    edit=(BIAS, "2 * (x.T @ errors).sum() / len(y)"),
)
mse_gradient.mistake(
    "It is divided by the number of all entries of x. The mean is over rows.",
    edits=[(WEIGHTS, "2 * x.T @ errors / x.size"), (BIAS, "2 * errors.sum() / x.size")],
)
mse_gradient.mistake(
    "This is the mean squared error's gradient with respect to the predictions, averaged over the rows: "
    "each weight still has to be multiplied by its feature.",
    edit=(WEIGHTS, "np.full(x.shape[1], 2 * errors.mean())"),
)
mse_gradient.mistake(
    "The wrong shape of y is not noticed: a column minus a row gives a whole table. Test the shape first.",
    edit=("require_rows(x, y)", "pass"),
)
mse_gradient.mistake(
    "The results are the wrong way around: the weights' derivatives first, then the bias's.",
    edit=(f"return {WEIGHTS}, {BIAS}", f"return {BIAS}, {WEIGHTS}"),
)
mse_gradient.mistake(
    "This is a step of gradient descent, not the gradient: return the derivatives themselves.",
    edit=(f"return {WEIGHTS}, {BIAS}", f"return weights - {WEIGHTS}, bias - {BIAS}"),
)


for share in (f"({WEIGHTS.replace('y', 'x')}, {BIAS})", f"({WEIGHTS}, {BIAS.replace('y', 'x')})"):
    mse_gradient.equivalent(f"return {share}", "x and y have been found to be of one length")


@mse_gradient.variant
def row_by_row(x, y, weights, bias):
    if y.shape != (len(x),):
        raise ValueError("one target for each row")
    gradient, slope = [0.0] * x.shape[1], 0.0
    for row, target in zip(x, y, strict=True):
        error = float(row @ weights) + bias - target
        gradient = [old + 2 / len(y) * error * value for old, value in zip(gradient, row, strict=True)]
        slope += 2 / len(y) * error
    return np.array(gradient), slope


@mse_gradient.variant
def with_a_column_of_ones(x, y, weights, bias):
    if y.ndim != 1 or len(y) != len(x):
        raise ValueError("one target for each row")
    wide = np.hstack([x, np.ones((len(x), 1))])
    both = 2 / len(x) * wide.T @ (wide @ np.append(weights, bias) - y)
    return [both[:-1], both[-1:].squeeze()]


# --- gini and entropy ---------------------------------------------------------------------------------------

gini = function(reference.gini, points=2, check_dtype=False)
gini.hint(
    idea="Turn the counts of each group into shares that sum to one. Then work out how likely it is that two "
    "draws agree; the impurity is the rest.",
)
entropy = function(reference.entropy, points=2, check_dtype=False)
entropy.hint(
    idea="Turn the counts of each group into shares that sum to one. A rare class surprises much when it "
    "comes, but it comes rarely: its surprise is weighted by its share. What never comes adds nothing.",
)
SHARES = "course_utils.basics.decision_trees.class_shares"
gini.forbid(SHARES)
entropy.forbid("scipy.stats.entropy", "scipy.special.entr", SHARES)


def counts(draw: Draw, *shape: int, zeros=False):
    """Draw counts with different totals; some are zero where asked, but no group is empty."""
    drawn = draw.numpy.integers(1, 30, shape)
    if zeros:
        drawn[..., draw.integer(0, shape[-1] - 1)] = 0
    return {"counts": drawn}


def about_counts(measure):
    """Declare what holds for every impurity of a group."""
    measure.case("two classes")(lambda draw: counts(draw, 2))
    measure.case("four classes")(lambda draw: counts(draw, 4))
    measure.case("five groups at once")(lambda draw: counts(draw, 5, 3))
    measure.case("as many groups as classes")(lambda draw: counts(draw, 3, 3))
    measure.case("classes that are absent")(lambda draw: counts(draw, 4, 3, zeros=True))
    measure.case("a pure group")(lambda draw: {"counts": np.array([0, draw.integer(2, 9), 0])})
    measure.case("one member alone")(lambda draw: {"counts": np.eye(3, dtype=int)[draw.integer(0, 3)]})
    measure.case("classes that are absent from some groups only")(
        lambda draw: {"counts": np.array([[3, 1, 4], [0, 5, 2], [6, 0, 0], [2, 7, 0]]) * draw.integer(1, 5)}
    )
    measure.case("one class alone", hidden=True)(lambda draw: counts(draw, 4, 1))
    measure.case("groups in a grid")(lambda draw: counts(draw, 2, 5, 3, zeros=True))
    measure.case("an empty group is refused", raises=ValueError, weight=0.5)(
        lambda draw: {"counts": np.array([[draw.integer(1, 9), 2], [0, 0], [3, draw.integer(1, 9)]])}
    )
    measure.mistake(
        "The counts are used as they are. Divide them by their sum, so that they are shares.",
        edit=("class_shares(counts)", "counts"),
    )
    measure.mistake(
        "An empty group is not noticed, and 0 / 0 becomes NaN: refuse it.",
        edit=("if (total <= 0).any():", "if False:"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "A group of one member is refused. It is pure; only a group without any members is refused.",
        edit=("if (total <= 0).any():", "if (total <= 1).any():"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "A class that is absent from one group is left out of all groups. Each group has classes of its own.",
        edit=(
            "return counts / total",
            "return (counts / total)[..., (counts > 0).reshape(-1, counts.shape[-1]).all(axis=0)]",
        ),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "Absent classes are taken out of the array. What is left is no table any more, or it mixes groups: "
        "let absent classes add 0 instead.",
        edit=(
            "return counts / total",
            "return (counts / total)[counts > 0].reshape(*counts.shape[:-1], -1)",
        ),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "A group is refused because one of the classes is absent. Only a group without any members is.",
        edit=("if (total <= 0).any():", "if (counts == 0).any():"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "The totals have lost their last axis, so groups are divided by totals of others, or not at all: "
        "`sum(axis=-1, keepdims=True)` keeps it.",
        edit=("counts.sum(axis=-1, keepdims=True)", "counts.sum(axis=-1)"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "Each group is divided by the total of all groups. Sum over the last axis, the classes.",
        edit=("return counts / total", "return counts / total.sum()"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "The shares are taken along the first axis, over the groups. The classes are the last axis.",
        edit=("return counts / total", "return counts / counts.sum(axis=0)"),
        of=decision_trees.class_shares,
    )
    measure.mistake(
        "Only the first two classes are looked at: it must work for any number of them.",
        edit=("return counts / total", "return (counts / total)[..., :2]"),
        of=decision_trees.class_shares,
    )


about_counts(gini)
about_counts(entropy)
gini.mistake(
    "This is the chance that two draws *agree*. Take the rest: one minus it.",
    edit=("1 - (class_shares(counts) ** 2)", "(class_shares(counts) ** 2)"),
)
gini.mistake(
    "The shares are not squared: they always sum to one, so the result is always zero.",
    edit=("class_shares(counts) ** 2", "class_shares(counts)"),
)
gini.mistake(
    "This is the share of examples outside the most frequent class. Gini squares and sums all shares.",
    edit=("(class_shares(counts) ** 2).sum(axis=-1)", "class_shares(counts).max(axis=-1)"),
)
gini.mistake(
    "The sum runs over all groups at once. Sum over the last axis, so that each group has its own impurity.",
    edit=("(class_shares(counts) ** 2).sum(axis=-1)", "(class_shares(counts) ** 2).sum()"),
)
gini.mistake(
    "The sum runs over the first axis, the groups. Sum over the classes, the last axis.",
    edit=("(class_shares(counts) ** 2).sum(axis=-1)", "(class_shares(counts) ** 2).sum(axis=0)"),
)
gini.mistake(
    "The first draw is not put back. Square the shares: both draws are from the whole group.",
    edit=(
        "(class_shares(counts) ** 2).sum(axis=-1)",
        "(class_shares(counts) * (counts - 1)).sum(axis=-1) / (counts.sum(axis=-1) - 1)",
    ),
)
gini.mistake(
    "This is 2 p (1 - p), which holds for two classes only. Sum the squares of the shares of all classes.",
    edit=(
        "1 - (class_shares(counts) ** 2).sum(axis=-1)",
        "2 * class_shares(counts)[..., 0] * (1 - class_shares(counts)[..., 0])",
    ),
)
gini.mistake(
    "The result is divided by the largest possible impurity. That is another measure: leave it as it is.",
    edit=(
        "1 - (class_shares(counts) ** 2).sum(axis=-1)",
        "(1 - (class_shares(counts) ** 2).sum(axis=-1)) / (1 - 1 / max(2, counts.shape[-1]))",
    ),
)
gini.mistake(
    "A square root too much: Gini is one minus the plain sum of squares.",
    edit=("(class_shares(counts) ** 2).sum(axis=-1)", "np.sqrt((class_shares(counts) ** 2).sum(axis=-1))"),
)
gini.mistake(
    "The Gini impurity is halved, or the Gini coefficient of incomes was meant: it is 1 - sum of squares.",
    edit=(
        "1 - (class_shares(counts) ** 2).sum(axis=-1)",
        "(1 - (class_shares(counts) ** 2).sum(axis=-1)) / 2",
    ),
)
entropy.mistake(
    "The logarithm is the natural one. Bits take the logarithm to base 2.",
    edit=("np.log2(", "np.log("),
)
entropy.mistake(
    "The sign is wrong: entropy is never negative. The logarithm of a share is, so a minus is missing.",
    edit=("np.log2(1 / np.where(shares > 0, shares, 1))", "np.log2(np.where(shares > 0, shares, 1))"),
)
entropy.mistake(
    "A class that is absent gives 0 times infinity, which is NaN. It must add nothing.",
    edit=("np.where(shares > 0, shares, 1)", "shares"),
)
entropy.mistake(
    "The surprises are averaged with equal weights. Weight each by the share of its class.",
    edit=("(shares * surprise).sum(axis=-1)", "surprise.mean(axis=-1)"),
)
entropy.mistake(
    "The surprises are summed without their weights. Weight each by the share of its class.",
    edit=("(shares * surprise).sum(axis=-1)", "surprise.sum(axis=-1)"),
)
entropy.mistake(
    "The sum runs over all groups at once. Sum over the last axis, so that each group has its own entropy.",
    edit=("(shares * surprise).sum(axis=-1)", "(shares * surprise).sum()"),
)
entropy.mistake(
    "The result is divided by the largest possible entropy. That is another measure: return bits.",
    edit=(
        "(shares * surprise).sum(axis=-1)",
        "(shares * surprise).sum(axis=-1) / np.log2(max(2, shares.shape[-1]))",
    ),
)
entropy.mistake(
    "A small number is added to the shares to avoid log(0), and it is too large: it shows in the result. "
    "Leave absent classes out instead.",
    edit=("np.where(shares > 0, shares, 1)", "(shares + 1e-3)"),
)

ALL_AS_ONE = (
    "All groups are taken for one: both sums run over everything. Sum over the last axis, the classes, and "
    "refuse a group without members."
)


@gini.mistake(ALL_AS_ONE)
def gini_of_all(counts):
    return 1 - ((counts / counts.sum()) ** 2).sum()


@entropy.mistake(ALL_AS_ONE)
def entropy_of_all(counts):
    shares = counts / counts.sum()
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum()


@gini.variant
def pairs_that_differ(counts):
    counts = np.asarray(counts, dtype=float)
    if (counts.sum(-1) == 0).any():
        raise ValueError("an empty group")
    shares = counts / counts.sum(-1, keepdims=True)
    return (shares * (1 - shares)).sum(-1)


@gini.variant
def gini_with_einsum(counts):
    total = counts.sum(axis=-1)
    if not total.all():
        raise ValueError("an empty group")
    return 1.0 - np.einsum("...c,...c->...", counts, counts) / total**2


entropy.equivalent(
    "surprise = np.log2(1 / np.where(shares > 0, shares, 2))",
    "where the share is zero, it is multiplied by zero",
)


@entropy.variant
def from_counts(counts):
    total = counts.sum(-1)
    if (total == 0).any():
        raise ValueError("an empty group")
    logs = np.log2(counts, out=np.zeros(counts.shape), where=counts > 0)
    return np.log2(total) - (counts * logs).sum(-1) / total


@entropy.variant
def with_a_tiny_number(counts):
    if np.any(counts.sum(axis=-1) == 0):
        raise ValueError("an empty group")
    shares = counts / counts.sum(axis=-1, keepdims=True)
    return -(shares * np.log(shares + 1e-12)).sum(axis=-1) / np.log(2)


# --- best_split ---------------------------------------------------------------------------------------------

best_split = function(reference.best_split, points=5)
best_split.forbid("sklearn.tree")


def decreases(x, y, criterion):
    """List the decrease of every possible split, straight from the definition."""
    impurity = decision_trees.IMPURITIES[criterion]
    kinds = np.unique(y)

    def of(labels):
        return impurity(np.array([(labels == kind).sum() for kind in kinds]))

    found = []
    for column in x.T:
        for value in np.unique(column)[:-1]:
            left = column <= value
            found.append(of(y) - left.mean() * of(y[left]) - (~left).mean() * of(y[~left]))
    return np.sort(found)


def rows(draw: Draw, size: int, features: int, kinds=2, names=None, values=None, criterion="gini", best=None):
    """Draw rows with one best split, clearly ahead of the others."""
    while True:
        x = draw.numpy.normal(2, 5, (size, features)).round(2)
        if values is not None:
            x = draw.numpy.integers(0, values, (size, features)).astype(float)
        signal = draw.integer(0, features) if best is None else best
        score = x[:, signal] + draw.numpy.normal(0, 2 if values is None else 0.7, size)
        y = np.argsort(np.argsort(score)) * kinds // size
        found = decreases(x, y, criterion)
        clear = len(found) > 2 and found[-1] - found[-2] > 0.01
        if clear and best in (None, reference.best_split(x, y, criterion)[0]):
            break
    y = np.array(names if names is not None else draw.numpy.permutation(kinds) + 3)[y]
    return {"x": x, "y": y, "criterion": criterion}


best_split.case("one feature")(lambda draw: rows(draw, 9, 1))
best_split.case("three features")(lambda draw: rows(draw, 11, 3, best=2))
best_split.case("three species, given by name")(
    lambda draw: rows(draw, 14, 2, kinds=3, names=["Gentoo", "Adelie", "Chinstrap"], best=0)
)
best_split.case("by entropy")(lambda draw: differ(draw))
best_split.case("values that occur more than once")(lambda draw: rows(draw, 17, 2, values=4))
best_split.case("another word is refused", raises=ValueError, weight=0.5)(
    lambda draw: {**rows(draw, 8, 2), "criterion": "variance"}
)
best_split.case("a label too few is refused", raises=ValueError, weight=0.5)(
    lambda draw: shortened(rows(draw, 9, 3))
)
best_split.case("four classes, five features", hidden=True)(lambda draw: rows(draw, 19, 5, kinds=4))
best_split.case("few large numbers", hidden=True)(lambda draw: scaled(draw, rows(draw, 10, 2)))
best_split.case("repeated values, by entropy", hidden=True)(
    lambda draw: rows(draw, 21, 3, kinds=3, values=3, criterion="entropy")
)


def differ(draw):
    """Draw rows on which Gini and entropy choose different splits, both clearly ahead of the others."""
    # The labels in the order of the first feature, and in the order of the second.
    first, second = draw.choice(
        [
            ("000021011221", "001011002122"),
            ("010011002212", "000022101121"),
            ("000012110122", "001110002122"),
            ("000012011122", "001010022112"),
        ]
    )
    x = np.empty((12, 2))
    for feature, order in enumerate((first, second)):
        # Row by row the labels are 0, 0, 0, 0, 0, 1, ... whatever the feature.
        rank = np.argsort(np.array(list(order)), kind="stable")
        steps = draw.numpy.integers(1, 9, 12).cumsum() / 2
        x[:, feature] = steps[rank]
    y = np.sort(np.array(list(first)).astype(int))
    shuffled = draw.permutation(12).numpy()
    return {"x": x[shuffled], "y": y[shuffled] + draw.integer(1, 5), "criterion": "entropy"}


def shortened(drawn):
    return {**drawn, "y": drawn["y"][:-1]}


def scaled(draw, drawn):
    return {**drawn, "x": drawn["x"] * 1e6 + draw.integer(1, 9) * 1e7}


@best_split.case("two equal features")
def _(draw):
    drawn = rows(draw, 12, 1)
    noise = draw.numpy.normal(0, 1, (12, 1)).round(2)
    return {**drawn, "x": np.hstack([noise * 0, drawn["x"], drawn["x"]])}


@best_split.case("two equally good thresholds")
def _(draw):
    # With 4, 8 or 16 rows the two decreases are the same number, whichever way they are worked out.
    size = draw.choice([4, 8, 16])
    y = np.array([1, *[0] * (size - 2), 1])
    order = draw.permutation(size).numpy()
    x = np.arange(size)[:, None] * 2.0 - draw.integer(3, 6)
    return {"x": x[order], "y": y[order], "criterion": "gini"}


@best_split.case("no single question helps")
def _(draw):
    corners = np.repeat([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], 3, axis=0)
    order = draw.permutation(12).numpy()
    x = (corners * draw.integer(2, 5) - draw.integer(3, 6))[order]
    return {"x": x, "y": (corners[:, 0] != corners[:, 1]).astype(int)[order], "criterion": "gini"}


@best_split.case("all labels are equal")
def _(draw):
    x = draw.numpy.normal(0, 3, (7, 2)).round(2)
    return {"x": x, "y": np.full(7, draw.integer(1, 9)), "criterion": "gini"}


@best_split.case("a label too many is refused", hidden=True, raises=ValueError, weight=0.5)
def _(draw):
    drawn = rows(draw, 10, 2)
    return {**drawn, "y": np.append(drawn["y"], drawn["y"][0])}


@best_split.case("nothing can be split")
def _(draw):
    y = np.array([0, 1, 1, 0, 1])
    return {"x": np.full((5, 2), draw.integer(1, 9) * 0.5), "y": y, "criterion": "gini"}


@best_split.case("two rows", hidden=True)
def _(draw):
    x = np.array([[3.0, 5.0, 1.0], [3.0, 2.0, 4.0]]) * draw.integer(2, 9)
    return {"x": x, "y": np.array([4, 2]), "criterion": "entropy"}


@best_split.case("one row", hidden=True, weight=0.5)
def _(draw):
    return {"x": draw.numpy.normal(0, 1, (1, 3)), "y": np.array([2]), "criterion": "gini"}


best_split.hint(
    nudges={
        "no single question helps": "Is a decrease of zero a reason to give up? Look when to return None.",
        "values that occur more than once": "Can a threshold lie between two equal values?",
    },
    idea="Try every middle between two neighboring values of every feature. For each, count the labels on "
    "both sides, and average the impurities of the sides, each with its share of the rows. Keep the best.",
)
MIXED = "mixed = share * impurity(left) + (1 - share) * impurity(total - left)"
best_split.mistake(
    "The two sides count alike, however few rows one of them has: weight each by its share of the rows.",
    edit=(MIXED, "mixed = (impurity(left) + impurity(total - left)) / 2"),
)
best_split.mistake(
    "The impurities of the two sides are added without weights.",
    edit=(MIXED, "mixed = impurity(left) + impurity(total - left)"),
)
best_split.mistake(
    "The weights of the two sides are swapped.",
    edit=(MIXED, "mixed = (1 - share) * impurity(left) + share * impurity(total - left)"),
)
best_split.mistake(
    "Only the left side is looked at.",
    edit=(MIXED, "mixed = share * impurity(left)"),
)
best_split.mistake(
    "What is left of the impurity is returned. The decrease is the impurity before minus that.",
    edit=("float(decreases[place])", "float(mixed[place])"),
)
best_split.mistake(
    "The worst split is returned: the decrease must be as large as possible.",
    edits=[("decreases.argmax()", "decreases.argmin()"), ("] > best[2]", "] < best[2]")],
)
best_split.mistake(
    "The threshold is the last value at the left. It lies in the middle between that and the next value.",
    edit=("float(middle if middle < high else low)", "float(low)"),
)
best_split.mistake(
    "The threshold is the first value at the right. It lies in the middle between that and the value before.",
    edit=("float(middle if middle < high else low)", "float(high)"),
)
best_split.mistake(
    "The labels are not sorted together with the values: each row must keep its label.",
    edit=("one_hot[order]", "one_hot"),
)
best_split.mistake(
    "The criterion is ignored: it is always Gini.",
    edit=("impurity = IMPURITIES[criterion]", "impurity = gini"),
)
best_split.mistake(
    "A wrong criterion is not refused with a ValueError.",
    edits=[
        ("if criterion not in IMPURITIES:", "if False:"),
        ("IMPURITIES[criterion]", 'entropy if criterion == "entropy" else gini'),
    ],
)
best_split.mistake(
    "Another number of labels than of rows is not refused with a ValueError.",
    edit=("require_rows(x, y)", "pass"),
)
best_split.mistake(
    "Equal values are parted: rows with the same value answer every question alike, so a threshold can lie "
    "between different values only.",
    edits=[
        ("np.flatnonzero(values[:-1] < values[1:])", "np.arange(len(values) - 1)"),
        ("if len(last) == 0:", "if len(last) == 0 or values[0] == values[-1]:"),
    ],
)
best_split.mistake(
    "Of equally good features the highest is taken; the task asks for the lowest.",
    edit=("] > best[2]", "] >= best[2]"),
)
best_split.mistake(
    "Of equally good thresholds the highest is taken; the task asks for the lowest.",
    edit=("decreases.argmax()", "len(decreases) - 1 - decreases[::-1].argmax()"),
)
best_split.mistake(
    "A split that gains nothing is not returned. Where one question alone does not help, two together may: "
    "None is for rows that cannot be told apart.",
    edit=(
        "if best is None or decreases[place] > best[2]:",
        "if decreases[place] > (best[2] if best else 0):",
    ),
)
best_split.mistake(
    "Where all labels are equal None is returned. None is for rows that cannot be told apart; here every "
    "split has a decrease of zero, and the first one is asked for.",
    edit=(
        "one_hot = np.eye(len(classes))[numbers]",
        "one_hot = np.eye(len(classes))[numbers]\n    if len(classes) == 1:\n        return None",
    ),
)
best_split.mistake(
    "Only the first feature is looked at.",
    edit=("range(x.shape[1])", "range(1)"),
)
best_split.mistake(
    "The last feature is never looked at.",
    edit=("range(x.shape[1])", "range(max(1, x.shape[1] - 1))"),
)
best_split.mistake(
    "The best split of the last feature is returned, even if an earlier one is better: keep the best so far.",
    edit=("if best is None or decreases[place] > best[2]:", "if True:"),
)
best_split.mistake(
    "A feature with one value for all rows ends the search. Go on with the next feature.",
    edit=("continue", "return best"),
)


@best_split.mistake(
    "Rows that cannot be told apart give an error or a split. Nothing can be split: return None."
)
def splits_nothing(x, y, criterion="gini"):
    split = reference.best_split(x, y, criterion)
    return (0, float(x[0, 0]), 0.0) if split is None else split


@best_split.mistake(
    "A threshold lies between two equal values, which is on the value itself. Take the middle between "
    "neighboring values that differ; `np.unique` leaves repeated ones out."
)
def middles_of_equal_values(x, y, criterion="gini"):
    split = reference.best_split(x, y, criterion)
    if split is None:
        return None
    feature, threshold, decrease = split
    column = x[:, feature]
    below = column[column <= threshold]
    return feature, below.max() if (below == below.max()).sum() > 1 else threshold, decrease


@best_split.mistake("The results are in another order: feature, threshold, decrease.")
def threshold_first(x, y, criterion="gini"):
    split = reference.best_split(x, y, criterion)
    return None if split is None else (split[1], split[0], split[2])


@best_split.mistake("The threshold is missing: return feature, threshold and decrease.")
def without_threshold(x, y, criterion="gini"):
    split = reference.best_split(x, y, criterion)
    return None if split is None else (split[0], split[2])


@best_split.variant
def threshold_by_threshold(x, y, criterion="gini"):
    if criterion not in ("gini", "entropy"):
        raise ValueError("gini or entropy")
    if len(x) != len(y):
        raise ValueError("one label for each row")
    impurity = reference.gini if criterion == "gini" else reference.entropy

    def of(labels):
        return impurity(np.array(list(Counter(labels.tolist()).values())))

    best = None
    for feature in range(x.shape[1]):
        values = sorted(set(x[:, feature].tolist()))
        for low, high in itertools.pairwise(values):
            left = x[:, feature] < high
            before, n = of(y), len(y)
            after = left.sum() / n * of(y[left]) + (~left).sum() / n * of(y[~left])
            if best is None or before - after > best[2] + 1e-9:
                best = [feature, (low + high) / 2, before - after]
    return best


@best_split.variant
def least_impurity_left(x, y, criterion="gini"):
    impurity = {"gini": reference.gini, "entropy": reference.entropy}.get(criterion)
    if impurity is None or y.shape != x.shape[:1]:
        raise ValueError("gini or entropy; one label for each row")
    kinds, number = np.unique(y, return_inverse=True)
    before = np.bincount(number, minlength=len(kinds))
    found = []
    for feature, column in enumerate(x.T):
        values = np.unique(column)
        for threshold in (values[1:] + values[:-1]) / 2:
            left = np.bincount(number[column <= threshold], minlength=len(kinds))
            right = before - left
            after = (left.sum() * impurity(left) + right.sum() * impurity(right)) / len(y)
            found.append((round(float(after), 9), feature, threshold))
    if not found:
        return None
    after, feature, threshold = min(found)
    return np.int64(feature), threshold, impurity(before) - after


SAME_LENGTH = "x and y have been found to be of one length"
APART = "no two values in the cases are neighbors among the floating-point numbers; tests/ has such a pair"
ROUNDING = "the cases have no two splits whose decreases differ in the last digits only; tests/ has some"

BEST = "best = (feature, float(middle if middle < high else low), float(decreases[place]))"
NUMBERS = "a NumPy number of the same value counts as a number, too"
best_split.equivalent("share = (last + 1) / len(x)", SAME_LENGTH)
best_split.equivalent("decreases = impurity(total) - mixed", ROUNDING)
for digits in (11, 13):
    best_split.equivalent(f"decreases = np.round(impurity(total) - mixed, {digits})", ROUNDING)
for before, after, reason in (
    ("float(middle if middle < high else low)", "middle if middle < high else low", NUMBERS),
    ("float(decreases[place])", "decreases[place]", NUMBERS),
    ("middle if middle < high else low", "middle", APART),
    ("middle < high", "middle <= high", APART),
):
    best_split.equivalent(BEST.replace(before, after), reason)

# --- DecisionTree -------------------------------------------------------------------------------------------

tree = stateful(reference.DecisionTree, points=5)
tree.hint(
    idea="A function that calls itself: it is given some of the rows and how deep they are. Either it stops "
    "with a label, or it asks the best question and calls itself for both sides. To predict, walk down from "
    "the first question.",
)
tree.forbid("sklearn.tree")
# A label is the same label in an array of another type.
life = functools.partial(tree.case, check_dtype=False)


def grown(draw: Draw, size: int, features: int, new: int, kinds=2, **settings):
    """Draw rows and new rows for which it does not matter how a tree breaks ties."""
    while True:
        x = draw.numpy.normal(0, 1, (size, features)).round(2)
        fresh = draw.numpy.normal(0, 1.3, (new, features)).round(2) + 0.005
        score = np.abs(x @ draw.numpy.normal(0, 1, features) + draw.numpy.normal(0, 0.5, size))
        y = np.argsort(np.argsort(score)) * kinds // size
        one, other = reference.DecisionTree(**settings), reference.DecisionTree(**settings)
        one.fit(x, y)
        other.fit(-x[:, ::-1], y)
        agree = (one.predict(fresh) == other.predict(-fresh[:, ::-1])).all()
        if agree and max(reference.leaf_depths(one.root_)) > 1:
            return x, y, fresh


def grow(draw: Draw, *sizes, **settings):
    """Draw a tree's whole life: built, fitted, asked."""
    x, y, fresh = grown(draw, *sizes, **settings)
    settings.pop("kinds", None)
    return Script.build(**settings).do("fit", x, y).call("predict", fresh)


life("no limit")(lambda draw: grow(draw, 12, 2, 21))
life("at most two questions")(lambda draw: grow(draw, 15, 3, 22, max_depth=2))
life("three classes, at most three questions")(lambda draw: grow(draw, 17, 2, 23, kinds=3, max_depth=3))
life("by entropy")(lambda draw: unlike(draw))
life("fitted twice")(lambda draw: twice(draw))
life("four features, no limit", hidden=True)(lambda draw: grow(draw, 14, 4, 13, kinds=3))
life("three questions, by entropy", hidden=True)(
    lambda draw: grow(draw, 19, 3, 25, kinds=4, max_depth=3, criterion="entropy")
)


def unlike(draw):
    """Draw data on which a tree by entropy and one by Gini disagree."""
    while True:
        x, y, fresh = grown(draw, 16, 3, 26, kinds=3, max_depth=2, criterion="entropy")
        other = reference.DecisionTree(2, "gini")
        script = Script.build(max_depth=2, criterion="entropy").do("fit", x, y).call("predict", fresh)
        other.fit(x, y)
        mine = reference.DecisionTree(2, "entropy")
        mine.fit(x, y)
        if (mine.predict(fresh) != other.predict(fresh)).any():
            return script


def twice(draw):
    x, y, fresh = grown(draw, 10, 2, 20)
    x2, y2, _ = grown(draw, 11, 2, 20)
    return Script.build().do("fit", x, y).do("fit", x2, 5 - y2).call("predict", fresh)


@life("two trees beside each other")
def _(draw):
    x, y, fresh = grown(draw, 13, 2, 24)
    script = Script.build(max_depth=4).do("fit", x, y).another(max_depth=4).do("fit", x, 1 - y)
    return script.first().call("predict", fresh)


@life("no question at all")
def _(draw):
    # The first label is not the most frequent one.
    y = np.array([4, *np.array([2, 7, 7, 7, 2])[draw.permutation(5).numpy()]])
    x = draw.numpy.normal(0, 1, (6, 2))
    return Script.build(max_depth=0).do("fit", x, y).call("predict", x[:4])


@life("one class only")
def _(draw):
    x = draw.numpy.normal(0, 1, (5, 3))
    return Script.build().do("fit", x, np.full(5, 3)).call("predict", x[:4] + 1)


@life("equal rows with different labels")
def _(draw):
    apart = np.array([[0, 0], [5, 0], [0, 5]])
    x = np.repeat(draw.numpy.uniform(0, 2, (3, 2)).round(1) + apart, 3, axis=0)
    y = np.array([8, 6, 8, 6, 8, 6, 6, 6, 8])
    order = draw.permutation(9).numpy()
    return Script.build().do("fit", x[order], y[order]).call("predict", x)


@life("two questions are needed on each path")
def _(draw):
    # Two on each path are three in all.
    corners = np.repeat([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]], 2, axis=0)
    order = draw.permutation(8).numpy()
    y = np.where(corners[:, 0] == corners[:, 1], 4, 9)
    shift = float(draw.integer(1, 5))
    script = Script.build(max_depth=2).do("fit", (corners + shift)[order], y[order])
    return script.call("predict", corners + shift + 0.5)


@life("many questions in a row")
def _(draw):
    # No neighbors share a label, so every row needs a leaf of its own, whatever the order of the questions.
    size = draw.integer(14, 18)
    values = draw.numpy.integers(1, 5, size).cumsum()[:, None] * 1.0
    order = draw.permutation(size).numpy()
    return Script.build().do("fit", values[order], (np.arange(size) % 2 + 3)[order]).call("predict", values)


@life("rows exactly on a threshold")
def _(draw):
    values = np.arange(6.0)[:, None] * 2 + draw.integer(1, 5)
    y = np.array([3, 3, 1, 1, 1, 5])
    order = draw.permutation(6).numpy()
    return Script.build().do("fit", values[order], y[order]).call("predict", values + 1)


@life("three labels equally frequent")
def _(draw):
    # The lowest, the highest and the first one met are three different labels.
    y = np.array([5, *np.array([2, 8, 2, 8, 5])[draw.permutation(5).numpy()]])
    x = draw.numpy.normal(0, 1, (6, 1))
    return Script.build(max_depth=0).do("fit", x, y).call("predict", x[:3])


STOP = "if depth == self.max_depth or len(np.unique(y)) == 1:"
tree.mistake(
    "What one tree has learned, all trees have: it is kept in the class or in a global variable. Keep it in "
    "`self`.",
    edit=("self.root_ = ", "type(self).root_ = "),
)
tree.mistake(
    "`max_depth` is ignored.",
    edit=(STOP, "if len(np.unique(y)) == 1:"),
)
tree.mistake(
    "`max_depth=0` is taken for no limit, since zero counts as false. Compare with None instead.",
    edit=(STOP, "if (self.max_depth and depth >= self.max_depth) or len(np.unique(y)) == 1:"),
)
tree.mistake(
    "One question too many: rows at depth `max_depth` get a label, no further question.",
    edit=(STOP, "if depth - 1 == self.max_depth or len(np.unique(y)) == 1:"),
)
tree.mistake(
    "One question too few: a tree with `max_depth=1` asks one question.",
    edit=(
        STOP,
        "if depth + 1 == (self.max_depth or None) or depth == self.max_depth or len(np.unique(y)) == 1:",
    ),
)
tree.mistake(
    "The depth is not counted on one side: both sides are one question deeper.",
    edit=("self._grow(x[left], y[left], depth + 1)", "self._grow(x[left], y[left], depth)"),
)
tree.mistake(
    "`max_depth=None` sets a limit after all. Ask until a group is pure, however many questions that takes.",
    edit=(STOP, "if depth == (3 if self.max_depth is None else self.max_depth) or len(np.unique(y)) == 1:"),
)
tree.mistake(
    "Small groups are not split any more. As long as there are two labels and something to ask, ask.",
    edit=(STOP, "if depth == self.max_depth or len(np.unique(y)) == 1 or len(y) < 3:"),
)
tree.mistake(
    "The questions of the whole tree are counted. `max_depth` limits each path by itself: hand the depth on "
    "as an argument.",
    edits=[
        (STOP, "if self.max_depth == 0 or len(np.unique(y)) == 1:"),
        (
            "feature, threshold, _ = split",
            "feature, threshold, _ = split\n        self.max_depth = self.max_depth and self.max_depth - 1",
        ),
    ],
)
tree.mistake(
    "Yes and no are swapped when predicting: rows at or below the threshold go left.",
    edit=("row[node.feature] <= node.threshold", "row[node.feature] > node.threshold"),
    of=decision_trees._follow,
)
tree.mistake(
    'A row exactly on the threshold goes right. The question is "at most?", so it goes left.',
    edit=("row[node.feature] <= node.threshold", "row[node.feature] < node.threshold"),
    of=decision_trees._follow,
)
tree.mistake(
    "A leaf gets the label of its first row. It should be the most frequent one.",
    edit=("return values[counts.argmax()]", "return labels[0]"),
    of=reference.most_frequent,
)
tree.mistake(
    "A leaf gets the lowest of its labels. It should be the most frequent one.",
    edit=("return values[counts.argmax()]", "return values[0]"),
    of=reference.most_frequent,
)
tree.mistake(
    "Of equally frequent labels the highest is taken. The task asks for the lowest.",
    edit=("return values[counts.argmax()]", "return values[len(counts) - 1 - counts[::-1].argmax()]"),
    of=reference.most_frequent,
)
tree.mistake(
    "Of equally frequent labels the one that is met first is taken. The task asks for the lowest.",
    edit=("return values[counts.argmax()]", "return max(list(labels), key=list(labels).count)"),
    of=reference.most_frequent,
)
tree.mistake(
    "A leaf gets the mean of its labels. Labels are names of classes: count them.",
    edit=("return values[counts.argmax()]", "return np.asarray(labels).mean()"),
    of=reference.most_frequent,
)
tree.mistake(
    "The criterion is not handed to `best_split`: it is always Gini.",
    edit=("best_split(x, y, self.criterion)", "best_split(x, y)"),
)
tree.mistake(
    "It stops where a question gains nothing. Where one question alone does not help, two together may: stop "
    "when there is no split at all.",
    edit=("if split is None:", "if split is None or split[2] <= 0:"),
)
tree.mistake(
    "Rows that cannot be told apart have no split, and the answer stops with an error: `best_split` returns "
    "None there, and the most frequent label is the answer.",
    edit=("if split is None:", "if False:"),
)
tree.mistake(
    "Both sides are grown from the same rows: the right side gets the rows that answer no.",
    edit=("self._grow(x[~left], y[~left], depth + 1)", "self._grow(x[left], y[left], depth + 1)"),
)
tree.mistake(
    "A second `fit` does not start anew: the tree of the first one is kept.",
    edit=(
        "self.root_ = self._grow(x, y, depth=0)",
        'self.root_ = getattr(self, "root_", None) or self._grow(x, y, depth=0)',
    ),
)
tree.mistake(
    "Only the first question is the best one; the same question is asked again below it: split the rows "
    "that arrived here, and look for their own best question.",
    edits=[
        ("split = best_split(x, y, self.criterion)", "split = best_split(self.x_, self.y_, self.criterion)"),
        ("self.root_ = self._grow", "self.x_, self.y_ = x, y\n        self.root_ = self._grow"),
        (STOP, "if depth == self.max_depth or depth > 0 or len(np.unique(y)) == 1:"),
    ],
)


for other in ("len(y) == 1", "len(np.unique(x)) == 1", "len(np.unique(y)) == 0"):
    tree.equivalent(
        STOP.replace("len(np.unique(y)) == 1", other),
        "rows of one label that are split further still end at that label",
    )
for nothing in ("pass", "x"):  # in place of `require_rows(x, y)`, the only line that becomes one of these
    tree.equivalent(nothing, "the task asks for no refusal, and in the cases rows and labels fit")
tree.equivalent("left = x[:, feature] < threshold", "no row lies on the threshold of its own split")


@tree.variant
class TreeOfDictionaries:
    """Nodes are dictionaries; rows walk down together."""

    def __init__(self, max_depth=None, criterion="gini"):
        self.limit = float("inf") if max_depth is None else max_depth
        self.criterion = criterion

    def fit(self, x, y):
        self.tree = self.build(x, y, 0)
        return self  # as in scikit-learn

    def build(self, x, y, depth):
        names, found = np.unique(y, return_counts=True)
        node = {"label": names[np.argmax(found)]}
        split = reference.best_split(x, y, self.criterion) if depth < self.limit and len(names) > 1 else None
        if split is not None:
            node["feature"], node["threshold"], _ = split
            yes = x[:, node["feature"]] <= node["threshold"]
            node["yes"] = self.build(x[yes], y[yes], depth + 1)
            node["no"] = self.build(x[~yes], y[~yes], depth + 1)
        return node

    def predict(self, x):
        answer = np.empty(len(x), dtype=int)
        self.fill(self.tree, x, np.arange(len(x)), answer)
        return answer

    def fill(self, node, x, places, answer):
        if "feature" not in node:
            answer[places] = node["label"]
            return
        yes = x[places, node["feature"]] <= node["threshold"]
        self.fill(node["yes"], x, places[yes], answer)
        self.fill(node["no"], x, places[~yes], answer)


@tree.variant
class TreeOfTrees:
    """Each side of a tree is a tree itself."""

    def __init__(self, max_depth=None, criterion="gini"):
        self.max_depth, self.criterion = max_depth, criterion

    def fit(self, x, y):
        self.split = None
        self.label = min(set(y.tolist()), key=lambda name: (-(y == name).sum(), name))
        if self.max_depth == 0:
            return
        self.split = reference.best_split(x, y, self.criterion)
        if self.split is None:
            return
        feature, threshold, _ = self.split
        left = x[:, feature] <= threshold
        below = None if self.max_depth is None else self.max_depth - 1
        self.sides = [TreeOfTrees(below, self.criterion) for _ in range(2)]
        self.sides[0].fit(x[left], y[left])
        self.sides[1].fit(x[~left], y[~left])

    def predict(self, x):
        if self.split is None:
            return np.full(len(x), self.label)
        feature, threshold, _ = self.split
        return np.where(x[:, feature] <= threshold, self.sides[0].predict(x), self.sides[1].predict(x))


# --- choose_depth -------------------------------------------------------------------------------------------

choose_depth = function(reference.choose_depth, points=2)
choose_depth.hint(
    idea="Count for each depth how many of its predictions are right. Several depths may share the best "
    "count: then the smallest of them is the answer, wherever it stands in the list.",
)


def answers(draw: Draw, right, size: int, depths, wrong_by=None):
    """Draw labels and predictions with the given numbers of right ones; wrong ones are off by `wrong_by`."""
    labels = draw.numpy.integers(0, 3, size)
    wrong = np.array([draw.permutation(size).numpy() >= count for count in right])
    predictions = (labels + wrong) % 3 if wrong_by is None else labels + wrong * np.array(wrong_by)[:, None]
    return {"predictions": predictions, "labels": labels, "depths": list(depths)}


choose_depth.case("one depth is best")(lambda draw: answers(draw, [5, 8, 11, 9, 7], 14, [1, 2, 3, 5, 8]))
choose_depth.case("two are equally good")(lambda draw: answers(draw, [6, 10, 8, 10], 13, [1, 2, 4, 7]))
choose_depth.case("depths in any order")(
    lambda draw: answers(draw, [8, 12, 7, 12, 12, 3], 15, [3, 9, 1, 6, 8, 2])
)
choose_depth.case("the largest is best")(lambda draw: answers(draw, [4, 6, 9], 12, [2, 3, 6]))
choose_depth.case("the best is not quite right", hidden=True)(
    lambda draw: answers(draw, [1, 2, 0, 2], 11, [5, 8, 3, 7])
)
choose_depth.case("a single row makes the difference")(
    lambda draw: answers(draw, [160, 161, 157], 211, [2, 5, 3])
)
choose_depth.case("fewer errors, though larger ones")(
    lambda draw: answers(draw, [7, 9, 8], 12, [3, 5, 2], wrong_by=[1, 5, 1])
)
choose_depth.case("predictions for other rows are refused", raises=ValueError, weight=0.5)(
    lambda draw: {**answers(draw, [4, 6, 9], 12, [2, 3, 6]), "labels": np.array([draw.integer(0, 3)])}
)
choose_depth.case("a depth without predictions is refused", raises=ValueError, weight=0.5)(
    lambda draw: answers(draw, [4, 9, 6], 12, [2, 3, 6, 1])
)

CHOICE = "min(depth for depth, count in zip(depths, right, strict=True) if count == right.max())"
choose_depth.mistake(
    "Of equally accurate depths the first in the list is taken. Take the smallest; the list has any order.",
    edit=(CHOICE, "depths[right.argmax()]"),
)
choose_depth.mistake(
    "The depths are sorted, but the predictions stay in their order: depths are paired with other trees.",
    edit=(CHOICE, "sorted(depths)[right.argmax()]"),
)
choose_depth.mistake(
    "The accuracies are rounded, and unequal ones become equal: compare them as they are.",
    edit=("(predictions == labels).sum(axis=1)", "(predictions == labels).mean(axis=1).round(2)"),
)
choose_depth.mistake(
    "Of equally accurate depths the largest is taken. Take the smallest: the simpler tree does as well.",
    edit=("min(depth for", "max(depth for"),
)
choose_depth.mistake(
    "The place in the list is returned, not the depth that stands there.",
    edit=(CHOICE, "int(right.argmax())"),
)
choose_depth.mistake(
    "The accuracy is returned. The question is at which depth it is reached.",
    edit=(CHOICE, "float(right.max() / len(labels))"),
)
choose_depth.mistake(
    "The depth with the most errors is returned: count right predictions, not wrong ones.",
    edit=("(predictions == labels)", "(predictions != labels)"),
)
choose_depth.mistake(
    "The distance of a prediction from its label is measured. Labels are names of classes: right or wrong is "
    "all that counts.",
    edit=("(predictions == labels)", "-abs(predictions - labels)"),
)
choose_depth.mistake(
    "The smallest depth is returned, however accurate it is.",
    edit=(CHOICE, "min(depths)"),
)
choose_depth.mistake(
    "The largest depth is returned, however accurate it is.",
    edit=(CHOICE, "max(depths)"),
)
choose_depth.mistake(
    "Shapes that do not fit are not refused: broadcasting pairs every prediction with the only label, and "
    "`zip` drops a depth that has no predictions.",
    edits=[
        ("if predictions.shape != (len(depths), len(labels)):", "if False:"),
        ("zip(depths, right, strict=True)", "zip(depths, right)"),
    ],
)


choose_depth.equivalent(
    "if predictions.shape != (len(predictions), len(labels)):",
    "zip, which is strict, raises the same exception, with a message that helps less",
)
for loose in ("zip(depths, right)", "zip(depths, right, strict=False)"):
    choose_depth.equivalent(
        f"return {CHOICE}".replace("zip(depths, right, strict=True)", loose).replace("min(", "min((") + ")",
        "the lengths have been compared before",
    )


@choose_depth.variant
def by_sorting(predictions, labels, depths):
    if np.shape(predictions) != (len(depths), len(labels)):
        raise ValueError("one prediction for each depth and label")
    accuracy = np.mean(predictions == labels, axis=1)
    return sorted(zip(-accuracy, depths, strict=True))[0][1]


@choose_depth.variant
def in_a_loop(predictions, labels, depths):
    if len(predictions) != len(depths):
        raise ValueError("one row for each depth")
    best = None
    for guesses, depth in zip(predictions, depths, strict=True):
        if len(guesses) != len(labels):
            raise ValueError("one prediction for each label")
        right = sum(a == b for a, b in zip(guesses, labels, strict=True))
        if best is None or right > best[0] or (right == best[0] and depth < best[1]):
            best = right, depth
    return best[1]
