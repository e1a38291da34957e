"""What is graded in the exercise "From a messy table to tensors": cases, known mistakes, variants."""

import itertools

import numpy as np
import pandas as pd
import torch

from course_utils.basics import data_with_pandas as reference
from course_utils.checking import Draw, function, predictor
from course_utils.data import load_penguins

ISLANDS = ["Biscoe", "Dream", "Torgersen"]
SEXES = ["female", "male"]
CATEGORIES = {"island": ISLANDS, "sex": SEXES}


drop = function(reference.drop_missing, points=2)
drop.hint(
    idea="Ask of each cell whether it holds a value. A row stays if the answer is yes wherever it counts.",
)
drop.forbid("pandas.DataFrame.dropna")


def with_holes(draw: Draw, rows: int):
    """Draw names and numbers with holes: some rows are complete, some lack a cell or two, one nearly all."""
    table = pd.DataFrame(
        {
            "bill": 44 + 5 * draw.numpy.normal(size=rows),
            "mass": 4200 + 800 * draw.numpy.normal(size=rows),
            "eggs": np.ones(rows),
            "sex": draw.numpy.choice(["female", "male"], rows),
        },
        index=draw.permutation(rows).tolist(),
    )
    order = draw.permutation(rows).tolist()
    # A zero is a value: two of the complete rows hold one.
    table.iloc[order[7:9], table.columns.get_loc("eggs")] = 0.0
    for column, holes in (("bill", order[1:3]), ("mass", order[2:5]), ("sex", order[4:7])):
        table.iloc[[order[0], *holes], table.columns.get_loc(column)] = np.nan
    return table


drop.case("a missing value anywhere")(lambda draw: {"frame": with_holes(draw, 13)})
drop.case("two columns count")(lambda draw: {"frame": with_holes(draw, 17), "columns": ["bill", "sex"]})
drop.case("one column counts")(lambda draw: {"frame": with_holes(draw, 11), "columns": ["mass"]})
drop.case("no column counts", weight=0.5)(lambda draw: {"frame": with_holes(draw, 12), "columns": []})
drop.case("nothing is missing", hidden=True)(
    lambda draw: {"frame": with_holes(draw, 14).fillna({"bill": 40.0, "mass": 4000.0, "sex": "male"})}
)


@drop.case("row labels that repeat", hidden=True)
def _(draw):
    # Each label stands three times and five rows lack a value: some label has rows of both kinds.
    return {
        "frame": with_holes(draw, 15).set_axis([row % 5 for row in range(15)]),
        "columns": ["bill", "mass"],
    }


drop.mistake(
    "`columns` is not looked at: rows with a blank elsewhere are lost as well.",
    edit=("frame if columns is None else frame[list(columns)]", "frame"),
)
drop.mistake(
    "An empty list of columns is taken for none given, since it counts as false: compare with None.",
    edit=("columns is None", "not columns"),
)
drop.mistake(
    "Only the columns that count come back. They decide which rows stay; a row keeps all of its cells.",
    edit=("return frame[", "return looked_at["),
)
drop.mistake(
    "A row is kept as soon as one value is there: every column that counts needs one.",
    edit=(".all(axis=1)", ".any(axis=1)"),
)
drop.mistake(
    "The other way round: the rows that are incomplete come back.",
    edit=("frame[looked_at.notna().all(axis=1)]", "frame[looked_at.isna().any(axis=1)]"),
)
drop.mistake(
    "A missing value is compared with `!=`. NaN differs from everything, even from itself: ask with notna().",
    edit=("looked_at.notna()", '(looked_at != float("nan"))'),
)
drop.mistake(
    "The rows are numbered anew. A row keeps its label, or it can no longer be found in other tables.",
    edit=("all(axis=1)]", "all(axis=1)].reset_index(drop=True)"),
)
drop.mistake(
    "A zero counts as missing. It is a value like any other: ask with notna().",
    edit=("looked_at.notna()", "(looked_at.notna() & (looked_at != 0))"),
)
drop.mistake(
    "Rows are dropped by their labels: where a label repeats, complete rows go too. Pick the rows that stay.",
    edit=(
        "frame[looked_at.notna().all(axis=1)]",
        "frame.drop(frame.index[looked_at.isna().any(axis=1)])",
    ),
)
drop.equivalent(
    "looked_at = frame if columns is None else frame[columns]", "the task gives the columns as a list"
)
drop.mistake(
    "Columns are dropped instead of rows: one blank costs a whole measurement.",
    edit=("frame[looked_at.notna().all(axis=1)]", "frame[looked_at.columns[looked_at.notna().all()]]"),
)


@drop.variant
def with_a_mask_of_numbers(frame, columns=None):
    names = list(frame.columns if columns is None else columns)
    return frame.loc[(frame[names].isna().sum(axis=1) == 0).to_numpy()]


@drop.variant
def column_after_column(frame, columns=None):
    for name in frame.columns if columns is None else columns:
        frame = frame[frame[name].notna()]
    return frame


encode = function(reference.encode_categories, points=4)
encode.hint(
    idea="One new column for each listed value, with a one where the row has that value. A value that is not"
    " listed gets no one anywhere.",
)
encode.forbid("sklearn.preprocessing")


def names(draw: Draw, rows: int, islands=ISLANDS, blanks=True, **more):
    """Draw rows with an island and a sex, none of the values absent, some missing if wanted, and a year."""
    columns = {}
    for name, values in (("island", islands), ("sex", SEXES)):
        needed = [*values, None] if blanks else values
        column = [*needed, *draw.numpy.choice(needed, rows - len(needed))]
        columns[name] = [column[i] for i in draw.permutation(rows)]
    return {"frame": pd.DataFrame(columns).assign(year=2007), "categories": CATEGORIES, **more}


encode.case("two columns with missing values")(lambda draw: names(draw, 11))
encode.case("rows from two islands only")(
    lambda draw: names(draw, 9, draw.choice([ISLANDS[:2], ISLANDS[1:]]), categories={"island": ISLANDS})
)
encode.case("rows without a missing value")(lambda draw: names(draw, 7, blanks=False))
encode.case("the order of the categories is kept", hidden=True)(
    lambda draw: names(draw, 13, categories={"sex": ["male", "female"], "island": ["Torgersen", "Dream"]})
)
encode.case("without the column for missing values")(
    lambda draw: names(draw, 10, categories={"sex": SEXES}, missing_column=False)
)
encode.case("a column that the table lacks is refused", raises=ValueError, weight=0.5)(
    lambda draw: names(draw, 8, categories={"sex": SEXES, "species": ["Adelie", "Gentoo"]})
)
encode.case("an island that is not in the list")(lambda draw: names(draw, 12, [*ISLANDS, "Anvers"]))
encode.efficiency("no Python loop over the rows", at_most=20, hidden=True, weight=0.5)(
    lambda draw: names(draw, 1000)
)


@encode.case("row labels in any order, some twice")
def _(draw):
    inputs = names(draw, 14)
    return {**inputs, "frame": inputs["frame"].set_axis([*draw.permutation(12).tolist(), 3, 3])}


@encode.case("years as categories")
def _(draw):
    inputs = names(draw, 15, categories={"sex": SEXES, "year": [2007, 2008, 2009]})
    years = [2007.0, 2008.0, 2009.0, np.nan, *draw.numpy.choice([2007.0, 2009.0, np.nan], 11)]
    return {**inputs, "frame": inputs["frame"].assign(year=years)}


def refuse_absent(frame, categories):
    """Raise as the reference does, so that a wrong answer differs from it in its own way only."""
    if not set(categories) <= set(frame):
        raise ValueError("a column is absent")


