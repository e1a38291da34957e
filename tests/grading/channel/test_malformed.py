"""What is not a message is refused with the codec's own error, in bounded memory, whatever it is."""

from __future__ import annotations

import copy
import json
import random
import socket
import struct
import tracemalloc
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from course_utils.checking.script import Script
from course_utils.grading.channel.codec import Decoder, Encoder
from course_utils.grading.channel.frames import Channel, ChannelClosedError
from course_utils.grading.channel.messages import observation_from_data
from course_utils.grading.channel.objects import Handle
from course_utils.grading.channel.tags import Tag, UnreadableDataError

MOST_BYTES = 1 << 20
MOST_PARTS = 10_000
MOST_MEMORY = 40 << 20  # of a message of a megabyte at most
MUTATIONS = 8000


def values() -> list[Any]:
    """Return values of which every tag is in one."""
    return [
        {"say": "seen", "value": torch.arange(6.0).reshape(2, 3), "seconds": 0.5, "lines": ["a", "b"]},
        [np.arange(4), np.array(["a", "bc"]), np.float32(2), np.array([None, [1]], dtype=object), 2**80, 1j],
        [(1, 2), {3, 4}, frozenset({5}), deque([6]), torch.Size([7, 8]), b"nine", ..., range(10), torch.int8],
        [torch.device("cpu"), Handle(3), object(), len, int, (n for n in [1]), torch.eye(2).to_sparse()],
        pandas.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[5, 6]),
        pandas.Series([1, None], dtype="Int64", name="numbers"),
        pandas.Series(["a", "b"], dtype="category", index=pandas.RangeIndex(2)),
        pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["first", None]),
    ]


def message(value: Any) -> bytes:
    """Return the bytes in which a value is sent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(ours).send(value)
        return theirs.recv(1 << 20)


def receive(content: bytes) -> Any:
    """Return what is received of bytes behind which the stream ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(content)
        ours.close()
        return Channel(theirs, most_bytes=MOST_BYTES, most_parts=MOST_PARTS).receive()


@contextmanager
def little_memory() -> Iterator[None]:
    """See that the body never holds much; Python and NumPy say what they allocate."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY, f"{peak >> 20} MB"


def refused_or_read(read: Any, *args: Any) -> bool:
    """Read something; say whether it was understood. Any other error than the channel's own goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(*args)
        except (UnreadableDataError, ChannelClosedError):
            return False
    return True


@pytest.mark.parametrize("number", range(len(values())))
def test_a_message_that_is_cut_off_anywhere_is_none(number: int) -> None:
    whole = message(values()[number])
    receive(whole)
    for size in range(len(whole)):
        with pytest.raises(ChannelClosedError):
            receive(whole[:size])


