"""Judging an answer: run the cases, decide each, and explain what went wrong."""

from __future__ import annotations

import builtins
import contextlib
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.checking.arrays import as_array, is_array
from course_utils.checking.compare import compare
from course_utils.checking.describe import describe, describe_kind
from course_utils.checking.diagnose import Behavior, recognize
from course_utils.checking.difference import Tolerance
from course_utils.checking.exercise import Exercise, Trial
from course_utils.checking.limits import TimedOut, bounded_text, captured_output, time_limit
from course_utils.checking.perform import MESSAGE_LIMIT, Elsewhere, Failure, Observation, perform
from course_utils.checking.report import TOO_SLOW, CaseResult, Report, Status
from course_utils.checking.steps import hints_for
from course_utils.checking.surroundings import standard_surroundings
from course_utils.checking.trees import identical

INPLACE_COST = 0.25
UNREPEATABLE = (
    "different results for the same inputs: the global random numbers, the clock or something kept from "
    "an earlier call must not decide the result"
)
# An answer that was too slow is run again: often if it takes little, since a busy machine disturbs that most,
# and only a few times if it takes long.
MOST_REPEATS = 25
LEAST_REPEATS = 2
REPEATING_SECONDS = 0.1
HOPELESS_SECONDS = 1.0
# The reference is quick; many runs find its own time also on a busy machine.
REFERENCE_REPEATS = 25
MOST_TIMEOUTS = 2
MOST_DRAWS = 10
_ANY_VALUE = Tolerance(relative=0.0, absolute=math.inf, check_dtype=False)


class _UnfitDrawError(ValueError):
    """With these numbers the reference does not do what the case is about."""


@dataclass(frozen=True)
class Findings:
    """What is worked out once for an exercise: behaviors by explanation, seconds by the name of a case."""

    mistakes: dict[str, list[Behavior]]
    fastest: dict[str, float]


