"""Everything else: unusual numbers, settings of torch, and stand-ins for what has no form as data."""

from __future__ import annotations

import collections
import dataclasses
import keyword
import numbers
import types
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from course_utils.grading.channel.arrays import TENSOR_DTYPES
from course_utils.grading.channel.tags import (
    MOST_FIELDS,
    MOST_KINDS,
    SMALL_INTEGER,
    Tag,
    Tree,
    UnreadableDataError,
)

TAGS = frozenset(
    {
        Tag.INTEGER,
        Tag.COMPLEX,
        Tag.BYTES,
        Tag.ELLIPSIS,
        Tag.RANGE,
        Tag.DTYPE,
        Tag.DEVICE,
        Tag.RANDOM,
        Tag.NAMED,
        Tag.OBJECT,
    }
)
MOST_DIGITS = 100_000
MOST_ATTRIBUTES = 1000
Inner = Callable[[Any], Any]


@dataclass(frozen=True)
class Handle:
    """Names an object of the other process, which can be given back to it and nothing else."""

    number: int


class Foreign:
    """Stands for an object of the other process: the name of its type, its attributes, nothing it can do."""


class ForeignCallable(Foreign):
    """Stands for an object that can be called where it lives, and not here."""

    def __call__(self, *_: Any, **__: Any) -> None:
        """Refuse: it lives in another process."""
        raise TypeError("this object lives in another process and cannot be called here")


class Kinds:
    """The types that a message's objects have, each made once."""

    def __init__(self) -> None:
        self._made: dict[Hashable, type] = {}

    def get(self, key: Hashable, make: Callable[[], type]) -> type:
        """Return the type of a key, made when it comes by for the first time."""
        if key not in self._made:
            if len(self._made) >= MOST_KINDS:
                raise UnreadableDataError(f"it holds objects of more than {MOST_KINDS} types")
            self._made[key] = make()
        return self._made[key]

    def stand_in(self, name: Any, base: type) -> type:
        """Return a type with a name that stands for one of the other process."""
        text = _type_name(name)
        return self.get((text, base), lambda: type(text, (base,), {}))


def integer(value: int) -> Tree:
    """Return the tree of a large integer.

    >>> integer(2**64) == ["integer", "0x10000000000000000"]
    True
    """
    text = hex(value)
    if len(text) > MOST_DIGITS:
        raise UnreadableDataError(f"an integer of more than {MOST_DIGITS:,} digits is far too large")
    return [Tag.INTEGER, text]


_DATA = (numbers.Number, bytes, bytearray, range, type(...), torch.dtype, torch.device, torch.Generator)


def is_data(value: Any) -> bool:
    """Whether a value has a form as data of its own, and needs no stand-in."""
    return isinstance(value, _DATA)


def encode(value: Any, inner: Inner) -> Tree:
    """Return the tree of any value that is none of the usual ones."""
    if isinstance(value, int):
        number = int(value)
        return number if abs(number) < SMALL_INTEGER else integer(number)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, complex):
        return [Tag.COMPLEX, value.real, value.imag]
    if isinstance(value, numbers.Number):  # a Fraction, a Decimal
        return float(value)  # type: ignore[arg-type]
    if isinstance(value, (bytes, bytearray)):
        return [Tag.BYTES, bytes(value).hex()]
    if value is Ellipsis:
        return [Tag.ELLIPSIS]
    if isinstance(value, range):
        return [Tag.RANGE, value.start, value.stop, value.step]
    if isinstance(value, torch.dtype):
        return [Tag.DTYPE, str(value).removeprefix("torch.")]
    if isinstance(value, torch.device):
        return [Tag.DEVICE, str(value)]
    if isinstance(value, torch.Generator):
        return [Tag.RANDOM, value.get_state().numpy().tobytes().hex()]
    return _encode_object(value, inner)


def _encode_object(value: Any, inner: Inner) -> Tree:
    for kind, name in _NAMED.items():
        if isinstance(value, kind):
            return [Tag.NAMED, name, str(getattr(value, "__name__", name))[:200]]
    attributes = _attributes(value)
    parts = [part for name, item in attributes for part in (name, inner(item))]
    return [
        Tag.OBJECT,
        type(value).__name__,
        parts,
        callable(value) and not isinstance(value, torch.nn.Module),
    ]


