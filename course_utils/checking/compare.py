"""Comparing what an answer returned with what was expected, in words that help."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from numbers import Integral, Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checking.arrays import dtype_name, is_plain
from course_utils.checking.compare_arrays import compare_values
from course_utils.checking.compare_frames import compare_frames, compare_indexes
from course_utils.checking.describe import content, describe, describe_kind, describe_public_kind
from course_utils.checking.difference import Difference, Tolerance, first_of
from course_utils.checking.trees import is_frame, is_index


def compare(expected: Any, got: Any, tolerance: Tolerance, where: str = "") -> Difference | None:
    """Return the first difference, or None where the two agree.

    Lists and tuples are interchangeable; a 0-d tensor or array counts as a number; NaN equals NaN.

    >>> compare([1, 2.0], (1, torch.tensor(2.0)), Tolerance()) is None
    True
    """
    if isinstance(expected, Tensor):
        return _compare_tensor(expected, got, tolerance, where)
    if isinstance(expected, np.ndarray):
        return _compare_array(expected, got, tolerance, where)
    if is_frame(expected) or is_index(expected):
        return _compare_pandas(expected, got, tolerance, where)
    if isinstance(expected, (bool, np.bool_)):
        return _compare_bool(expected, got, where)
    if isinstance(expected, (Number, np.number)):
        return _compare_number(expected, got, tolerance, where)
    if isinstance(expected, Mapping):
        return _compare_mapping(expected, got, tolerance, where)
    if isinstance(expected, (list, tuple)):
        return _compare_sequence(expected, got, tolerance, where)
    if _is_record(expected) and type(got).__name__ == type(expected).__name__:
        return _compare_mapping(_attributes(expected), _attributes(got), tolerance, where)
    if _same(expected, got):
        return None
    if isinstance(got, type(expected)):
        detail = f"expected {describe(expected)}, got {describe(got)}"
        return Difference("the value is another one", detail, where)
    return _wrong_type("None" if expected is None else describe_kind(expected), got, where)


def _wrong_type(expected: str, got: Any, where: str, hint: str = "") -> Difference:
    if got is None:
        hint = "is a `return` missing?"
    elif isinstance(got, types.GeneratorType):
        hint = "`yield` or a generator expression gives values one by one: collect and return them"
    elif isinstance(got, types.CoroutineType):
        hint = "write `def`, not `async def`"
    elif isinstance(got, type) or (callable(got) and not isinstance(got, torch.nn.Module)):
        hint = "was it meant to be called?"

    def message(kind: str) -> str:
        return f"expected {expected}, got {kind}" + (f": {hint}" if hint else "")

    return Difference(message(describe_public_kind(got)), content(got), where, message(describe_kind(got)))


def _expected_kind(expected: Any) -> str:
    return describe_kind(expected).split(" of shape")[0]


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
    if not is_plain(got):
        return Difference(f"expected an ordinary (dense) tensor, got {describe_kind(got)}", "", where)
    return compare_values(expected, got, tolerance, where)


def _compare_array(expected: np.ndarray, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, np.ndarray):
        hint = ""
        if isinstance(got, Tensor):
            hint = "tensor.numpy() turns a tensor into an array"
        elif is_frame(got):
            hint = ".to_numpy() turns it into an array"
        elif isinstance(got, (tuple, list)):
            hint = _first_hint(expected, got, tolerance)
        return _wrong_type(_expected_kind(expected), got, where, hint)
    return compare_values(expected, got, tolerance, where)


def _compare_bool(expected: Any, got: Any, where: str) -> Difference | None:
    if _is_scalar(got) and dtype_name(got) == "bool":
        got = bool(got)
    if not isinstance(got, (bool, np.bool_)):
        return _wrong_type("True or False", got, where)
    if bool(got) == bool(expected):
        return None
    return Difference("the answer is the opposite one", f"expected {expected}, got {got}", where)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Tensor):
        return is_plain(value) and value.ndim == 0
    return isinstance(value, np.ndarray) and value.ndim == 0


def _compare_number(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if _is_scalar(got):
        got = got.item()
    if isinstance(got, (bool, np.bool_)) or not isinstance(got, (Number, np.number)):
        one = isinstance(got, (Tensor, np.ndarray)) and tuple(got.shape) in ((1,), (1, 1))
        hint = ".item() takes the number out of it" if one else ""
        return _wrong_type("a number", got, where, hint)
    if isinstance(expected, Integral) and isinstance(got, Integral) and abs(int(expected)) >= 2**63:
        return None if int(expected) == int(got) else Difference("the value differs", "", where)
    loose = Tolerance(tolerance.relative, tolerance.absolute, check_dtype=False)
    return compare_values(_number_array(expected), _number_array(got), loose, where)


def _number_array(number: Any) -> np.ndarray:
    if isinstance(number, Integral) and abs(int(number)) < 2**63:
        return np.asarray(int(number))
    if isinstance(number, (complex, np.complexfloating)):
        return np.asarray(complex(number))
    try:
        return np.asarray(float(number))
    except OverflowError:
        return np.asarray(math.inf)  # an integer with hundreds of digits


def _is_record(value: Any) -> bool:
    """Whether a value is nothing but its attributes: it does not say itself when it is equal to another."""
    if dataclasses.is_dataclass(value):
        return not isinstance(value, type)
    has_attributes = bool(getattr(value, "__dict__", None))
    return has_attributes and type(value).__eq__ is object.__eq__ and not callable(value)


def _attributes(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(getattr(value, "__dict__", {}))


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, str):
        return isinstance(got, str) and str(expected) == str.__str__(got)
    if isinstance(expected, (set, frozenset)) and isinstance(got, (set, frozenset)):
        return set(expected) == set(got)
    try:
        return expected is got or (isinstance(got, type(expected)) and bool(expected == got))
    except Exception:
        return False


def _compare_mapping(expected: Mapping, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if not isinstance(got, Mapping):
        return _wrong_type("a dict", got, where)
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    if missing or extra:
        parts = [f"{len(missing)} missing" if missing else "", f"{len(extra)} not expected" if extra else ""]
        detail = "; ".join(
            f"{name}: {keys[:5]}" for name, keys in (("missing", missing), ("not expected", extra)) if keys
        )
        return Difference(f"the keys differ: {', '.join(filter(None, parts))}", detail, where)
    return first_of(
        compare(value, got[key], tolerance, f"{where}, {key}" if where else str(key))
        for key, value in expected.items()
    )


def _compare_sequence(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    kind = f"a {type(expected).__name__} of {len(expected)}"
    if not isinstance(got, (list, tuple)):
        hint = ""
        if isinstance(got, (Tensor, np.ndarray)):
            numbers = all(isinstance(item, Number) for item in expected)
            hint = ".tolist() turns it into a list" if numbers else "return all of them, in this order"
        return _wrong_type(kind, got, where, hint)
    if len(expected) != len(got):
        return Difference(f"expected {kind}, got {len(got)} items", "", where)
    # A task is called an item in the exercises.
    names = getattr(expected, "_fields", None) or [f"element {index}" for index in range(len(expected))]
    return first_of(
        compare(value, item, tolerance, f"{where}, {name}" if where else name)
        for name, value, item in zip(names, expected, got, strict=True)
    )


def _compare_pandas(expected: Any, got: Any, tolerance: Tolerance, where: str) -> Difference | None:
    if is_index(expected) and is_index(got):
        if expected.shape != got.shape:
            return Difference(f"expected an index of {len(expected)}, got {len(got)}", "", where)
        return compare_indexes(expected, got, tolerance, where)
    if not is_frame(got) or type(got).__name__ != type(expected).__name__:
        return _wrong_type(f"a pandas {type(expected).__name__}", got, where)
    return compare_frames(expected, got, tolerance, where)
