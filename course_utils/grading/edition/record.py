"""Writing down what the reference and the known mistakes do in the public cases of a chapter.

Nothing of the hidden cases, of graded seeds, of the edits that make a mistake and of the variants goes into
it, nor the lines of code in which a mistake fails.
"""

from __future__ import annotations

import builtins
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from course_utils.checking.checker import PUBLIC_SEED, load_exercises
from course_utils.checking.compare import compare
from course_utils.checking.diagnose import Behavior
from course_utils.checking.difference import Tolerance
from course_utils.checking.exercise import Exercise, Trial
from course_utils.checking.judge import Evidence
from course_utils.checking.perform import Observation
from course_utils.checking.steps import completed
from course_utils.checking.surroundings import standard_surroundings
from course_utils.checking.trees import identical
from course_utils.grading.channel.codec import Decoder, Encoder
from course_utils.grading.channel.messages import observation_to_data, script_from_data, script_to_data
from course_utils.grading.channel.tags import Tree, UnreadableDataError
from course_utils.grading.edition.portable import NotPortableError, PortableFunctions
from course_utils.grading.edition.recorded import yardstick_seconds
from course_utils.grading.edition.store import write_store
from course_utils.grading.places import Chapter

TIMING_ROUNDS = 8
ROUND_SECONDS = 0.05
_EXACT = Tolerance(relative=0.0, absolute=0.0)


@dataclass
class Recorded:
    """What was recorded of a chapter: how many cases of each exercise, and which were left out and why."""

    chapter: Chapter
    cases: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)


class SteadyEvidence(Evidence):
    """Evidence whose times can be relied on for good, also when they were taken on a busy machine.

    Noise only ever makes a run slower: each time is the best of runs that are spread over a while.
    """

    def __init__(self, exercise: Exercise, seed: int, *, graded: bool) -> None:
        self._measured: dict[str, tuple[float, float]] = {}
        super().__init__(exercise, seed, graded=graded)

    def _measure(self, trial: Trial) -> tuple[float, float]:
        """Return the time of the reference, and of the yardstick in the same moments."""
        name = trial.case.name
        if name not in self._measured:
            reference = yardstick = math.inf
            for _ in range(TIMING_ROUNDS):
                reference = min(reference, super().reference_seconds(trial))
                yardstick = min(yardstick, yardstick_seconds())
                time.sleep(ROUND_SECONDS)
            self._measured[name] = (reference, yardstick)
        return self._measured[name]

    def reference_seconds(self, trial: Trial) -> float:
        """Return the reference's own time."""
        return self._measure(trial)[0]

    def reference_in_yardsticks(self, trial: Trial) -> float:
        """Return the reference's time in a unit that does not depend on the machine."""
        reference, yardstick = self._measure(trial)
        return reference / yardstick

    def steady_behaviors(self, answer: Any) -> list[Behavior]:
        """Run an answer on every case; one that is too slow is run again, to see whether it always is."""
        with standard_surroundings(self.seed):
            found = self.behaviors(answer)
            for _ in range(TIMING_ROUNDS):
                if not any(behavior.result.slow for behavior in found):
                    break
                again = self.behaviors(answer)
                found = [new if old.result.slow else old for old, new in zip(found, again, strict=True)]
        return found


