"""Each confusion gets a message that names it; equal things are equal."""

from __future__ import annotations

import collections
import dataclasses
import fractions

import numpy as np
import pandas as pd
import pytest
import torch

from course_utils.checking.compare import Tolerance, compare, describe
from course_utils.checking.trees import identical, snapshot

TOLERANCE = Tolerance()
ROW = torch.arange(6.0).reshape(2, 3)
LEVELS = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Settings:
    size: int
    weight: torch.Tensor


def rebuilt_settings() -> type:
    """The class as an edited copy of its module defines it: another class of the same name."""
    return dataclasses.make_dataclass("Settings", [("size", int), ("weight", torch.Tensor)])


class LyingText(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (ROW, ROW.clone()),
        (ROW, ROW + 1e-7),
        (torch.tensor([np.nan, np.inf]), torch.tensor([np.nan, np.inf])),
        (torch.tensor([1, 2]), torch.tensor([1, 2])),
        (torch.zeros(0, 3), torch.zeros(0, 3)),
        (np.arange(3), np.arange(3)),
        (np.array(["a", None]), np.array(["a", None])),
        (2.0, np.float32(2.0)),
        (2.0, torch.tensor(2.0)),
        (2, 2.0),
        (True, np.bool_(True)),
        (True, torch.tensor(True)),
        ([1, 2], (1, 2)),
        (Pair(1, ROW), (1, ROW)),
        ({"a": ROW, "b": None}, {"b": None, "a": ROW}),
        ("text", "text"),
        (None, None),
        (torch.float32, torch.float32),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})),
        (pd.DataFrame({"a": [1, None]}), pd.DataFrame({"a": [1, np.nan]})),
        (pd.Series(["x", None]), pd.Series(["x", np.nan], dtype=object)),
        (pd.DataFrame({"a": [True, False]}), pd.DataFrame({"a": [1, 0]})),
        (pd.Series([1, 2]), pd.Series([1, 2], dtype="category")),
        (pd.Series([1, None]), pd.Series([1, None], dtype="Int64")),
        (pd.Series(["a", None]), pd.Series(["a", None], dtype="string")),
        (pd.Series([1, 2], index=[0, 0]), pd.Series([1, 2], index=[0, 0])),
        (pd.Series([1, 2], index=[float("nan"), 1]), pd.Series([1, 2], index=[np.nan, 1])),
        (pd.Series([1, 2], index=[0.1 + 0.2, 1]), pd.Series([1, 2], index=[0.3, 1])),
        (pd.Series(pd.to_datetime(["2020-01-01", None])), pd.Series(pd.to_datetime(["2020-01-01", None]))),
        (pd.Index([1, 2]), pd.Index([1, 2])),
        (LEVELS, LEVELS.copy()),
        (pd.NA, pd.NA),
        (np.array([np.ones(2), None], dtype=object), np.array([np.ones(2), None], dtype=object)),
        (np.array(["a"]), np.array(["a"], dtype="U5")),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), np.array(["2020-01-01"], dtype="datetime64[D]")),
        (np.str_("a"), "a"),
        (2**70, 2**70),
        (10**30, 10**30),
        (0.5, fractions.Fraction(1, 2)),
        (3, 3.0000001),
        ({1, 2}, frozenset({1, 2})),
        (ROW, ROW.clone().requires_grad_() * 1),
        (torch.zeros(2, 3), torch.zeros(1).expand(2, 3)),
        (ROW * (1 + 1j), (ROW * (1 - 1j)).conj()),
        (ROW.to(torch.float8_e4m3fn), ROW.to(torch.float8_e4m3fn)),
        (ROW.to(torch.bfloat16), ROW.to(torch.bfloat16)),
        (Settings(3, ROW), Settings(3, ROW.clone())),
        (Settings(3, ROW), rebuilt_settings()(3, ROW)),
    ],
)
def test_equal(expected, got) -> None:
    assert compare(expected, got, TOLERANCE) is None


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        (ROW, None, "is a `return` missing"),
        (ROW, (x for x in ROW), "generator"),
        (ROW, (torch.zeros(1), ROW), "element 1 of it is right"),
        (ROW, (1, 2), "return one value, not several"),
        (ROW, [[0.0, 1.0]], "turn the list into a torch tensor"),
        (ROW, ROW.numpy(), "torch.from_numpy"),
        (ROW.numpy(), ROW, "tensor.numpy()"),
        (ROW, torch.nn.Linear, "the class Linear itself"),
        (ROW, torch.relu, "meant to be called"),
        (ROW, 3.0, "expected a torch tensor, got a float (3)"),
        (ROW, ROW.T, "the same axes in another order"),
        (ROW, ROW[None], "axis of length 1"),
        (ROW, ROW.sum(0), "one axis was summed"),
        (ROW, ROW.flatten(), "arranged otherwise"),
        (ROW, ROW.expand(10_000, 2, 3), "far too large"),
        (ROW, ROW.double(), "expected dtype float32, got float64"),
        (ROW, ROW.to("meta"), "expected a tensor on cpu, got one on meta"),
        (ROW, ROW / 0, "not finite"),
        (ROW, -ROW, "the sign is the opposite"),
        (ROW, 3 * ROW, "every value is 3 times"),
        (ROW, ROW + 2, "off by the same amount"),
        (ROW, ROW * 0, "all values are zero"),
        (ROW[:, :2], ROW[:, :2].T.contiguous(), "transposed"),
        (ROW, ROW.index_fill(1, torch.tensor([1]), 9.0), "2 of 6 values differ"),
        (torch.tensor([True, False]), torch.tensor([False, True]), "every True is False"),
        (2.0, "2", "expected a number, got a string ('2')"),
        (2.0, True, "expected a number, got a bool (True)"),
        (2.0, torch.zeros(2), "expected a number, got a torch tensor"),
        (2.0, 2.1, "expected 2, got 2.1"),
        (2.0, float("nan"), "not finite"),
        (True, 1, "expected True or False"),
        (True, False, "the opposite"),
        ((1, 2), (1, 2, 3), "expected a tuple of 2, got 3 items"),
        ((ROW, 1), ROW, "return all of them"),
        ([1, [2, 3]], [1, [2, 4]], "element 1, element 1"),
        ({"a": 1}, {"b": 1}, "1 missing, 1 not expected"),
        ({"a": 1}, [1], "expected a dict"),
        ("a", "b", "another one"),
        (None, 3, "expected None, got"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), "columns"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2]}), "shape (1, 1), got (2, 1)"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}, index=[5]), "index"),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]}), "column a"),
        (pd.DataFrame({"a": [1]}), np.array([1]), "expected a pandas DataFrame"),
        (pd.Series(["x", "y"]), pd.Series(["x", "z"]), "differ"),
        (pd.Series([1, 2]), pd.Series(["1", "2"]), "expected values like int64"),
        (pd.Series(["1", "2"]), pd.Series([1, 2]), "got int64"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), pd.Series(pd.to_datetime(["2020-01-02"])), "differs"),
        (pd.Series([20000]), pd.Series([20001]), "expected 20000, got 20001"),
        (pd.Series([1, 2], index=LEVELS), pd.Series([1, 2], index=LEVELS[::-1]), "index"),
        (pd.Series([1, 2], index=LEVELS), pd.Series([1, 2]), "index"),
        (pd.Index([1, 2]), pd.Index([1, 3]), "1 of 2 values differ"),
        (pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02"), "another one"),
        (np.datetime64("2020-01-01"), np.datetime64("2020-01-02"), "another one"),
        (collections.deque([1]), collections.deque([2]), "another one"),
        (torch.tensor([np.inf, 1]), torch.tensor([5.0, 1]), "1 of 2 values differ"),
        (torch.tensor([-np.inf, 1]), torch.tensor([np.inf, 1]), "1 of 2 values differ"),
        (np.inf, 3.0, "expected inf, got 3"),
        (torch.tensor([2**53]), torch.tensor([2**53 + 1]), "the value differs"),
        (torch.tensor([20000]), torch.tensor([20001]), "expected 20000, got 20001"),
        (124_439_808, 124_439_809, "expected 124439808, got 124439809"),
        (10**30, 10**30 + 1, "the value differs"),
        (2.0, 2 + 1j, "the value differs"),
        (ROW, np.str_("text"), "expected a torch tensor, got a string ('text')"),
        (ROW, fractions.Fraction(1, 2), "got a Fraction (1/2)"),
        (ROW, np.datetime64("2020-01-01"), "got a datetime64 (2020-01-01)"),
        (ROW, ROW.to_sparse(), "ordinary (dense) tensor, got a sparse torch tensor"),
        (ROW, torch.nested.nested_tensor([ROW[0], ROW[0, :2]]), "got a nested torch tensor"),
        (2.0, torch.zeros(1), ".item() takes the number out"),
        ([1.0, 2.0], torch.ones(2), ".tolist()"),
        (Settings(3, ROW), Settings(4, ROW), "size: the value differs"),
        (Settings(3, ROW), 3, "expected an object of type Settings, got an int"),
        ("text", LyingText("other"), "another one"),
    ],
)
def test_different(expected, got, message: str) -> None:
    difference = compare(expected, got, TOLERANCE)
    assert difference is not None
    assert message in difference.text


