"""What an exercise gives to its later items: the course's own functions, without their code.

In a player's copy of the package these stand in the module of the chapter under test, in place of what is
graded there. A call is worked out by the judge, which refuses it while the function itself is being checked.
Gradients flow through a call like through any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import torch
from torch import Tensor

from course_utils.grading.channel.arrays import tensors_of
from course_utils.grading.player.link import the_link


def given_function(name: str) -> Callable:
    """Return a function that is worked out by the judge."""

    def function(*args: Any, **kwargs: Any) -> Any:
        tensors = [value for value in tensors_of((args, kwargs)) if value.requires_grad]
        if not tensors or not torch.is_grad_enabled():
            return the_link().ask("given", name=name, args=args, kwargs=kwargs)
        layout: list[Any] = []
        outputs = _Given.apply(name, args, kwargs, layout, *tensors)
        return _filled(layout[0], iter(outputs))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "The course's own answer; it is worked out elsewhere."
    return function


def given_class(name: str) -> type:
    """Return a class that cannot be made: only functions are given to later items."""

    class Withheld:
        """Stands for a class that is graded in this chapter."""

        def __init__(self, *_args: Any, **_kwargs: Any) -> None:
            _withhold(name)

    Withheld.__name__ = Withheld.__qualname__ = name
    return Withheld


def _withhold(name: str) -> NoReturn:
    raise RuntimeError(f"{name} is what this chapter asks you to write; it cannot be had while it is graded")


_HERE = object()


def _emptied(value: Any) -> tuple[Any, list[Tensor]]:
    """Take the floating tensors out of a nested value; a mark stays in the place of each."""
    taken: list[Tensor] = []

    def walk(part: Any) -> Any:
        if isinstance(part, Tensor) and part.is_floating_point():
            taken.append(part)
            return _HERE
        if isinstance(part, (list, tuple)):
            items = [walk(item) for item in part]
            return items if isinstance(part, list) else tuple(items)
        return {key: walk(item) for key, item in part.items()} if isinstance(part, dict) else part

    return walk(value), taken


def _filled(value: Any, tensors: Iterator[Tensor]) -> Any:
    """Put tensors back where the marks are."""
    if value is _HERE:
        return next(tensors)
    if isinstance(value, (list, tuple)):
        items = [_filled(item, tensors) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return {key: _filled(item, tensors) for key, item in value.items()} if isinstance(value, dict) else value


class _Given(torch.autograd.Function):
    """A call that the judge works out, forward and backward."""

    @staticmethod
    def forward(ctx: Any, name: str, args: Any, kwargs: Any, layout: list[Any], *_tensors: Tensor) -> Any:
        result = the_link().ask("given", name=name, args=args, kwargs=kwargs)
        empty, taken = _emptied(result)
        layout.append(empty)
        ctx.call = (name, args, kwargs)
        return tuple(taken)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        name, args, kwargs = ctx.call
        found = the_link().ask(
            "given gradients", name=name, args=args, kwargs=kwargs, gradients=list(gradients)
        )
        return (None, None, None, None, *found)