encode.mistake(
    "Missing values get no column of their own: the model cannot see that a value was missing.",
    edit=("if missing_column:", "if False:"),
)
encode.mistake(
    "The column for missing values is made only where these rows have one. Other rows would get other "
    "columns: `missing_column` alone decides.",
    edit=("if missing_column:", "if missing_column and frame[column].isna().any():"),
)
encode.mistake(
    "The name of a new column is put together with `+`, which fails where a category is a number: use an "
    "f-string.",
    edit=('f"{column}_{value}"', 'column + "_" + value'),
)
encode.mistake(
    "`missing_column` is not looked at: with False there is no column for missing values.",
    edit=("if missing_column:", "if True:"),
)
encode.mistake(
    "A missing value is compared with `==`. NaN equals nothing, not even itself: ask with isna().",
    edit=("frame[column].isna()", 'frame[column] == float("nan")'),
)
encode.mistake(
    "A value that is not in the list is marked as missing. It was measured: zeros everywhere.",
    edit=("frame[column].isna()", "~frame[column].isin(values)"),
)
encode.mistake(
    "One category is left out. That saves a column in some statistics, but here each category has its own.",
    edit=("for value in values:", "for value in values[1:]:"),
)
encode.mistake(
    "The row labels are lost: a later join or concat would pair the rows with those of other birds.",
    edit=(".astype(float)", ".astype(float).reset_index(drop=True)"),
)


@encode.mistake(
    "The columns come from the rows at hand. Other rows would get others: use the categories given."
)
def columns_from_the_rows(frame, categories, missing_column=True):
    refuse_absent(frame, categories)
    encoded = pd.get_dummies(frame[list(categories)], dummy_na=missing_column, dtype=float)
    return encoded.rename(columns=lambda name: name.replace("_nan", "_missing"))


@encode.mistake(
    "This is get_dummies as it stands: it makes its columns from the rows at hand, calls the last one `_nan` "
    "and does not know `missing_column`. Go through the categories given."
)
def plain_get_dummies(frame, categories, *_):
    refuse_absent(frame, categories)
    return pd.get_dummies(frame[list(categories)], dummy_na=True)


@encode.mistake(
    "The categories are numbered. That claims an order and distances: give each its own column of 0 and 1."
)
def numbered(frame, categories, *_):
    refuse_absent(frame, categories)
    return pd.DataFrame(
        {name: pd.Categorical(frame[name], values).codes for name, values in categories.items()}
    )


@encode.mistake("Right, but it goes through the rows one by one in Python: compare a whole column at once.")
def row_by_row(frame, categories, missing_column=True):
    refuse_absent(frame, categories)
    rows = []
    for _, row in frame.iterrows():
        cells = {}
        for column, values in categories.items():
            for value in values:
                cells[f"{column}_{value}"] = float(row[column] == value)
            if missing_column:
                cells[f"{column}_missing"] = float(pd.isna(row[column]))
        rows.append(cells)
    return pd.DataFrame(rows, index=frame.index)


@encode.variant
def with_get_dummies(frame, categories, missing_column=True):
    refuse_absent(frame, categories)
    parts = []
    for column, values in categories.items():
        known = frame[column].where(frame[column].isin(values))
        part = pd.get_dummies(known, dtype=int).reindex(columns=values, fill_value=0).add_prefix(f"{column}_")
        if missing_column:
            part[f"{column}_missing"] = frame[column].isna()
        parts.append(part)
    return pd.concat(parts, axis=1)


@encode.variant
def with_an_identity_matrix(frame, categories, missing_column=True):
    refuse_absent(frame, categories)
    blocks, names = [], []
    for column, values in categories.items():
        codes = pd.Categorical(frame[column], categories=values).codes
        blocks.append(np.vstack([np.eye(len(values)), np.zeros(len(values))])[codes])
        names += [f"{column}_{value}" for value in values]
        if missing_column:
            blocks.append(frame[column].isna().to_numpy()[:, None])
            names.append(f"{column}_missing")
    return pd.DataFrame(np.hstack(blocks), columns=names, index=frame.index)


encode.equivalent(
    "return pd.DataFrame(encoded).astype(float)",
    "each new column brings the row labels, and the task always gives a category",
)
encode.equivalent(
    "return pd.DataFrame(encoded, index=frame.index)",
    "True and False count as 1 and 0 where a table of numbers is expected",
)


impute = function(reference.impute, points=4, rtol=1e-6)
impute.hint(
    idea="What fills the blanks is learned from the training rows alone, and used for the other rows too.",
)
impute.forbid("sklearn.impute")


