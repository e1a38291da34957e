"""What is done with an answer, written down as plain data.

A `Script` says which calls are made and with what, never how they are judged. The side that runs
an answer therefore needs nothing but the script: no reference and no expected value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch

from course_utils.checking.draw import Draw

StepKind = Literal["apply", "predict", "inspect", "build", "first", "load", "call", "do", "get", "gradients"]
FORWARD = "__call__"


@dataclass(frozen=True)
class Step:
    """One thing that is done: a call, a look at an attribute, a load of given weights."""

    kind: StepKind
    name: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def named_inputs(self) -> list[tuple[str, Any]]:
        """The arguments with their names, or their places where they have none."""
        names = self.names or tuple(f"argument {index + 1}" for index in range(len(self.args)))
        return [*zip(names, self.args, strict=True), *self.kwargs.items()]


@dataclass(frozen=True, eq=False)
class Script:
    """A chain of steps; every `call`, `forward`, `get` and `gradients` records one result.

    >>> [step.kind for step in Script.build(size=3).call("append", 1).get("length").steps]
    ['build', 'call', 'get']
    """

    steps: tuple[Step, ...] = ()
    weight_scale: float | None = None
    listed: bool = False

    def _then(self, kind: StepKind, name: str = "", *args: Any, **kwargs: Any) -> Script:
        return replace(self, steps=(*self.steps, Step(kind, name, args, kwargs)))

    @classmethod
    def apply(cls, positional: Mapping[str, Any], keywords: Mapping[str, Any]) -> Script:
        """Call the answer itself: it is a function. The names of positional arguments are for messages."""
        return cls((Step("apply", "", tuple(positional.values()), keywords, tuple(positional)),))

    @classmethod
    def apply_all(cls, calls: Sequence[Script]) -> Script:
        """Make several calls of a function one after the other; the result is the list of their results."""
        return cls(tuple(step for call in calls for step in call.steps), listed=True)

    @classmethod
    def inspect(cls) -> Script:
        """Record the answer itself: it is a value."""
        return cls()._then("inspect")

    @classmethod
    def predict(cls, inputs: Any) -> Script:
        """Ask the answer for predictions: it is a trained model."""
        return cls()._then("predict", "", inputs)

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Script:
        """Make an instance: the answer is a class."""
        return cls()._then("build", "", *args, **kwargs)

    def another(self, *args: Any, **kwargs: Any) -> Script:
        """Make a further instance and go on with it: what one has learned must be none of the other's.

        It gets no given weights: `weights` fills the first one, and stands before this.
        """
        return self._then("build", "", *args, **kwargs)

    def first(self) -> Script:
        """Go on with the instance that was made first."""
        return self._then("first")

    def weights(self, scale: float = 0.5) -> Script:
        """Load random parameters and floating buffers, the same into the reference and the answer.

        `scale` is their standard deviation.
        """
        return replace(self._then("load"), weight_scale=scale)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Script:
        """Call a method of the instance and record what it returns."""
        return self._then("call", method, *args, **kwargs)

    def do(self, method: str, *args: Any, **kwargs: Any) -> Script:
        """Call a method of the instance for what it does; what it returns is not looked at.

        For a `fit`, which returns the estimator in some libraries and nothing in others.
        """
        return self._then("do", method, *args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Script:
        """Call the instance and record what it returns."""
        return self.call(FORWARD, *args, **kwargs)

    def get(self, attribute: str) -> Script:
        """Record an attribute of the instance."""
        return self._then("get", attribute)

    def train(self) -> Script:
        """Put the module in training mode."""
        return self.call("train")

    def eval(self) -> Script:
        """Put the module in evaluation mode."""
        return self.call("eval")

    def gradients(self) -> Script:
        """Backpropagate a fixed random cotangent through the last call.

        Records the gradient of every parameter and of every floating tensor given to the call.
        """
        return self._then("gradients")

    @property
    def wants_gradients(self) -> bool:
        """Whether any step asks for gradients, so that inputs must require them."""
        return any(step.kind == "gradients" for step in self.steps)

    @property
    def inputs(self) -> list[tuple[str, Any]]:
        """Everything that is handed to the answer, with a name for messages."""
        return [pair for step in self.steps if step.kind != "load" for pair in step.named_inputs]

    def with_weights(self, reference: type, draw: Draw) -> Script:
        """Fill the `weights()` step with values that fit the reference.

        Raises:
            TypeError: the reference is not a `torch.nn.Module`.
        """
        if self.weight_scale is None:
            return self
        build = next(step for step in self.steps if step.kind == "build")
        module = reference(*build.args, **build.kwargs)
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"weights() needs a torch.nn.Module; {reference.__name__} is not one")
        state = {
            name: draw.normal(*value.shape, scale=self.weight_scale, dtype=value.dtype)
            if value.is_floating_point()
            else value.clone()
            for name, value in module.state_dict().items()
        }
        steps = tuple(replace(step, args=(state,)) if step.kind == "load" else step for step in self.steps)
        return replace(self, steps=steps)
