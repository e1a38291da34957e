"""Values as data: a JSON tree and raw buffers, and never a pickle.

The judge reads what a submission's process sends. Reading must therefore not be able to do anything but make
values: the tree holds tags from a fixed list, arrays come as bytes with a dtype from a fixed list, and
everything has a limit. What has no form as data (a generator, a function, an object) becomes a stand-in of
the same kind, so that it is judged and described as what it was.

`Encoder` turns a value into a tree and its buffers, `Decoder` the reverse.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.grading.channel import arrays, objects, tables
from course_utils.grading.channel.tags import (
    MOST_ALIKE,
    MOST_DEPTH,
    MOST_NODES,
    MOST_SECONDS,
    SMALL_INTEGER,
    Tag,
    Tree,
    UnreadableDataError,
)

Buffer = bytes | memoryview


class Encoder:
    """Turns values into trees; the buffers of all of them are collected in `buffers`.

    Args:
        name_callable: Gives a callable a number by which the other side can call back, or None.
        name_object: Gives an object without a form as data a number, by which the other side can name it.
        most_parts: How many values there may be, those within others counted.
    """

    def __init__(
        self,
        name_callable: Callable[[Callable], int | None] | None = None,
        name_object: Callable[[Any], int] | None = None,
        most_parts: int = MOST_NODES,
    ) -> None:
        self.most_parts = most_parts
        self.buffers: list[Buffer] = []
        self.name_callable = name_callable
        self.name_object = name_object
        self.parts = 0
        self._open: set[int] = set()

    def encode(self, value: Any, depth: int = 0) -> Tree:
        """Return the tree of a value.

        >>> Encoder().encode((1, "two", [3.0])) == ["tuple", 1, "two", ["list", 3.0]]
        True
        """
        self.parts += 1
        if self.parts > self.most_parts:
            raise UnreadableDataError("it has too many parts to be handed over")
        kind = type(value)
        if value is None or kind is str or kind is bool or kind is float:
            return value
        if kind is int:
            return value if abs(value) < SMALL_INTEGER else objects.integer(value)
        if isinstance(value, str):
            return str.__str__(value)
        # A value may hold itself, and an object another one without end.
        if depth > MOST_DEPTH or id(value) in self._open:
            return [Tag.OBJECT, kind.__name__, [], False]
        self._open.add(id(value))
        try:
            return self._encode_other(value, depth + 1)
        finally:
            self._open.discard(id(value))

    def _encode_other(self, value: Any, depth: int) -> Tree:
        if isinstance(value, (Tensor, np.ndarray, np.generic)):
            return arrays.encode(value, self._add_buffer, lambda item: self.encode(item, depth))
        if isinstance(value, tuple):
            return self._encode_tuple(value, depth)
        if isinstance(value, list):
            return [Tag.LIST, *(self.encode(item, depth) for item in value)]
        if isinstance(value, (set, frozenset, deque)):
            tag = next(tag for kind, tag in _COLLECTIONS.items() if isinstance(value, kind))
            encode = self._encode_key if isinstance(value, (set, frozenset)) else self.encode
            return [tag, *(encode(item, depth) for item in value)]
        if isinstance(value, Mapping):
            pairs = [(self._encode_key(key, depth), self.encode(item, depth)) for key, item in value.items()]
            return [Tag.DICT, *(part for pair in pairs for part in pair)]
        if tables.is_pandas(value):
            return tables.encode(value, lambda item: self.encode(item, depth))
        if isinstance(value, objects.Handle):
            return [Tag.HANDLE, value.number]
        if self.name_callable and callable(value):
            number = self.name_callable(value)
            if number is not None:
                return [Tag.CALLBACK, number]
        if self.name_object and not objects.is_data(value):
            return [Tag.HANDLE, self.name_object(value)]
        return objects.encode(value, lambda item: self.encode(item, depth))

    def _encode_key(self, value: Any, depth: int) -> Tree:
        """Return the tree of a key, or a stand-in for one that cannot be told from others by comparing."""
        if type(value) is str:
            self.parts += 1
            return value
        return (
            self.encode(value, depth)
            if tables.is_comparable(value)
            else [Tag.OBJECT, type(value).__name__, [], False]
        )

    def _encode_tuple(self, value: tuple, depth: int) -> Tree:
        items = [self.encode(item, depth) for item in value]
        if isinstance(value, torch.Size):
            return [Tag.SIZE, *items]
        names = getattr(value, "_fields", None)
        if isinstance(names, tuple) and all(isinstance(name, str) for name in names):
            return [Tag.NAMED_TUPLE, type(value).__name__, list(names), *items]
        return [Tag.TUPLE, *items]

    def _add_buffer(self, buffer: Buffer) -> int:
        self.buffers.append(buffer)
        return len(self.buffers) - 1


_COLLECTIONS = {set: Tag.SET, frozenset: Tag.FROZENSET, deque: Tag.DEQUE}
_MAKE = {
    Tag.LIST: list,
    Tag.TUPLE: tuple,
    Tag.SET: set,
    Tag.FROZENSET: frozenset,
    Tag.DEQUE: deque,
}


def _require_keys(keys: list[Any]) -> None:
    """Look that keys can be kept in a dictionary or a set, and in a moment."""
    if len(keys) <= MOST_ALIKE and all(type(key) is str for key in keys):
        return
    if not all(map(tables.is_comparable, keys)):
        raise UnreadableDataError("an array cannot be a key")
    if max(Counter(map(hash, keys)).values(), default=0) > MOST_ALIKE:
        raise UnreadableDataError("too many keys have the same hash")


class Decoder:
    """Turns trees back into values.

    Args:
        buffers: The buffers that came with the tree.
        resolve_callback: Makes a function that calls back, from its number; where it is left out, callbacks
            are not understood.
        resolve_handle: Finds the object that has a number; where it is left out, the number stands for it.
        most_parts: How many values there may be, those within others counted.
    """

    def __init__(
        self,
        buffers: list[bytearray],
        resolve_callback: Callable[[int], Callable] | None = None,
        resolve_handle: Callable[[int], Any] = objects.Handle,
        most_parts: int = MOST_NODES,
    ) -> None:
        self.most_parts = most_parts
        self.buffers = buffers
        self.resolve_callback = resolve_callback
        self.resolve_handle = resolve_handle
        self._kinds = objects.Kinds()
        self._parts = 0
        self._deadline = time.monotonic() + MOST_SECONDS

    def decode(self, tree: Tree, depth: int = 0) -> Any:
        """Return the value of a tree.

        Raises:
            UnreadableDataError: the tree is not one that an `Encoder` makes, or it is too large.

        >>> Decoder([]).decode(["tuple", 1, "two", ["list", 3.0]])
        (1, 'two', [3.0])
        """
        try:
            return self._decode(tree, depth)
        except UnreadableDataError:
            raise
        except Exception as error:
            # Whatever malformed data makes numpy, torch or pandas stumble over.
            raise UnreadableDataError(f"{type(error).__name__}: {str(error)[:200]}") from None

    def _decode(self, tree: Tree, depth: int) -> Any:
        self._parts += 1
        if depth > MOST_DEPTH + 2 or self._parts > self.most_parts:
            raise UnreadableDataError("the data is nested too deeply or has too many parts")
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        if time.monotonic() > self._deadline:
            raise UnreadableDataError("it takes too long to be understood")
        if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
            raise UnreadableDataError("a part has no tag")
        tag, rest = tree[0], tree[1:]
        if tag in _MAKE:
            items = [self._decode(item, depth + 1) for item in rest]
            if tag in (Tag.SET, Tag.FROZENSET):
                _require_keys(items)
            return _MAKE[Tag(tag)](items)
        if tag == Tag.DICT:
            items = [self._decode(item, depth + 1) for item in rest]
            _require_keys(items[::2])
            return dict(zip(items[::2], items[1::2], strict=True))
        if tag == Tag.SIZE:
            return torch.Size(rest)
        if tag == Tag.NAMED_TUPLE:
            items = [self._decode(item, depth + 1) for item in rest[2:]]
            return objects.named_tuple(rest[0], rest[1], items, self._kinds)
        if tag == Tag.CALLBACK:
            if self.resolve_callback is None or type(rest[0]) is not int:
                raise UnreadableDataError("a callback is not understood here")
            return self.resolve_callback(rest[0])
        if tag == Tag.HANDLE:
            if type(rest[0]) is not int:
                raise UnreadableDataError("a handle is a number")
            return self.resolve_handle(rest[0])

        def inner(item: Tree) -> Any:
            return self._decode(item, depth + 1)

        if tag in objects.TAGS:
            return objects.decode(Tag(tag), rest, self._kinds, inner)
        for family in (arrays, tables):
            if tag in family.TAGS:
                return family.decode(Tag(tag), rest, self._buffer, inner)
        raise UnreadableDataError(f"the tag {tag[:40]!r} is not known")

    def _buffer(self, number: Any) -> bytearray:
        if type(number) is not int or not 0 <= number < len(self.buffers):
            raise UnreadableDataError("there is no such buffer")
        return self.buffers[number]
