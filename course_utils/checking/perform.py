"""Running a script on an answer, and keeping what was seen.

Nothing here knows a reference or an expected value: this is all that the side needs that runs a
student's code.
"""

from __future__ import annotations

import functools
import linecache
import sys
import sysconfig
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

from course_utils.checking.limits import PRINT_LIMIT, TimedOut, bounded_text, captured_output, time_limit
from course_utils.checking.script import FORWARD, Script, Step
from course_utils.checking.surroundings import standard_surroundings
from course_utils.checking.trees import identical, snapshot

MESSAGE_LIMIT = 400
_OWN_FOLDER = str(Path(__file__).resolve().parent.parent)
_LIBRARY_FOLDERS = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")}
)


@dataclass(frozen=True)
class Failure:
    """An exception that came out of an answer.

    `lines` shows the frames of the answer's own code only. `kind` is the name of the exception,
    `family` its classes, so that a subclass of the expected exception is recognized.
    """

    kind: str
    family: tuple[str, ...]
    message: str
    lines: tuple[str, ...]
    timed_out: bool = False
    not_attempted: bool = False


@dataclass(frozen=True)
class Observation:
    """All that was seen when a script ran on an answer.

    `value` is the result of a function, or a dictionary from the label of each recorded step to
    its result. `changed` names the inputs that the answer edited in place. `seconds` is the
    processor time that it took, or the time by the clock where that is less.
    """

    value: Any = None
    failure: Failure | None = None
    changed: tuple[str, ...] = ()
    printed: str = ""
    seconds: float = 0.0


class Elsewhere(ABC):
    """An answer that lives in another process: scripts are run on it there."""

    @abstractmethod
    def perform(self, script: Script, *, seconds: float, seed: int, quick: float | None) -> Observation:
        """Have a script run on the answer and return what was seen.

        The time is measured only where `quick` is given: exactly, unless it is less than so many seconds.
        """


def perform(answer: Any, script: Script, *, seconds: float, seed: int) -> Observation:
    """Run a script on an answer within a time limit.

    It runs in `standard_surroundings`, which are put back afterwards. The script's inputs are copied
    first.
    """
    return perform_once(answer, snapshot_script(script), seconds=seconds, seed=seed)


def perform_once(answer: Any, script: Script, *, seconds: float, seed: int) -> Observation:
    """Run a script that nobody needs again: the answer gets its inputs themselves."""
    before = snapshot_script(script)
    value: Any = None
    failure = None
    with standard_surroundings(seed), captured_output() as printed:
        # The clock goes on while others have the processor, and torch's threads turn idly after their work:
        # the smaller of the two is nearer to what the answer took.
        start, used = time.perf_counter(), _processor_seconds()
        try:
            with time_limit(seconds):
                value, failure = _attempt(answer, script)
        except TimedOut:
            failure = Failure("TimedOut", ("TimedOut",), f"no answer after {seconds:g} s", (), timed_out=True)
        elapsed = min(time.perf_counter() - start, _processor_seconds() - used)
    pairs = zip(before.inputs, script.inputs, strict=True)
    changed = tuple(name for (name, old), (_, new) in pairs if not identical(old, _detached(new)))
    return Observation(value, failure, changed, bounded_text(printed.text(), PRINT_LIMIT), elapsed)


def _processor_seconds() -> float:
    """Return the processor time of this process so far, with that of its threads and of processes that ended.

    Not `time.process_time`, which may go in ticks of milliseconds where a timer counts processor time, unless
    there is nothing else, as on Windows.
    """
    if resource is None:
        return time.process_time()
    used = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _attempt(answer: Any, script: Script) -> tuple[Any, Failure | None]:
    try:
        return _run_steps(answer, script), None
    except (TimedOut, KeyboardInterrupt):
        raise
    except BaseException as error:
        # Within the time limit: the error's own text is the answer's code too.
        return None, _describe(error)


def snapshot_script(script: Script) -> Script:
    """Copy a script together with all of its inputs."""
    steps = tuple(
        replace(step, args=snapshot(step.args), kwargs=snapshot(dict(step.kwargs))) for step in script.steps
    )
    return replace(script, steps=steps)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _run_steps(answer: Any, script: Script) -> Any:
    recorded: dict[str, Any] = {}
    results: list[Any] = []
    instances: list[Any] = []
    instance: Any = None
    last: tuple[Any, Any, Step] | None = None

    def record(label: str, result: Any) -> None:
        repeats = sum(key == label or key.startswith(f"{label} (") for key in recorded)
        recorded[f"{label} ({repeats + 1})" if repeats else label] = snapshot(result)

    for step in script.steps:
        match step.kind:
            case "apply":
                results.append(snapshot(answer(*step.args, **step.kwargs)))
            case "inspect":
                return snapshot(answer)
            case "predict":
                return _predict(answer, step.args[0])
            case "build":
                instance = answer(*step.args, **step.kwargs)
                instances.append(instance)
            case "first":
                instance = instances[0]
            case "load":
                load_weights(instance, step.args[0])
            case "call" if step.name in ("train", "eval"):
                getattr(instance, step.name)()
            case "call":
                if script.wants_gradients:
                    _require_gradients(step)
                method = instance if step.name == FORWARD else getattr(instance, step.name)
                result = method(*step.args, **step.kwargs)
                last = (instance, result, step)
                record("output" if step.name == FORWARD else f"{step.name}()", result)
            case "do":
                getattr(instance, step.name)(*step.args, **step.kwargs)
            case "get":
                record(step.name, getattr(instance, step.name))
            case "gradients":
                assert last is not None, "gradients() needs a call before it"
                for label, gradient in _gradients(*last).items():
                    record(label, gradient)
    if results:
        return results if script.listed else results[0]
    return recorded


