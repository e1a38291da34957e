"""The reference against scikit-learn, SciPy, torch and `numpy.linalg.lstsq`, and properties."""

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression as TheirLine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from course_utils.basics.first_models import (
    Branch,
    DecisionTree,
    LinearRegression,
    LookupTable,
    NearestNeighbor,
    best_split,
    choose_depth,
    entropy,
    gini,
    leaf_depths,
    mean_squared_error,
    most_frequent,
    mse_gradient,
)

SEEDS = [0, 1, 2]
DTYPES = [np.float32, np.float64]
TOLERANCE = {np.float32: {"rtol": 1e-4, "atol": 1e-4}, np.float64: {"rtol": 1e-9, "atol": 1e-9}}
CRITERIA = ["gini", "entropy"]
WORDS = np.array(["Adelie", "Chinstrap", "Gentoo", "King", "Macaroni"])


def draw_line(seed, rows=17, features=3, dtype=np.float64):
    """Features, targets, weights and a bias."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1, 2, (rows, features)), rng.normal(3, 2, rows)
    return x.astype(dtype), y.astype(dtype), rng.normal(0, 1, features).astype(dtype), dtype(rng.normal())


def draw_rows(seed, rows=61, features=3, classes=3, dtype=np.float64):
    """Features and words as labels that depend on them, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (rows, features))
    score = np.abs(x @ rng.normal(0, 1, features)) + rng.normal(0, 0.4, rows)
    return x.astype(dtype), WORDS[np.argsort(np.argsort(score)) * classes // rows]


# --- models that remember -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_lookup_table_knows_what_it_saw_and_the_majority_otherwise(seed, dtype):
    x, y = draw_rows(seed, dtype=dtype)
    table = LookupTable().fit(x, y)
    assert (table.predict(x) == y).all()
    majority = DummyClassifier(strategy="most_frequent").fit(x, y)
    assert (table.predict(x + 100) == majority.predict(x + 100)).all()


def test_a_row_that_occurs_with_several_labels_gets_the_most_frequent():
    table = LookupTable().fit(np.array([[1.0], [1.0], [1.0], [2.0]]), np.array([3, 5, 5, 3]))
    assert table.predict(np.array([[1.0], [2.0], [7.0]])).tolist() == [5, 3, 3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_nearest_neighbor_equals_scikit_learn(seed, dtype):
    x, y = draw_rows(seed, dtype=dtype)
    new, _ = draw_rows(seed + 10, rows=43, dtype=dtype)
    theirs = KNeighborsClassifier(1, algorithm="brute").fit(x, y)
    assert (NearestNeighbor().fit(x, y).predict(new) == theirs.predict(new)).all()
    assert (NearestNeighbor().fit(x, y).predict(x) == y).all()


def test_the_nearest_neighbor_is_the_one_in_the_table_also_far_away():
    neighbor = NearestNeighbor().fit(np.array([[1e8], [1e8 + 2]]), np.array(["a", "b"]))
    assert neighbor.predict(np.array([[1e8 + 0.9], [1e8 + 1.1]])).tolist() == ["a", "b"]


@pytest.mark.parametrize("make", [LookupTable, NearestNeighbor, LinearRegression, DecisionTree])
def test_fit_returns_the_model(make):
    model, (x, y, _, _) = make(), draw_line(0)
    assert model.fit(x, y) is model


def test_the_most_frequent_label_is_the_first_of_equals():
    assert most_frequent(np.array([4, 2, 4, 2, 9])) == 2


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1))),
        (np.zeros((3, 2)), np.zeros(2)),
        (np.zeros(3), np.zeros(3)),
        (np.zeros((0, 2)), np.zeros(0)),
    ],
)
@pytest.mark.parametrize("make", [LookupTable, NearestNeighbor, LinearRegression, DecisionTree])
def test_tables_without_one_label_for_each_row_are_refused(make, x, y):
    with pytest.raises(ValueError, match=r"x must be of shape \(rows, features\)"):
        make().fit(x, y)


