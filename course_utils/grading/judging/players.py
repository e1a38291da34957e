"""Starting players, talking to them, and ending them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from course_utils.grading.channel.frames import Channel, ChannelClosedError, ChannelTimeoutError, Packed
from course_utils.grading.channel.tags import MOST_ANSWER_PARTS, UnreadableDataError
from course_utils.grading.judging.given import refusal
from course_utils.grading.judging.preloading import END_SECONDS, take_preloading
from course_utils.grading.judging.remote import Callbacks, RemoteObject
from course_utils.grading.judging.stage import Stage, stage_package
from course_utils.grading.sandbox.policy import Policy
from course_utils.grading.sandbox.processes import cpu_seconds, tree
from course_utils.grading.sandbox.watch import Watchdog, host_pid

START_SECONDS = 120.0
SHUT_IN_SECONDS = 20.0
HEARING_SECONDS = 10.0
Message = dict[str, Any]


class PlayerLostError(Exception):
    """A player ended, or had to be ended; the message says why, to follow "the cell"."""


class PlayerEndedError(PlayerLostError):
    """A player ended, and nobody here ended it: what it ran did, or something else on this machine."""


class NotShutInError(Exception):
    """A player could not be shut in; the message says which layer failed and why."""


class PreloadedServer:
    """The process that players are forked from, for the submissions of one chapter."""

    def __init__(self, stage: Stage) -> None:
        self._preloading = take_preloading()
        self.package = stage_package(stage, self._preloading.folder / "package")
        self._preloading.tell(self.package, stage.libraries)
        self._connections: dict[int, socket.socket] = {}
        self._owner = os.getpid()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        return self._preloading.process

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        if os.getpid() != self._owner:
            # It is no child of this process, which was forked from the one that started it.
            return Path(f"/proc/{self.process.pid}").exists()
        return self.process.poll() is None

    def _connection(self) -> socket.socket:
        """Return this process's connection: a judge that was forked makes one of its own."""
        if os.getpid() not in self._connections:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(START_SECONDS)
            try:
                connection.connect(self._preloading.address)
                greeting = connection.recv(4096)  # comes when everything is loaded
            except OSError as error:
                connection.close()
                raise NotShutInError(
                    f"the preloaded process cannot be reached ({error}): {self._last_words()}"
                ) from None
            if not greeting:
                connection.close()
                raise NotShutInError(f"the preloaded process ended: {self._last_words()}")
            self._connections[os.getpid()] = connection
        return self._connections[os.getpid()]

    def _last_words(self) -> str:
        return "it does not answer" if os.getpid() != self._owner else self._preloading.last_words()

    def start(self, policy: Policy) -> RunningPlayer:
        """Start a player.

        Raises:
            NotShutInError: a layer of the policy could not be put on.
        """
        connection = self._connection()
        ours, theirs = socket.socketpair()
        listen, report = os.pipe()
        try:
            socket.send_fds(connection, [json.dumps(policy.to_data()).encode()], [theirs.fileno(), report])
            answer, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        except OSError:
            raise NotShutInError("the preloaded process has ended") from None
        finally:
            theirs.close()
            os.close(report)
        said = _read_all(listen, SHUT_IN_SECONDS)
        outcome = json.loads(said) if said else {"failed": "it ended before it was shut in"}
        if "failed" in outcome or not descriptors:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                os.close(descriptor)
            ours.close()
            raise NotShutInError(outcome.get("failed", "it could not be forked"))
        return RunningPlayer(ours, json.loads(answer)["pid"], descriptors[0], policy)

    def close(self) -> None:
        """End the process and the players that are left."""
        for connection in self._connections.values():
            connection.close()
        self._preloading.close()


def _read_all(descriptor: int, seconds: float) -> bytes:
    said, deadline = b"", time.monotonic() + seconds
    try:
        while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            part = os.read(descriptor, 65536)
            if not part:
                return said
            said += part
        return b""
    finally:
        os.close(descriptor)


