"""Mutants of what has no source to mutate: a plain value, or the predictions of a trained model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor


def altered_values(right: Any) -> dict[str, Any]:
    """Return wrong versions of a value, by what was done to it.

    >>> altered_values(4)["doubled"]
    8
    """
    if isinstance(right, bool):
        return {"the opposite": not right}
    if isinstance(right, (Tensor, np.ndarray, int, float)):
        altered = {
            "one more": right + 1,
            "one less": right - 1,
            "doubled": right * 2,
            "halved": right / 2,
            "negated": -right,
            "squared": right * right,
        }
        return {name: value for name, value in altered.items() if _differs(value, right)}
    if isinstance(right, (list, tuple)) and len(right) > 1:
        return {
            "reversed": type(right)(right[::-1]),
            "first left out": right[1:],
            "last left out": right[:-1],
        }
    return {"a letter added": f"{right}x"}


def _differs(value: Any, right: Any) -> bool:
    return not torch.equal(torch.as_tensor(value).double(), torch.as_tensor(right).double())


def altered_models(model: Any) -> dict[str, Callable[[Any], Any]]:
    """Return models that spoil the predictions of a good one, by what is done to them."""

    def spoil(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def predict(inputs: Any) -> Any:
            return change(model.predict(inputs) if hasattr(model, "predict") else model(inputs))

        return predict

    return {
        "predictions in reverse order": spoil(lambda p: p[list(range(len(p) - 1, -1, -1))]),
        "the first prediction for all": spoil(lambda p: p[[0] * len(p)]),
        "predictions shifted by one row": spoil(lambda p: p[[*range(1, len(p)), 0]]),
        "one prediction missing": spoil(lambda p: p[:-1]),
        "predictions with another axis": spoil(lambda p: p[..., None]),
    }
