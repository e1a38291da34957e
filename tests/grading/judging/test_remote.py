"""An answer elsewhere: its time is what the judge measures, and it calls only what it was given."""

from __future__ import annotations

import gc
from typing import Any
from weakref import WeakKeyDictionary

import pytest
import torch

from course_utils.checking.perform import Observation
from course_utils.checking.script import Script, Step
from course_utils.grading.channel.frames import ChannelTimeoutError
from course_utils.grading.channel.messages import observation_to_data
from course_utils.grading.channel.tags import UnreadableDataError
from course_utils.grading.judging import remote
from course_utils.grading.judging.players import PlayerLostError
from course_utils.grading.judging.remote import LEAST_HANDLING_SECONDS, Callbacks, RemoteAnswer, RemoteObject

SCRIPT = Script((Step("call", "", (torch.zeros(2),), {}, ("x",)),))


class FakePlayer:
    """Says what it is to say, and has used as much processor time as it is to have used."""

    def __init__(self, *says: Any, used: float = 0.0) -> None:
        self.callbacks = Callbacks(3)
        self.says = list(says)
        self.clock = iter([7.0, 7.0 + used])
        self.heard: list[Any] = []
        self.interrupts = 0
        self.packed = 0

    def processor_seconds(self) -> float:
        return next(self.clock)

    def say(self, message: Any, *, seconds: float) -> None:
        self.heard.append(message)

    def pack(self, message: Any) -> list[bytes]:
        self.packed += 1
        functions = [value for step in message["script"]["steps"] for value in step[2] if callable(value)]
        return [repr([self.callbacks.name(function) for function in functions]).encode()]

    def say_packed(self, message: Any, *, seconds: float) -> None:
        self.heard.append(message)

    def hear_until(self, kind: str, deadline: float) -> Any:
        said = self.says.pop(0)
        if said is None:
            raise ChannelTimeoutError
        return said

    def interrupt(self) -> None:
        self.interrupts += 1

    def lose(self, why: str) -> None:
        raise PlayerLostError(why)


def seen(seconds: Any) -> dict[str, Any]:
    return {"say": "seen", "observation": {**observation_to_data(Observation(value=5)), "seconds": seconds}}


def perform(player: FakePlayer, *, quick: float | None = 0.0) -> Observation:
    return RemoteAnswer(player).perform(SCRIPT, seconds=1.0, seed=3, quick=quick)  # type: ignore[arg-type]


@pytest.mark.parametrize("claimed", [0.0, 1e-9, 50.0, float("nan"), -3.0])
def test_the_time_is_measured_and_handing_over_is_taken_off(
    claimed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_handling_seconds", lambda script, observation: 0.25)
    assert perform(FakePlayer(seen(claimed), used=1.0)).seconds == pytest.approx(0.75)
    assert perform(FakePlayer(seen(claimed), used=0.1)).seconds == 0.0
    # Quick enough as it is: nothing needs to be taken off.
    assert perform(FakePlayer(seen(claimed), used=0.7), quick=0.8).seconds == pytest.approx(0.7)


def test_where_time_does_not_count_it_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    player = FakePlayer(seen(0.5))
    monkeypatch.setattr(player, "processor_seconds", lambda: pytest.fail("measured"))
    assert perform(player, quick=None).value == 5


def test_a_script_is_packed_once_for_all_players_and_each_can_call_its_functions() -> None:
    def first(value: int) -> int:
        return value + 1

    def second(value: int) -> int:
        return value * 10

    def ask(player: FakePlayer, script: Script, seed: int = 3) -> None:
        RemoteAnswer(player).perform(script, seconds=1.0, seed=seed, quick=None)  # type: ignore[arg-type]

    script = Script((Step("call", "", (first, second), {}, ("f", "g")),))
    swapped = Script((Step("call", "", (second, first), {}, ("f", "g")),))
    players = [FakePlayer(seen(0.5), seen(0.5), seen(0.5)) for _ in range(2)]
    for player in players:
        ask(player, script)
        assert player.callbacks.call(call(0, 4)) == {"value": 5}
        assert player.callbacks.call(call(1, 4)) == {"value": 40}
        ask(player, swapped)
        assert player.callbacks.call(call(0, 4)) == {"value": 40}
        with pytest.raises(UnreadableDataError, match="not given"):
            player.callbacks.call(call(2, 4))
        ask(player, script, seed=4)
    assert [player.packed for player in players] == [3, 0]
    assert players[0].heard == players[1].heard


def test_what_is_packed_is_forgotten_with_its_script_and_what_is_large_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "_kept", WeakKeyDictionary())
    script = Script((Step("call", "", (torch.zeros(2),), {}, ("x",)),))
    player = FakePlayer(seen(0.5), seen(0.5))
    RemoteAnswer(player).perform(script, seconds=1.0, seed=3, quick=None)  # type: ignore[arg-type]
    assert len(remote._kept[script]) == 1
    del script
    gc.collect()
    assert not remote._kept
    monkeypatch.setattr(remote, "MOST_KEPT_BYTES", 1)
    other = Script((Step("call", "", (torch.zeros(2),), {}, ("x",)),))
    RemoteAnswer(player).perform(other, seconds=1.0, seed=3, quick=None)  # type: ignore[arg-type]
    assert not remote._kept[other]


