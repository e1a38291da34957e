"""The reference against scikit-learn and pandas, and the properties that a split must have."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.impute import SimpleImputer
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import LabelEncoder, OneHotEncoder

from course_utils.basics.data_with_pandas import (
    column_scores,
    drop_missing,
    encode_categories,
    find_categories,
    group_split,
    impute,
    to_tensors,
    train_validation_test_split,
)
from course_utils.data import load_penguins

SEEDS = [0, 1, 2]
TEXT_TYPES = ["object", "str", "category"]


def random_categories(seed, rows=23, dtype="object"):
    """Two columns of categories with holes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "island": rng.choice(["Biscoe", "Dream", "Torgersen"], rows),
            "sex": rng.choice(["female", "male"], rows),
        }
    ).astype("object")
    frame = frame.mask(rng.random(frame.shape) < 0.3)
    frame.index = rng.permutation(rows) + 100
    return frame.astype(dtype)


def random_numbers(seed, rows=19, columns=3, dtype="float64", scale=1.0):
    """Columns of numbers with holes, the first complete."""
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 2, (rows, columns)) * scale
    holes = rng.random((rows, columns)) < 0.3
    holes[:, 0] = False
    return pd.DataFrame(np.where(holes, np.nan, values), columns=list("abcdefgh")[:columns]).astype(dtype)


# --- categories ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", TEXT_TYPES)
def test_encoding_equals_get_dummies_on_the_training_rows(seed, dtype):
    frame = random_categories(seed, dtype=dtype)
    ours = encode_categories(frame, find_categories(frame, ["island", "sex"]))
    theirs = pd.get_dummies(frame, dummy_na=True, dtype=float)
    theirs.columns = [name.replace("_nan", "_missing") for name in theirs.columns]
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_encoding_equals_one_hot_encoder_on_unseen_rows(seed):
    training, other = random_categories(seed), random_categories(seed + 10, rows=11)
    other.iloc[0] = ["Atlantis", "male"]
    ours = encode_categories(other, find_categories(training, ["island", "sex"]), missing_column=False)
    encoder = OneHotEncoder(
        categories=[["Biscoe", "Dream", "Torgersen"], ["female", "male"]],
        handle_unknown="ignore",
        sparse_output=False,
    )
    theirs = encoder.fit(training.fillna("male")[:1]).transform(other)
    np.testing.assert_array_equal(ours.to_numpy(), theirs)
    assert list(ours.columns) == list(encoder.get_feature_names_out(["island", "sex"]))


def test_the_same_columns_come_out_whatever_the_rows():
    categories = find_categories(random_categories(0), ["island", "sex"])
    one_row = encode_categories(pd.DataFrame({"island": ["Dream"], "sex": [None]}), categories)
    no_row = encode_categories(pd.DataFrame({"island": [], "sex": []}), categories)
    assert list(one_row.columns) == list(no_row.columns)
    assert one_row.to_numpy().tolist() == [[0, 1, 0, 0, 0, 0, 1]]
    assert no_row.shape == (0, 7)


def test_numbers_may_be_categories():
    years = pd.DataFrame({"year": [2008, 2007, 2008]})
    assert list(encode_categories(years, find_categories(years, ["year"]))) == [
        "year_2007",
        "year_2008",
        "year_missing",
    ]


def test_encoding_refuses_an_absent_column():
    with pytest.raises(ValueError, match=r"no column \['sex'\]"):
        encode_categories(pd.DataFrame({"island": ["Dream"]}), {"sex": ["male"]})


@pytest.mark.parametrize(
    ("row", "categories", "name"),
    [
        ({"sex": "missing"}, {"sex": ["male", "missing"]}, "sex_missing"),
        ({"a": "b_c", "a_b": "c"}, {"a": ["b_c"], "a_b": ["c"]}, "a_b_c"),
        ({"year": 2007}, {"year": [2007, "2007"]}, "year_2007"),
    ],
)
def test_encoding_refuses_two_new_columns_of_one_name(row, categories, name):
    with pytest.raises(ValueError, match=f"two columns would both be called '{name}'"):
        encode_categories(pd.DataFrame([row]), categories)


