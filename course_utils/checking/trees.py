"""Nested values: copying them and telling whether two are exactly the same."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def is_frame(value: object) -> bool:
    """Whether a value is a pandas DataFrame or Series, without importing pandas."""
    return type(value).__module__.split(".")[0] == "pandas" and type(value).__name__ in (
        "DataFrame",
        "Series",
    )


def snapshot(value: Any) -> Any:
    """Copy a value so that later edits of the original cannot change the copy.

    Tensors are detached. What cannot be copied (a generator, an open file) is kept as it is.

    >>> original = [torch.zeros(2)]
    >>> kept = snapshot(original)
    >>> _ = original[0].add_(1)
    >>> kept[0]
    tensor([0., 0.])
    """
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, np.ndarray) or is_frame(value):
        return value.copy()
    if isinstance(value, Mapping) and type(value) in (dict,):
        return {key: snapshot(item) for key, item in value.items()}
    if type(value) is list:
        return [snapshot(item) for item in value]
    if isinstance(value, tuple):
        items = [snapshot(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, (str, bytes, int, float, complex, type(None), torch.dtype, torch.device)):
        return value
    if callable(value) and not isinstance(value, torch.nn.Module):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def identical(first: Any, second: Any) -> bool:
    """Whether two values are the same bit for bit; NaN equals NaN.

    >>> identical({"x": torch.tensor([float("nan")])}, {"x": torch.tensor([float("nan")])})
    True
    >>> identical([1, 2], [1, 3])
    False
    """
    if type(first) is not type(second):
        return False
    if isinstance(first, Tensor):
        return (
            first.shape == second.shape
            and first.dtype == second.dtype
            and bool(((first == second) | ((first != first) & (second != second))).all())
        )
    if isinstance(first, np.ndarray):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        if first.dtype == object:
            return identical(first.tolist(), second.tolist())
        return bool(((first == second) | ((first != first) & (second != second))).all())
    if is_frame(first):
        return bool(first.equals(second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(identical(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(identical, first, second))
    if isinstance(first, float):
        return first == second or (first != first and second != second)
    if isinstance(first, (str, bytes, int, bool, type(None))):
        return bool(first == second)
    if hasattr(first, "__dict__") and not callable(first):
        return identical(dict(vars(first)), dict(vars(second)))
    return True
