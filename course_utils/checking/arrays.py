"""Tensors and arrays of every kind as NumPy arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is an ordinary one: its values are there, and one number stands for each.

    >>> is_plain(torch.zeros(2)), is_plain(torch.zeros(2).to_sparse())
    (True, False)
    """
    special = tensor.is_nested or tensor.is_quantized or tensor.is_meta
    return not special and tensor.layout == torch.strided


def is_array(value: object) -> bool:
    """Whether a value is a NumPy array or an ordinary tensor."""
    return isinstance(value, np.ndarray) or (isinstance(value, Tensor) and is_plain(value))


def dtype_name(value: Tensor | np.ndarray) -> str:
    """Return the dtype's short name; texts of all lengths have the same.

    >>> dtype_name(torch.zeros(1)), dtype_name(np.array(["text"]))
    ('float32', 'str')
    """
    return "str" if str(value.dtype).startswith("<U") else str(value.dtype).removeprefix("torch.")


def as_array(value: Tensor | np.ndarray) -> np.ndarray:
    """Return an array or plain tensor as a NumPy array, broken numbers in double precision.

    >>> as_array(torch.ones(2, dtype=torch.bfloat16))
    array([1., 1.])
    """
    if isinstance(value, Tensor):
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        if tensor.is_complex():
            tensor = tensor.to(torch.complex128)
        elif tensor.is_floating_point():
            tensor = tensor.to(torch.float64)
        return tensor.numpy()
    return value.astype(np.float64) if value.dtype.kind == "f" else value