def test_a_value_may_be_called_missing_where_no_column_is():
    encoded = encode_categories(
        pd.DataFrame({"sex": ["missing", None]}), {"sex": ["male", "missing"]}, missing_column=False
    )
    assert encoded.to_dict("list") == {"sex_male": [0.0, 0.0], "sex_missing": [1.0, 0.0]}


@pytest.mark.parametrize("dtype", ["str", "string", "object", "category"])
def test_encode_categories_gives_zeros_and_ones_for_every_type_of_text(dtype):
    frame = pd.DataFrame({"sex": pd.Series(["male", None, "unknown", "female"], dtype=dtype)})
    encoded = encode_categories(frame, {"sex": ["female", "male"]})
    assert encoded.to_numpy().tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]


# --- missing values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1e8, 1e-8])
def test_impute_equals_simple_imputer(seed, strategy, dtype, scale):
    training = random_numbers(seed, dtype=dtype, scale=scale)
    other = random_numbers(seed + 10, rows=7, dtype=dtype, scale=scale)
    imputer = SimpleImputer(strategy=strategy, add_indicator=True).fit(training)
    ours = impute(other, training, strategy, indicator=True)
    np.testing.assert_allclose(ours.to_numpy(), imputer.transform(other), rtol=1e-5)
    assert ours.columns[-1].endswith("_missing")
    assert ours["a"].dtype == dtype


def test_impute_never_looks_at_the_rows_it_fills():
    training = random_numbers(0)
    other = random_numbers(1, rows=7)
    alone = pd.concat([impute(other.iloc[[row]], training) for row in range(len(other))])
    pd.testing.assert_frame_equal(impute(other, training), alone)
    assert alone.index.equals(other.index)


def test_row_labels_may_repeat():
    training, other = random_numbers(0), random_numbers(1, rows=4).set_axis([7, 7, 7, 3])
    filled = impute(other, training, indicator=True)
    np.testing.assert_array_equal(filled, impute(other.reset_index(drop=True), training, indicator=True))
    names = random_categories(0, rows=4).set_axis([7, 7, 7, 3])
    encoded = encode_categories(names, {"sex": ["female", "male"]})
    assert list(filled.index) == list(encoded.index) == [7, 7, 7, 3]


def test_without_categories_the_rows_stay():
    assert encode_categories(random_categories(0, rows=4), {}).shape == (4, 0)


def test_impute_leaves_its_inputs_alone():
    training, other = random_numbers(0), random_numbers(1)
    before = training.copy(), other.copy()
    impute(other, training, indicator=True)
    pd.testing.assert_frame_equal(training, before[0])
    pd.testing.assert_frame_equal(other, before[1])


def test_impute_refuses_a_column_without_a_value_and_an_unknown_strategy():
    empty = pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, np.nan]})
    with pytest.raises(ValueError, match=r"no value at all in \['b'\]"):
        impute(empty, empty)
    with pytest.raises(ValueError, match="not 'mode'"):
        impute(random_numbers(0), random_numbers(0), "mode")


