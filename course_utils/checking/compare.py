"""Comparing what an answer returned with what was expected, in words that help."""

from __future__ import annotations

import itertools
import types
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checking.trees import is_frame

SIZE_FACTOR = 1000


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the expected one: |got - expected| <= absolute + relative * |expected|."""

    relative: float = 1e-4
    absolute: float = 1e-6
    check_dtype: bool = True


@dataclass(frozen=True)
class Difference:
    """The first thing that differs.

    `summary` says what kind of thing it is and holds no value of the case, so that it can be shown
    for a hidden case; `detail` adds the numbers.
    """

    summary: str
    detail: str = ""
    where: str = ""

    @property
    def text(self) -> str:
        """The whole message."""
        place = f"{self.where}: " if self.where else ""
        return place + self.summary + (f" ({self.detail})" if self.detail else "")

    @property
    def public_text(self) -> str:
        """The message without anything that was computed from the inputs."""
        return (f"{self.where}: " if self.where else "") + self.summary


def describe(value: Any) -> str:
    """Name a value in a few words, never printing more than a little of it.

    >>> describe(torch.zeros(2, 3))
    'a torch tensor of shape (2, 3) and dtype float32'
    >>> describe((1, 2))
    'a tuple of 2'
    >>> describe(None)
    'None'
    """
    if isinstance(value, Tensor):
        return f"a torch tensor of shape {tuple(value.shape)} and dtype {dtype_name(value)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape} and dtype {value.dtype}"
    if is_frame(value):
        return f"a pandas {type(value).__name__} of shape {value.shape}"
    if value is None or value is Ellipsis or isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (Number, np.generic)):
        return f"the {type(value).__name__} {value:.6g}" if not isinstance(value, complex) else f"{value}"
    if isinstance(value, str):
        return f"the string {value[:40]!r}{'...' if len(value) > 40 else ''}"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, types.GeneratorType):
        return "a generator"
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    if callable(value):
        return f"the function {getattr(value, '__name__', '')} itself".replace("  ", " ")
    return f"an object of type {type(value).__name__}"


def dtype_name(value: Tensor | np.ndarray) -> str:
    """Return the dtype's short name.

    >>> dtype_name(torch.zeros(1))
    'float32'
    """
    return str(value.dtype).removeprefix("torch.")


def compare(expected: Any, got: Any, tolerance: Tolerance, where: str = "") -> Difference | None:
    """Return the first difference, or None where the two agree.

    Lists and tuples are interchangeable; a 0-d tensor or array counts as a number; NaN equals NaN.
    """
    if isinstance(expected, Tensor):
        return _compare_tensor(expected, got, tolerance, where)
    if isinstance(expected, np.ndarray):
        return _compare_array(expected, got, tolerance, where)
    if is_frame(expected):
        return _compare_frame(expected, got, tolerance, where)
    if isinstance(expected, (bool, np.bool_)):
        return _compare_bool(expected, got, where)
    if isinstance(expected, (Number, np.generic)):
        return _compare_number(expected, got, tolerance, where)
    if isinstance(expected, Mapping):
        return _compare_mapping(expected, got, tolerance, where)
    if isinstance(expected, (list, tuple)):
        return _compare_sequence(expected, got, tolerance, where)
    if type(expected) is type(got) and hasattr(expected, "__dict__") and not callable(expected):
        return _compare_mapping(vars(expected), vars(got), tolerance, where)
    try:
        same = isinstance(got, type(expected)) and bool(expected == got)
    except Exception:
        same = False
    if same:
        return None
    if type(expected) is type(got):
        return Difference(
            "the value is another one", f"expected {describe(expected)}, got {describe(got)}", where
        )
    return _wrong_type(f"a {type(expected).__name__}" if expected is not None else "None", got, where)


def _wrong_type(expected: str, got: Any, where: str, hint: str = "") -> Difference:
    if got is None:
        hint = "is a `return` missing?"
    elif isinstance(got, types.GeneratorType):
        hint = "`yield` or a generator expression gives values one by one: collect and return them"
    elif isinstance(got, type) or (callable(got) and not isinstance(got, torch.nn.Module)):
        hint = "was it meant to be called?"
    message = f"expected {expected}, got {describe(got)}" + (f": {hint}" if hint else "")
    return Difference(message, "", where)


def _expected_kind(expected: Any) -> str:
    return describe(expected).split(" of shape")[0]


def _first_hint(expected: Any, got: Any, tolerance: Tolerance) -> str:
    """For several values where one is expected: say what to do with them."""
    if isinstance(got, list):
        return f"turn the list into {_expected_kind(expected)}"
    for index, item in enumerate(got[:4]):
        if compare(expected, item, tolerance) is None:
            return f"element {index} of it is right, return that alone"
    return "return one value, not several"


def _compare_tensor(expected: Tensor, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, Tensor):
        hint = ""
        if isinstance(got, np.ndarray):
            hint = "torch.from_numpy turns an array into a tensor"
        elif isinstance(got, (tuple, list)):
            hint = _first_hint(expected, got, tolerance)
        return _wrong_type(_expected_kind(expected), got, where, hint)
    if got.device != expected.device:
        return Difference(f"expected a tensor on {expected.device}, got one on {got.device}", "", where)
    return _compare_values(expected, got, tolerance, where)


def _compare_array(expected: np.ndarray, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if isinstance(got, np.generic) and expected.ndim == 0:
        got = np.asarray(got)
    if not isinstance(got, np.ndarray):
        hint = ""
        if isinstance(got, Tensor):
            hint = "tensor.numpy() turns a tensor into an array"
        elif isinstance(got, (tuple, list)):
            hint = _first_hint(expected, got, tolerance)
        return _wrong_type(_expected_kind(expected), got, where, hint)
    return _compare_values(expected, got, tolerance, where)


def _compare_values(
    expected: Tensor | np.ndarray, got: Tensor | np.ndarray, tolerance: Tolerance, where: str
) -> Difference | None:
    wanted, given = tuple(expected.shape), tuple(got.shape)
    if wanted != given:
        return Difference(f"expected shape {wanted}, got {given}" + _shape_hint(wanted, given), "", where)
    if tolerance.check_dtype and expected.dtype != got.dtype:
        message = f"expected dtype {dtype_name(expected)}, got {dtype_name(got)}"
        return Difference(message, "", where)
    first, second = as_array(expected), as_array(got)
    if first.dtype.kind not in "fciub":
        same = np.asarray(
            [a == b or (a != a and b != b) for a, b in zip(first.flat, second.flat, strict=True)]
        )
        wrong = ~same.reshape(first.shape).astype(bool)
        if not wrong.any():
            return None
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        detail = f"at {list(place)}: expected {first[place]!r}, got {second[place]!r}"
        return Difference(_share(wrong), detail[:300], where)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(first - second)
        near = distance <= tolerance.absolute + tolerance.relative * np.abs(first)
    wrong = ~(near | (first == second) | (np.isnan(first) & np.isnan(second)))
    if not wrong.any():
        return None
    if dtype_name(expected) == "bool":
        inverted = ": every True is False and every False is True" if wrong.all() and wrong.size > 1 else ""
        return Difference(_share(wrong) + inverted, "", where)
    return _describe_wrong(first, second, wrong, distance, where)


def _describe_wrong(
    first: np.ndarray, second: np.ndarray, wrong: np.ndarray, distance: np.ndarray, where: str
) -> Difference:
    nan = int((np.isnan(second) & ~np.isnan(first)).sum())
    infinite = int((np.isinf(second) & ~np.isinf(first)).sum())
    if nan or infinite:
        what = " and ".join(
            f"{count} {name}" for count, name in ((nan, "NaN"), (infinite, "infinite")) if count
        )
        return Difference(f"the result holds values that are not finite: {what} of {first.size}", "", where)
    distance = np.where(wrong, np.nan_to_num(distance, nan=np.inf, posinf=np.inf), -1.0)
    place = np.unravel_index(int(distance.argmax()), distance.shape) if distance.ndim else ()
    spot = f" at {[int(i) for i in place]}" if place else ""
    detail = f"largest difference{spot}: expected {first[place]:.6g}, got {second[place]:.6g}"
    pattern = _pattern(first, second)
    return Difference(_share(wrong) + pattern, detail, where)


def _share(wrong: np.ndarray) -> str:
    if wrong.size == 1:
        return "the value differs"
    return f"{int(wrong.sum())} of {wrong.size} values differ"


def _pattern(first: np.ndarray, second: np.ndarray) -> str:
    """Name a simple relation between all the values, where there is one."""
    if first.size < 2 or first.dtype.kind != "f" or not np.isfinite(first).all() or np.ptp(first) == 0:
        return ""
    scale = float(np.abs(first).max()) or 1.0
    if not np.any(second):
        return ": all values are zero"
    if np.allclose(second, -first, atol=1e-4 * scale):
        return ": the sign is the opposite one everywhere"
    factor = float((first * second).sum() / (first * first).sum())
    if factor and np.allclose(second, factor * first, atol=1e-4 * scale * abs(factor)):
        return f": every value is {factor:.4g} times the expected one"
    offset = float((second - first).mean())
    if np.allclose(second, first + offset, atol=1e-4 * scale):
        return ": every value is off by the same amount"
    square = first.ndim >= 2 and first.shape[-1] == first.shape[-2]
    if square and np.allclose(second, np.swapaxes(first, -1, -2), atol=1e-4 * scale):
        return ": the last two axes are transposed"
    return ""


def _shape_hint(wanted: tuple[int, ...], given: tuple[int, ...]) -> str:
    if sorted(wanted) == sorted(given):
        return ": the same axes in another order"
    if [n for n in wanted if n != 1] == [n for n in given if n != 1]:
        return ": an axis of length 1 too many or too few (keepdim, unsqueeze, squeeze)"
    if len(given) == len(wanted) - 1 and given in itertools.combinations(wanted, len(given)):
        return ": one axis was summed or indexed away"
    if int(np.prod(given)) > SIZE_FACTOR * max(1, int(np.prod(wanted))):
        return ": far too large, did shapes broadcast against each other?"
    if int(np.prod(given)) == int(np.prod(wanted)):
        return ": the same number of values, arranged otherwise"
    return ""


def as_array(value: Tensor | np.ndarray) -> np.ndarray:
    """Return the values as a NumPy array of floats, complex numbers or, for others, as they are."""
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        tensor = tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
        value = tensor.to_dense().numpy() if tensor.layout != torch.strided else tensor.numpy()
    return value.astype(np.float64) if value.dtype.kind in "fiub" else value


def _compare_bool(expected: Any, got: Any, where: str) -> Difference | None:
    if isinstance(got, (Tensor, np.ndarray)) and got.ndim == 0 and dtype_name(got) == "bool":
        got = bool(got)
    if not isinstance(got, (bool, np.bool_)):
        return _wrong_type("True or False", got, where)
    if bool(got) == bool(expected):
        return None
    return Difference("the answer is the opposite one", f"expected {expected}, got {got}", where)


def _compare_number(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if isinstance(got, (Tensor, np.ndarray)) and got.ndim == 0:
        got = got.item()
    if isinstance(got, (bool, np.bool_)) or not isinstance(got, (Number, np.generic)):
        return _wrong_type("a number", got, where)
    first, second = np.asarray(expected), np.asarray(got)
    if second.dtype.kind not in "fciu":
        return _wrong_type("a number", got, where)
    return _compare_values(
        first.astype(complex).real if first.dtype.kind != "c" else first,
        second.astype(complex).real if second.dtype.kind != "c" else second,
        tolerance,
        where,
    )


def _compare_mapping(expected: Mapping, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, Mapping):
        return _wrong_type(f"a dict with the keys {list(expected)[:8]}", got, where)
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    if missing or extra:
        parts = [f"{len(missing)} missing" if missing else "", f"{len(extra)} not expected" if extra else ""]
        detail = "; ".join(
            f"{name}: {keys[:5]}" for name, keys in (("missing", missing), ("not expected", extra)) if keys
        )
        return Difference(f"the keys differ: {', '.join(filter(None, parts))}", detail, where)
    return _first(
        compare(value, got[key], tolerance, f"{where}, {key}" if where else str(key))
        for key, value in expected.items()
    )


def _compare_sequence(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    kind = f"a {type(expected).__name__} of {len(expected)}"
    if not isinstance(got, (list, tuple)):
        hint = "return all of them, in this order" if isinstance(got, (Tensor, np.ndarray)) else ""
        return _wrong_type(kind, got, where, hint)
    if len(expected) != len(got):
        return Difference(f"expected {kind}, got {len(got)} items", "", where)
    names = getattr(expected, "_fields", None) or [f"item {index}" for index in range(len(expected))]
    return _first(
        compare(value, item, tolerance, f"{where}, {name}" if where else name)
        for name, value, item in zip(names, expected, got, strict=True)
    )


def _compare_frame(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    kind = f"a pandas {type(expected).__name__}"
    if not is_frame(got) or type(got).__name__ != type(expected).__name__:
        return _wrong_type(kind, got, where)
    if tuple(expected.shape) != tuple(got.shape):
        message = f"expected {kind} of shape {expected.shape}, got {got.shape}"
        return Difference(message, "", where)
    if type(expected).__name__ == "Series":
        columns = [(where, expected, got)]
    else:
        if list(expected.columns) != list(got.columns):
            detail = f"expected {list(expected.columns)[:8]}, got {list(got.columns)[:8]}"
            return Difference("the columns have other names or another order", detail, where)
        columns = [
            (f"{where}, column {name}" if where else f"column {name}", expected.iloc[:, i], got.iloc[:, i])
            for i, name in enumerate(expected.columns)
        ]
    if list(expected.index) != list(got.index):
        return Difference("the index (row labels) differs", "", where)
    loose = Tolerance(tolerance.relative, tolerance.absolute, check_dtype=False)
    return _first(_compare_column(a, b, loose, place) for place, a, b in columns)


def _compare_column(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    first, second = _column_values(expected), _column_values(got)
    if (first.dtype.kind == "O") != (second.dtype.kind == "O"):
        return Difference(f"expected values like {expected.dtype}, got {got.dtype}", "", where)
    return _compare_values(first, second, tolerance, where)


def _column_values(column: Any) -> np.ndarray:
    """Return a column as floats where all its values are numbers or missing, else as plain objects."""
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)


def _first(differences: Any) -> Difference | None:
    return next((difference for difference in differences if difference is not None), None)