def sizes(draw: Draw, rows: int, missing=("bill", "mass"), shift: float = 0.0):
    """Draw bills, flippers and masses with holes, at least two in each of the columns named `missing`."""
    columns = {}
    for name, mean, scale in (("bill", 44, 5), ("flipper", 200, 14), ("mass", 4200, 800)):
        # Exponential values: their mean and median differ.
        column = mean + scale * (shift + draw.numpy.exponential(1, rows))
        if name in missing:
            column[draw.numpy.permutation(rows)[: max(2, rows // 4)]] = np.nan
        columns[name] = column
    return pd.DataFrame(columns)


def rows_and_training(draw: Draw, rows: int, training: int, **more):
    """Draw rows to fill, with larger values than the training rows have."""
    return {"frame": sizes(draw, rows, shift=2), "training": sizes(draw, training), **more}


impute.case("validation rows, means")(lambda draw: rows_and_training(draw, 9, 23))
impute.case("medians, with indicators")(
    lambda draw: rows_and_training(draw, 11, 16, strategy="median", indicator=True)
)
impute.case("a training column without any value is refused", raises=ValueError, weight=0.5)(
    lambda draw: {
        "frame": sizes(draw, 7, missing=("mass",)),
        "training": sizes(draw, 13).assign(bill=np.nan),
    }
)
impute.case("an unknown strategy is refused", raises=ValueError, weight=0.5, hidden=True)(
    lambda draw: rows_and_training(draw, 6, 13, strategy="mode")
)
impute.case("one bird alone", hidden=True)(
    lambda draw: {"frame": sizes(draw, 10).head(1).assign(mass=np.nan), "training": sizes(draw, 18)}
)


@impute.case("the training rows themselves", hidden=True)
def _(draw):
    training = sizes(draw, 19)
    return {"frame": training, "training": training}


@impute.case("indicators for the columns with holes in training, not in the rows that are filled")
def _(draw):
    rows = sizes(draw, 12, missing=("flipper", "mass"), shift=2)
    return {"frame": rows, "training": sizes(draw, 20), "indicator": True}


@impute.case("indicators for complete rows", hidden=True)
def _(draw):
    training = sizes(draw, 21, missing=("flipper",))
    return {
        "frame": sizes(draw, 8, missing=()),
        "training": training,
        "strategy": "median",
        "indicator": True,
    }


@impute.case("row labels in any order, some twice", hidden=True)
def _(draw):
    inputs = rows_and_training(draw, 13, 22, strategy="median", indicator=True)
    return {**inputs, "frame": inputs["frame"].set_axis([*draw.permutation(10).tolist(), 5, 5, 5])}


FILL = 'fill = training.mean() if strategy == "mean" else training.median()'
impute.mistake(
    "The means come from the rows that are filled. Take them from the training rows: one bird has no mean.",
    edit=(FILL, 'fill = frame.mean() if strategy == "mean" else frame.median()'),
)
impute.mistake(
    "The means come from training rows and rows to fill together. That is leakage: training rows only.",
    edits=[
        ("training.mean()", "pd.concat([training, frame]).mean()"),
        ("training.median()", "pd.concat([training, frame]).median()"),
    ],
)
impute.mistake(
    "Missing values are filled with zero. No bird has a bill of 0 mm: the zeros make a pattern of their own.",
    edit=("frame.fillna(fill)", "frame.fillna(0)"),
)
impute.mistake(
    "All columns are filled with one number. Each column has its own mean: take it down the rows (axis 0).",
    edits=[
        ("training.mean()", "training.mean() * 0 + np.nanmean(training.to_numpy())"),
        ("training.median()", "training.median() * 0 + np.nanmedian(training.to_numpy())"),
    ],
)
impute.mistake(
    "The means are taken along the rows. A bird's bill and mass have no mean together: drop axis=1.",
    edits=[("training.mean()", "training.mean(axis=1)"), ("training.median()", "training.median(axis=1)")],
)
impute.mistake(
    "The strategy is not looked at: with 'median' the median is filled in.",
    edit=(FILL, "fill = training.mean()"),
)
impute.mistake(
    "The indicators are made after filling, when nothing is missing any more: look at the table as it came.",
    edit=("frame[column].isna()", "filled[column].isna()"),
)
impute.mistake(
    "The indicators are the wrong way around: 1 is for a value that was missing.",
    edit=("frame[column].isna()", "frame[column].notna()"),
)
impute.mistake(
    "The indicator columns depend on the rows at hand. Training decides, or the parts differ.",
    edit=("training.columns[training.isna().any()]", "frame.columns[frame.isna().any()]"),
)
impute.mistake(
    "The median is taken as one of the values. Where their number is even, it is the mean of the middle two.",
    edit=(
        "training.median()",
        "training.apply(lambda column: column.dropna().sort_values().iloc[column.count() // 2])",
    ),
)
impute.mistake(
    "A training column without any value is refused only where a blank is left. Look at training: the next "
    "bird may have a blank there.",
    edit=("empty = list(fill.index[fill.isna()])", "empty = frame.fillna(fill).isna().to_numpy().any()"),
)
impute.mistake(
    "Rows with missing values are dropped instead of filled.",
    edit=("frame.fillna(fill)", "frame.dropna()"),
)


@impute.variant
def column_by_column(frame, training, strategy="mean", indicator=False):
    if strategy not in ("mean", "median") or training.isna().all().any():
        raise ValueError("unknown strategy, or an empty column")
    filled = frame.copy()
    for column in frame.columns:
        filled[column] = frame[column].fillna(getattr(training[column], strategy)())
    for column in training.columns:
        if indicator and training[column].isna().any():
            filled[f"{column}_missing"] = frame[column].isna().astype(int)
    return filled


@impute.variant
def with_numpy(frame, training, strategy="mean", indicator=False):
    known = training.to_numpy(dtype=float)
    if np.isnan(known).all(axis=0).any():
        raise ValueError("an empty column")
    fill = {"mean": np.nanmean, "median": np.nanmedian}.get(strategy)
    if fill is None:
        raise ValueError(strategy)
    values = frame.to_numpy(dtype=float)
    holes = np.isnan(values)
    filled = np.where(holes, fill(known, axis=0), values)
    names = list(frame.columns)
    if indicator:
        incomplete = np.isnan(known).any(axis=0)
        filled = np.hstack([filled, holes[:, incomplete]])
        names += [f"{name}_missing" for name, has in zip(training.columns, incomplete, strict=True) if has]
    return pd.DataFrame(filled, columns=names, index=frame.index)


impute.equivalent("for column in frame.columns[training.isna().any()]:", "both tables have the same columns")
impute.equivalent(
    "_add_column(filled, f'{column}_missing', frame[column].isna())",
    "True and False count as 1 and 0 where a table of numbers is expected",
)


split = function(reference.train_validation_test_split, points=4)
split.hint(
    idea="Shuffle the row numbers once with the seed, then cut that order into three pieces.",
)
split.forbid("sklearn.model_selection")
PARTS = ("training", "validation", "test")


def birds(draw: Draw, rows: int):
    """Draw birds with a number, a mass that follows from it, and row labels in random order."""
    numbers = np.arange(rows)
    return pd.DataFrame(
        {"bird": numbers, "mass": 3000.0 + 7 * numbers}, index=draw.permutation(rows).tolist()
    )


def disjoint(sets):
    """Tell whether nothing is in two of the sets."""
    return sum(map(len, sets)) == len(set.union(*sets))


def complete(result, frame):
    """Say so where three tables together do not hold every row of a table once."""
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return "three tables are expected: training, validation and test rows"
    joined = pd.concat(result)
    counts = joined["bird"].value_counts()
    if set(counts.index) < set(frame["bird"]):
        if not frame.index.is_unique and disjoint([set(part.index) for part in result]):
            return "rows are dropped because their label is in another part: labels may repeat"
        return "some rows are in none of the three parts" + (
            ", others are in more than one" if counts.max() > 1 else ""
        )
    if counts.max() > 1:
        return "some rows are in more than one part"
    if list(joined.columns) != list(frame.columns) or (joined["mass"] != 3000 + 7 * joined["bird"]).any():
        return "the rows are no longer what they were: a row must keep all of its values"
    # The birds are numbered in the order of the table.
    if list(joined.index) != list(frame.index[joined["bird"]]):
        return "the rows have other labels than before: a row keeps its label"
    return None


def in_shares(result, total, fractions, count, what):
    """Say so where a part does not get its share, within one."""
    counts = [count(part) for part in result]
    wanted = [total * share for share in fractions]

    def fit(order):
        return [abs(counts[place] - wanted[order[place]]) <= 1 for place in range(3)]

    right = fit((0, 1, 2))
    if all(right):
        return None
    if any(all(fit(order)) for order in itertools.permutations(range(3))):
        return "the sizes are those asked for, but in another order than training, validation, test"
    wrong = [
        f"{PARTS[place]} has {counts[place]} of {total} {what} (asked for: {wanted[place]:.0f})"
        for place in range(3)
        if not right[place]
    ]
    return f"the shares are not those asked for: {', '.join(wrong)}"


def at_random(result, what):
    """Say so where thirds of 300 numbered birds are no random draw."""
    for name, part in zip(PARTS, result, strict=True):
        # The mean number of a random third is 149.5, with a standard deviation of 7 (10 for pairs).
        if not 100 < part["bird"].mean() < 200:
            return f"no random draw: the {what} of the {name} part come mostly from one end of the table"
        if (part["bird"] % 3).nunique() == 1:
            return f"no random draw: the {name} part is every third row"
    return None


def another_seed(results):
    """Say so where two seeds give the same rows to a part."""
    first, second = ([set(part["bird"]) for part in result] for result in results)
    if first == second:
        return "two different seeds give the same split: the seed must decide it"
    for name, one, other in zip(PARTS, first, second, strict=True):
        if one == other:
            return f"two different seeds give the same {name} rows: the seed must decide all three parts"
    return None


def deal(draw: Draw, frame, fractions, **more):
    """Return the arguments of a split with a random seed."""
    return {"frame": frame, **more, "fractions": fractions, "seed": draw.integer(0, 999)}


def split_sizes(name, rows, fractions, **options):
    """Declare a case that looks at the sizes of the parts, and at whether they hold every row once."""

    @split.property(name, **options)
    def _(draw):
        frame = birds(draw, rows)
        inputs = deal(draw, frame, fractions)
        return (
            inputs,
            lambda result: complete(result, frame) or in_shares(result, rows, fractions, len, "rows"),
        )


split_sizes("197 rows in shares of 50, 30 and 20 percent, each row once", 197, (0.5, 0.3, 0.2))
split_sizes("no validation rows wanted", 50, (0.7, 0.0, 0.3), hidden=True)


@split.property("200 rows in the default shares, with the default seed")
def _(draw):
    return {"frame": birds(draw, 200)}, lambda result: in_shares(result, 200, (0.6, 0.2, 0.2), len, "rows")


@split.property("the rows are dealt at random")
def _(draw):
    return deal(draw, birds(draw, 300), (1 / 3, 1 / 3, 1 / 3)), lambda result: at_random(result, "rows")


@split.property("another seed gives another split")
def _(draw):
    inputs = deal(draw, birds(draw, 43), (0.6, 0.2, 0.2))
    return [inputs, {**inputs, "seed": inputs["seed"] + 1}], another_seed


@split.property("row labels that repeat")
def _(draw):
    frame = birds(draw, 41).set_axis([label % 7 for label in range(41)])
    return deal(draw, frame, (0.5, 0.3, 0.2)), lambda result: complete(result, frame)


def other_defaults(dealt):
    """Declare the mistakes that either split can make with what it is not given."""
    dealt.mistake(
        "Seed 0 is taken for no seed, since it counts as false: the same call gives other rows each time.",
        edit=("default_rng(seed)", "default_rng(seed or None)"),
        of=reference._deal,
    )
    dealt.mistake(
        "Without fractions the shares are others than those in the scaffold, 0.6, 0.2 and 0.2.",
        edit=("(0.6, 0.2, 0.2)", "(0.8, 0.1, 0.1)"),
    )


split.mistake(
    "The seed is not looked at: every seed gives the same split. Make the generator from the argument.",
    edit=("default_rng(seed)", "default_rng(0)"),
    of=reference._deal,
)
split.mistake(
    "The seed is not used: the same call gives other rows each time, and nobody can repeat what you report.",
    edit=("default_rng(seed)", "default_rng()"),
    of=reference._deal,
)
other_defaults(split)
split.mistake(
    "The rows of each part are numbered anew. A row keeps its label, or its nest can no longer be looked up.",
    edits=[(f"frame.iloc[{part}]", f"frame.iloc[{part}].reset_index(drop=True)") for part in PARTS],
)
split.mistake(
    "The rows are not shuffled. Tables are often sorted: the test rows may all be of another species.",
    edit=("np.random.default_rng(seed).permutation(count)", "np.arange(count)"),
    of=reference._deal,
)
split.mistake(
    "Validation and test are swapped: return training, validation, test, in this order.",
    edit=("frame.iloc[validation], frame.iloc[test]", "frame.iloc[test], frame.iloc[validation]"),
)
split.mistake(
    "Rows are picked by their labels. Labels may repeat or leave gaps: pick by position, with iloc.",
    edits=[
        (
            "_deal(len(frame), fractions, seed)",
            "(frame.index[part] for part in _deal(len(frame), fractions, seed))",
        ),
        ("frame.iloc[training]", "frame.loc[training]"),
        ("frame.iloc[validation]", "frame.loc[validation]"),
        ("frame.iloc[test]", "frame.loc[test]"),
    ],
)


split.mistake(
    "Positions are given to `loc`, which takes them for row labels. Labels may repeat or leave gaps: pick by "
    "position, with iloc.",
    edits=[(f"frame.iloc[{part}]", f"frame.loc[{part}]") for part in PARTS],
)


@split.mistake(
    "The parts are drawn independently, so that rows are in several: the model is tested on what it saw."
)
def drawn_independently(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    return tuple(frame.sample(frac=share, random_state=seed + i) for i, share in enumerate(fractions))


@split.mistake(
    "The rest is found with drop, which goes by row labels: where a label repeats, all of its rows are "
    "dropped. Cut one shuffled order of positions in three."
)
def rest_by_label(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    mixed = frame.sample(frac=1, random_state=seed)
    training = mixed.iloc[: round(len(frame) * fractions[0])]
    rest = frame.drop(training.index)
    validation = rest.iloc[: round(len(frame) * fractions[1])]
    return training, validation, rest.drop(validation.index)


split.mistake(
    "The second fraction is taken of the rest instead of the whole: validation is too small, test too large.",
    edit=(
        "round(count * (training + validation))",
        "round(count * (training + (1 - training) * validation))",
    ),
    of=reference._deal,
)


@split.mistake(
    "The test rows are the same for every seed: only the others are shuffled with it. Cut one shuffled order."
)
def one_test_for_all(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    order = np.random.default_rng(0).permutation(len(frame))
    first, second = round(len(frame) * fractions[0]), round(len(frame) * (fractions[0] + fractions[1]))
    rest = np.random.default_rng(seed).permutation(order[:second])
    return frame.iloc[rest[:first]], frame.iloc[rest[first:]], frame.iloc[order[second:]]


@split.mistake("The same fractions are used whatever is asked for: use the argument.")
def fixed_fractions(frame, _=None, seed=0):
    return reference.train_validation_test_split(frame, seed=seed)


@split.mistake(
    "Each size is rounded down, so that some rows end up in no part: let one part take all that is left."
)
def loses_the_rest(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    order = np.random.default_rng(seed).permutation(len(frame))
    cuts = np.cumsum([0, *(int(len(frame) * share + 1e-9) for share in fractions)])
    return tuple(frame.iloc[order[a:b]] for a, b in itertools.pairwise(cuts))


@split.variant
def with_sample(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    mixed = frame.sample(frac=1, random_state=seed)
    test, validation = int(len(frame) * fractions[2]), int(len(frame) * fractions[1])
    rest = mixed.iloc[test:]
    return rest.iloc[validation:], rest.iloc[:validation], mixed.iloc[:test]


@split.variant
def with_torch(frame, fractions=(0.6, 0.2, 0.2), seed=0):
    order = torch.randperm(len(frame), generator=torch.Generator().manual_seed(seed)).numpy()
    first = int(np.ceil(len(frame) * fractions[0] - 1e-9))
    second = first + round(len(frame) * fractions[1])
    return [frame.iloc[np.sort(part)] for part in np.split(order, [first, second])]


by_group = function(reference.group_split, points=3)
by_group.hint(
    idea="Shuffle the groups, not the rows: all rows of a group go where the group goes.",
)
by_group.forbid("sklearn.model_selection")


def in_groups(draw: Draw, rows: int, groups: int, fractions):
    """Return the arguments for birds of some nests, scattered over the table."""
    # Some nests are large, so that a share of the groups is not a share of the rows.
    nests = [*range(groups), *draw.numpy.integers(0, groups // 5, rows - groups)]
    names = pd.Series([f"nest {nests[i]}" for i in draw.permutation(rows)])
    return deal(draw, birds(draw, rows).assign(nest=names.to_numpy()), fractions, groups=names)


def together(result, groups):
    """Say so where rows of one nest are in more than one part."""
    if disjoint([set(part["nest"]) for part in result]):
        return None
    if disjoint([set(groups[part.index]) for part in result]):
        return "rows and groups are matched by row label instead of by position, so groups are torn apart"
    return "some groups are in more than one part"


@by_group.property("every row is in one part, and no group in two")
def _(draw):
    inputs = in_groups(draw, 61, 23, (0.5, 0.3, 0.2))
    inputs["frame"] = inputs["frame"].reset_index(drop=True)
    return inputs, lambda result: complete(result, inputs["frame"]) or together(result, inputs["groups"])


@by_group.property("no group is in two parts, groups with row labels of their own")
def _(draw):
    frame = birds(draw, 57).assign(nest=[f"nest {bird // 3:02}" for bird in range(57)])
    groups = frame["nest"].reset_index(drop=True)
    return deal(draw, frame, (0.4, 0.3, 0.3), groups=groups), lambda result: together(result, groups)


@by_group.property("each part gets its share of the groups")
def _(draw):
    fractions = (0.5, 0.3, 0.2)
    inputs = in_groups(draw, 90, 40, fractions)

    def nests(part):
        return part["nest"].nunique()

    return (
        inputs,
        lambda result: (
            together(result, inputs["groups"]) or in_shares(result, 40, fractions, nests, "groups")
        ),
    )


@by_group.property("45 groups in the default shares, with the default seed")
def _(draw):
    inputs = in_groups(draw, 120, 45, (0.6, 0.2, 0.2))
    frame, groups = inputs["frame"], inputs["groups"]

    def nests(part):
        return part["nest"].nunique()

    return (
        {"frame": frame, "groups": groups},
        lambda result: together(result, groups) or in_shares(result, 45, (0.6, 0.2, 0.2), nests, "groups"),
    )


@by_group.property("the groups are dealt at random")
def _(draw):
    frame = birds(draw, 300)
    nests = [f"nest {bird // 2:03}" for bird in range(300)]
    inputs = deal(draw, frame, (1 / 3, 1 / 3, 1 / 3), groups=nests)
    return inputs, lambda result: at_random(result, "groups")


@by_group.property("another seed gives another split")
def _(draw):
    inputs = in_groups(draw, 59, 29, (0.6, 0.2, 0.2))
    return [inputs, {**inputs, "seed": inputs["seed"] + 1}], another_seed


@by_group.property("row labels that repeat, groups as an array of numbers", hidden=True)
def _(draw):
    inputs = in_groups(draw, 53, 21, (0.4, 0.3, 0.3))
    inputs["frame"] = inputs["frame"].set_axis([label % 5 for label in range(53)])
    inputs["groups"] = inputs["groups"].str.removeprefix("nest ").astype(int).to_numpy()
    return inputs, lambda result: complete(result, inputs["frame"])


@by_group.case("a row without a group is refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = in_groups(draw, 31, 13, (0.6, 0.2, 0.2))
    return {**inputs, "groups": inputs["groups"].where(inputs["groups"].index != draw.integer(0, 31))}


@by_group.case("NaN in a list of groups is refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = in_groups(draw, 33, 17, (0.6, 0.2, 0.2))
    return {**inputs, "groups": [*inputs["groups"][:-1], np.nan]}


@by_group.case("None in a list of groups is refused", raises=ValueError, weight=0.5, hidden=True)
def _(draw):
    inputs = in_groups(draw, 35, 19, (0.6, 0.2, 0.2))
    return {**inputs, "groups": [None, *inputs["groups"][1:]]}


@by_group.case("more groups than rows are refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = in_groups(draw, 27, 10, (0.6, 0.2, 0.2))
    return {**inputs, "frame": inputs["frame"].iloc[:-3]}


@by_group.case("fewer groups than rows are refused", raises=ValueError, weight=0.5, hidden=True)
def _(draw):
    inputs = in_groups(draw, 29, 11, (0.6, 0.2, 0.2))
    return {**inputs, "groups": inputs["groups"].iloc[:-3]}


by_group.mistake(
    "The seed is not looked at: every seed gives the same split. Make the generator from the argument.",
    edit=("default_rng(seed)", "default_rng(0)"),
    of=reference._deal,
)
other_defaults(by_group)
by_group.mistake(
    "Groups without a row are cut off in silence, as by `zip`: compare the lengths first.",
    edit=("pd.Series(groups)", "pd.Series(groups)[: len(frame)]"),
)
by_group.mistake(
    "The rows of each part are numbered anew. A row keeps its label, or its nest can no longer be looked up.",
    edits=[
        (f"frame[np.isin(codes, {part})]", f"frame[np.isin(codes, {part})].reset_index(drop=True)")
        for part in PARTS
    ],
)
by_group.mistake(
    "NaN has become a name: np.asarray turns a list of names with NaN into texts, 'nan' among them. "
    "Ask a Series, which keeps NaN as it is.",
    edit=("pd.Series(groups)", "np.asarray(groups)"),
)
by_group.mistake(
    "Rows are dealt, not groups: rows of one group end up in different parts.",
    edits=[
        ("_deal(len(unique), fractions, seed)", "_deal(len(frame), fractions, seed)"),
        ("frame[np.isin(codes, training)]", "frame.iloc[training]"),
        ("frame[np.isin(codes, validation)]", "frame.iloc[validation]"),
        ("frame[np.isin(codes, test)]", "frame.iloc[test]"),
    ],
)
by_group.mistake(
    "The groups are not shuffled: the first groups of the table become the training rows.",
    edit=("np.random.default_rng(seed).permutation(count)", "np.arange(count)"),
    of=reference._deal,
)
by_group.mistake(
    "Validation and test are swapped: return training, validation, test, in this order.",
    edit=("training, validation, test = _deal(", "training, test, validation = _deal("),
)
by_group.mistake(
    "The mask is a Series with row labels of its own, so pandas matches it with the table by label instead "
    "of by position, and other rows are picked: take its values with to_numpy().",
    edits=[
        (f"frame[np.isin(codes, {part})]", f"frame[pd.Series(np.isin(codes, {part}))]")
        for part in ("training", "validation", "test")
    ],
)
by_group.mistake(
    "Rows without a group vanish: pandas numbers them -1, and they are in no part. Refuse them.",
    edit=("(codes < 0).any()", "False"),
)


@by_group.mistake(
    "Only neighbors count as a group: a group that appears again further down is taken for a new one."
)
def runs_as_groups(frame, groups, fractions=(0.6, 0.2, 0.2), seed=0):
    groups = pd.Series(list(groups))
    if len(groups) != len(frame) or groups.isna().any():
        raise ValueError("each row needs a group")
    return reference.group_split(frame, (groups != groups.shift()).cumsum(), fractions, seed)


@by_group.mistake("Only NaN counts as no group, and None passes for the name of one: ask with pd.isna.")
def none_as_a_name(frame, groups, fractions=(0.6, 0.2, 0.2), seed=0):
    return reference.group_split(frame, [str(g) if g is None else g for g in groups], fractions, seed)


@by_group.mistake("Group 0 is taken for no group. It is a name like any other number: ask with pd.isna.")
def zero_as_none(frame, groups, fractions=(0.6, 0.2, 0.2), seed=0):
    if not all(groups):
        raise ValueError("each row needs a group")
    return reference.group_split(frame, groups, fractions, seed)


@by_group.mistake("The same fractions are used whatever is asked for: use the argument.")
def fixed_group_fractions(frame, groups, _=None, seed=0):
    return reference.group_split(frame, groups, seed=seed)


LENGTHS = "a mask of another length raises the same exception, with a message that helps less"
by_group.equivalent("if False:", LENGTHS)
by_group.equivalent("if len(codes) != len(groups):", LENGTHS)


@by_group.variant
def with_sets(frame, groups, fractions=(0.6, 0.2, 0.2), seed=0):
    groups = list(groups)
    if len(groups) != len(frame) or any(pd.isna(group) for group in groups):
        raise ValueError("each row needs a group")
    names = sorted(set(groups))
    np.random.default_rng(seed).shuffle(names)
    first = int(len(names) * fractions[0])
    second = first + round(len(names) * fractions[1])
    chosen = [set(names[:first]), set(names[first:second]), set(names[second:])]
    return [frame.iloc[[i for i, group in enumerate(groups) if group in part]] for part in chosen]


@by_group.variant
def with_groupby(frame, groups, fractions=(0.6, 0.2, 0.2), seed=0):
    if len(groups) != len(frame) or pd.isna(pd.Series(list(groups))).any():
        raise ValueError("each row needs a group")
    number = pd.Series(np.arange(len(frame))).groupby(list(groups)).ngroup().to_numpy()
    count = number.max() + 1
    place = np.random.default_rng(seed).permutation(count)[number]
    bounds = np.round(np.cumsum([0, *fractions]) * count)
    return tuple(frame[(place >= a) & (place < b)] for a, b in itertools.pairwise(bounds))


tensors = function(reference.to_tensors, points=3)
tensors.hint(
    idea="A loss for classes wants numbers with a fraction as inputs, and whole class numbers as targets.",
)
SPECIES = ["Gentoo", "Adelie", "Chinstrap"]


def table(draw: Draw, rows: int, **more):
    """Draw a complete table of sizes, and the species of each row with a rare one last to appear."""
    labels = ["Chinstrap", *draw.numpy.choice(["Adelie", "Chinstrap"], rows - 2), "Gentoo"]
    features = sizes(draw, rows, missing=()).assign(year=draw.numpy.integers(2007, 2010, rows))
    return {"features": features, "labels": pd.Series(labels), "classes": SPECIES, **more}


tensors.case("measurements and species")(lambda draw: table(draw, 11))
tensors.case("an unknown species is refused", raises=ValueError, weight=0.5)(
    lambda draw: table(draw, 8, classes=["Adelie", "Chinstrap"])
)


@tensors.case("a part without one of the species")
def _(draw):
    inputs = table(draw, 9)
    return {**inputs, "features": inputs["features"].iloc[:-1], "labels": inputs["labels"].iloc[:-1]}


@tensors.case("a missing value is refused", raises=ValueError)
def _(draw):
    inputs = table(draw, 7)
    inputs["features"].loc[draw.integer(0, 7), "flipper"] = np.nan
    return inputs


@tensors.case("row labels in another order", hidden=True)
def _(draw):
    inputs = table(draw, 13)
    order = draw.permutation(13).tolist()
    return {**inputs, **{name: inputs[name].set_axis(order) for name in ("features", "labels")}}


@tensors.case("a column of words is refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = table(draw, 10)
    return {**inputs, "features": inputs["features"].assign(sex="male")}


@tensors.case("labels with row labels of their own")
def _(draw):
    inputs = table(draw, 14)
    return {**inputs, "features": inputs["features"].set_axis(draw.permutation(14).tolist())}


@tensors.case("a column of numbers written as text is refused", raises=ValueError, weight=0.5)
def _(draw):
    inputs = table(draw, 6)
    features = inputs["features"]
    return {**inputs, "features": features.assign(bill=[f"{bill:.1f}" for bill in features["bill"]])}


@tensors.case("a missing species is refused", raises=ValueError, hidden=True, weight=0.5)
def _(draw):
    inputs = table(draw, 12)
    return {**inputs, "labels": inputs["labels"].where(inputs["labels"].index != draw.integer(0, 12))}


tensors.mistake(
    "The features are 64-bit floats. PyTorch's layers hold 32-bit weights: convert to float32.",
    edit=("to_numpy(dtype=np.float32)", "to_numpy(dtype=np.float64)"),
)
tensors.mistake(
    "The class numbers are floats. cross_entropy expects whole numbers (int64) that say which class.",
    edit=("torch.tensor(numbers)", "torch.tensor(numbers, dtype=torch.float32)"),
)
tensors.mistake(
    "The class numbers are 32-bit. cross_entropy expects int64.",
    edit=("torch.tensor(numbers)", "torch.tensor(numbers, dtype=torch.int32)"),
)
tensors.mistake(
    "The classes are numbered in alphabetical order. The list `classes` decides: its first entry is class 0.",
    edit=("pd.Index(classes)", "pd.Index(sorted(classes))"),
)
tensors.mistake(
    "Missing values pass through. One NaN turns the loss and then every weight into NaN: refuse the table.",
    edit=("if missing:", "if False:"),
)
tensors.mistake(
    "A label that is not in the list becomes -1 in silence: refuse it.",
    edit=("if unknown:", "if False:"),
)
tensors.mistake(
    "The features are transposed: rows are birds, columns are features.",
    edit=("features.to_numpy(dtype=np.float32)", "features.to_numpy(dtype=np.float32).T"),
)


@tensors.mistake(
    "The classes are numbered as they appear in these rows: other parts would number them differently."
)
def by_appearance(features, labels, classes):
    x, _ = reference.to_tensors(features, labels, classes)
    return x, torch.tensor(pd.factorize(labels)[0])


@tensors.mistake(
    "A column of words goes on to PyTorch, which answers with a TypeError about array types. Test the "
    "columns first and raise a ValueError that names them."
)
def words_passed_on(features, labels, classes):
    _, y = reference.to_tensors(features.select_dtypes("number"), labels, classes)
    return torch.tensor(features.to_numpy(), dtype=torch.float32), y


tensors.mistake(
    'A text such as "39.1" is turned into a number in silence. Refuse it: in a column of text the next cell '
    "may be a word.",
    edit=("if text:", "if False:"),
)
tensors.mistake(
    "Features and labels are matched by their row labels. They go together by position: the first row of the "
    "table has the first label.",
    edit=("get_indexer(labels)", "get_indexer(labels.loc[features.index])"),
)


@tensors.variant
def with_a_dictionary(features, labels, classes):
    if features.isna().to_numpy().any() or any(dtype.kind not in "iuf" for dtype in features.dtypes):
        raise ValueError("missing values or texts")
    number = {name: i for i, name in enumerate(classes)}
    if not set(labels) <= set(number):
        raise ValueError("unknown label")
    x = torch.from_numpy(features.to_numpy(dtype=float)).float()
    return x, torch.tensor([number[label] for label in labels])


@tensors.variant
def with_a_categorical(features, labels, classes):
    codes = torch.from_numpy(pd.Categorical(labels, categories=list(classes)).codes.astype("int64"))
    x = torch.tensor(features.astype("float32").to_numpy())
    if (codes < 0).any() or x.isnan().any() or len(features.select_dtypes("number").T) < x.shape[1]:
        raise ValueError("unknown label, missing value or text")
    return [x, codes]


MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CLASSES = ["Adelie", "Chinstrap", "Gentoo"]


def penguin_parts():
    """Return training, validation and test penguins, split by nest; the notebook never shows the last."""
    raw, tidy = load_penguins(raw=True), load_penguins()
    nests = raw["studyName"] + raw["Individual ID"].str.extract(r"(N\d+)")[0]
    return reference.group_split(tidy, nests, (0.4, 0.2, 0.4), seed=0)


def train(fill="training", numbering=CLASSES, by_name=True):
    """Fit a linear classifier to the training penguins; the arguments choose what it does wrong."""
    training, _, _ = penguin_parts()
    known = training[MEASURES]
    center, spread = known.mean(), known.std()

    def prepare(rows):
        rows = rows[MEASURES] if by_name else rows.iloc[:, 2:6].set_axis(MEASURES, axis=1)
        if fill == "own":
            return ((rows.fillna(rows.mean()) - rows.mean()) / rows.std()).fillna(0.0)
        if fill == "batch":
            filled = rows.fillna(rows.mean())
        else:
            filled = rows.fillna(0.0) if fill == "zero" else reference.impute(rows, known)
        return (filled - center) / spread

    x, y = reference.to_tensors(prepare(training), training["species"], CLASSES)
    ones = torch.ones(len(x), 1)
    weights = torch.linalg.lstsq(torch.hstack([x, ones]), torch.nn.functional.one_hot(y).float()).solution

    def predict_species(rows):
        inputs = torch.tensor(prepare(rows).to_numpy(dtype=np.float32))
        best = (torch.hstack([inputs, torch.ones(len(inputs), 1)]) @ weights).argmax(1)
        return torch.tensor([numbering.index(CLASSES[i]) for i in best])

    return predict_species


def accuracy(predictions, targets):
    """Return the share of right class numbers."""
    return float((predictions == targets).double().mean())


species = predictor("predict_species", train=train, score=accuracy, at_least=0.85, points=4)
species.hint(
    idea="Do what the tasks before did, in their order: learn the blanks and the scales from the training "
    "rows alone, and give rows that were never seen the very same treatment.",
    page='"The whole path" in the chapter "From a messy table to tensors".',
)


def draw_penguins(draw: Draw, rows: int, of=None, hidden_share=0.0):
    """Draw unseen penguins with the number of their species, some of their measurements hidden."""
    _, _, test = penguin_parts()
    test = test.dropna(subset=MEASURES)
    if of is not None:
        test = test[test["species"] == of]
    drawn = test.iloc[draw.permutation(len(test))[:rows].tolist()]
    holes = draw.booleans(len(drawn), len(MEASURES), probability=hidden_share).numpy()
    targets = torch.tensor([CLASSES.index(name) for name in drawn["species"]])
    return drawn.assign(**drawn[MEASURES].mask(holes)).drop(columns="species"), targets


@species.case("penguins of nests you have not seen")
def _(draw):
    return draw_penguins(draw, 60)


@species.case("penguins with blank cells")
def _(draw):
    return draw_penguins(draw, 110, hidden_share=0.08)


@species.case("Gentoos only")
def _(draw):
    return draw_penguins(draw, 31, of="Gentoo")


@species.case("Gentoos whose bill length nobody measured")
def _(draw):
    rows, targets = draw_penguins(draw, 29, of="Gentoo")
    return rows.assign(bill_length_mm=np.nan), targets


@species.case("Adelies only, with blank cells", hidden=True)
def _(draw):
    # An Adelie without its bill length looks like a Chinstrap: with more blanks, good models miss the mark.
    return draw_penguins(draw, 43, of="Adelie", hidden_share=0.04)


@species.case("columns in another order", hidden=True)
def _(draw):
    rows, targets = draw_penguins(draw, 59)
    return rows[rows.columns[::-1]], targets


@species.mistake("Blank cells are filled with zero: a penguin of 0 g is like no penguin the model has seen.")
def filled_with_zero():
    return train(fill="zero")


@species.mistake(
    "Blank cells are filled with the means of the rows that are predicted. A column that is blank in all of "
    "them has none: fill with the training means."
)
def own_means():
    return train(fill="batch")


@species.mistake(
    "Means and scales come from the rows that are predicted. Keep those of the training rows and use them."
)
def own_statistics():
    return train(fill="own")


@species.mistake(
    "Each batch is filled and scaled by its own means and spreads, so a batch of one species looks like the "
    "average bird. Use those of the training rows."
)
def own_statistics_and_nearest_mean():
    def standardized(rows):
        return ((rows[MEASURES] - rows[MEASURES].mean()) / rows[MEASURES].std()).fillna(0.0)

    training, _, _ = penguin_parts()
    means = standardized(training).groupby(training["species"]).mean().loc[CLASSES].to_numpy()
    return lambda rows: torch.tensor(((standardized(rows).to_numpy()[:, None] - means) ** 2).sum(2).argmin(1))


@species.mistake("The species are numbered in another order than the list of classes.")
def other_numbers():
    return train(numbering=["Gentoo", "Adelie", "Chinstrap"])


@species.mistake(
    "The features are taken by their place in the table. Take them by name: other tables have other orders."
)
def by_place():
    return train(by_name=False)


@species.variant
def nearest_mean():
    training, _, _ = penguin_parts()
    known = training[MEASURES]
    center, spread = known.mean(), known.std()
    means = ((known - center) / spread).groupby(training["species"]).mean().loc[CLASSES].to_numpy()

    def predict(rows):
        z = ((rows[MEASURES] - center) / spread).to_numpy()
        # A missing measurement says nothing, so it adds nothing to any distance.
        return torch.tensor(np.nansum((z[:, None] - means) ** 2, axis=2).argmin(1))

    return predict


@species.variant
def nearest_neighbors():
    training, _, _ = penguin_parts()
    training = training.dropna(subset=MEASURES)
    known = training[MEASURES]
    classes = torch.tensor([CLASSES.index(name) for name in training["species"]])

    def predict(rows):
        filled = rows[MEASURES].fillna(known.median())
        distances = torch.cdist(
            torch.tensor((filled / known.std()).values), torch.tensor((known / known.std()).values)
        )
        return classes[distances.topk(9, largest=False).indices].mode(1).values

    return predict


@species.variant
def trained_when_asked():
    training, _, _ = penguin_parts()
    known = reference.impute(training[MEASURES], training[MEASURES])

    def predict(rows):
        x, y = reference.to_tensors((known - known.mean()) / known.std(), training["species"], CLASSES)
        model = torch.nn.Linear(4, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _ in range(60):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        birds = (reference.impute(rows[MEASURES], training[MEASURES]) - known.mean()) / known.std()
        return model(torch.tensor(birds.to_numpy(dtype="float32"))).argmax(1)

    return predict


leaks = function(reference.column_scores, points=4)
leaks.hint(
    idea="For each column make a table of answers from the training rows alone: for each value the label "
    "most often beside it. Then look up the validation rows and count right answers label by label.",
)
leaks.forbid("sklearn.metrics.balanced_accuracy_score")


def wards(draw: Draw, rows: int, kinds=("benign", "malignant"), rare=0.3):
    """Draw patients: a column that half knows the label, rare values, and numbers whose blanks know it."""
    chances = [1 - rare * (len(kinds) - 1), *[rare] * (len(kinds) - 1)]
    label = np.array([*kinds, *draw.numpy.choice(kinds, rows - len(kinds), p=chances)])
    draw.numpy.shuffle(label)
    noise = draw.numpy.choice(["north", "south", "east"], rows)
    ward = np.where(draw.numpy.random(rows) < 0.6, np.char.add("ward of ", label), noise)
    blank = draw.numpy.random(rows) < np.where(label == kinds[0], 0.1, 0.8)
    tests = pd.Series(draw.numpy.integers(1, 4, rows).astype(float)).mask(blank)
    rooms = draw.numpy.integers(0, rows // 2, rows)
    return pd.DataFrame({"ward": ward, "room": rooms, "test": tests, "tumor": label})


def two_parts(draw: Draw, training: int, validation: int, **more):
    """Draw training and validation rows, and the name of the label."""
    return {
        "training": wards(draw, training, **more),
        "validation": wards(draw, validation, **more),
        "label": "tumor",
    }


leaks.case("three columns, two labels")(lambda draw: two_parts(draw, 41, 29))


@leaks.case("no label in both tables", raises=ValueError, weight=0.5, hidden=True)
def _(draw):
    inputs = two_parts(draw, 17, 19)
    place = draw.integer(0, 17)
    for part in ("training", "validation"):
        inputs[part]["tumor"] = inputs[part]["tumor"].mask(inputs[part].index == place)
    return inputs


for part in ("training", "validation"):

    @leaks.case(f"a {part} row without a label is refused", raises=ValueError, weight=0.5)
    def _(draw, part=part):
        inputs = two_parts(draw, 13, 11)
        rows = inputs[part]
        return {**inputs, part: rows.assign(tumor=rows["tumor"].mask(rows.index == draw.integer(0, 11)))}


@leaks.case("values that training has not seen")
def _(draw):
    inputs = two_parts(draw, 47, 31, rare=0.2)
    # A number for each patient: none of them is met again.
    training, rows = inputs["training"].assign(patient=range(47)), inputs["validation"]
    ward = rows["ward"].mask((rows["tumor"] == "malignant") | (rows.index % 5 == 0), "cellar")
    return {**inputs, "training": training, "validation": rows.assign(ward=ward, patient=range(100, 131))}


@leaks.case("the most frequent label comes last in the alphabet", hidden=True)
def _(draw):
    kinds = ("malignant", "benign")
    training, rows = wards(draw, 43, kinds, rare=0.2), wards(draw, 23, kinds, rare=0.8)
    first = training.index[training["tumor"] == "benign"][:1]
    training = pd.concat([training.loc[first], training.drop(first)], ignore_index=True)
    ward = rows["ward"].mask((rows["tumor"] == "malignant") | (rows.index % 5 == 0), "cellar")
    return {"training": training, "validation": rows.assign(ward=ward), "label": "tumor"}


@leaks.case("equally frequent labels")
def _(draw):
    # Equally frequent in ward a, and in the table as a whole, which answers for a ward that is new.
    answers = ["yes", "no", "yes", "yes", "no", "no"]
    training = pd.DataFrame({"ward": ["a", "a", "b", "b", "b", "c"], "tumor": answers})
    rows = wards(draw, 19, kinds=("no", "yes"), rare=0.5)
    ward = pd.Series(draw.numpy.choice(["a", "a", "b"], 19))
    ward[rows["tumor"].eq("no").idxmax()] = "cellar"
    return {"training": training, "validation": rows[["tumor"]].assign(ward=ward), "label": "tumor"}


@leaks.case("three labels, one of them not in validation, row labels that repeat", hidden=True)
def _(draw):
    inputs = two_parts(draw, 53, 41, kinds=("benign", "malignant", "unclear"), rare=0.3)
    rows = inputs["validation"]
    rows = rows[rows["tumor"] != "unclear"]
    return {**inputs, "validation": rows.set_axis([7] * len(rows))}


leaks.mistake(
    "The answers are looked up among the validation rows themselves: every column seems to know the label.",
    edits=[
        ("_keys(training[column]), training[label]", "_keys(validation[column]), validation[label]"),
        ("default = _most_frequent(training[label])", "default = _most_frequent(validation[label])"),
    ],
)
leaks.mistake(
    "The plain accuracy. Where one label is frequent, a column that knows nothing scores high: take the mean "
    "of the shares of each label.",
    edit=("float(right.groupby(validation[label]).mean().mean())", "float(right.mean())"),
)
leaks.mistake(
    "A missing value gets no answer of its own. Blanks can tell the label as well as values: keep them in "
    "the table of answers (groupby with dropna=False), and mind that NaN does not equal itself.",
    edit=("column.astype(object).where(column.notna(), None)", "column"),
    of=reference._keys,
)
leaks.mistake(
    "A value that training has not seen counts as wrong. Answer it with the most frequent training label.",
    edit=("answers.get(value, default)", "answers.get(value)"),
)
leaks.mistake(
    "A value that training has not seen gets the last label when sorted. Answer with the most frequent one.",
    edit=("default = _most_frequent(training[label])", "default = training[label].max()"),
)
leaks.mistake(
    "A value that training has not seen gets the label that comes first in the table, where two are equally "
    "frequent. Take the first when sorted.",
    edit=(
        "default = _most_frequent(training[label])",
        "default = Counter(training[label]).most_common(1)[0][0]",
    ),
)
leaks.mistake(
    "Only the training rows are searched for missing labels. A validation row without one cannot be scored.",
    edit=("training[label].isna().sum() + validation[label].isna().sum()", "training[label].isna().sum()"),
)
leaks.mistake(
    "Only the validation rows are searched for missing labels. A training row without one teaches nothing.",
    edit=("training[label].isna().sum() + validation[label].isna().sum()", "validation[label].isna().sum()"),
)
leaks.mistake(
    "A value is answered by its rarest label: take the most frequent.",
    edit=("answers = {value: _most_frequent(found)", "answers = {value: min(sorted(found), key=found.count)"),
)
leaks.mistake(
    "Rows without a label are not noticed: count them in both tables, and refuse.",
    edit=("if unlabeled:", "if False:"),
)
leaks.mistake(
    "The label itself is scored as a column. It always knows the answer: leave it out.",
    edit=("training.columns.drop(label)", "training.columns"),
)


@leaks.mistake(
    "The score is that of the training rows. A patient's number is perfect there and knows nothing: score "
    "the validation rows."
)
def on_training_rows(training, validation, label):
    return reference.column_scores(training, training, label)


@leaks.mistake("Of equally frequent labels the first in the table answers, instead of the first when sorted.")
def ties_by_appearance(training, validation, label):
    kinds = {name: f"{place:03}" for place, name in enumerate(training[label].unique())}
    numbers = [rows.assign(**{label: rows[label].map(kinds)}) for rows in (training, validation)]
    return reference.column_scores(*numbers, label)


leaks.equivalent(
    "for column in validation.columns.drop(label):", "both tables have the same columns, and a dict no order"
)
for strict in ("", ", strict=False"):
    leaks.equivalent(
        f"for value, answer in zip(_keys(training[column]), training[label]{strict}):",
        "both are columns of one table and have the same length",
    )
leaks.equivalent(
    "scores[column] = right.groupby(validation[label]).mean().mean()", "the mean is a floating-point number"
)


@leaks.variant
def with_dictionaries(training, validation, label):
    if any(pd.isna(answer) for answer in [*training[label], *validation[label]]):
        raise ValueError("a label is missing")
    names = sorted(training[label])
    most_frequent = max(sorted(set(names)), key=names.count)
    scores = {}
    for column in training:
        if column == label:
            continue
        found = {}
        for value, answer in zip(training[column], training[label], strict=True):
            found.setdefault("missing" if pd.isna(value) else value, []).append(answer)
        answers = {value: max(sorted(set(seen)), key=seen.count) for value, seen in found.items()}
        right = {}
        for value, truth in zip(validation[column], validation[label], strict=True):
            guess = answers.get("missing" if pd.isna(value) else value, most_frequent)
            right.setdefault(truth, []).append(guess == truth)
        scores[column] = np.mean([np.mean(of_one) for of_one in right.values()])
    return scores


@leaks.variant
def with_texts_and_modes(training, validation, label):
    if pd.concat([training, validation])[label].isna().any():
        raise ValueError("a label is missing")
    truth = validation[label].to_numpy()
    scores = {}
    for column in training.columns.drop(label):
        seen, rows = training[column].map(str), validation[column].map(str)
        answers = training[label].groupby(seen).agg(lambda labels: labels.mode()[0])
        guesses = rows.map(answers).fillna(training[label].mode()[0]).to_numpy()
        scores[column] = np.mean([(guesses == name)[truth == name].mean() for name in set(truth)])
    return scores