class Evidence:
    """The cases of an exercise for one seed, with what the reference and the mistakes do in them.

    Made once and used for every answer that is checked with that seed.
    """

    def __init__(self, exercise: Exercise, seed: int, *, graded: bool) -> None:
        self.exercise = exercise
        self.seed = seed
        self.redrawn: list[str] = []
        with standard_surroundings(seed):
            found = [self._with_reference(trial) for trial in exercise.trials(seed, hidden=graded)]
        self.trials = [trial for trial, _ in found]
        self.right = [right for _, right in found]
        self._mistakes: dict[str, list[Behavior]] | None = None
        self._fastest: dict[str, float] = {}

    def _with_reference(self, trial: Trial) -> tuple[Trial, Behavior]:
        """Return a trial and what the reference does in it.

        Numbers that it cannot be asked about are drawn anew: one seed in thousands must not keep a class from
        being graded.
        """
        for number in range(1, MOST_DRAWS):
            with contextlib.suppress(_UnfitDrawError):
                return trial, self._reference(trial)
            self.redrawn.append(trial.case.name)
            # Negative: these are not the numbers of `other_numbers`.
            trial = self.exercise.trial(trial.case, self.seed, other=-number)
        return trial, self._reference(trial)

    def _reference(self, trial: Trial) -> Behavior:
        observation = _perform(self.exercise.reference_answer, trial)
        wanted = trial.case.raises
        failure = observation.failure
        if (failure is not None) != (wanted is not None) or (
            failure is not None and wanted is not None and wanted.__name__ not in failure.family
        ):
            seen = f"raised {failure.kind}: {failure.message}" if failure else "raised nothing"
            expected = wanted.__name__ if wanted else "no exception"
            which = f"{self.exercise.name}, case {trial.case.name!r}"
            text = f"{which}: the reference {seen}; expected {expected}"
            # What a busy or small machine refuses says nothing about the numbers.
            machine = failure is not None and (failure.timed_out or "MemoryError" in failure.family)
            raise ValueError(text) if machine else _UnfitDrawError(text)
        result = judge_case(self.exercise, trial, observation, observation)
        return Behavior(observation, result)

    def behaviors(self, answer: Any) -> list[Behavior]:
        """Run an answer on every case. After two time-outs the rest is not run."""
        found: list[Behavior] = []
        timeouts = 0
        for trial, right in zip(self.trials, self.right, strict=True):
            if timeouts >= MOST_TIMEOUTS:
                message = "not run: two cases before it timed out"
                failure = Failure("TimedOut", ("TimedOut",), message, (), timed_out=True)
                observation = Observation(failure=failure)
            else:
                observation = _perform(answer, trial, quick=self._quick(trial))
            result = judge_case(self.exercise, trial, right.observation, observation)
            if trial.case.kind == "efficiency" and result.passed:
                result = self._time(answer, trial, observation, result)
            if (
                trial.case.kind == "property"
                and result.passed
                and not self._repeats(answer, trial, observation)
            ):
                result = CaseResult(result.name, "failed", result.weight, UNREPEATABLE, UNREPEATABLE)
            timeouts += result.status == "timed out"
            found.append(Behavior(observation, result))
        return found

    def _quick(self, trial: Trial) -> float:
        """Return what time is quick enough, as far as the reference's time is known."""
        return trial.case.at_most * self._fastest.get(trial.case.name, 0.0)

    @staticmethod
    def _repeats(answer: Any, trial: Trial, first: Observation) -> bool:
        """Whether the same inputs give the same result when the global random numbers are others."""
        again = _perform(answer, trial, shift=1)
        return again.failure is None and identical(first.value, again.value)

    def _time(self, answer: Any, trial: Trial, observation: Observation, result: CaseResult) -> CaseResult:
        # Noise only ever makes a run slower: the fastest of the reference's runs is its time, and
        # one run of the answer within the budget is enough. Only an answer that was not is measured
        # again, in the same moments as the reference, each time on other numbers of the same size:
        # an answer that remembers what it was asked gains nothing.
        name = trial.case.name
        if name in self._fastest and observation.seconds <= self._quick(trial):
            return result
        reference = self.reference_seconds(trial)
        self._fastest[name] = min(reference, self._fastest.get(name, math.inf))
        budget = trial.case.at_most * reference
        fastest = spent = observation.seconds
        began = time.perf_counter()
        for number in range(MOST_REPEATS):
            enough = REPEATING_SECONDS if number >= LEAST_REPEATS else HOPELESS_SECONDS
            waited = time.perf_counter() - began
            if fastest <= budget or spent > enough or waited > HOPELESS_SECONDS:
                break
            fresh, right = self.other_numbers(trial, number + 1)
            if right.failure is not None:
                continue
            again = _perform(answer, fresh)
            if not judge_case(self.exercise, fresh, right, again).passed:
                break
            fastest, spent = min(fastest, again.seconds), spent + again.seconds
        if fastest <= budget:
            return result
        text = f"{TOO_SLOW} {trial.case.at_most:g} times as long as the reference"
        message = f"{text} ({fastest / reference:.0f} times)"
        return CaseResult(result.name, "failed", result.weight, message, text)

    def other_numbers(self, trial: Trial, number: int) -> tuple[Trial, Observation]:
        """Draw a case anew, with what the reference does in it."""
        fresh = self.exercise.trial(trial.case, self.seed, other=number)
        return fresh, _perform(self.exercise.reference_answer, fresh)

    def reference_seconds(self, trial: Trial) -> float:
        """Measure the reference's own time: the best of many runs."""
        right = self.exercise.reference_answer
        return min(_perform(right, trial).seconds for _ in range(REFERENCE_REPEATS))

    @property
    def mistakes(self) -> dict[str, list[Behavior]]:
        """What each known mistake does; run when it is first asked for."""
        if self._mistakes is None:
            with standard_surroundings(self.seed):
                self._mistakes = {m.explanation: self.behaviors(m.answer) for m in self.exercise.mistakes}
        return self._mistakes

    @property
    def findings(self) -> Findings:
        """All that takes long to work out: what each known mistake does, and how fast the reference is."""
        return Findings(self.mistakes, self._fastest)

    def adopt(self, findings: Findings) -> None:
        """Take over what another process worked out for the same exercise, seed and cases."""
        self._mistakes, self._fastest = findings.mistakes, findings.fastest