class RunningPlayer:
    """A player as its judge sees it: a channel, and a handle to end it by."""

    def __init__(self, connection: socket.socket, pid: int, handle: int, policy: Policy) -> None:
        self.policy = policy
        self.callbacks = Callbacks(policy.limits.callbacks)
        self.on_output: Callable[[Message], None] = lambda _message: None
        self.on_given: Callable[[Message], Message] = lambda _message: {"value": None}
        self._handle = handle
        self._lost: PlayerLostError | None = None
        self._interrupted = False
        self._channel = Channel(
            connection,
            most_bytes=policy.limits.answer_bytes,
            most_parts=MOST_ANSWER_PARTS,
            name_callable=self.callbacks.name,
            resolve_callback=self.callbacks.find,
            resolve_handle=lambda number: RemoteObject(number, self),
        )
        outer = self._outer = host_pid(handle) or pid
        self._watchdog = Watchdog(policy, outer, handle)
        self._watchdog.start()
        # In namespaces of its own the kernel is a child of their first process.
        inner = [process for process in tree(outer) if process != outer] if policy.own_namespaces else [outer]
        self.pid = min(inner, default=outer)
        self._kernel = _open_handle(self.pid)

    def say(self, message: Message, *, seconds: float) -> None:
        """Tell the player something.

        Raises:
            PlayerLostError: it has ended, or does not listen.
        """
        if "source" in message:
            self._interrupted = False
        self.say_packed(self._channel.pack(message), seconds=seconds)

    def pack(self, message: Message) -> Packed:
        """Return a message as it is sent, for one that is said to many players.

        Functions in it get the numbers that `callbacks` gives them meanwhile.
        """
        return self._channel.pack(message)

    def say_packed(self, message: Packed, *, seconds: float) -> None:
        """Tell the player what `pack` returned.

        Raises:
            PlayerLostError: it has ended, or does not listen.
        """
        self._require_player()
        try:
            self._channel.send_packed(message, deadline=time.monotonic() + seconds)
        except ChannelClosedError:
            self._gone()
        except ChannelTimeoutError:
            self.lose("does not read what its judge says")

    def _answer(self, answer: Message) -> None:
        """Say what was asked for, or that it is too large to be said."""
        try:
            self.say(answer, seconds=HEARING_SECONDS)
        except UnreadableDataError as error:
            self.say(refusal(MemoryError(f"the result is not handed over: {error}")), seconds=HEARING_SECONDS)

    def hear_until(self, kind: str, deadline: float) -> Message:
        """Return the next message of a kind; what the cell shows and asks of helpers before it is seen to.

        Raises:
            PlayerLostError: the player has ended, or said what it may not say.
            ChannelTimeoutError: nothing came in time; the player still runs.
        """
        while True:
            message = self.hear(deadline)
            if message["say"] == kind:
                return message
            self.attend(message)

    def hear(self, deadline: float) -> Message:
        """Return the next message.

        Raises:
            PlayerLostError: the player has ended, or said what is not a message.
            ChannelTimeoutError: nothing came in time; the player still runs.
        """
        self._require_player()
        try:
            message = self._channel.receive(deadline=deadline)
        except ChannelClosedError:
            self._gone()
        except UnreadableDataError as error:
            self.lose(f"broke its connection to the judge: {error}")
        if not isinstance(message, dict) or not isinstance(message.get("say"), str):
            self.lose("broke its connection to the judge: it says nothing that is known")
        return message

    def attend(self, message: Message) -> None:
        """See to a message that may come at any time: an output, or the call of a function that was given."""
        if message["say"] == "output":
            self.on_output(message)
            return
        try:
            match message["say"]:
                case "callback":
                    answer = self.callbacks.call(message)
                case "given" | "given gradients":
                    answer = self.on_given(message)
                case _:
                    raise UnreadableDataError("it speaks out of turn")
        except UnreadableDataError as error:
            self.lose(f"broke its connection to the judge: {error}")
        self._answer(answer)

    def processor_seconds(self) -> float:
        """Return the processor time that the player has used, measured from outside.

        All of its processes count, also one that has left the kernel's family.
        """
        return cpu_seconds(self._outer)

    def require_limits(self) -> None:
        """Look whether a limit is passed, at the end of a cell: the next one is not to blame for it.

        Raises:
            PlayerLostError: one is, and the player was ended.
        """
        if self._watchdog.look():
            self.lose("passed a limit")

    def interrupt(self) -> None:
        """Interrupt what the player runs, as the stop button does."""
        self._interrupted = True
        if self._kernel is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._kernel, signal.SIGINT)

    def _require_player(self) -> None:
        """Say once more why the player was lost: a function that called it may have kept that to itself."""
        if self._lost is not None:
            raise self._lost

    def _gone(self) -> NoReturn:
        time.sleep(0.1)  # the watchdog may be about to say why
        if self._interrupted:
            self.lose("ran too long, and ended when it was interrupted")
        self.lose("ended its kernel (an exit, or a crash)", PlayerEndedError)

    def lose(self, why: str, error: type[PlayerLostError] = PlayerLostError) -> NoReturn:
        """End the player and say why."""
        reason = self._watchdog.reason
        self.close()
        self._lost = PlayerLostError(f"was ended: {reason}") if reason else error(why)
        raise self._lost

    def close(self) -> None:
        """End the player, whatever it does."""
        if self._handle < 0:
            return
        self._watchdog.close()
        self._channel.close()
        if not self.policy.own_namespaces:
            select.select([self._handle], [], [], END_SECONDS)
            shutil.rmtree(self.policy.home, ignore_errors=True)
        for descriptor in (self._handle, self._kernel):
            if descriptor is not None:
                os.close(descriptor)
        self._handle, self._kernel = -1, None


def _open_handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
