"""The player's end of the channel to its judge.

There is one player in a process, and one channel. What is said on it is data: see `channel/`.
"""

from __future__ import annotations

import builtins
import socket
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from course_utils.checking.limits import TimedOut, interrupt, interruptible, undisturbed
from course_utils.grading.channel.frames import Channel
from course_utils.grading.channel.tags import MOST_ANSWER_PARTS
from course_utils.grading.sandbox.limits import Limits


class CallbackError(RuntimeError):
    """A function that the check gave to an answer raised an exception where it lives."""


class Link:
    """What a player says to its judge and asks of it."""

    def __init__(self, connection: socket.socket) -> None:
        self._callbacks: WeakKeyDictionary[Callable, int] = WeakKeyDictionary()
        self.channel = Channel(
            connection,
            # The judge does not read a longer one, so that it is better told in words.
            most_sent=Limits().answer_bytes,
            most_parts_sent=MOST_ANSWER_PARTS,
            name_callable=self._callbacks.get,
            resolve_callback=self._callback,
            resolve_handle=lambda number: self._objects[number],
        )
        self.conversation = threading.RLock()
        self._objects: list[Any] = []

    def say(self, what: str, /, **content: Any) -> None:
        """Tell the judge something that needs no answer."""
        with undisturbed():
            self.channel.send({"say": what, **content})

    def hear(self) -> dict[str, Any]:
        """Wait for what the judge says next."""
        return self.channel.receive()

    def _callback(self, number: int) -> Callable:
        """Return a function that lives in the judge: calling it asks for its value."""

        def function(*args: Any, **kwargs: Any) -> Any:
            return self.ask("callback", number=number, args=args, kwargs=kwargs)

        self._callbacks[function] = number
        return function

    def ask(self, what: str, /, **content: Any) -> Any:
        """Have the judge work something out.

        Objects that have no form as data are named, and come back as themselves.

        Raises:
            Exception: what the function raised where it lives.
            CallbackError: that has no name among Python's own exceptions.
        """
        with self.conversation, undisturbed():
            outer, self._objects = self._objects, []
            try:
                self.channel.send({"say": what, **content}, name_object=self._name)
                answer = self.hear()
                while answer.get("do") == "call":
                    self.channel.send(_called(answer), name_object=self._name)
                    answer = self.hear()
            finally:
                self._objects = outer
        if "error" in answer:
            kind: Any = getattr(builtins, answer["kind"], None)
            raise (kind if _is_exception(kind) else CallbackError)(answer["error"])
        return answer["value"]

    def _name(self, value: Any) -> int:
        for number, known in enumerate(self._objects):
            if known is value:
                return number
        self._objects.append(value)
        return len(self._objects) - 1


def _called(wanted: dict[str, Any]) -> dict[str, Any]:
    """Call an own function, which the judge needs for what it works out."""
    try:
        with interruptible():
            return {"say": "returned", "value": wanted["function"](*wanted["args"], **wanted["kwargs"])}
    except (TimedOut, KeyboardInterrupt) as error:
        # The judge is told first, and the interrupt goes on when it has said what came of that.
        interrupt(error, None)
        return {"say": "returned", "error": "it was interrupted", "kind": "RuntimeError"}
    except Exception as error:
        return {"say": "returned", "error": str(error)[:300], "kind": type(error).__name__}


def _is_exception(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Exception)


_links: list[Link] = []


def open_link(connection: socket.socket) -> Link:
    """Make the process's channel."""
    _links[:] = [Link(connection)]
    return _links[0]


def the_link() -> Link:
    """Return the process's channel.

    Raises:
        RuntimeError: this process is not a player.
    """
    if not _links:
        raise RuntimeError("this process has no judge: it is not one that grades a submission")
    return _links[0]