def test_impute_refuses_an_indicator_with_the_name_of_a_column():
    frame = pd.DataFrame({"mass": [1.0, np.nan], "mass_missing": [0.0, 1.0]})
    assert impute(frame, frame)["mass"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="two columns would both be called 'mass_missing'"):
        impute(frame, frame, indicator=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_drop_missing_equals_dropna(seed):
    frame = random_categories(seed).join(
        random_numbers(seed, rows=23).set_axis(random_categories(seed).index)
    )
    pd.testing.assert_frame_equal(drop_missing(frame), frame.dropna())
    pd.testing.assert_frame_equal(drop_missing(frame, ["sex", "b"]), frame.dropna(subset=["sex", "b"]))


# --- splits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 10, 101])
@pytest.mark.parametrize(
    "fractions", [(0.6, 0.2, 0.2), (0, 0.5, 0.5), (0.55, 0.15, 0.3), (1, 0, 0), (1 / 3,) * 3]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_split_holds_every_row_once_in_the_right_shares(rows, fractions, seed):
    frame = pd.DataFrame({"bird": np.arange(rows)}, index=["same label"] * rows)
    parts = train_validation_test_split(frame, fractions, seed)
    assert sorted(pd.concat(parts)["bird"]) == list(range(rows))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - rows * fraction) <= 1


def test_split_is_random_and_repeatable():
    frame = pd.DataFrame({"bird": np.arange(200)})
    first, again, other = (train_validation_test_split(frame, seed=seed)[0]["bird"] for seed in (3, 3, 4))
    assert first.equals(again)
    # Two splits share a training row with probability 0.6: of 120 about 72.
    assert 50 < len(set(first) & set(other)) < 95
    # A row's chance to be a training row does not depend on where it stands.
    assert 40 < (first < 100).sum() < 80


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_groups_stay_together(seed, kind):
    rng = np.random.default_rng(seed)
    groups = rng.choice(list("ABCDEFGHIJK"), 57)
    frame = pd.DataFrame({"bird": np.arange(57), "group": groups}, index=rng.integers(0, 5, 57))
    parts = group_split(frame, kind(groups), (0.5, 0.3, 0.2), seed)
    assert sorted(pd.concat(parts)["bird"]) == list(range(57))
    present = [set(part["group"]) for part in parts]
    assert sum(map(len, present)) == len(set(groups))
    for names, fraction in zip(present, (0.5, 0.3, 0.2), strict=True):
        assert abs(len(names) - len(set(groups)) * fraction) <= 1


def test_group_split_with_a_group_for_each_row_is_the_plain_split():
    frame = pd.DataFrame({"bird": np.arange(31)})
    for ours, plain in zip(
        group_split(frame, np.arange(31), seed=5), train_validation_test_split(frame, seed=5), strict=True
    ):
        assert set(ours["bird"]) == set(plain["bird"])


def test_group_split_of_penguin_nests():
    raw = load_penguins(raw=True)
    nests = raw["studyName"] + raw["Species"] + raw["Individual ID"].str.extract(r"(N\d+)")[0]
    assert nests.nunique() == 172
    parts = group_split(raw, nests)
    assert [len(part) for part in parts] == [206, 70, 68]


@pytest.mark.parametrize(
    "split", [train_validation_test_split, lambda f, x: group_split(f, range(len(f)), x)]
)
@pytest.mark.parametrize("fractions", [(0.6, 0.2, 0.1), (1.2, -0.1, -0.1), (60, 20, 20)])
def test_wrong_fractions_are_refused(split, fractions):
    with pytest.raises(ValueError, match="at least 0 and sum to 1"):
        split(pd.DataFrame({"bird": range(9)}), fractions)


@pytest.mark.parametrize("split", [train_validation_test_split, lambda frame: group_split(frame, range(13))])
def test_rows_keep_their_labels_and_the_defaults_give_the_same_split_again(split):
    frame = pd.DataFrame({"bird": range(13)}, index=np.random.default_rng(0).permutation(13))
    parts = split(frame)
    assert [len(part) for part in parts] == [8, 2, 3]
    for part, again in zip(parts, split(frame), strict=True):
        pd.testing.assert_frame_equal(part, frame.loc[part.index])
        pd.testing.assert_frame_equal(part, again)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_group_split_refuses_rows_without_a_group_and_a_wrong_length(missing):
    frame = pd.DataFrame({"bird": range(3)})
    with pytest.raises(ValueError, match="1 rows have no group"):
        group_split(frame, ["a", missing, "b"])
    with pytest.raises(ValueError, match="2 groups were given for 3 rows"):
        group_split(frame, ["a", "b"])


# --- tensors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_to_tensors_equals_label_encoder(seed, dtype):
    features = random_numbers(seed).fillna(-1.0).astype(dtype)
    labels = pd.Series(np.random.default_rng(seed).choice(["Gentoo", "Adelie", "Chinstrap"], 19))
    encoder = LabelEncoder().fit(labels)
    x, y = to_tensors(features, labels, classes=list(encoder.classes_))
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    np.testing.assert_array_equal(x.numpy(), features.to_numpy(dtype=np.float32))
    np.testing.assert_array_equal(y.numpy(), encoder.transform(labels))
    torch.nn.functional.cross_entropy(torch.nn.Linear(3, 3)(x), y).backward()


def test_to_tensors_shares_no_memory_with_the_table():
    features = pd.DataFrame({"a": np.ones(2, dtype=np.float32)})
    x, _ = to_tensors(features, pd.Series([0, 1]), classes=[0, 1])
    x.zero_()
    assert features["a"].tolist() == [1.0, 1.0]


def test_to_tensors_follows_the_order_of_the_classes_and_not_of_the_labels():
    features = pd.DataFrame({"a": [1, 2, 3]}, index=[7, 5, 6])
    labels = pd.Series(["b", "c", "a"], index=[7, 5, 6])
    assert to_tensors(features, labels, classes=["c", "a", "b"])[1].tolist() == [2, 0, 1]


def test_to_tensors_pairs_rows_and_labels_by_position():
    features = pd.DataFrame({"a": [1, 2, 3]}, index=[2, 0, 1])
    x, y = to_tensors(features, pd.Series(["b", "c", "a"]), classes=["a", "b", "c"])
    assert (x[:, 0].tolist(), y.tolist()) == ([1, 2, 3], [1, 2, 0])


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        ({"a": [1.0, np.nan]}, ["x", "y"], r"\['a'\] have missing values"),
        ({"a": ["1", "2"]}, ["x", "y"], r"\['a'\] do not hold numbers"),
        ({"a": [1.0, 2.0]}, ["x", "z"], r"labels \['z'\] are not among"),
        ({"a": [1.0, 2.0]}, ["x", None], "labels .* are not among"),
    ],
)
def test_to_tensors_refuses_what_no_model_can_use(features, labels, message):
    with pytest.raises(ValueError, match=message):
        to_tensors(pd.DataFrame(features), pd.Series(labels), classes=["x", "y"])


