"""Whether two values are the same in kind and content, and a way through the codec."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas
import torch

from course_utils.grading.channel.codec import Decoder, Encoder


def through(value: Any) -> Any:
    """Return a value as it arrives at the other side."""
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.encode(value)))
    return Decoder([bytearray(buffer) for buffer in encoder.buffers]).decode(tree)


def alike(first: Any, second: Any) -> bool:
    """Say whether two values have the same types, all the way down, and the same content."""
    if type(first) is not type(second):
        return False
    if isinstance(first, torch.Tensor):
        return _same_tensors(first, second)
    if isinstance(first, np.ndarray):
        return _same_arrays(first, second)
    if isinstance(first, (pandas.DataFrame, pandas.Series, pandas.Index)):
        return _same_tables(first, second)
    if isinstance(first, np.generic):
        return first.dtype == second.dtype and _same_arrays(np.asarray(first), np.asarray(second))
    if isinstance(first, float):
        return math.copysign(1, first) == math.copysign(1, second) and (first == second or first != first)
    if isinstance(first, Mapping):
        return list(map(repr, first)) == list(map(repr, second)) and all(
            alike(first[key], second[key]) for key in first
        )
    if isinstance(first, (set, frozenset)):
        return first == second
    if hasattr(first, "__iter__") and not isinstance(first, (str, bytes, range)):
        return len(first) == len(second) and all(map(alike, first, second))
    return bool(first == second)


def _same_tensors(first: torch.Tensor, second: torch.Tensor) -> bool:
    same = first.dtype == second.dtype and first.shape == second.shape
    same = same and first.requires_grad == second.requires_grad
    return (
        same
        and torch.equal(first.isnan(), second.isnan())
        and torch.equal(first.detach().nan_to_num(7.0), second.detach().nan_to_num(7.0))
        if first.is_floating_point()
        else same and torch.equal(first, second)
    )


def _same_arrays(first: np.ndarray, second: np.ndarray) -> bool:
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if first.dtype == object:
        return all(map(alike, first.reshape(-1).tolist(), second.reshape(-1).tolist()))
    return first.tobytes() == second.tobytes()


def _same_tables(first: Any, second: Any) -> bool:
    kind = "frame" if isinstance(first, pandas.DataFrame) else "series"
    kind = "index" if isinstance(first, pandas.Index) else kind
    try:
        getattr(pandas.testing, f"assert_{kind}_equal")(first, second, check_exact=True)
    except AssertionError:
        return False
    return True