def _perform(answer: Any, trial: Trial, shift: int = 0, quick: float = 0.0) -> Observation:
    case, seed = trial.case, trial.seed + shift
    if isinstance(answer, Elsewhere):
        measured = quick if case.kind == "efficiency" else None
        return answer.perform(trial.script, seconds=case.seconds, seed=seed, quick=measured)
    return perform(answer, trial.script, seconds=case.seconds, seed=seed)


def judge_case(exercise: Exercise, trial: Trial, expected: Observation, seen: Observation) -> CaseResult:
    """Decide one case."""
    case = trial.case

    def outcome(
        status: Status, message: str = "", public: str | None = None, trace: tuple[str, ...] = ()
    ) -> CaseResult:
        shown = bounded_text(message, MESSAGE_LIMIT)
        public = shown if public is None else bounded_text(public, MESSAGE_LIMIT)
        return CaseResult(case.name, status, case.weight, shown, public, trace)

    if seen.failure is not None:
        return _judge_failure(trial, seen.failure, outcome)
    if exercise.kind == "value" and (seen.value is None or seen.value is Ellipsis):
        return outcome("not attempted")
    if case.raises is not None:
        message = f"expected {case.raises.__name__}, because these inputs are not valid"
        got = describe(seen.value) if exercise.kind == "function" else "no exception"
        return outcome("failed", f"{message}; got {got}", message)
    try:
        with captured_output(), time_limit(case.seconds):
            return _judge_value(exercise, trial, expected.value, seen.value, outcome)
    except (Exception, TimedOut):
        # Whatever an answer returns, the verdict is a sentence and never a crash of the check.
        message = f"expected {describe_kind(expected.value)}, got something that cannot be compared with it"
        return outcome("failed", message)


def _judge_value(exercise: Exercise, trial: Trial, expected: Any, seen: Any, outcome: Any) -> CaseResult:
    if trial.holds is not None:
        return _judge_property(trial.holds, expected, seen, outcome)
    if trial.case.kind == "score":
        return _judge_predictions(exercise, trial.targets, expected, seen, outcome)
    difference = compare(expected, seen, trial.case.tolerance)
    if difference is None:
        return outcome("passed")
    return outcome("failed", difference.text, difference.public_text)


def _judge_failure(trial: Trial, failure: Failure, outcome: Any) -> CaseResult:
    if failure.not_attempted:
        return outcome("not attempted", "your code reaches `raise NotImplementedError()`: delete that line")
    if failure.timed_out:
        text = failure.message
        if text.startswith("no answer"):
            text += ": is there a loop that never ends?"
        return outcome("timed out", text)
    if trial.case.raises is not None:
        if trial.case.raises.__name__ in failure.family:
            return outcome("passed")
        message = f"expected {trial.case.raises.__name__}, got {failure.kind}"
        public = message if hasattr(builtins, failure.kind) else "an exception of its own was raised"
        return outcome("failed", f"{message}: {failure.message}", public, failure.lines)
    text = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
    # A name that an answer gives to its own exception could hold anything, the inputs too.
    public = failure.kind if hasattr(builtins, failure.kind) else "an exception of its own"
    return outcome("crashed", text, public, failure.lines)


def _judge_property(holds: Any, expected: Any, seen: Any, outcome: Any) -> CaseResult:
    try:
        problem = holds(seen)
    except Exception:
        problem = f"expected something like {describe_kind(expected)}, got {describe_kind(seen)}"
        if compare(expected, seen, _ANY_VALUE) is None:
            problem = "the result has the right form, but its contents cannot be used"
    return outcome("passed") if problem is None else outcome("failed", problem)