def _attributes(value: Any) -> list[tuple[str, Any]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return [(name, getattr(value, name, None)) for name in names]
    if isinstance(value, torch.nn.Module):
        return []  # modules are compared by what they compute
    held = getattr(value, "__dict__", None)
    return (
        [(str(name), item) for name, item in list(held.items())[:MOST_ATTRIBUTES]]
        if isinstance(held, dict)
        else []
    )


_NAMED = {
    types.GeneratorType: "generator",
    types.CoroutineType: "coroutine",
    type: "class",
    types.FunctionType: "function",
    types.BuiltinFunctionType: "function",
    types.MethodType: "function",
}


def decode(tag: Tag, rest: list[Tree], kinds: Kinds, inner: Inner) -> Any:
    """Return the value of a tree, or what stands for it."""
    match tag:
        case Tag.INTEGER:
            if not isinstance(rest[0], str) or len(rest[0]) > MOST_DIGITS:
                raise UnreadableDataError("an integer is too long")
            return int(rest[0], 16)
        case Tag.COMPLEX:
            return complex(rest[0], rest[1])
        case Tag.BYTES:
            return bytes.fromhex(rest[0])
        case Tag.ELLIPSIS:
            return ...
        case Tag.RANGE:
            if not all(type(number) is int and abs(number) < 2**61 for number in rest):
                raise UnreadableDataError("a range must hold integers")
            return range(*rest)
        case Tag.DTYPE:
            return TENSOR_DTYPES[rest[0]]
        case Tag.DEVICE:
            return torch.device(str(rest[0]))
        case Tag.NAMED:
            return _named(rest[0], str(rest[1])[:200], kinds)
        case Tag.OBJECT:
            return _foreign(rest[0], [inner(item) for item in rest[1]], rest[2] is True, kinds)
    raise UnreadableDataError(f"{tag} is not understood here")


def decode_random(tree: Tree) -> torch.Generator:
    """Return a generator of random numbers in a given state.

    Only for what the judge sends: torch does not examine a state closely enough to take one from a stranger.
    """
    generator = torch.Generator()
    generator.set_state(torch.frombuffer(bytearray.fromhex(tree[1]), dtype=torch.uint8))
    return generator


def _type_name(name: Any) -> str:
    text = str(name)[:200]
    return text if text.isidentifier() else "object"


def _named(kind: Any, name: str, kinds: Kinds) -> Any:
    if kind == "generator":
        return _empty()
    if kind == "coroutine":
        return _Coroutine()
    if kind == "class":
        return kinds.stand_in(name, Foreign)
    if kind == "function":

        def stand_in(*_: Any, **__: Any) -> None:
            raise TypeError("this function lives in another process and cannot be called here")

        stand_in.__name__ = name
        return stand_in
    raise UnreadableDataError(f"{str(kind)[:40]!r} is not a kind of value")


def _empty() -> Iterator[None]:
    yield from ()


class _Coroutine(Foreign):
    """Stands for a coroutine; a real one that nobody awaits would warn."""


def _foreign(name: Any, parts: list[Any], can_be_called: bool, kinds: Kinds) -> Foreign:
    value = kinds.stand_in(name, ForeignCallable if can_be_called else Foreign)()
    names, items = parts[::2], parts[1::2]
    if not all(isinstance(name, str) for name in names):
        raise UnreadableDataError("the attributes of an object need names")
    # What begins with two underscores says what an object can do: of `__array_interface__`, for one, NumPy
    # learns where in this process's memory an array lies.
    pairs = zip(names, items, strict=True)
    vars(value).update((name, item) for name, item in pairs if not name.startswith("__"))
    return value


def named_tuple(name: Any, fields: Any, items: list[Any], kinds: Kinds) -> tuple:
    """Return a named tuple, or a plain one where the names cannot be names."""
    usable = (
        isinstance(fields, list)
        and len(fields) <= MOST_FIELDS
        and all(isinstance(field, str) and _is_field(field) for field in fields)
        and len(fields) == len(items) == len(set(fields))
    )
    if not usable:
        return tuple(items)
    text = _type_name(name)
    kind = kinds.get((text, *fields), lambda: collections.namedtuple(text, fields))
    made: tuple = kind(*items)
    return made


def _is_field(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and not keyword.iskeyword(name)