def test_public_text_holds_no_value() -> None:
    difference = compare(torch.tensor([1.2345, 7.0]), torch.tensor([9.8765, 7.0]), TOLERANCE)
    assert difference is not None
    assert "1.2345" in difference.text
    assert "1.2345" not in difference.public_text
    assert "9.8765" not in difference.public_text


@pytest.mark.parametrize("relative", [1e-3, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tolerance_is_relative_to_the_expected_value(relative: float, dtype: torch.dtype) -> None:
    big = torch.full((3,), 1000.0, dtype=dtype)
    tolerance = Tolerance(relative=relative, absolute=0)
    assert compare(big, big * (1 + relative / 2), tolerance) is None
    assert compare(big, big * (1 + 2 * relative), tolerance) is not None


def test_dtype_check_can_be_turned_off() -> None:
    assert compare(ROW, ROW.double(), Tolerance(check_dtype=False)) is None


@pytest.mark.parametrize("value", [range(10**9), "x" * 10**6, [0] * 10**6, torch.zeros(10**6)])
def test_descriptions_are_short(value) -> None:
    assert len(describe(value)) < 120


class Liar:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("expected", [ROW, 3.0, "text", (1, 2), {"a": 1}, True, pd.Series([1])])
def test_object_that_claims_to_be_equal_is_refused(expected) -> None:
    assert compare(expected, Liar(), TOLERANCE) is not None


@pytest.mark.parametrize(
    "value", [ROW, ROW.numpy(), [ROW, {"a": 1.5}], pd.DataFrame({"a": [1, None]}), Pair(ROW, np.nan), "text"]
)
def test_snapshot_is_identical_and_apart(value) -> None:
    copied = snapshot(value)
    assert identical(value, copied)
    if isinstance(value, torch.Tensor):
        copied[0, 0] = 99
        assert not identical(value, copied)


@pytest.mark.parametrize("make", [torch.Generator, lambda: np.random.default_rng(1)])
def test_snapshot_of_a_generator_draws_the_same_numbers(make) -> None:
    generator = make()

    def draw(source) -> float:
        return float(
            torch.rand(1, generator=source) if isinstance(source, torch.Generator) else source.random()
        )

    copied = snapshot(generator)
    first = draw(generator)
    assert draw(copied) == first
    assert draw(generator) != first


@pytest.mark.parametrize("got", [0.123, "secret", 77, {"secret": 1}, np.float32(0.123), ["secret"]])
@pytest.mark.parametrize("expected", [ROW, (1, 2), {"word": 1}, None])
def test_wrong_type_shows_no_value_to_the_public(expected, got) -> None:
    difference = compare(expected, got, TOLERANCE)
    assert difference is not None
    for value in ("0.123", "secret", "77", "word"):
        assert value not in difference.public_text


@pytest.mark.parametrize("absolute", [0.0, 1e-3])
def test_relative_tolerance_is_not_for_whole_numbers(absolute: float) -> None:
    whole = torch.tensor([100_000, 7])
    assert compare(whole, whole + 1, Tolerance(1e-2, absolute)) is not None
    assert compare(whole, whole + 1, Tolerance(0.0, 1.0)) is None


def test_a_factor_is_told_where_no_inputs_are_hidden() -> None:
    # Whoever multiplied a right answer by a number of the inputs would read that number in the feedback.
    right = np.array([1.0, -2.0, 5.0])
    difference = compare(right, right * 0.377965, Tolerance())
    assert difference is not None
    assert "every value is 0.377965 times the expected one" in difference.text
    assert "times one and the same number" in difference.public_text
    assert "377" not in difference.public_text


def test_noise_is_not_called_a_pattern() -> None:
    expected = torch.arange(6.0).reshape(2, 3) * 1000
    noise = torch.tensor([[0.3, -0.2, 0.25], [-0.3, 0.8, -0.9]])
    for got in (expected + noise, noise):
        difference = compare(expected, got, TOLERANCE)
        assert difference is not None
        assert "every" not in difference.summary


def test_snapshot_of_objects_that_hold_computed_tensors() -> None:
    computed = ROW.clone().requires_grad_() * 1
    for original in (Settings(1, computed), collections.OrderedDict(weight=computed), [computed]):
        copied = snapshot(original)
        assert copied is not original
        assert compare(copied, original, TOLERANCE) is None


def test_snapshot_refuses_what_is_far_too_large() -> None:
    with pytest.raises(MemoryError, match="broadcast"):
        snapshot(torch.zeros(1).expand(10**6, 10**6))


def test_snapshot_forgets_subclasses() -> None:
    class Special(torch.Tensor):
        pass

    assert type(snapshot(ROW.as_subclass(Special))) is torch.Tensor
    assert type(snapshot(np.matrix(ROW.numpy()))) is np.ndarray


@pytest.mark.parametrize(
    ("first", "second"),
    [(np.int64(1), np.int64(2)), ({1}, {2}), (1j, 2j), (ROW, ROW.to_sparse()), (ROW, ROW.double())],
)
def test_not_identical(first, second) -> None:
    assert not identical(first, second)
    assert identical(first, first)


def test_integer_with_thousands_of_digits() -> None:
    difference = compare(ROW, 10**5000, TOLERANCE)
    assert difference is not None
    assert difference.text == "expected a torch tensor, got an int"
    assert compare(10**5000, 10**5000, TOLERANCE) is None
    assert compare(2.0, 10**5000, TOLERANCE) is not None