def _judge_predictions(
    exercise: Exercise, targets: Any, expected: Any, seen: Any, outcome: Any
) -> CaseResult:
    if isinstance(expected, (Tensor, np.ndarray)) and (
        type(seen) is not type(expected) or not is_array(seen) or tuple(seen.shape) != tuple(expected.shape)
    ):
        message = f"the predictions should be {describe_kind(expected)}, got {describe_kind(seen)}"
        return outcome("failed", message)
    numbers = as_array(seen) if is_array(seen) else None
    if numbers is not None and numbers.dtype.kind in "fc" and not np.isfinite(numbers).all():
        return outcome("failed", "some predictions are NaN or infinite")
    assert exercise.score is not None
    reached = float(exercise.score(seen, targets))
    if math.isfinite(reached) and reached >= exercise.at_least:
        return outcome("passed")
    wanted = f"the score on unseen data must be at least {exercise.at_least:g}"
    return outcome("failed", f"{wanted}, it is {reached:.3g}", wanted)


def judge(chapter: str, exercise: Exercise, answer: Any, evidence: Evidence, *, graded: bool) -> Report:
    """Check an answer on all of the evidence's cases and explain the outcome."""
    with standard_surroundings(evidence.seed):
        found = evidence.behaviors(answer)
        return report_on(chapter, exercise, answer, evidence, found, graded=graded)


def report_on(
    chapter: str,
    exercise: Exercise,
    answer: Any,
    evidence: Evidence,
    behaviors: list[Behavior],
    *,
    graded: bool,
) -> Report:
    """Mark and explain what an answer did in all of the evidence's cases."""
    results = tuple(behavior.result for behavior in behaviors)
    earned = sum(result.weight for result in results if result.passed)
    fraction = earned / sum(result.weight for result in results)
    notes: list[str] = []
    changed = sorted({name for behavior in behaviors for name in behavior.observation.changed})
    if changed and not exercise.inplace:
        fraction *= 1 - INPLACE_COST
        names = ", ".join(f"`{name}`" for name in changed)
        notes.append(
            f"Your answer changes its input {names} in place (that costs {INPLACE_COST:.0%} of the points): "
            "work on a copy, the caller still needs the original."
        )
    status = _overall(results)
    if status == "not attempted":
        fraction = 0.0
    explanations: tuple[str, ...] = ()
    if fraction < 1 and status != "not attempted":
        kinds = [trial.case.kind for trial in evidence.trials]
        found, partial = recognize(behaviors, evidence.right, evidence.mistakes, kinds)
        explanations = tuple(found)
        notes += [f"Part of it looks like this mistake: {text}" for text in partial]
        notes += _repeatability(answer, evidence, behaviors)
    return Report(
        chapter=chapter,
        exercise=exercise.name,
        max_points=exercise.points,
        points=round(exercise.points * fraction, 2),
        status=status if fraction == 1 or status != "passed" else "failed",
        cases=results,
        explanations=explanations,
        notes=tuple(notes),
        printed="".join(behavior.observation.printed for behavior in behaviors)[:2000],
        graded=graded,
        hints=()
        if graded or fraction == 1
        else hints_for(chapter, exercise, results, explained=bool(explanations)),
    )


def _overall(results: tuple[CaseResult, ...]) -> Status:
    statuses = [result.status for result in results]
    if all(status == "passed" for status in statuses):
        return "passed"
    tried = [status for status in statuses if status != "passed"]
    if "not attempted" in tried and not {"passed", "failed"} & set(statuses):
        return "not attempted"
    worst: Status
    for worst in ("timed out", "crashed"):
        if worst in tried:
            return worst
    return "failed"


def _repeatability(answer: Any, evidence: Evidence, behaviors: list[Behavior]) -> list[str]:
    """Run the first failing case again with another global seed and say so if the result differs."""
    for trial, behavior in zip(evidence.trials, behaviors, strict=True):
        if behavior.result.status != "failed" or trial.case.kind == "efficiency":
            continue
        again = _perform(answer, trial, shift=1)
        differs = again.failure is None and not identical(behavior.observation.value, again.value)
        return [f"Your answer gives {UNREPEATABLE}."] if differs else []
    return []
