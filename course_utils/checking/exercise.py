"""Declaring what is graded: the reference, its cases, known mistakes and variants.

A chapter's `course_utils/checks/<part>/<chapter>.py` holds nothing but such declarations; the
check, its explanations and the proof that the check is any good all follow from them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from course_utils.checking.difference import Tolerance
from course_utils.checking.draw import Draw, derive_seed
from course_utils.checking.edits import with_edits
from course_utils.checking.script import Script
from course_utils.checking.steps import Hints

Kind = Literal["function", "stateful", "module", "value", "predictor"]
CaseKind = Literal["compare", "property", "efficiency", "score"]
DrawCase = Callable[[Draw], Any]
Declared = TypeVar("Declared")

DEFAULT_SECONDS = 3.0


@dataclass(frozen=True)
class Case:
    """One thing that is looked at, with inputs drawn from a seed."""

    name: str
    draw: DrawCase
    tolerance: Tolerance
    kind: CaseKind = "compare"
    weight: float = 1.0
    hidden: bool = False
    seconds: float = DEFAULT_SECONDS
    raises: type[Exception] | None = None
    at_most: float = 0.0


@dataclass(frozen=True)
class Trial:
    """A case with its inputs drawn: what to do, and for a property how to judge it."""

    case: Case
    script: Script
    seed: int
    holds: Callable[[Any], str | None] | None = None
    targets: Any = None


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people really give, and the sentence that explains it."""

    explanation: str
    make: Callable[[], Any]

    @functools.cached_property
    def answer(self) -> Any:
        """The wrong answer itself, made when it is first needed."""
        return self.make()


@dataclass
class Exercise:
    """One graded thing, declared once.

    Made by `function`, `stateful`, `module`, `value` or `predictor`.
    """

    name: str
    kind: Kind
    reference: Any
    points: float
    tolerance: Tolerance
    inplace: bool = False
    score: Callable[[Any, Any], float] | None = None
    at_least: float = 0.0
    cases: list[Case] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    variants: list[Any] = field(default_factory=list)
    equivalents: dict[str, str] = field(default_factory=dict)
    forbids: list[str] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)

    def case(
        self,
        name: str,
        *,
        weight: float = 1.0,
        hidden: bool = False,
        rtol: float | None = None,
        atol: float | None = None,
        check_dtype: bool | None = None,
        seconds: float = DEFAULT_SECONDS,
        raises: type[Exception] | None = None,
    ) -> Callable[[DrawCase], DrawCase]:
        """Add a case; the decorated function takes a `Draw` and returns the inputs.

        The inputs are a dict of arguments in the reference's order, or a list of them for several
        calls (function), a `Script` (stateful, module) or a pair of inputs and targets (predictor).
        A hidden case runs only when an instructor grades. With `raises`, the answer must raise that
        exception.
        """
        kind: CaseKind = "score" if self.kind == "predictor" else "compare"
        tolerance = Tolerance(
            self.tolerance.relative if rtol is None else rtol,
            self.tolerance.absolute if atol is None else atol,
            self.tolerance.check_dtype if check_dtype is None else check_dtype,
        )
        return self._adder(
            name, kind, tolerance, weight=weight, hidden=hidden, seconds=seconds, raises=raises
        )

    def property(
        self, name: str, *, weight: float = 1.0, hidden: bool = False, seconds: float = DEFAULT_SECONDS
    ) -> Callable[[DrawCase], DrawCase]:
        """Add a property that every right answer has, where many answers are right.

        The decorated function returns the inputs and a function that takes the result and returns
        None where the property holds, else one sentence that says what is wrong. The sentence is
        what a learner reads and what tells known mistakes apart: keep random numbers out of it.
        The same inputs must give the same result again: an answer that needs chance takes it from
        a seed or generator among its arguments.
        """
        return self._adder(name, "property", self.tolerance, weight=weight, hidden=hidden, seconds=seconds)

    def efficiency(
        self, name: str, *, at_most: float, weight: float = 1.0, hidden: bool = False, seconds: float = 10.0
    ) -> Callable[[DrawCase], DrawCase]:
        """Add a budget: the answer may take `at_most` times as long as the reference.

        Both are measured in turn in the same run, in processor time and with one thread of torch's, so
        that a slow or busy machine changes nothing.
        """
        return self._adder(
            name, "efficiency", self.tolerance, weight=weight, hidden=hidden, seconds=seconds, at_most=at_most
        )

    def _adder(
        self, name: str, kind: CaseKind, tolerance: Tolerance, **options: Any
    ) -> Callable[[DrawCase], DrawCase]:
        if any(case.name == name for case in self.cases):
            raise ValueError(f"{self.name} has two cases named {name!r}: give each its own name")

        def add(draw: DrawCase) -> DrawCase:
            self.cases.append(Case(name, draw, tolerance, kind, **options))
            return draw

        return add

    def mistake(
        self,
        explanation: str,
        *,
        edit: tuple[str, str] | None = None,
        edits: list[tuple[str, str]] | None = None,
        of: Any = None,
        value: Any = None,
    ) -> Any:
        """Add a known mistake with the sentence that explains it.

        It is an edit of the reference's source (or several, or of a helper `of` that the
        reference uses), a wrong `value`, or, used as a decorator, a wrong implementation.
        For a predictor, the decorated function trains and returns a wrong model.
        """
        if any(mistake.explanation == explanation for mistake in self.mistakes):
            raise ValueError(
                f"{self.name} has two mistakes explained by {explanation!r}: say what is special in each"
            )
        if self.kind == "value":
            self.mistakes.append(Mistake(explanation, lambda: value))
            return None
        if edit is not None or edits:
            changes = [edit] if edit is not None else list(edits or [])
            self.mistakes.append(Mistake(explanation, lambda: with_edits(self.reference, changes, of)))
            return None

        def add(answer: Declared) -> Declared:
            made: Any = answer
            self.mistakes.append(Mistake(explanation, made if self.kind == "predictor" else lambda: made))
            return answer

        return add

    def variant(self, answer: Declared) -> Declared:
        """Add a right answer that is written differently; it must get full marks."""
        self.variants.append(answer)
        return answer

    def forbid(self, *names: str) -> None:
        """Name what an answer should be written without, as in "torch.nn.functional.cross_entropy".

        An instructor is told of answers that use it; the mark stays. No variant may use it. A name of the
        course's own package, which may be all but the answer, is not given while submissions are graded.
        """
        self.forbids.extend(names)

    def hint(self, *, nudges: Mapping[str, str] | None = None, idea: str = "", page: str = "") -> None:
        """Declare what is shown on request, step by step, to who does not get on. Call it after the cases.

        Args:
            nudges: For cases by their names, where to look when that case is the first that does not pass.
            idea: What the answer does, in a sentence or two, without its code; else it is the first
                sentence of the reference's docstring.
            page: What to read; else it is the section of the chapter that speaks of the exercise.
        """
        unknown = set(nudges or {}) - {case.name for case in self.cases}
        if unknown:
            known = ", ".join(case.name for case in self.cases)
            raise ValueError(f"{self.name} has no case {', '.join(sorted(unknown))}; it has: {known}")
        self.hints = Hints(dict(nudges or {}), idea, page)

    def equivalent(self, mutant: str, reason: str) -> None:
        """Declare that a mutant which no case catches does the same as the reference, and why."""
        self.equivalents[mutant] = reason

    @functools.cached_property
    def reference_answer(self) -> Any:
        """The right answer: the reference, or for a predictor the model that it trains."""
        return self.reference() if self.kind == "predictor" else self.reference

    def trials(self, seed: int, *, hidden: bool) -> list[Trial]:
        """Draw the inputs of the visible cases, or with `hidden` of all cases."""
        return [self.trial(case, seed) for case in self.cases if hidden or not case.hidden]

    def trial(self, case: Case, seed: int, *, other: int = 0) -> Trial:
        """Draw the inputs of a case; `other` asks for other numbers with the same seed."""
        case_seed = derive_seed(seed, self.name, case.name, *([other] if other else []))
        draw = Draw(case_seed)
        drawn = case.draw(draw)
        holds = targets = None
        if case.kind == "property":
            drawn, holds = drawn
        elif case.kind == "score":
            drawn, targets = drawn
        return Trial(case, self._script(drawn, draw), case_seed, holds, targets)

    def _script(self, drawn: Any, draw: Draw) -> Script:
        if isinstance(drawn, Script):
            return drawn.with_weights(self.reference, draw)
        if self.kind == "value":
            return Script.inspect()
        if self.kind == "predictor":
            return Script.predict(drawn)
        if self.kind == "function" and isinstance(drawn, dict):
            return self._apply(drawn)
        if self.kind == "function" and isinstance(drawn, list):
            return Script.apply_all([self._apply(arguments) for arguments in drawn])
        wanted = "a dict of arguments or a list of them" if self.kind == "function" else "a Script"
        raise TypeError(f"a case of {self.name} must return {wanted}, got {type(drawn).__name__}")

    def _apply(self, arguments: dict[str, Any]) -> Script:
        """Pass arguments by position where the reference allows it: a learner may rename parameters."""
        positional: dict[str, Any] = {}
        rest = dict(arguments)
        for name, parameter in inspect.signature(self.reference).parameters.items():
            if name not in rest or parameter.kind not in (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
            ):
                break
            positional[name] = rest.pop(name)
        return Script.apply(positional, rest)


