"""A real IPython kernel that is driven over the judge's channel instead of five sockets.

It is ipykernel's own kernel and shell, so magics, display, matplotlib, rich output and top-level `await` are
what they are in JupyterLab. Only its messages take another way: what it would publish is sent on the channel,
and cells come from there. So a submission's process has one door, and nothing parses what ZeroMQ lets in.

The kernel is made before the process is forked, so that a player does not wait for it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from ipykernel.ipkernel import IPythonKernel
from jupyter_client.session import Session
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from course_utils.checking.limits import forget_interrupts, interrupt, interruptible, undisturbed
from course_utils.grading.channel.frames import ChannelClosedError
from course_utils.grading.channel.tags import UnreadableDataError
from course_utils.grading.player.link import Link
from course_utils.grading.player.shell import PlayerShell

SHOWN = frozenset(
    {"stream", "display_data", "execute_result", "update_display_data", "error", "clear_output"}
)
FLUSH_CHARACTERS = 8192
MOST_LINES = 100
MOST_CHARACTERS = 2**20
"""Of one text that is shown. The judge keeps less; a message that is too large would end the player."""
Publish = Callable[[str, dict[str, Any]], None]


class ChannelSession(Session):
    """A session that gives what is published to a function, and drops what nobody in a graded run reads."""

    publish: Publish | None = None

    def send(  # type: ignore[override]
        self, _stream: Any, msg_or_type: Any, content: Any = None, *_args: Any, **_options: Any
    ) -> Any:
        """Publish a message."""
        is_message = isinstance(msg_or_type, dict)
        kind = msg_or_type["msg_type"] if is_message else msg_or_type
        content = msg_or_type["content"] if is_message else content
        if self.publish is not None and kind in SHOWN:
            self.publish(kind, content)
        return msg_or_type


class ChannelStream(io.TextIOBase):
    """stdout or stderr of a cell: what is written is published in pieces."""

    encoding = "utf-8"

    def __init__(self, name: str, publish: Publish) -> None:
        self.name = name
        self._publish = publish
        self._waiting: list[str] = []
        self._size = 0
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep a text until there is enough of it, or until it is flushed."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            self._waiting.append(text)
            self._size += len(text)
            if self._size >= FLUSH_CHARACTERS:
                self.flush()
        return len(text)

    def flush(self) -> None:
        """Publish what waits."""
        with self._lock:
            text, self._waiting, self._size = "".join(self._waiting), [], 0
        if text:
            self._publish("stream", {"name": self.name, "text": text})


def _cut(content: Any) -> Any:
    """Cut the texts of what is shown, down to those of a bundle of several forms."""
    if isinstance(content, str):
        return content[:MOST_CHARACTERS]
    if isinstance(content, dict):
        return {key: _cut_form(item) for key, item in content.items()}
    return content


def _cut_form(item: Any) -> Any:
    if isinstance(item, dict):
        # Forms that are no text are not kept by the judge.
        return {key: _cut(part) for key, part in item.items() if not isinstance(part, (dict, list, tuple))}
    if isinstance(item, list):  # the lines of a traceback
        return [_cut(line) if isinstance(line, str) else line for line in item[-MOST_LINES:]]
    return _cut(item)


class PlayerKernel(IPythonKernel):
    """ipykernel's kernel with the channel in place of its sockets."""

    iopub_socket = AnyTrait()
    shell_class = Type(PlayerShell)

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Go on: who ends the kernel is the judge."""
        return {"status": "ok", "restart": restart}


def make_kernel() -> PlayerKernel:
    """Return a kernel that nothing is connected to yet. No thread is started."""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.HistoryManager.hist_file = ":memory:"
    # Without a debugger, which would start threads: nobody steps through a submission that is graded.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    try:
        kernel = PlayerKernel(
            config=settings,
            log=logging.getLogger("course.player"),
            session=ChannelSession(key=b""),
            iopub_socket=SimpleNamespace(),  # nobody is connected, and nothing is sent to it
        )
        # What magics such as `%cd` remember: a player does not see the folder that IPython would use.
        cast(PlayerShell, kernel.shell).db = {}
        return kernel
    finally:
        del sys.modules["debugpy"]


class Player:
    """Runs the cells that the judge sends, in a kernel made before."""

    def __init__(self, kernel: PlayerKernel, link: Link) -> None:
        self.kernel = kernel
        self.link = link
        self.streams = [ChannelStream("stdout", self._publish), ChannelStream("stderr", self._publish)]
        cast(ChannelSession, kernel.session).publish = self._publish_after_streams

    def _publish(self, kind: str, content: dict[str, Any]) -> None:
        try:
            self.link.say("output", kind=kind, content=_cut(content))
        except UnreadableDataError:
            self.link.say(
                "output", kind="stream", content={"name": "stderr", "text": "(an output too large to keep)\n"}
            )

    def _publish_after_streams(self, kind: str, content: dict[str, Any]) -> None:
        for stream in self.streams:
            stream.flush()
        self._publish(kind, content)

    def play(self) -> None:
        """Run cells until the judge hangs up."""
        sys.stdout, sys.stderr = self.streams
        signal.signal(signal.SIGINT, lambda _number, frame: interrupt(KeyboardInterrupt(), frame))
        # Not asyncio.run: its handler takes the first interrupt for itself, and a cell would not see it.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        with undisturbed():
            loop.run_until_complete(self._play())

    async def _play(self) -> None:
        from tornado.ioloop import IOLoop

        loop = asyncio.get_running_loop()
        self.kernel.io_loop = IOLoop.current()
        self.kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        arrived = asyncio.Event()
        connection = self.link.channel.connection
        while True:
            # Between cells the loop is free: what a cell left running goes on, as it does in JupyterLab.
            loop.add_reader(connection, arrived.set)
            await arrived.wait()
            loop.remove_reader(connection)
            arrived.clear()
            try:
                wanted = self.link.hear()
            except ChannelClosedError:
                return
            await self._run(wanted["source"])

    async def _run(self, source: str) -> None:
        forget_interrupts()
        try:
            with interruptible():
                reply = await self.kernel.do_execute(
                    source, silent=False, store_history=True, allow_stdin=False
                )
            status = str(reply.get("status"))
        except KeyboardInterrupt:
            # The interrupt came when the cell itself had ended.
            status = "error"
        for stream in self.streams:
            stream.flush()
        self.link.say("done", status=status)
