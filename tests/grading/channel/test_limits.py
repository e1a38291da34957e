"""Each limit of the channel holds, on both sides, and says which one it is."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from course_utils.grading.channel import codec, frames, tables
from course_utils.grading.channel.codec import Decoder, Encoder
from course_utils.grading.channel.frames import Channel, ChannelClosedError, ChannelTimeoutError
from course_utils.grading.channel.objects import MOST_DIGITS
from course_utils.grading.channel.tags import (
    MOST_ALIKE,
    MOST_COLUMNS,
    MOST_DEPTH,
    MOST_FIELDS,
    MOST_KINDS,
    MOST_LEVELS,
    MOST_ROWS,
    UnreadableDataError,
)

ROWS = ["range index", 0, 0, 1, None]


def nested(depth: int) -> Any:
    tree: Any = 1
    for _ in range(depth):
        tree = ["list", tree]
    return tree


def test_depth() -> None:
    Decoder([]).decode(nested(MOST_DEPTH + 2))
    with pytest.raises(UnreadableDataError, match="nested too deeply"):
        Decoder([]).decode(nested(MOST_DEPTH + 3))


def test_parts() -> None:
    tree = ["list", *range(9)]
    assert Decoder([], most_parts=10).decode(tree) == list(range(9))
    with pytest.raises(UnreadableDataError, match="too many parts"):
        Decoder([], most_parts=9).decode(tree)
    Encoder(most_parts=10).encode(list(range(9)))
    with pytest.raises(UnreadableDataError, match="too many parts"):
        Encoder(most_parts=9).encode(list(range(9)))


def test_digits() -> None:
    longest = 16 ** (MOST_DIGITS - 2) - 1
    tree = Encoder().encode(longest)
    assert Decoder([]).decode(tree) == longest
    with pytest.raises(UnreadableDataError, match="an integer of more than 100,000 digits"):
        Encoder().encode(longest + 1)
    with pytest.raises(UnreadableDataError, match="too long"):
        Decoder([]).decode(["integer", tree[1] + "f"])


def test_types_of_objects() -> None:
    def objects(count: int) -> Any:
        return ["list", *(["object", f"Kind{number}", [], False] for number in range(count))]

    assert len(Decoder([]).decode(objects(MOST_KINDS))) == MOST_KINDS
    with pytest.raises(UnreadableDataError, match=f"more than {MOST_KINDS} types"):
        Decoder([]).decode(objects(MOST_KINDS + 1))


def test_fields_of_a_named_tuple() -> None:
    def named(count: int) -> Any:
        return ["named tuple", "Wide", [f"field{number}" for number in range(count)], *range(count)]

    assert Decoder([]).decode(named(MOST_FIELDS)).field7 == 7
    assert type(Decoder([]).decode(named(MOST_FIELDS + 1))) is tuple
    for fields in (["_a"], ["class"], ["a b"], [5], "a", ["a", "a"]):
        assert type(Decoder([]).decode(["named tuple", "Wide", fields, *range(len(fields))])) is tuple


def test_keys_of_one_hash() -> None:
    def keys(count: int) -> Any:
        return ["set", *(["integer", hex(number * (2**61 - 1))] for number in range(count))]

    assert len(Decoder([]).decode(keys(MOST_ALIKE))) == MOST_ALIKE
    with pytest.raises(UnreadableDataError, match="same hash"):
        Decoder([]).decode(keys(MOST_ALIKE + 1))


def test_columns_categories_levels_and_rows() -> None:
    with pytest.raises(UnreadableDataError, match="more than 10,000 columns"):
        Decoder([]).decode(["frame", ROWS, ROWS, *[0] * (MOST_COLUMNS - 1)])
    categories = ["range index", 0, MOST_COLUMNS + 1, 1, None]
    codes = ["array", "|i1", [1], 0]
    with pytest.raises(UnreadableDataError, match="more than 10,000 categories"):
        Decoder([bytearray(1)]).decode(["categorical", categories, codes, False])
    names = ["list", *[None] * (MOST_LEVELS + 1)]
    with pytest.raises(UnreadableDataError, match="at most 100 levels"):
        Decoder([]).decode(["multi index", names, ["list"]])
    assert len(Decoder([]).decode(["range index", 0, MOST_ROWS, 1, None])) == MOST_ROWS
    with pytest.raises(UnreadableDataError, match="more than 10,000,000 rows"):
        Decoder([]).decode(["range index", 0, MOST_ROWS + 1, 1, None])


def test_axes_and_sizes() -> None:
    assert Decoder([bytearray(1)]).decode(["array", "|u1", [1] * 64, 0]).ndim == 64
    with pytest.raises(UnreadableDataError, match="a short list"):
        Decoder([bytearray(1)]).decode(["array", "|u1", [1] * 65, 0])
    with pytest.raises(UnreadableDataError, match="hold sizes"):
        Decoder([bytearray()]).decode(["array", "|u1", [2**40, 0], 0])


def test_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MOST_SECONDS", -1.0)
    assert Decoder([]).decode(5) == 5
    with pytest.raises(UnreadableDataError, match="too long to be understood"):
        Decoder([]).decode(["list", 5])


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_bytes_of_a_message(ends: tuple[socket.socket, socket.socket]) -> None:
    array = np.zeros(1000, np.uint8)
    size = 1000 + len('["array", "|u1", [1000], 0]')
    Channel(ends[0], most_sent=size).send(array)
    assert Channel(ends[1], most_bytes=size).receive().shape == (1000,)
    with pytest.raises(UnreadableDataError, match="too large to be handed over"):
        Channel(ends[0], most_sent=size - 1).send(array)
    Channel(ends[0]).send(array)
    with pytest.raises(UnreadableDataError, match="larger than a message may be"):
        Channel(ends[1], most_bytes=size - 1).receive()


def test_a_size_that_is_only_claimed_costs_no_memory(ends: tuple[socket.socket, socket.socket]) -> None:
    for head in (
        struct.pack("<4sII", frames.MARK, 2**32 - 1, 0),
        struct.pack("<4sII", frames.MARK, 1001, 0),
        struct.pack("<4sII", frames.MARK, 1, frames.MOST_BUFFERS + 1),
        struct.pack("<4sIIQQ", frames.MARK, 1, 2, 2**63, 2**63) + b"1",
    ):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(head)
            with pytest.raises(UnreadableDataError, match="larger than a message may be"):
                Channel(theirs, most_bytes=1000).receive(deadline=time.monotonic() + 5)


def test_buffers_of_a_message(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_BUFFERS", 3)
    Channel(ends[0]).send([torch.zeros(1)] * 3)
    assert len(Channel(ends[1]).receive()) == 3
    with pytest.raises(UnreadableDataError, match="too large"):
        Channel(ends[0]).send([torch.zeros(1)] * 4)


def test_lists_in_a_message(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_NODES", 4)
    Channel(ends[0]).send([[], [], []])
    assert Channel(ends[1]).receive() == [[], [], []]
    with pytest.raises(UnreadableDataError, match="too many parts"):
        Channel(ends[0]).send([[], [], [], []])
    keys = b'{"a":1,"b":2,"c":3,"d":4}'
    ends[0].sendall(struct.pack("<4sII", frames.MARK, len(keys), 0) + keys)
    with pytest.raises(UnreadableDataError, match="too many parts"):
        Channel(ends[1]).receive()


def test_many_messages_and_many_buffers_go_through(ends: tuple[socket.socket, socket.socket]) -> None:
    sent = [[torch.full((number,), float(place)) for place in range(300)] for number in (0, 1, 5000)]

    def send_all() -> None:
        for message in sent:
            Channel(ends[0]).send(message)

    sender = threading.Thread(target=send_all)
    sender.start()
    receiver = Channel(ends[1])
    for message in sent:
        arrived = receiver.receive(deadline=time.monotonic() + 20)
        assert all(map(torch.equal, arrived, message))
    sender.join()


def test_who_does_not_answer_and_who_does_not_read(ends: tuple[socket.socket, socket.socket]) -> None:
    began = time.monotonic()
    with pytest.raises(ChannelTimeoutError):
        Channel(ends[0]).receive(deadline=began + 0.1)
    ends[1].sendall(frames.MARK)  # the beginning of a message, and nothing behind it
    with pytest.raises(ChannelTimeoutError):
        Channel(ends[0]).receive(deadline=time.monotonic() + 0.1)
    with pytest.raises(ChannelTimeoutError):
        Channel(ends[0]).send(np.zeros(10_000_000), deadline=time.monotonic() + 0.1)
    assert time.monotonic() - began < 5
    ends[1].close()
    with pytest.raises(ChannelClosedError):
        Channel(ends[0]).receive()
    with pytest.raises(ChannelClosedError):
        Channel(ends[0]).send("anybody?")


def test_callbacks_and_handles_are_found_by_number() -> None:
    functions: list[Callable] = [len, sorted]
    encoder = Encoder(name_callable=functions.index, name_object=lambda value: 7)
    tree = encoder.encode([sorted, object()])
    assert tree == ["list", ["callback", 1], ["handle", 7]]
    found = Decoder([], functions.__getitem__, "object {}".format).decode(tree)
    assert found == [sorted, "object 7"]
    with pytest.raises(UnreadableDataError, match="IndexError"):
        Decoder([], functions.__getitem__).decode(["callback", 5])


def test_stand_ins_in_a_column_do_not_trouble_pandas() -> None:
    column = np.empty(2, dtype=object)
    column[0], column[1] = np.ones(2), "text"
    kept = tables._column(column)
    assert type(kept[0]).__name__ == "Foreign"
    assert kept[1] == "text"


def test_a_message_that_comes_in_pieces_is_waited_for_again() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(ours), Channel(theirs)
    message = {"say": "output", "rows": [torch.arange(5.0), "text" * 30, torch.ones(2, 3)]}
    recording, copy = socket.socketpair()
    Channel(recording).send(message)
    whole = copy.recv(100_000)
    for start in range(1, len(whole) - 4, 7):
        for piece in (whole[:start], whole[start : start + 3]):
            ours.sendall(piece)
            with pytest.raises(ChannelTimeoutError):
                receiver.receive(deadline=time.monotonic() + 0.002)
        ours.sendall(whole[start + 3 :])
        sender.send("the next")
        found = receiver.receive(deadline=time.monotonic() + 5)
        assert torch.equal(found["rows"][0], torch.arange(5.0))
        assert found["rows"][1] == "text" * 30
        assert receiver.receive(deadline=time.monotonic() + 5) == "the next"
    for end in (ours, theirs, recording, copy):
        end.close()
