"""Nested values: copying them and telling whether two are exactly the same."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checking.arrays import as_array, is_plain

MOST_VALUES = 2**27
_UNCHANGING = frozenset({str, bytes, int, float, complex, bool, type(None)})
"""Asked about first: a graph given as a dictionary holds thousands of them."""


def is_frame(value: object) -> bool:
    """Whether a value is a pandas DataFrame or Series, without importing pandas."""
    return _is_pandas(value) and type(value).__name__ in ("DataFrame", "Series")


def is_index(value: object) -> bool:
    """Whether a value is a pandas Index of any kind, without importing pandas."""
    return _is_pandas(value) and type(value).__name__.endswith("Index")


def _is_pandas(value: object) -> bool:
    return type(value).__module__.split(".")[0] == "pandas"


def snapshot(value: Any) -> Any:
    """Copy a value so that later edits of the original cannot change the copy.

    Tensors are detached, and subclasses of tensors and arrays lose what they add. What cannot be
    copied (a generator, an open file) is kept as it is.

    Raises:
        MemoryError: a tensor or array is far too large to keep.

    >>> original = [torch.zeros(2)]
    >>> kept = snapshot(original)
    >>> _ = original[0].add_(1)
    >>> kept[0]
    tensor([0., 0.])
    """
    if type(value) in _UNCHANGING:
        return value
    if type(value) is list:
        return [snapshot(item) for item in value]
    if isinstance(value, Tensor):
        tensor = value.detach()
        if is_plain(tensor):
            _require_size(tensor.shape)
            tensor = tensor.as_subclass(Tensor)
        return tensor.clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, np.ndarray):
        _require_size(value.shape)
        return copy.deepcopy(np.asarray(value)) if value.dtype == object else np.array(value, subok=False)
    if is_frame(value):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [snapshot(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, (str, bytes, int, float, complex, torch.dtype, torch.device)):
        return value
    if callable(value) and not isinstance(value, torch.nn.Module):
        return value
    return _copy_object(value)


def _require_size(shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MOST_VALUES:
        raise MemoryError(
            f"a result of shape {tuple(shape)} is far too large: did shapes broadcast against each other?"
        )


def _copy_object(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:
        pass
    # A tensor that belongs to a computation refuses a deep copy; the attributes can be copied one by one.
    try:
        copied = copy.copy(value)
        vars(copied).update({name: snapshot(item) for name, item in vars(value).items()})
    except Exception:
        return value
    return copied


def identical(first: Any, second: Any) -> bool:
    """Whether two values are the same bit for bit; NaN equals NaN.

    >>> identical({"x": torch.tensor([float("nan")])}, {"x": torch.tensor([float("nan")])})
    True
    >>> identical([1, 2], [1, 3])
    False
    """
    if type(first) is not type(second):
        return False
    if type(first) in _UNCHANGING:
        return bool(first == second or (first != first and second != second))
    if isinstance(first, Tensor):
        if not (is_plain(first) and is_plain(second)):
            return is_plain(first) == is_plain(second)
        same_form = first.shape == second.shape and first.dtype == second.dtype
        return same_form and _same_numbers(as_array(first), as_array(second))
    if isinstance(first, np.ndarray):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        if first.dtype == object:
            return identical(first.tolist(), second.tolist())
        return _same_numbers(first, second)
    if is_frame(first):
        return bool(first.equals(second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(identical(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(identical, first, second))
    if isinstance(first, (float, complex, np.generic)):
        return bool(first == second or (first != first and second != second))
    if isinstance(first, (str, bytes, int, set, frozenset)):
        return bool(first == second)
    if hasattr(first, "__dict__") and not callable(first):
        return identical(dict(vars(first)), dict(vars(second)))
    return True


def _same_numbers(first: np.ndarray, second: np.ndarray) -> bool:
    return bool(((first == second) | ((first != first) & (second != second))).all())
