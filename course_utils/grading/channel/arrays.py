"""Tensors and arrays as a dtype, a shape and bytes."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.grading.channel.tags import Tag, Tree, UnreadableDataError

TAGS = frozenset({Tag.TENSOR, Tag.SPECIAL_TENSOR, Tag.ARRAY, Tag.OBJECT_ARRAY, Tag.NUMPY_SCALAR})
_NUMBERS = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 bfloat16 float32 float64 complex64 complex128"
)
TENSOR_DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _NUMBERS.split()}
ARRAY_DTYPE = re.compile(
    r"[<>|](b1|[iu][1248]|f[248]|c8|c16|[US][1-9]\d{0,8}|[mM]8(\[\d{0,6}[a-zA-Z]{1,2}\])?)"
)
SPECIAL = {
    "sparse": lambda: torch.zeros(1).to_sparse(),
    "meta": lambda: torch.zeros(1, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.zeros(1)]),
    "quantized": lambda: torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.qint8),
}
MOST_AXES = 64


def encode(value: Any, add_buffer: Callable[[bytes | memoryview], int], inner: Callable[[Any], Tree]) -> Tree:
    """Return the tree of a tensor, an array or a scalar of NumPy."""
    if isinstance(value, Tensor):
        return _encode_tensor(value, add_buffer)
    if isinstance(value, np.generic):
        array = np.asarray(value)
        return (
            [Tag.NUMPY_SCALAR, inner(array)]
            if _is_plain(array)
            else [Tag.OBJECT, type(value).__name__, [], False]
        )
    value = np.asarray(value)
    if not _is_plain(value):
        items = value.reshape(-1).tolist() if value.dtype == object else []
        return [Tag.OBJECT_ARRAY, str(value.dtype), list(value.shape), *map(inner, items)]
    contiguous = np.ascontiguousarray(value)
    buffer = contiguous.reshape(-1).view(np.uint8).data if contiguous.nbytes else b""
    return [Tag.ARRAY, value.dtype.str, list(value.shape), add_buffer(buffer)]


def _is_plain(array: np.ndarray) -> bool:
    return ARRAY_DTYPE.fullmatch(array.dtype.str) is not None


def _encode_tensor(tensor: Tensor, add_buffer: Callable[[bytes | memoryview], int]) -> Tree:
    requires_grad = tensor.requires_grad
    tensor = tensor.detach()
    tensor = tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)
    special = {"nested": tensor.is_nested, "quantized": tensor.is_quantized, "meta": tensor.is_meta}
    kind = next((name for name, is_it in special.items() if is_it), "")
    if not kind and tensor.layout != torch.strided:
        kind = "sparse"
    name = str(tensor.dtype).removeprefix("torch.")
    if kind or name not in TENSOR_DTYPES:
        return [Tag.SPECIAL_TENSOR, kind or "quantized"]
    plain = tensor.cpu().resolve_conj().resolve_neg().contiguous()
    buffer = plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b""
    return [Tag.TENSOR, name, list(plain.shape), add_buffer(buffer), requires_grad]


def decode(
    tag: Tag, rest: list[Tree], buffer: Callable[[Any], bytearray], inner: Callable[[Tree], Any]
) -> Any:
    """Return the tensor, array or scalar of a tree."""
    if tag == Tag.TENSOR:
        name, shape, number, requires_grad = rest
        return _tensor(name, _shape(shape), buffer(number), requires_grad is True)
    if tag == Tag.SPECIAL_TENSOR:
        return SPECIAL[rest[0]]()
    if tag == Tag.ARRAY:
        name, shape, number = rest
        return _array(name, _shape(shape), buffer(number))
    if tag == Tag.NUMPY_SCALAR:
        array = inner(rest[0])
        if not isinstance(array, np.ndarray) or array.shape != ():
            raise UnreadableDataError("a scalar must be an array without axes")
        return array[()]
    shape = _shape(rest[1])
    items = [inner(item) for item in rest[2:]]
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array.reshape(shape if math.prod(shape) == len(items) else len(items))


def _shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > MOST_AXES:
        raise UnreadableDataError("a shape must be a short list")
    if not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise UnreadableDataError("a shape must hold sizes")
    return tuple(shape)


def _require_bytes(content: bytearray, shape: tuple[int, ...], item: int) -> int:
    count = math.prod(shape)
    if len(content) != count * item:
        raise UnreadableDataError(f"{len(content)} bytes do not make an array of shape {shape}")
    return count


def _tensor(name: Any, shape: tuple[int, ...], content: bytearray, requires_grad: bool) -> Tensor:
    dtype = TENSOR_DTYPES.get(name) if isinstance(name, str) else None
    if dtype is None:
        raise UnreadableDataError("the dtype of a tensor is not known")
    if _require_bytes(content, shape, dtype.itemsize):
        if dtype == torch.bool:
            # Another byte than 0 and 1 would be neither true nor false.
            content = bytearray(np.frombuffer(content, np.uint8).astype(bool).tobytes())
        tensor = torch.frombuffer(content, dtype=dtype).reshape(shape)
    else:
        tensor = torch.empty(shape, dtype=dtype)
    floating = dtype.is_floating_point or dtype.is_complex
    return tensor.requires_grad_() if requires_grad and floating else tensor


def _array(name: Any, shape: tuple[int, ...], content: bytearray) -> np.ndarray:
    if not isinstance(name, str) or not ARRAY_DTYPE.fullmatch(name):
        raise UnreadableDataError("the dtype of an array is not known")
    dtype = np.dtype(name)
    if not _require_bytes(content, shape, dtype.itemsize):
        return np.zeros(shape, dtype=dtype)
    if dtype == np.bool_:
        return np.frombuffer(content, np.uint8).astype(bool).reshape(shape)
    if dtype.kind == "U" and (np.frombuffer(content, dtype.str[0] + "u4") > sys.maxunicode).any():
        # NumPy would find out when somebody looks at the text.
        raise UnreadableDataError("a text holds what is not a character")
    return np.frombuffer(content, dtype=dtype).reshape(shape)


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Go through the tensors in a nested value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_of(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_of(item)
