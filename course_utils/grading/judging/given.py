"""What the judge works out for players: the course's own functions, given to later items."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_utils.checking.exercise import Exercise
from course_utils.checking.limits import TimedOut, captured_output, time_limit
from course_utils.grading.channel.arrays import tensors_of
from course_utils.grading.channel.tags import UnreadableDataError

CALL_SECONDS = 5.0
CALL_BYTES = 256 << 20
"""How much memory a call may take: small arguments can ask for a huge mask."""


class GivenFunctions:
    """The graded functions of a chapter, for the items that come after them.

    While a cell is graded, only functions of earlier items are given: an answer cannot be got from itself,
    nor from what is built on it. In other cells those are given whose mark stands already: a table of what a
    function returns, made before its own test, would be an answer too.
    """

    def __init__(self, exercises: dict[str, Exercise]) -> None:
        self._places = {name: place for place, name in enumerate(exercises)}
        self._functions: dict[str, tuple[str, Callable]] = {
            exercise.reference.__name__: (exercise.name, exercise.reference)
            for exercise in exercises.values()
            if exercise.kind == "function"
        }

    def answer(self, request: dict[str, Any], during: str | None, marked: Collection[str]) -> dict[str, Any]:
        """Work out a call.

        Args:
            request: The function's name and its arguments, and for gradients those of its results.
            during: The exercise whose cell runs, None in a cell that is not graded.
            marked: The exercises whose marks stand already.
        """
        name, args, kwargs = request.get("name"), request.get("args"), request.get("kwargs")
        if not isinstance(name, str) or not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise UnreadableDataError("it asks for a function that there is not")
        if name not in self._functions:
            return refusal(RuntimeError(f"there is no function {name[:100]!r} to be given"))
        exercise, function = self._functions[name]
        place = self._places[exercise]
        if during is not None and place >= self._places.get(during, 0):
            return refusal(RuntimeError(f"{name} is not given to {during}: write it yourself"))
        if during is None and exercise not in marked:
            return refusal(RuntimeError(f"{name} is given after its own test: write it yourself"))
        try:
            with captured_output(), memory_limit(CALL_BYTES), time_limit(CALL_SECONDS):
                if request["say"] == "given":
                    return {"value": _detached(function(*args, **kwargs))}
                return {"value": _gradients(function, args, kwargs, request.get("gradients"))}
        except UnreadableDataError:
            raise
        except (Exception, TimedOut) as error:
            return refusal(error)


@contextlib.contextmanager
def memory_limit(room: int) -> Iterator[None]:
    """Let the body take so many bytes of memory more; beyond it an allocation fails with an exception.

    On Linux; elsewhere nothing is limited.
    """
    status = Path("/proc/self/statm")
    if not status.exists():
        yield
        return
    import resource

    kind = resource.RLIMIT_AS
    soft, hard = resource.getrlimit(kind)
    used = int(status.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    limit = used + room
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(kind, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def refusal(error: BaseException) -> dict[str, Any]:
    """Return what a player is told of an exception: what the answer that called would see of it."""
    return {"error": str(error)[:300], "kind": type(error).__name__}


def _gradients(function: Callable, args: tuple, kwargs: dict[str, Any], arriving: Any) -> list[Tensor | None]:
    """Backpropagate through a call: the gradients of its tensors that require them, in their order."""
    wanted = [tensor for tensor in tensors_of((args, kwargs)) if tensor.requires_grad]
    outputs = [out for out in tensors_of(function(*args, **kwargs)) if out.is_floating_point()]
    pairs = [
        (output, gradient)
        for output, gradient in zip(outputs, arriving, strict=True)
        if output.requires_grad and isinstance(gradient, Tensor)
    ]
    found = torch.autograd.grad(
        [output for output, _ in pairs], wanted, [gradient for _, gradient in pairs], allow_unused=True
    )
    return list(found)


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, (list, tuple)):
        items = [_detached(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value
