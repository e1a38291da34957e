"""Scripts and observations as plain values, for the channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from course_utils.checking.limits import PRINT_LIMIT, bounded_text
from course_utils.checking.perform import MESSAGE_LIMIT, Failure, Observation
from course_utils.checking.script import Script, Step, StepKind
from course_utils.grading.channel.tags import UnreadableDataError

MOST_LINES = 10
MOST_NAMES = 50
LINE_LIMIT = 300
STEP_KINDS = frozenset(get_args(StepKind))


def script_to_data(script: Script) -> dict[str, Any]:
    """Return what a player needs of a script."""
    steps = [[step.kind, step.name, step.args, dict(step.kwargs), step.names] for step in script.steps]
    return {"steps": steps, "listed": script.listed}


def script_from_data(data: Mapping[str, Any]) -> Script:
    """Return the script that a judge sent."""
    steps = [
        Step(kind, name, tuple(args), dict(kwargs), tuple(names))
        for kind, name, args, kwargs, names in data["steps"]
    ]
    return Script(tuple(steps), listed=bool(data["listed"]))


def observation_to_data(observation: Observation) -> dict[str, Any]:
    """Return what a judge wants to know of an observation."""
    failure = observation.failure
    return {
        "value": observation.value,
        "failure": None
        if failure is None
        else {
            "kind": failure.kind,
            "family": list(failure.family),
            "message": failure.message,
            "lines": list(failure.lines),
            "timed_out": failure.timed_out,
            "not_attempted": failure.not_attempted,
        },
        "changed": list(observation.changed),
        "printed": observation.printed,
        "seconds": observation.seconds,
    }


def observation_from_data(data: Any, script: Script) -> Observation:
    """Return what a player says that it saw.

    Nothing of it is trusted: it has the form of an observation, and nothing of it is longer than it may be.

    Raises:
        UnreadableDataError: it is not an observation.
    """
    if not isinstance(data, dict) or not isinstance(data.get("printed"), str):
        raise UnreadableDataError("it is not what was seen of an answer")
    inputs = {name for name, _ in script.inputs}
    changed = tuple(name for name in _texts(data.get("changed"), MOST_NAMES) if name in inputs)
    printed = _text(data["printed"], PRINT_LIMIT)
    return Observation(
        value=data.get("value"),
        failure=_failure(data.get("failure")),
        changed=changed,
        printed=printed,
        seconds=_seconds(data.get("seconds")),
    )


def _failure(data: Any) -> Failure | None:
    if data is None:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        raise UnreadableDataError("it is not a failure of an answer")
    return Failure(
        kind=_text(data["kind"], LINE_LIMIT),
        family=tuple(_texts(data.get("family"), MOST_NAMES)),
        message=_text(data.get("message"), MESSAGE_LIMIT),
        lines=tuple(_texts(data.get("lines"), MOST_LINES)),
        timed_out=data.get("timed_out") is True,
        not_attempted=data.get("not_attempted") is True,
    )


def _texts(value: Any, most: int) -> list[str]:
    items = value if isinstance(value, list) else []
    return [_text(item, LINE_LIMIT) for item in items[:most] if isinstance(item, str)]


def _text(value: Any, most: int) -> str:
    return bounded_text(value, most) if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    return value if isinstance(value, float) and 0.0 <= value < math.inf else 0.0
