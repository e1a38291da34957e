"""A stream of messages between judge and player, with limits on what the other side may send.

A message is a prefix of 12 bytes (a mark, the size of the tree, the number of buffers), the sizes of the
buffers, the tree as JSON, and the buffers.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from course_utils.grading.channel.codec import Buffer, Decoder, Encoder
from course_utils.grading.channel.objects import Handle
from course_utils.grading.channel.tags import MOST_NODES, UnreadableDataError

MARK = b"CRS1"
_PREFIX = struct.Struct("<4sII")
MOST_BUFFERS = 20_000
MOST_TREE_BYTES = 32 * 2**20
MOST_BYTES = 256 * 2**20
_PARTS_AT_ONCE = 256
Packed = list[Buffer]


class ChannelClosedError(Exception):
    """The other side has ended."""


class ChannelTimeoutError(Exception):
    """The other side did not answer, or did not read, in time."""


def _require_few_parts(text: bytes | bytearray) -> None:
    """Look that JSON does not become far larger in memory: an empty list takes 30 times its two letters."""
    if text.count(b"[") + text.count(b"{") + text.count(b":") > MOST_NODES:
        raise UnreadableDataError("it has too many parts")


class Channel:
    """One end of a stream socket.

    Args:
        connection: A connected stream socket.
        most_bytes: The most bytes of one message that is received.
        most_sent: The most bytes of one message that is sent.
        most_parts: The most values in one message that is received, those within others counted.
        most_parts_sent: The most values in one message that is sent.
        name_callable: See `Encoder`.
        resolve_callback: See `Decoder`.
        resolve_handle: See `Decoder`.
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        most_bytes: int = MOST_BYTES,
        most_sent: int = MOST_BYTES,
        most_parts: int = MOST_NODES,
        most_parts_sent: int = MOST_NODES,
        name_callable: Callable[[Callable], int | None] | None = None,
        resolve_callback: Callable[[int], Callable] | None = None,
        resolve_handle: Callable[[int], Any] = Handle,
    ) -> None:
        self.connection = connection
        self.most_bytes = most_bytes
        self.most_sent = most_sent
        self.most_parts = most_parts
        self.most_parts_sent = most_parts_sent
        self.name_callable = name_callable
        self.resolve_callback = resolve_callback
        self.resolve_handle = resolve_handle
        # Only one message at a time may be on its way out, whichever thread sends it.
        self._sending = threading.Lock()
        # What was read of the message that is on its way in, and what of it is to be read again: when time is
        # up in the middle of a message, its beginning must not be lost.
        self._read_parts: list[bytearray] = []
        self._again = bytearray()

    def send(
        self,
        message: Any,
        *,
        deadline: float | None = None,
        name_object: Callable[[Any], int] | None = None,
    ) -> None:
        """Send a value.

        Args:
            message: The value.
            deadline: When to give up, by `time.monotonic`.
            name_object: See `Encoder`.

        Raises:
            ChannelClosedError: the other side has ended.
            ChannelTimeoutError: the other side did not read it in time.
            UnreadableDataError: the value is too large to be sent.
        """
        self.send_packed(self.pack(message, name_object=name_object), deadline=deadline)

    def pack(self, message: Any, *, name_object: Callable[[Any], int] | None = None) -> Packed:
        """Return a value as it is sent, for one that is sent many times.

        Raises:
            UnreadableDataError: the value is too large to be sent.
        """
        encoder = Encoder(self.name_callable, name_object, self.most_parts_sent)
        text = json.dumps(encoder.encode(message)).encode()
        sizes = [len(buffer) for buffer in encoder.buffers]
        if (
            len(text) > MOST_TREE_BYTES
            or len(sizes) > MOST_BUFFERS
            or len(text) + sum(sizes) > self.most_sent
        ):
            raise UnreadableDataError("it is too large to be handed over")
        _require_few_parts(text)
        prefix = _PREFIX.pack(MARK, len(text), len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
        return [prefix, text, *encoder.buffers]

    def send_packed(self, message: Packed, *, deadline: float | None = None) -> None:
        """Send what `pack` returned.

        Raises:
            ChannelClosedError: the other side has ended.
            ChannelTimeoutError: the other side did not read it in time.
        """
        with self._sending:
            self._write(message, deadline)

    def _write(self, parts: Packed, deadline: float | None) -> None:
        waiting = [memoryview(part) for part in parts if len(part)]
        while waiting:
            try:
                self._wait_until(deadline)
                sent = self.connection.sendmsg(waiting[:_PARTS_AT_ONCE])
            except TimeoutError:
                raise ChannelTimeoutError from None
            except OSError:
                raise ChannelClosedError from None
            while waiting and sent >= len(waiting[0]):
                sent -= len(waiting.pop(0))
            if sent:
                waiting[0] = waiting[0][sent:]

    def receive(self, *, deadline: float | None = None) -> Any:
        """Return the next value.

        Raises:
            ChannelClosedError: the other side has ended.
            ChannelTimeoutError: it did not come in time; it may be waited for again.
            UnreadableDataError: what came is not a message, or is larger than it may be.
        """
        mark, tree_size, count = _PREFIX.unpack(self._read(_PREFIX.size, deadline))
        if mark != MARK:
            raise UnreadableDataError("it does not begin like a message")
        if tree_size > min(MOST_TREE_BYTES, self.most_bytes) or count > MOST_BUFFERS:
            raise UnreadableDataError("it is larger than a message may be")
        # As few reads as possible: most messages are small, and a read costs more than what it reads.
        head = self._read(8 * count + tree_size, deadline)
        sizes = struct.unpack_from(f"<{count}Q", head)
        if tree_size + sum(sizes) > self.most_bytes:
            raise UnreadableDataError("it is larger than a message may be")
        content = memoryview(self._read(sum(sizes), deadline))
        self._read_parts = []
        buffers, start = [], 0
        for size in sizes:
            buffers.append(bytearray(content[start : start + size]))
            start += size
        text = head[8 * count :]
        _require_few_parts(text)
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            raise UnreadableDataError("it is not JSON") from None
        return Decoder(buffers, self.resolve_callback, self.resolve_handle, self.most_parts).decode(tree)

    def _read(self, size: int, deadline: float | None) -> bytearray:
        content = bytearray(size)
        got = min(size, len(self._again))
        content[:got] = self._again[:got]
        del self._again[:got]
        view = memoryview(content)
        while got < size:
            try:
                self._wait_until(deadline)
                count = self.connection.recv_into(view[got:])
            except (TimeoutError, ChannelTimeoutError):
                self._again = bytearray().join([*self._read_parts, content[:got]])
                self._read_parts = []
                raise ChannelTimeoutError from None
            except OSError:
                raise ChannelClosedError from None
            if not count:
                raise ChannelClosedError
            got += count
        self._read_parts.append(content)
        return content

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            self.connection.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise ChannelTimeoutError
        self.connection.settimeout(left)

    def close(self) -> None:
        """End the stream."""
        self.connection.close()