def function(
    reference: Callable,
    *,
    points: float,
    name: str | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    check_dtype: bool = True,
    inplace: bool = False,
) -> Exercise:
    """Declare a graded function. With `inplace`, editing the inputs costs nothing."""
    tolerance = Tolerance(rtol, atol, check_dtype)
    return Exercise(name or reference.__name__, "function", reference, points, tolerance, inplace)


def stateful(
    reference: type, *, points: float, name: str | None = None, rtol: float = 1e-4, atol: float = 1e-6
) -> Exercise:
    """Declare a graded class with state: it is built, called and looked at by a `Script`."""
    return Exercise(name or reference.__name__, "stateful", reference, points, Tolerance(rtol, atol))


def module(
    reference: type, *, points: float, name: str | None = None, rtol: float = 1e-3, atol: float = 1e-5
) -> Exercise:
    """Declare a graded `nn.Module`: given weights, its outputs and gradients are compared."""
    return Exercise(name or reference.__name__, "module", reference, points, Tolerance(rtol, atol))


def value(name: str, expected: Any, *, points: float, rtol: float = 1e-4, atol: float = 1e-6) -> Exercise:
    """Declare a graded value: a number, a tensor, a string, or a nest of them."""
    exercise = Exercise(name, "value", expected, points, Tolerance(rtol, atol))
    exercise.case("value")(lambda _draw: None)
    return exercise


def predictor(
    name: str,
    *,
    train: Callable[[], Any],
    score: Callable[[Any, Any], float],
    at_least: float,
    points: float,
) -> Exercise:
    """Declare a trained model that is judged by its predictions on data the notebook has not seen.

    `train` makes the reference model; `score(predictions, targets)` must reach `at_least`. A case
    returns the inputs and the targets.
    """
    return Exercise(name, "predictor", train, points, Tolerance(), score=score, at_least=at_least)