@pytest.mark.parametrize("number", range(len(values())))
def test_flipped_bits_are_refused_or_make_another_value(number: int) -> None:
    chance, whole = random.Random(number), message(values()[number])
    understood = 0
    with little_memory():
        for _ in range(MUTATIONS // 8):
            content = bytearray(whole)
            for _ in range(chance.choice([1, 1, 2, 8])):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            understood += refused_or_read(receive, bytes(content))
    assert understood < MUTATIONS // 8


STRANGE: list[Any] = [
    None, True, -1, 0, 1, 3, 2**40, 2**62, -(2**63), 2**200, 0.5, float("nan"), float("inf"), "", "a",
    "tensor", "__class__", "\ud800", "<U999999", "<f8", "float32", "Int64", [], {}, {"a": 1}, [[]], [None],
    ["list"], ["range", 0, 2**33, 1], ["range index", 0, 2**31, 1, None],
    ["integer", "0x" + "f" * 5000], ["missing", "NA"],
    ["array", "<i8", [0, 2**39], 0], ["object array", "object", [2**39, 0]], ["size", 2**62, 2**62],
    ["tensor", "float32", [2**39, 0], 0, True], ["tuple"] * 3, *([str(tag)] for tag in Tag),
]  # fmt: skip


def places(tree: Any) -> Iterator[tuple[list[Any], int]]:
    """Go through all places of a tree."""
    if isinstance(tree, list):
        for place, part in enumerate(tree):
            yield tree, place
            yield from places(part)


def mutated(tree: Any, chance: random.Random) -> Any:
    """Return a tree in which some parts are others, are there twice, or are gone."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.choice([1, 1, 2, 3])):
        known = list(places(tree))
        if not known:
            break
        where, place = chance.choice(known)
        other, from_there = chance.choice(known)
        match chance.randrange(4):
            case 0:
                where[place] = copy.deepcopy(chance.choice(STRANGE))
            case 1:
                where[place] = copy.deepcopy(other[from_there])
            case 2:
                where.insert(place, copy.deepcopy(chance.choice(STRANGE)))
            case 3:
                del where[place]
    return tree


@pytest.mark.parametrize("number", range(len(values())))
def test_trees_of_strange_parts_are_refused_or_make_another_value(number: int) -> None:
    chance, encoder = random.Random(100 + number), Encoder()
    tree = json.loads(json.dumps(encoder.encode(values()[number])))
    buffers = [bytes(buffer) for buffer in encoder.buffers]
    understood = 0
    with little_memory():
        for _ in range(MUTATIONS // 8):
            decoder = Decoder([bytearray(buffer) for buffer in buffers], most_parts=MOST_PARTS)
            understood += refused_or_read(decoder.decode, mutated(tree, chance))
    assert understood < MUTATIONS // 8


REFUSED = {
    "a part has no tag": [{}, [], {"a": 1}, [[1]], [5]],
    "is not known": [["pickle", "x"], ["", 1], ["array", "|O", [1], 0], ["tensor", "float8", [1], 0, False]],
    "no such buffer": [
        ["array", "<f8", [1], 7],
        ["array", "<f8", [1], -1],
        ["tensor", "uint8", [], True, False],
    ],
    "do not make an array": [["array", "<f8", [3], 0], ["tensor", "int8", [2**39, 2**39], 0, False]],
    "a shape must": [["array", "<f8", [-2], 0], ["array", "<f8", 2, 0], ["array", "<f8", [0] * 65, 0]],
    "is not a character": [["array", "<U1", [2], 0], ["array", ">U2", [1], 0]],
    "an array cannot be a key": [["dict", ["array", "<f8", [1], 0], 1], ["set", ["array", "<f8", [1], 0]]],
    "argument 2 is shorter": [["dict", 1]],
    "unhashable": [["dict", ["list"], 1], ["set", ["dict"]]],
    "a callback is not understood": [["callback", 0]],
    "a handle is a number": [["handle", "a"], ["handle", True]],
    "a range must hold integers": [["range", 0, 0.5, 1], ["range", 0, 2**70, 1]],
    "a range index": [["range index", 0, 2**31, 1, None], ["range index", 0, 0.5, 1, None]],
    "a column must hold": [
        ["series", ["range index", 0, 10_000_000, 1, None], None, 5],
        ["series", ["range index", 0, 10_000_000, 1, None], None, ["range", 0, 10_000_000, 1]],
        ["frame", ["range index", 0, 10_000_000, 1, None], ["range index", 0, 1, 1, None], "text"],
        ["index", None, ["range", 0, 2**60, 1]],
        ["extension", "Int64", ["range", 0, 2**60, 1]],
    ],
    "a table needs an index": [["series", ["list", 1], None, ["array", "|u1", [8], 0]]],
    "must be an array": [["categorical", ["range index", 0, 2, 1, None], ["range", 0, 10**7, 1], False]],
    "have a part for each level": [["multi index", ["list", None], ["list", ["tuple", 1, 2]]]],
    "an integer is too long": [["integer", "f" * 100_001], ["integer", 5]],
    "not understood here": [["random", "00"]],
    "is not a kind of value": [["named", "thread", "x"]],
    "need names": [["object", "X", [["tuple"], 2], False]],
    "KeyError": [["dtype", "float8"], ["special tensor", "cuda"], ["missing", "nothing"]],
    "RuntimeError": [["device", "a place"]],
    "index out of range": [["integer"], ["device"], ["missing"]],
}


@pytest.mark.parametrize(
    ("reason", "trees"), REFUSED.items(), ids=lambda part: part if isinstance(part, str) else ""
)
def test_what_an_encoder_never_makes_is_refused_with_its_reason(reason: str, trees: list[Any]) -> None:
    with little_memory():
        for tree in trees:
            with pytest.raises(UnreadableDataError, match=reason):
                Decoder([bytearray(b"\xff" * 8)]).decode(tree)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n", "does not begin like a message"),
        (struct.pack("<4sII", b"CRS1", 4, 0) + b"none", "not JSON"),
        (struct.pack("<4sII", b"CRS1", 3, 0) + b'"\xff"', "not JSON"),
        (struct.pack("<4sII", b"CRS1", 200_000, 0) + b"[" * 200_000, "not JSON"),
        (struct.pack("<4sII", b"CRS1", 6000, 0) + b"9" * 6000, "not JSON"),
        (struct.pack("<4sII", b"CRS1", 2, 0) + b"{}", "no tag"),
    ],
)
def test_bytes_that_are_no_message(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDataError, match=reason):
        receive(content)


def test_keys_that_are_made_to_be_slow_are_refused() -> None:
    # Of these integers all have one hash: each new key would be compared with all before it.
    alike = [["integer", hex(2**64 + number * (2**61 - 1))] for number in range(2000)]
    for tree in (["set", *alike], ["dict", *(part for key in alike for part in (key, 1))]):
        with pytest.raises(UnreadableDataError, match="the same hash"):
            Decoder([]).decode(tree)


@pytest.mark.parametrize(
    "seen",
    [
        None, [], {}, {"printed": 5}, {"printed": "", "failure": 3},
        {"printed": "", "failure": {"kind": None}},
    ],
)  # fmt: skip
def test_what_is_no_observation_is_refused(seen: Any) -> None:
    with pytest.raises(UnreadableDataError, match="it is not"):
        observation_from_data(seen, Script(()))


@pytest.mark.parametrize("seconds", [None, "1", -1.0, float("nan"), float("inf"), 2**5000, True, [], -0.5])
def test_of_an_observation_nothing_is_trusted(seconds: Any) -> None:
    failure = {
        "kind": "E\ud800" * 9000,
        "family": [1, "A"] * 99,
        "message": 2**20_000,
        "lines": ["x" * 999] * 99,
    }
    seen = {"printed": "\ud800" * 10**6, "failure": failure, "seconds": seconds, "changed": ["x", 5, "query"]}
    observation = observation_from_data(seen, Script(()))
    assert observation.seconds == 0.0
    assert observation.changed == ()
    assert observation.failure is not None
    assert observation.failure.message == ""
    for text in (observation.printed, observation.failure.kind, *observation.failure.lines):
        assert len(text) < 100_000
        text.encode()
    assert len(observation.failure.lines) <= 10
    assert not observation.failure.timed_out