# --- the line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("rows", "features"), [(17, 3), (1, 4), (5, 7), (23, 1)])
def test_the_gradient_equals_autograd(seed, dtype, rows, features):
    x, y, weights, bias = draw_line(seed, rows, features, dtype)
    w, b = torch.tensor(weights, requires_grad=True), torch.tensor(bias, requires_grad=True)
    torch.nn.functional.mse_loss(torch.tensor(x) @ w + b, torch.tensor(y)).backward()
    gradient, slope = mse_gradient(x, y, weights, bias)
    assert gradient.shape == (features,)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, w.grad.numpy(), **TOLERANCE[dtype])
    np.testing.assert_allclose(slope, b.grad.item(), **TOLERANCE[dtype])


def test_three_rows_give_the_factor_two_thirds():
    x, y, weights, _ = draw_line(0, rows=3)
    np.testing.assert_allclose(mse_gradient(x, y, weights, 0.0)[0], (2 / 3) * x.T @ (x @ weights - y))


def test_the_gradient_refuses_a_column_of_targets():
    x, y, weights, bias = draw_line(0)
    with pytest.raises(ValueError, match=r"got shapes \(17, 3\) and \(17, 1\)"):
        mse_gradient(x, y[:, None], weights, bias)


def test_the_error_refuses_shapes_that_would_broadcast():
    assert mean_squared_error(np.array([1.0, 2.0]), np.array([4.0, 2.0])) == 4.5
    with pytest.raises(ValueError, match=r"\(4,\) and \(4, 1\)"):
        mean_squared_error(np.zeros(4), np.zeros((4, 1)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fit_bias", [True, False])
def test_the_line_equals_scikit_learn_and_lstsq(seed, dtype, fit_bias):
    x, y, _, _ = draw_line(seed, 29, 4, dtype)
    line = LinearRegression(fit_bias).fit(x, y)
    theirs = TheirLine(fit_intercept=fit_bias).fit(x, y)
    np.testing.assert_allclose(line.weights_, theirs.coef_, **TOLERANCE[dtype])
    np.testing.assert_allclose(line.bias_, theirs.intercept_, **TOLERANCE[dtype])
    wide = np.hstack([x, np.ones((29, 1), dtype)]) if fit_bias else x
    solution = np.linalg.lstsq(wide, y)[0]
    np.testing.assert_allclose(line.predict(x), wide @ solution, **TOLERANCE[dtype])
    assert line.predict(x).dtype == dtype


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_vanishes_at_the_best_line(seed):
    x, y, _, _ = draw_line(seed)
    line = LinearRegression().fit(x, y)
    gradient, slope = mse_gradient(x, y, line.weights_, line.bias_)
    np.testing.assert_allclose([*gradient, slope], 0, atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fit_bias", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_descent_arrives_where_the_closed_form_is(seed, fit_bias, dtype):
    x, y, _, _ = draw_line(seed, 31, 2, dtype)
    exact, walked = LinearRegression(fit_bias).fit(x, y), LinearRegression(fit_bias)
    assert walked.descend(x, y, learning_rate=0.05, steps=1500) is walked
    np.testing.assert_allclose(walked.weights_, exact.weights_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(walked.bias_, exact.bias_, rtol=1e-3, atol=1e-3)
    assert len(walked.losses_) == 1500
    assert np.diff(walked.losses_).max() <= 1e-5
    assert walked.predict(x).dtype == dtype


def test_a_bias_reaches_what_lies_far_from_the_origin():
    x = np.arange(5.0)[:, None]
    y = 3 * x[:, 0] + 1e6
    assert mean_squared_error(LinearRegression().fit(x, y).predict(x), y) < 1e-12
    assert mean_squared_error(LinearRegression(fit_bias=False).fit(x, y).predict(x), y) > 1e9


# --- impurities ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [(4,), (5, 3), (2, 6, 4), (7, 1)])
def test_entropy_equals_scipy(seed, shape):
    counts = np.random.default_rng(seed).integers(0, 9, shape)
    counts[..., 0] += 1
    np.testing.assert_allclose(entropy(counts), scipy.stats.entropy(counts, base=2, axis=-1), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_gini_is_how_often_two_draws_differ(seed):
    counts = np.random.default_rng(seed).integers(1, 6, 4)
    members = np.repeat(np.arange(4), counts)
    assert gini(counts) == pytest.approx((members[:, None] != members[None, :]).mean())


@pytest.mark.parametrize("measure", [gini, entropy])
@pytest.mark.parametrize("seed", SEEDS)
def test_impurities_have_their_bounds_and_do_not_care_for_order_or_scale(measure, seed):
    counts = np.random.default_rng(seed).integers(0, 20, (50, 4))
    counts[:, 0] += 1
    found = measure(counts)
    assert (found >= 0).all()
    assert (found <= measure(np.ones(4)) + 1e-12).all()
    np.testing.assert_allclose(measure(counts[:, ::-1]), found)
    np.testing.assert_allclose(measure(counts * 1e12), found)
    assert measure(np.array([0, 5, 0])) == 0


@pytest.mark.parametrize("measure", [gini, entropy])
def test_an_empty_group_is_refused(measure):
    with pytest.raises(ValueError, match="one example at least"):
        measure(np.array([[1, 2], [0, 0]]))


# --- the tree -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", [*SEEDS, 3, 4, 5])
def test_the_best_split_equals_scikit_learn(seed, dtype, criterion):
    x, y = draw_rows(seed, rows=47, features=5, classes=4, dtype=dtype)
    feature, threshold, decrease = best_split(x, y, criterion)
    stump = DecisionTreeClassifier(max_depth=1, criterion=criterion, random_state=0).fit(x, y).tree_
    assert feature == stump.feature[0]
    assert threshold == pytest.approx(stump.threshold[0], rel=1e-6)
    left, right = stump.weighted_n_node_samples[1:] / 47
    theirs = stump.impurity[0] - left * stump.impurity[1] - right * stump.impurity[2]
    assert decrease == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_split_makes_things_worse_and_none_is_better(seed, criterion):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 5, (33, 3)).astype(float), rng.integers(0, 4, 33)
    impurity = {"gini": gini, "entropy": entropy}[criterion]

    def of(labels):
        return impurity(np.bincount(labels, minlength=4))

    found = {}
    for feature in range(3):
        for threshold in np.unique(x[:, feature])[:-1] + 0.5:
            left = x[:, feature] <= threshold
            found[feature, threshold] = of(y) - left.mean() * of(y[left]) - (~left).mean() * of(y[~left])
    assert min(found.values()) >= -1e-12
    feature, threshold, decrease = best_split(x, y, criterion)
    assert decrease == pytest.approx(max(found.values()), abs=1e-9)
    assert decrease == pytest.approx(found[feature, threshold], abs=1e-9)


def test_ties_go_to_the_first_feature_and_the_lowest_threshold():
    column = np.array([[1.0], [2.0], [3.0], [4.0]])
    y = np.array(["a", "b", "b", "a"])
    assert best_split(np.hstack([column * 0, column, column]), y)[:2] == (1, 1.5)


def test_ties_are_ties_also_in_floating_point():
    # 1 of 3 | 6 rows and 6 | 3: the same sum in another order, whose last digits may differ.
    rng = np.random.default_rng(0)
    for _ in range(200):
        y = rng.integers(0, 3, 9)
        x = np.arange(9.0)[:, None]
        mirrored = best_split(np.hstack([8 - x, x]), y)
        assert mirrored[0] == 0


def test_a_question_that_gains_nothing_is_asked_and_none_where_there_is_no_question():
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([0, 1, 1, 0])
    assert best_split(x, y) == (0, 0.5, 0.0)
    assert (DecisionTree().fit(x, y).predict(x) == y).all()
    assert best_split(np.ones((4, 2)), y) is None
    assert best_split(x[:1], y[:1]) is None


def test_values_that_differ_in_the_last_digit_are_told_apart():
    x = np.array([[0.3], [0.1 + 0.2]])
    tree = DecisionTree().fit(x, np.array(["a", "b"]))
    assert tree.predict(x).tolist() == ["a", "b"]
    assert best_split(np.array([[-1.5e308], [1e308]]) / 2, np.array([0, 1]))[1] == -1.25e307


def test_a_wrong_criterion_and_wrong_labels_are_refused():
    x, y = draw_rows(0)
    with pytest.raises(ValueError, match="not 'variance'"):
        best_split(x, y, "variance")
    with pytest.raises(ValueError, match=r"\(61, 3\) and \(60,\)"):
        best_split(x, y[:-1])


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_shallow_trees_equal_scikit_learn(seed, depth, dtype, criterion):
    # Two questions that part the training rows alike may part others differently.
    x, y = draw_rows(seed, rows=401, features=4, classes=4, dtype=dtype)
    new, _ = draw_rows(seed + 10, rows=97, features=4, dtype=dtype)
    ours = DecisionTree(depth, criterion).fit(x, y)
    theirs = DecisionTreeClassifier(max_depth=depth, criterion=criterion, random_state=0).fit(x, y)
    assert (ours.predict(new) == theirs.predict(new)).mean() > 0.95
    assert (ours.predict(x) == theirs.predict(x)).all()
    assert len(leaf_depths(ours.root_)) == theirs.get_n_leaves()
    assert max(leaf_depths(ours.root_)) == theirs.get_depth()


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_tree_without_limit_memorizes(seed, dtype, criterion):
    x, _ = draw_rows(seed, dtype=dtype)
    y = WORDS[np.random.default_rng(seed).integers(0, 5, len(x))]
    tree = DecisionTree(criterion=criterion).fit(x, y)
    assert (tree.predict(x) == y).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_training_accuracy_never_falls_with_depth(seed):
    x, y = draw_rows(seed, rows=89, classes=5)
    right = [(DecisionTree(depth).fit(x, y).predict(x) == y).mean() for depth in range(12)]
    assert right == sorted(right)
    assert max(leaf_depths(DecisionTree(4).fit(x, y).root_)) <= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tree_does_not_care_for_the_scale_of_a_feature(seed):
    x, y = draw_rows(seed)
    new, _ = draw_rows(seed + 10)
    scale = np.array([1e-6, 1.0, 1e6])
    plain, scaled = DecisionTree().fit(x, y), DecisionTree().fit(x * scale, y)
    assert (plain.predict(new) == scaled.predict(new * scale)).all()


def test_depth_zero_answers_with_the_majority_and_a_second_fit_starts_anew():
    x, y = draw_rows(0)
    tree = DecisionTree(max_depth=0).fit(x, y)
    assert not isinstance(tree.root_, Branch)
    assert set(tree.predict(x)) == {most_frequent(y)}
    tree.fit(x, np.full(len(x), "King"))
    assert set(tree.predict(x)) == {"King"}


def test_rows_that_cannot_be_told_apart_get_their_most_frequent_label():
    x = np.array([[1.0], [1.0], [1.0], [2.0]])
    tree = DecisionTree().fit(x, np.array([7, 3, 7, 3]))
    assert tree.predict(np.array([[0.0], [1.5], [1.6]])).tolist() == [7, 7, 3]


# --- the choice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_chosen_depth_is_the_smallest_of_the_best(seed):
    rng = np.random.default_rng(seed)
    predictions, labels = rng.integers(0, 2, (7, 11)), rng.integers(0, 2, 11)
    depths = rng.permutation(9)[:7].tolist()
    chosen = choose_depth(predictions, labels, depths)
    accuracy = {depth: (row == labels).mean() for depth, row in zip(depths, predictions, strict=True)}
    assert accuracy[chosen] == max(accuracy.values())
    assert all(accuracy[depth] < accuracy[chosen] for depth in depths if depth < chosen)


def test_predictions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"need predictions of shape \(2, 3\); got \(3, 2\)"):
        choose_depth(np.zeros((3, 2)), np.zeros(3), [1, 2])