def _predict(model: Any, inputs: Any) -> Any:
    """Ask a trained model for predictions: `model.predict(inputs)` where it has it, else `model(inputs)`.

    What is no torch module may still train one: it gets its gradients.
    """
    method: Callable[[Any], Any] = model.predict if hasattr(model, "predict") else model
    if not isinstance(model, torch.nn.Module):
        return snapshot(method(inputs))
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return snapshot(method(inputs))
    finally:
        if training:
            model.train()


def load_weights(module: Any, state: dict[str, Tensor]) -> None:
    """Load given weights, with an error that says which names or shapes do not fit.

    Raises:
        TypeError: the answer is not a `torch.nn.Module`.
        ValueError: its parameters have other names or shapes.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"expected a torch.nn.Module, got {type(module).__name__}: "
            "derive the class from nn.Module and call super().__init__()"
        )
    own = module.state_dict()
    missing = [name for name in state if name not in own]
    unknown = [name for name in own if name not in state]
    if missing or unknown:
        raise ValueError(
            f"the parameters have other names than the exercise gives: missing {missing or 'none'}, "
            f"not expected {unknown or 'none'}"
        )
    for name, value in state.items():
        if own[name].shape != value.shape:
            raise ValueError(
                f"{name} has shape {tuple(own[name].shape)}, the exercise gives {tuple(value.shape)}"
            )
    module.load_state_dict(state)


def _float_tensors(step: Step) -> list[tuple[str, Tensor]]:
    return [(name, v) for name, v in step.named_inputs if isinstance(v, Tensor) and v.is_floating_point()]


def _require_gradients(step: Step) -> None:
    for _, tensor in _float_tensors(step):
        tensor.requires_grad_(True)


def _gradients(instance: Any, result: Any, step: Step) -> dict[str, Any]:
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    outputs = [out for out in outputs if isinstance(out, Tensor) and out.requires_grad]
    if not outputs:
        raise TypeError(
            "no output carries gradients: keep every step in torch operations "
            "(no .detach(), .item(), .numpy() or torch.tensor(...) on the way)"
        )
    generator = torch.Generator().manual_seed(0)
    loss = sum((out * torch.randn(out.shape, generator=generator, dtype=out.dtype)).sum() for out in outputs)
    instance.zero_grad()
    assert isinstance(loss, Tensor)
    loss.backward()
    named = [*instance.named_parameters(), *_float_tensors(step)]
    # What the output does not depend on has no gradient, or a gradient of zeros: the same thing.
    return {f"gradient of {name}": torch.zeros_like(t) if t.grad is None else t.grad for name, t in named}


@functools.cache
def is_library_file(filename: str) -> bool:
    """Whether a frame belongs to Python, an installed library or this package, not to the answer."""
    if filename.startswith("<frozen"):
        return True
    path = str(Path(filename).resolve()) if not filename.startswith("<") else filename
    return path.startswith((_OWN_FOLDER, *_LIBRARY_FOLDERS, sys.base_prefix + "/lib"))


def _describe(error: BaseException) -> Failure:
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if not is_library_file(frame[0])]
    lines: list[str] = []
    for filename, number, function in own[-3:]:
        lines.append(f"line {number}, in {function}: {linecache.getline(filename, number).strip()}")
    try:
        message = str(error)
    except (TimedOut, KeyboardInterrupt):
        raise
    except BaseException:
        message = "(its message cannot be shown)"
    if isinstance(error, SyntaxError):
        message = "".join(traceback.format_exception_only(error)).strip()
    raised_by_answer = bool(frames) and not is_library_file(frames[-1][0])
    return Failure(
        kind=type(error).__name__,
        family=tuple(cls.__name__ for cls in type(error).__mro__),
        message=bounded_text(message, MESSAGE_LIMIT),
        lines=tuple(lines),
        not_attempted=isinstance(error, NotImplementedError) and raised_by_answer,
    )


def _frames(trace: TracebackType | None) -> list[tuple[str, int, str]]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return found
