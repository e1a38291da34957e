"""An answer that lives in a player: scripts are sent to it, and what was seen comes back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from course_utils.checking.limits import CLOCK_FACTOR, TimedOut, captured_output, time_limit
from course_utils.checking.perform import Elsewhere, Failure, Observation
from course_utils.checking.script import Script
from course_utils.grading.channel.codec import Decoder, Encoder
from course_utils.grading.channel.frames import ChannelTimeoutError, Packed
from course_utils.grading.channel.messages import observation_from_data, observation_to_data, script_to_data
from course_utils.grading.channel.objects import Handle
from course_utils.grading.channel.tags import UnreadableDataError
from course_utils.grading.judging.given import refusal

if TYPE_CHECKING:
    from course_utils.grading.judging.players import RunningPlayer

HANDING_OVER_SECONDS = 5.0
INTERRUPT_SECONDS = 3.0
CALLBACK_SECONDS = 2.0
HANDLING_REPEATS = 5
HANDLING_SLACK = 3.0  # the player copies its inputs twice and compares them besides
LEAST_HANDLING_SECONDS = 1e-3
MOST_KEPT_BYTES = 2**20


class Callbacks:
    """Functions of the judge that an answer may call; only its own check's, and so often."""

    def __init__(self, most_calls: int) -> None:
        self.most_calls = most_calls
        self.calls = 0
        self._functions: list[Callable] = []

    def name(self, function: Callable) -> int:
        """Return the number by which a function can be called."""
        if function not in self._functions:
            self._functions.append(function)
        return self._functions.index(function)

    @property
    def functions(self) -> tuple[Callable, ...]:
        """The functions that can be called, by their numbers."""
        return tuple(self._functions)

    def begin(self, functions: Iterable[Callable] = ()) -> None:
        """Forget the functions of the script before, and know those of the next."""
        self._functions[:] = functions
        self.calls = 0

    def find(self, number: int) -> Callable:
        """Return the function that has a number."""
        if not 0 <= number < len(self._functions):
            raise UnreadableDataError("it calls a function that it was not given")
        return self._functions[number]

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function for an answer."""
        number: Any = request.get("number")
        args, kwargs = request.get("args"), request.get("kwargs")
        self.calls += 1
        if self.calls > self.most_calls:
            raise UnreadableDataError(f"it calls a given function more than {self.most_calls:,} times")
        if type(number) is not int or not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise UnreadableDataError("it calls a function that it was not given")
        function = self.find(number)
        try:
            with captured_output(), time_limit(CALLBACK_SECONDS):
                return {"value": function(*args, **kwargs)}
        except UnreadableDataError:
            raise
        except (Exception, TimedOut) as error:
            return refusal(error)


@dataclass(frozen=True)
class RemoteObject(Handle):
    """An object of a player that was given to a function of the judge: it may be called, and given back."""

    player: RunningPlayer = field(compare=False, repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it where it lives.

        Raises:
            UnreadableDataError: it does not answer, so that nothing can be said to this player any more.
        """
        player = self.player
        message = {"do": "call", "function": self, "args": args, "kwargs": kwargs}
        try:
            player.say(message, seconds=HANDING_OVER_SECONDS)
            answer = player.hear_until("returned", time.monotonic() + CALLBACK_SECONDS)
        except (TimedOut, ChannelTimeoutError):
            raise UnreadableDataError("a function that it gave does not come to an end") from None
        if "error" in answer:
            raise RuntimeError(str(answer["error"])[:300])
        return answer.get("value")


class RemoteAnswer(Elsewhere):
    """The answer that a player's notebook has just handed to its checker."""

    def __init__(self, player: RunningPlayer) -> None:
        self.player = player

    def perform(self, script: Script, *, seconds: float, seed: int, quick: float | None) -> Observation:
        """Have the player run a script, and return what it says that it saw.

        The time is what the judge measures of the player's processor time, never what the player says.

        Raises:
            PlayerLostError: the player ended, or could not be made to answer.
        """
        player = self.player
        message = _packed(player, script, seconds, seed)
        before = 0.0 if quick is None else player.processor_seconds()
        began = time.monotonic()
        player.say_packed(message, seconds=HANDING_OVER_SECONDS)
        deadline = began + seconds * CLOCK_FACTOR + HANDING_OVER_SECONDS
        try:
            said = player.hear_until("seen", deadline)
        except ChannelTimeoutError:
            # Its own time limit did not end it: someone tampered with it, or it is in a long call of C code.
            player.interrupt()
            try:
                player.hear_until("seen", time.monotonic() + INTERRUPT_SECONDS)
            except ChannelTimeoutError:
                player.lose("did not answer a check, and could not be interrupted")
            return _timed_out(seconds)
        try:
            observation = observation_from_data(said.get("observation"), script)
        except UnreadableDataError as error:
            player.lose(f"broke its connection to the judge: {error}")
        if quick is None:
            return observation
        used = player.processor_seconds() - before
        if used > quick:
            used = max(0.0, used - _handling_seconds(script, observation))
        return replace(observation, seconds=used)


_kept: WeakKeyDictionary[Script, dict[tuple[float, int], tuple[Packed, tuple[Callable, ...]]]]
_kept = WeakKeyDictionary()


def _packed(player: RunningPlayer, script: Script, seconds: float, seed: int) -> Packed:
    """Return the request to run a script: the same one for every submission, so that it is made once."""
    known = _kept.setdefault(script, {})
    if (seconds, seed) in known:
        message, functions = known[seconds, seed]
        player.callbacks.begin(functions)
        return message
    player.callbacks.begin()
    message = player.pack(
        {"do": "perform", "script": script_to_data(script), "seconds": seconds, "seed": seed}
    )
    if sum(map(len, message)) <= MOST_KEPT_BYTES:
        known[seconds, seed] = message, player.callbacks.functions
    return message


def _handling_seconds(script: Script, observation: Observation) -> float:
    """Estimate how long a player takes to read the inputs, to copy them, and to send the result.

    Measured here, on the same values: what an answer is asked to be fast at is not this.
    """
    best = math.inf
    for _ in range(HANDLING_REPEATS):
        began = time.perf_counter()
        for data in (script_to_data(script), observation_to_data(observation)):
            encoder = Encoder(lambda _function: 0)
            tree = json.loads(json.dumps(encoder.encode(data)))
            Decoder([bytearray(buffer) for buffer in encoder.buffers], lambda _number: len).decode(tree)
        best = min(best, time.perf_counter() - began)
    return HANDLING_SLACK * best + LEAST_HANDLING_SECONDS


def _timed_out(seconds: float) -> Observation:
    message = f"no answer after {seconds:g} s"
    return Observation(failure=Failure("TimedOut", ("TimedOut",), message, (), timed_out=True))
