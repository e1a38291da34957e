"""The `check` of a class edition: it judges with recorded answers, since no reference is there.

What the reference and the known mistakes do in the public cases was written down by `record.py`. From that
`RecordedEvidence` makes what `course_utils.checking.judge` asks for, so judging, recognizing mistakes and all
texts are the very same code as in the full course.
"""

from __future__ import annotations

import builtins
import functools
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import course_utils
from course_utils.checking.checker import PUBLIC_SEED, Checker
from course_utils.checking.diagnose import Behavior
from course_utils.checking.difference import Tolerance
from course_utils.checking.exercise import Case, Exercise, Trial
from course_utils.checking.judge import Evidence
from course_utils.checking.perform import Observation
from course_utils.checking.report import CaseResult, Report
from course_utils.checking.steps import Hints
from course_utils.checking.surroundings import standard_surroundings
from course_utils.grading.channel.messages import observation_from_data, script_from_data
from course_utils.grading.edition.given import used
from course_utils.grading.edition.store import PACKAGE, Store

FOLDER = Path(course_utils.__file__).parent / "recorded"
JUDGED_LATER = (
    "The instructor's machine judges this, with other inputs and more cases than the check shows: hand your "
    "notebook in."
)
YARDSTICK_REPEATS = 25
# The reference's time is estimated here: what is only nearly too slow is left to the instructor's machine.
TIME_SLACK = 1.5


def yardstick_seconds() -> float:
    """Measure how long this machine takes for a little of everything: the best of many runs."""
    square, numbers = torch.ones(64, 64), np.ones((64, 64))
    best = math.inf
    with standard_surroundings(PUBLIC_SEED), torch.no_grad():
        for _ in range(YARDSTICK_REPEATS):
            began = time.thread_time()
            torch.softmax(square @ square, dim=-1).sum(dim=-1, keepdim=True)
            (numbers * numbers).sum(axis=-1)
            sum(range(500))
            best = min(best, time.thread_time() - began)
    return best


class RecordedEvidence(Evidence):
    """The public cases of an exercise, with what the reference and the mistakes did in them."""

    def __init__(self, record: Mapping[str, Any], exercise: Exercise) -> None:
        self.exercise = exercise
        self.seed = PUBLIC_SEED
        self.trials = [_trial(case) for case in record["cases"]]
        self.right = [
            Behavior(
                observation_from_data(case["expected"], trial.script),
                CaseResult(trial.case.name, "passed", trial.case.weight),
            )
            for case, trial in zip(record["cases"], self.trials, strict=True)
        ]
        self._yardsticks = {case["name"]: case["yardsticks"] for case in record["cases"]}
        self._fastest: dict[str, float] = {}
        self._mistakes = {
            explanation: [
                Behavior(
                    observation_from_data(seen["observation"], trial.script),
                    CaseResult(
                        trial.case.name, seen["status"], trial.case.weight, seen["message"], seen["message"]
                    ),
                )
                for seen, trial in zip(behaviors, self.trials, strict=True)
            ]
            for explanation, behaviors in record["mistakes"]
        }

    def other_numbers(self, trial: Trial, number: int) -> tuple[Trial, Observation]:  # noqa: ARG002
        """Return the case as it was recorded: there are no other numbers here."""
        place = next(place for place, other in enumerate(self.trials) if other is trial)
        return trial, self.right[place].observation

    def reference_seconds(self, trial: Trial) -> float:
        """Estimate the reference's time on this machine from what it was on the instructor's."""
        return TIME_SLACK * self._yardsticks[trial.case.name] * yardstick_seconds()


def _trial(record: Mapping[str, Any]) -> Trial:
    case = Case(
        record["name"],
        _no_inputs,
        Tolerance(*record["tolerance"]),
        record["kind"],
        record["weight"],
        seconds=record["seconds"],
        raises=None if record["raises"] is None else getattr(builtins, record["raises"]),
        at_most=record["at_most"],
    )
    return Trial(case, script_from_data(record["script"]), record["seed"], record["holds"], record["targets"])


def _no_inputs(_draw: Any) -> None:
    raise NotImplementedError("a recorded case has its inputs already")


def _exercise(record: Mapping[str, Any]) -> Exercise:
    return Exercise(
        record["name"],
        record["kind"],
        None,
        record["points"],
        Tolerance(),
        record["inplace"],
        record["score"],
        record["at_least"],
        hints=Hints(*record["hints"]),
    )


class RecordedChecker(Checker):
    """Checks answers of one chapter on its public cases; used like the checker of the full course."""

    def __init__(self, chapter: str) -> None:
        used.chapter = self.chapter = chapter
        self._records = _records(chapter)
        self.exercises = {name: _exercise(record) for name, record in self._records.items()}
        self._known: dict[str, RecordedEvidence] = {}

    def graded(self, answer: Any, exercise: str | None = None) -> None:  # type: ignore[override]
        """Say where an answer is judged on all cases: not here."""
        self._find(answer, exercise)
        print(JUDGED_LATER)

    def report(self, answer: Any, exercise: str | None = None, *, graded: bool = False) -> Report:
        """Check an answer and return the outcome without showing it."""
        if graded:
            raise ValueError(JUDGED_LATER)
        used.names.clear()
        report = super().report(answer, exercise)
        notes = [*report.notes, *_builds_on(report), *_left_out(self._records[report.exercise])]
        return replace(report, notes=tuple(notes))

    def evidence(self, exercise: str, *, graded: bool = False) -> Evidence:
        """Return the public cases of an exercise and what is right in them."""
        if graded:
            raise ValueError(JUDGED_LATER)
        if exercise not in self._known:
            self._known[exercise] = RecordedEvidence(self._records[exercise], self.exercises[exercise])
        return self._known[exercise]


def _left_out(record: Mapping[str, Any]) -> list[str]:
    """Name the cases of the full check that could not be recorded."""
    listed = ", ".join(f'"{name}"' for name in record["left_out"])
    return [f"Judged only when the instructor grades: {listed}."] if listed else []


def _builds_on(report: Report) -> list[str]:
    """Say so where an answer that is not right was run with the learner's own earlier answers."""
    names = [f"`{name}`" for name in used.names if name != report.exercise]
    if report.points == report.max_points or report.status == "not attempted" or not names:
        return []
    return [
        f"It was run with your own {', '.join(names)}: look there too. The instructor's machine uses the "
        "course's own, so that a mistake there costs nothing here."
    ]


def chapters_with_records() -> list[str]:
    """Return the chapters that this edition can check, as part/chapter."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.json"))


@functools.cache
def _records(chapter: str) -> dict[str, Any]:
    if chapter not in chapters_with_records():
        known = ", ".join(chapters_with_records())
        raise ValueError(f"this edition has no checks for the chapter {chapter!r}; there are: {known}")
    part, _, name = chapter.partition("/")
    return Store(FOLDER / part, name, f"{PACKAGE}.{part}.{name}").read()


def checker(chapter: str) -> RecordedChecker:
    """Return the checker of a chapter, as in `check = checker("transformers/attention")`.

    Raises:
        ValueError: this edition has no checks for the chapter.
    """
    return RecordedChecker(chapter)