# --- leaks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kinds", [["no", "yes"], ["high", "low", "middle"], [0, 1, 2, 3]])
def test_column_scores_equal_modes_and_scikit_learns_balanced_accuracy(seed, kinds):
    rng = np.random.default_rng(seed)
    frame = random_categories(seed, rows=83).join(
        random_numbers(seed, rows=83).round().set_axis(range(100, 183))
    )
    frame["label"] = rng.choice(kinds, 83, p=[0.7, *[0.3 / (len(kinds) - 1)] * (len(kinds) - 1)])
    training, validation = frame.iloc[:47], frame.iloc[47:]
    scores = column_scores(training, validation, "label")
    assert list(scores) == ["island", "sex", "a", "b", "c"]
    for column, score in scores.items():
        modes = training["label"].groupby(training[column].map(str)).agg(lambda labels: labels.mode()[0])
        guesses = validation[column].map(str).map(modes).fillna(training["label"].mode()[0])
        expected = balanced_accuracy_score(validation["label"], guesses.astype(validation["label"].dtype))
        assert score == pytest.approx(expected)


def test_a_column_of_chance_scores_like_guessing_and_the_answer_scores_one():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.choice(["no", "yes"], 4001, p=[0.9, 0.1])})
    frame = frame.assign(answer=frame["label"] + "!", chance=rng.integers(0, 5, 4001), number=np.arange(4001))
    frame["blank"] = np.where(frame["label"] == "yes", np.nan, 1.0)
    scores = column_scores(frame.iloc[:2000], frame.iloc[2000:], "label")
    assert scores == {"answer": 1.0, "chance": 0.5, "number": 0.5, "blank": 1.0}


def test_column_scores_refuses_rows_without_a_label():
    frame = pd.DataFrame({"a": [1, 2], "label": ["x", None]})
    for parts in ((frame, frame[:1]), (frame[:1], frame)):
        with pytest.raises(ValueError, match="1 rows have no 'label'"):
            column_scores(*parts, "label")
