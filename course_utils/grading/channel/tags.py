"""The kinds of parts that a message is made of, and how large it may be."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Tree = Any
"""None, a truth value, a number, a text, or a list that begins with a tag."""

MOST_DEPTH = 100
MOST_NODES = 2_000_000
MOST_ANSWER_PARTS = 100_000
"""Of what a player says. Arrays are one part each; the judge goes through all parts again and again."""
MOST_SECONDS = 10.0
"""How long a message may take to be understood."""
MOST_KINDS = 300
"""Different types of objects in a message: each becomes a class, which is large."""
MOST_FIELDS = 1000
MOST_COLUMNS = 10_000
MOST_LEVELS = 100
"""Of an index: each becomes an index of its own."""
MOST_ROWS = 10_000_000
"""Of an index that is written as its first and last number: so many can be asked for with a few bytes."""
MOST_ALIKE = 30
"""Keys with one hash in a dictionary or a set: with many, each new one is compared with all before it."""
SMALL_INTEGER = 2**63
"""Integers below it are written as they are."""


class UnreadableDataError(Exception):
    """What came over the channel is not what the other side may send; the message says what is wrong."""


class Tag(StrEnum):
    """The first element of a list says what the list stands for."""

    LIST = "list"
    TUPLE = "tuple"
    NAMED_TUPLE = "named tuple"
    SIZE = "size"
    DICT = "dict"
    SET = "set"
    FROZENSET = "frozenset"
    DEQUE = "deque"
    CALLBACK = "callback"
    HANDLE = "handle"
    # arrays.py
    TENSOR = "tensor"
    SPECIAL_TENSOR = "special tensor"
    ARRAY = "array"
    OBJECT_ARRAY = "object array"
    NUMPY_SCALAR = "numpy scalar"
    # tables.py
    FRAME = "frame"
    SERIES = "series"
    INDEX = "index"
    RANGE_INDEX = "range index"
    MULTI_INDEX = "multi index"
    CATEGORICAL = "categorical"
    EXTENSION = "extension"
    MISSING = "missing"
    # objects.py
    INTEGER = "integer"
    COMPLEX = "complex"
    BYTES = "bytes"
    ELLIPSIS = "ellipsis"
    RANGE = "range"
    DTYPE = "dtype"
    DEVICE = "device"
    RANDOM = "random"
    NAMED = "named"
    OBJECT = "object"