def test_more_data_takes_longer_to_hand_over() -> None:
    large = Script((Step("call", "", (torch.zeros(3_000_000),), {}, ("x",)),))
    small_seconds = remote._handling_seconds(SCRIPT, Observation(value=1))
    large_seconds = remote._handling_seconds(large, Observation(value=torch.zeros(3_000_000)))
    assert LEAST_HANDLING_SECONDS <= small_seconds < large_seconds < 5.0


def test_who_does_not_answer_is_interrupted_and_then_lost() -> None:
    player = FakePlayer(None, seen(0.0))
    found = perform(player)
    assert player.interrupts == 1
    assert found.failure is not None
    assert found.failure.timed_out
    with pytest.raises(PlayerLostError, match="could not be interrupted"):
        perform(FakePlayer(None, None))
    with pytest.raises(PlayerLostError, match="broke its connection"):
        perform(FakePlayer({"say": "seen", "observation": [1]}))


def call(number: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"number": number, "args": args, "kwargs": kwargs}


def test_an_answer_calls_functions_that_it_was_given_and_no_others() -> None:
    callbacks = Callbacks(100)
    number = callbacks.name(sorted)
    assert callbacks.name(sorted) == number
    assert callbacks.name(len) == number + 1
    assert callbacks.call(call(number, [2, 1], reverse=True)) == {"value": [2, 1]}
    assert callbacks.call(call(number, 5))["kind"] == "TypeError"
    for wrong in (call(-1), call(2), call(True), call("0"), {"number": 0, "args": [], "kwargs": {}}):
        with pytest.raises(UnreadableDataError, match="not given"):
            callbacks.call(wrong)
    callbacks.begin()
    with pytest.raises(UnreadableDataError, match="not given"):
        callbacks.call(call(number, []))


def test_an_answer_calls_so_often_and_no_oftener() -> None:
    callbacks = Callbacks(3)
    number = callbacks.name(len)
    for _ in range(3):
        assert callbacks.call(call(number, "ab")) == {"value": 2}
    with pytest.raises(UnreadableDataError, match="more than 3 times"):
        callbacks.call(call(number, "ab"))


def test_a_function_that_lives_in_a_player_is_called_there() -> None:
    player = FakePlayer({"value": 9}, {"error": "no " * 500}, None)
    function = RemoteObject(4, player)  # type: ignore[arg-type]
    assert function(2, key=3) == 9
    assert player.heard[0] == {"do": "call", "function": function, "args": (2,), "kwargs": {"key": 3}}
    with pytest.raises(RuntimeError, match="no no"):
        function()
    with pytest.raises(UnreadableDataError, match="does not come to an end"):
        function()