class ChapterRecorder:
    """Records the exercises of one chapter."""

    def __init__(self, chapter: Chapter) -> None:
        self.recorded = Recorded(chapter)
        self.functions = PortableFunctions()
        # Scripts may hold functions of the course; what an answer returns is never called, so it need not.
        self.inputs = self.functions.encoder
        self.seen = Encoder()
        self.seen.buffers = self.inputs.buffers

    def record(self, exercise: Exercise) -> Tree:
        """Return the tree of an exercise's record."""
        evidence = SteadyEvidence(exercise, PUBLIC_SEED, graded=False)
        trees: list[Tree] = []
        kept: list[int] = []
        left_out: dict[str, str] = {}
        for place, (trial, right) in enumerate(zip(evidence.trials, evidence.right, strict=True)):
            try:
                trees.append(self._case(exercise, evidence, trial, right.observation))
                kept.append(place)
            except (NotPortableError, UnreadableDataError) as error:
                left_out[trial.case.name] = str(error)
        self.recorded.cases[exercise.name] = len(kept)
        if left_out:
            self.recorded.left_out[exercise.name] = left_out
        mistakes = []
        for mistake in exercise.mistakes:
            explanation, behaviors = mistake.explanation, evidence.steady_behaviors(mistake.answer)
            shown = [behaviors[place] for place in kept]
            if any(not behavior.result.passed or behavior.observation.changed for behavior in shown):
                mistakes.append(["list", explanation, ["list", *map(self._mistake, shown)]])
        hints = completed(str(self.recorded.chapter), exercise)
        visible = {case.name for case in exercise.cases if not case.hidden}
        plain = {
            "name": exercise.name,
            "hints": ({k: v for k, v in hints.nudges.items() if k in visible}, hints.idea, hints.page),
            "kind": exercise.kind,
            "points": exercise.points,
            "inplace": exercise.inplace,
            "at_least": exercise.at_least,
            "score": exercise.score,
            "left_out": list(left_out),
        }
        return _with(self.inputs.encode(plain), cases=["list", *trees], mistakes=["list", *mistakes])

    def _case(self, exercise: Exercise, evidence: SteadyEvidence, trial: Trial, right: Observation) -> Tree:
        case = trial.case
        if case.raises is not None and getattr(builtins, case.raises.__name__, None) is not case.raises:
            raise NotPortableError(f"{case.raises.__name__} is not an exception of Python's own")
        if case.kind == "score" and exercise.score is not None:
            self.functions.number(exercise.score)
        tolerance = case.tolerance
        timed = case.kind == "efficiency"
        plain = {
            "name": case.name,
            "kind": case.kind,
            "weight": case.weight,
            "seconds": case.seconds,
            "tolerance": (tolerance.relative, tolerance.absolute, tolerance.check_dtype),
            "raises": None if case.raises is None else case.raises.__name__,
            "at_most": case.at_most,
            "seed": trial.seed,
            "script": script_to_data(trial.script),
            "holds": trial.holds,
            "targets": trial.targets,
            "yardsticks": evidence.reference_in_yardsticks(trial) if timed else None,
        }
        tree = self.inputs.encode(plain)
        expected = self.seen.encode(observation_to_data(_without_text(right)))
        self._require_same(tree, expected, trial, right)
        return _with(tree, expected=expected)

    def _require_same(self, tree: Tree, expected: Tree, trial: Trial, right: Observation) -> None:
        """Refuse a case whose inputs or expected value come back as something else."""
        buffers = [bytearray(buffer) for buffer in self.inputs.buffers]
        back = Decoder(buffers, lambda _: _stand_in).decode(tree)
        script = script_from_data(back["script"])
        before = [(step.kind, step.name, step.args, dict(step.kwargs)) for step in trial.script.steps]
        after = [(step.kind, step.name, step.args, dict(step.kwargs)) for step in script.steps]
        if not identical(before, after) or not identical(trial.targets, back["targets"]):
            raise NotPortableError("its inputs have no form as data")
        value = Decoder(buffers).decode(expected)["value"]
        if compare(right.value, value, _EXACT) is not None:
            raise NotPortableError("its expected value has no form as data")

    def _mistake(self, behavior: Behavior) -> Tree:
        plain = {
            "observation": observation_to_data(_without_lines(behavior.observation)),
            "status": behavior.result.status,
            "message": behavior.result.message,
        }
        return self.seen.encode(plain)


def _stand_in() -> None:
    """Stand for a function among the inputs while they are compared."""


def _with(tree: Tree, **parts: Tree) -> Tree:
    """Add entries that are encoded already to the tree of a dict."""
    return [*tree, *(item for pair in parts.items() for item in pair)]


def _without_lines(observation: Observation) -> Observation:
    """Leave out where an answer failed, which shows its code, and what it printed."""
    failure = observation.failure
    return replace(observation, failure=failure and replace(failure, lines=()), printed="")


def _without_text(observation: Observation) -> Observation:
    """Leave out the words of the reference's own exception too: only its kind is compared."""
    plain = _without_lines(observation)
    return replace(plain, failure=plain.failure and replace(plain.failure, message=""))


def record_chapter(chapter: Chapter, folder: Path) -> Recorded:
    """Write the recorded answers of a chapter.

    Args:
        chapter: The chapter.
        folder: The folder of the part, in the edition's `course_utils/recorded`.
    """
    recorder = ChapterRecorder(chapter)
    exercises: Mapping[str, Exercise] = load_exercises(str(chapter))
    trees = {name: recorder.record(exercise) for name, exercise in exercises.items()}
    write_store(folder, chapter.name, trees, recorder.functions.table, recorder.inputs.buffers)
    (folder / f"{chapter.name}.py").write_text(recorder.functions.source(), encoding="utf-8")
    return recorder.recorded
