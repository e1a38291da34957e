"""What a player asks its judge, and what it hears."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from course_utils.checking.limits import interrupt, undisturbed
from course_utils.grading.channel.frames import Channel
from course_utils.grading.channel.objects import Handle
from course_utils.grading.player import link as link_module
from course_utils.grading.player.kernel import FLUSH_CHARACTERS, ChannelStream
from course_utils.grading.player.link import CallbackError, Link, open_link, the_link


class Judge:
    """The other end: answers what is asked with what it was told to answer."""

    def __init__(self, connection: socket.socket) -> None:
        self.channel = Channel(connection, name_callable=[len, sorted].index)
        self.heard: list[Any] = []

    def answering(self, *answers: Any) -> threading.Thread:
        def answer() -> None:
            for message in answers:
                self.heard.append(self.channel.receive())
                self.channel.send(message)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def ends() -> Iterator[tuple[Link, Judge]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    with ours, theirs:
        yield Link(ours), Judge(theirs)


def test_a_question_is_answered(ends: tuple[Link, Judge]) -> None:
    link, judge = ends
    thread = judge.answering({"value": [1, (2,)]})
    assert link.ask("given", name="f", args=(3,)) == [1, (2,)]
    thread.join()
    assert judge.heard == [{"say": "given", "name": "f", "args": (3,)}]


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("ValueError", ValueError), ("MemoryError", MemoryError), ("NoSuchError", CallbackError),
        ("SystemExit", CallbackError), ("KeyboardInterrupt", CallbackError), ("open", CallbackError),
    ],
)  # fmt: skip
def test_what_was_raised_elsewhere_is_raised_here(
    ends: tuple[Link, Judge], kind: str, raised: type[Exception]
) -> None:
    link, judge = ends
    judge.answering({"error": "it went wrong", "kind": kind})
    with pytest.raises(raised, match="it went wrong"):
        link.ask("given")


def test_functions_of_the_judge_are_called_where_they_live(ends: tuple[Link, Judge]) -> None:
    link, judge = ends
    judge.channel.send({"do": "perform", "function": sorted, "twice": sorted})
    wanted = link.hear()
    thread = judge.answering({"value": [1, 2]})
    assert wanted["function"]([2, 1], reverse=False) == [1, 2]
    thread.join()
    assert judge.heard == [{"say": "callback", "number": 1, "args": ([2, 1],), "kwargs": {"reverse": False}}]


def test_own_objects_come_back_as_themselves_and_can_be_called(ends: tuple[Link, Judge]) -> None:
    link, judge = ends
    model = object()
    calls: list[Any] = []

    def double(value: int) -> int:
        calls.append(value)
        return 2 * value

    judge.answering(
        {"do": "call", "function": Handle(0), "args": (21,), "kwargs": {}},
        {"do": "call", "function": Handle(0), "args": ("x", "y"), "kwargs": {}},
        {"value": [Handle(1), Handle(0)]},
    )
    assert link.ask("callback", args=(double, model, model)) == [model, double]
    assert calls == [21]
    assert judge.heard[0]["args"] == (Handle(0), Handle(1), Handle(1))
    assert judge.heard[1] == {"say": "returned", "value": 42}
    assert judge.heard[2]["kind"] == "TypeError"


def test_a_process_has_one_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_links", [])
    with pytest.raises(RuntimeError, match="has no judge"):
        the_link()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert open_link(ours) is the_link()


def test_a_stream_says_what_was_written_in_pieces() -> None:
    said: list[Any] = []
    stream = ChannelStream("stdout", lambda kind, content: said.append((kind, content["text"])))
    print("one", 2, file=stream)
    assert said == []
    stream.flush()
    stream.flush()
    stream.write("x" * FLUSH_CHARACTERS)
    assert said == [("stream", "one 2\n"), ("stream", "x" * FLUSH_CHARACTERS)]
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"bytes")  # type: ignore[arg-type]


def test_a_function_is_not_called_when_an_interrupt_waits() -> None:
    wanted = {"function": lambda: pytest.fail("called"), "args": (), "kwargs": {}}
    said = []

    def asks() -> None:
        with undisturbed():
            interrupt(KeyboardInterrupt(), None)
            said.append(link_module._called(wanted)["error"])

    with pytest.raises(KeyboardInterrupt):
        asks()
    assert said == ["it was interrupted"]
