"""Naming any value in a few words."""

from __future__ import annotations

import types
from collections import deque
from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.checking.arrays import dtype_name, is_plain
from course_utils.checking.trees import is_frame

TEXT_SHOWN = 40
KNOWN_MODULES = frozenset({"builtins", "collections", "numpy", "pandas", "torch", "types"})


def describe(value: Any) -> str:
    """Name a value in a few words, never printing more than a little of it.

    >>> describe(3.0)
    'the float 3'
    >>> describe((1, 2))
    'a tuple of 2'
    """
    shown = content(value)
    if value is None or value is Ellipsis or isinstance(value, (bool, np.bool_)):
        return shown or str(value)
    name = "string" if isinstance(value, str) else type(value).__name__
    return f"the {name} {shown}" if shown else describe_kind(value)


def content(value: Any) -> str:
    """Return the start of a number or text as it is written, or "" for other things.

    >>> content(0.25), content("text"), content([1])
    ('0.25', "'text'", '')
    """
    if isinstance(value, str):
        return repr(str(value[:TEXT_SHOWN])) + ("..." if len(value) > TEXT_SHOWN else "")
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if not isinstance(value, (Number, np.generic)):
        return ""
    try:
        return f"{value:.6g}"
    except (TypeError, ValueError, OverflowError):
        return "" if isinstance(value, int) else str(value)[:TEXT_SHOWN]


def describe_kind(value: Any) -> str:
    """Name the kind of a value, without anything of what it holds.

    >>> describe_kind(3)
    'an int'
    >>> import torch
    >>> describe_kind(torch.zeros(2, 3))
    'a torch tensor of shape (2, 3) and dtype float32'
    """
    if isinstance(value, Tensor):
        return _describe_tensor(value)
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape} and dtype {dtype_name(value)}"
    if is_frame(value):
        return f"a pandas {type(value).__name__} of shape {value.shape}"
    if value is None or value is Ellipsis:
        return str(value)
    if isinstance(value, str):
        return "a string"
    if isinstance(value, (list, tuple, set, frozenset, dict, range, deque)):
        return f"{_with_article(type(value).__name__)} of {len(value)}"
    if isinstance(value, (types.GeneratorType, types.CoroutineType)):
        return f"a {type(value).__name__}"
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    if isinstance(value, (Number, np.generic)):
        return _with_article(type(value).__name__)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return f"the function {value.__name__} itself"
    return f"an object of type {type(value).__name__}"


def describe_public_kind(value: Any) -> str:
    """Name the kind of a value for a graded run: a name that an answer made up could hold anything.

    >>> describe_public_kind(3), describe_public_kind(describe_public_kind)
    ('an int', 'a function')
    """
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return "a function"
    if kind.__module__.split(".")[0] not in KNOWN_MODULES:
        return "a class of its own" if isinstance(value, type) else "an object of a class of its own"
    return describe_kind(value)


def _describe_tensor(value: Tensor) -> str:
    if is_plain(value):
        return f"a torch tensor of shape {tuple(value.shape)} and dtype {dtype_name(value)}"
    kinds = {"nested": value.is_nested, "quantized": value.is_quantized, "meta": value.is_meta}
    kind = next((name for name, is_it in kinds.items() if is_it), "sparse")
    return f"a {kind} torch tensor"


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
