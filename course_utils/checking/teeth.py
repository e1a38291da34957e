"""The proof that the checks bite: run as `python -m course_utils.checking.teeth [PART/CHAPTER ...]`.

For each exercise: the reference and every variant get full marks, every known mistake loses marks
with its own message, both on 25 seeds; the released stub is "not attempted"; mutants of the
reference are caught; and a check is quick.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from course_utils.checking.checker import PUBLIC_SEED, chapters_with_checks, load_exercises
from course_utils.checking.draw import derive_seed
from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.mutants import Mutant, mutants_of
from course_utils.checking.released import released_names
from course_utils.checking.report import Report

SEEDS = 25
MUTANT_SEEDS = 3
CAUGHT_SHARE = 0.95
MEDIAN_SECONDS = 0.5
MOST_SECONDS = 2.0
LEAST_MISTAKES = 3
LEAST_VARIANTS = 2


@dataclass
class Teeth:
    """What the proof found for one exercise."""

    chapter: str
    exercise: Exercise
    problems: list[str] = field(default_factory=list)
    mutants: int = 0
    survivors: list[Mutant | str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def caught_share(self) -> float:
        """The share of mutants that lose marks."""
        return 1 - len(self.survivors) / self.mutants if self.mutants else 1.0


def examine(chapter: str, exercise: Exercise, seeds: int = SEEDS) -> Teeth:
    """Prove one exercise."""
    teeth = Teeth(chapter, exercise)
    _count(teeth)
    for number in range(seeds):
        seed = derive_seed("teeth", number)
        try:
            evidence = Evidence(exercise, seed, graded=True)
        except Exception as error:
            teeth.problems.append(f"seed {number}: {type(error).__name__}: {error}")
            return teeth
        _prove_seed(teeth, evidence, number)
    _prove_stub(teeth)
    _prove_mutants(teeth)
    _prove_speed(teeth)
    teeth.problems = list(dict.fromkeys(teeth.problems))
    return teeth


def _count(teeth: Teeth) -> None:
    for what, found, least in (
        ("known mistakes", teeth.exercise.mistakes, LEAST_MISTAKES),
        ("variants", teeth.exercise.variants, LEAST_VARIANTS),
    ):
        if len(found) < least:
            teeth.problems.append(f"{len(found)} {what}, at least {least} are needed")
    if not any(not case.hidden for case in teeth.exercise.cases):
        teeth.problems.append("no visible case: the learner would see nothing")


def _judge(teeth: Teeth, answer: Any, evidence: Evidence) -> Report:
    return judge(teeth.chapter, teeth.exercise, answer, evidence, graded=True)


def _prove_seed(teeth: Teeth, evidence: Evidence, number: int) -> None:
    exercise = teeth.exercise
    right = [("the reference", exercise.reference_answer)]
    for variant in exercise.variants:
        made = variant() if exercise.kind == "predictor" else variant
        right.append((f"the variant {getattr(variant, '__name__', variant)}", made))
    for name, answer in right:
        report = _judge(teeth, answer, evidence)
        if report.points < report.max_points:
            failed = next((c for c in report.cases if not c.passed), None)
            why = f"{failed.name}: {failed.message}" if failed else "; ".join(report.notes)
            teeth.problems.append(f"{name} loses marks (seed {number}, {why})")
    for mistake in exercise.mistakes:
        report = _judge(teeth, mistake.answer, evidence)
        short = mistake.explanation[:60]
        if report.points >= report.max_points:
            teeth.problems.append(f"this mistake loses no marks (seed {number}): {short}")
        elif report.explanations != (mistake.explanation,):
            got = [text[:60] for text in report.explanations] or "no explanation"
            teeth.problems.append(f"this mistake is explained as {got} (seed {number}): {short}")


def _prove_stub(teeth: Teeth) -> None:
    exercise = teeth.exercise
    try:
        names = released_names(teeth.chapter)
    except Exception as error:
        teeth.problems.append(f"released notebook: {type(error).__name__}: {error}")
        return
    if exercise.name not in names:
        teeth.problems.append(f"the released notebook defines no {exercise.name}")
        return
    report = _judge(teeth, names[exercise.name], Evidence(exercise, PUBLIC_SEED, graded=True))
    if report.status != "not attempted" or report.points:
        teeth.problems.append(f"the released stub reads {report.status!r}, not 'not attempted'")


def _prove_mutants(teeth: Teeth) -> None:
    exercise = teeth.exercise
    pool: list[Evidence] = []
    for number in range(MUTANT_SEEDS):
        evidence = Evidence(exercise, derive_seed("mutants", number), graded=True)
        # Time says nothing about a mutant, and explaining it is not needed: values decide.
        keep = [i for i, trial in enumerate(evidence.trials) if trial.case.kind != "efficiency"]
        evidence.trials = [evidence.trials[i] for i in keep]
        evidence.right = [evidence.right[i] for i in keep]
        pool.append(evidence)
    if exercise.kind in ("value", "predictor"):
        _prove_altered_results(teeth, pool)
        return
    for mutant in mutants_of(exercise):
        teeth.mutants += 1
        if not any(_catches(exercise, evidence, mutant) for evidence in pool):
            teeth.survivors.append(mutant)
    unexplained = [
        m for m in teeth.survivors if isinstance(m, Mutant) and m.after not in exercise.equivalents
    ]
    for mutant in unexplained:
        teeth.problems.append(f"mutant survives unexplained: {mutant.before}  =>  {mutant.after}")
    survived = {m.after for m in teeth.survivors if isinstance(m, Mutant)}
    for after in exercise.equivalents:
        if after not in survived:
            teeth.problems.append(f"declared equivalent, but it is caught or does not exist: {after}")
    if teeth.caught_share < CAUGHT_SHARE:
        teeth.problems.append(f"only {teeth.caught_share:.0%} of the mutants are caught")


def _catches(exercise: Exercise, evidence: Evidence, mutant: Mutant) -> bool:
    try:
        answer = mutant.answer
    except Exception:
        return True
    behaviors = evidence.behaviors(answer)
    changed = any(behavior.observation.changed for behavior in behaviors) and not exercise.inplace
    return changed or not all(behavior.result.passed for behavior in behaviors)


def _prove_altered_results(teeth: Teeth, pool: list[Evidence]) -> None:
    """Mutate what has no source: a value, or the predictions of a model."""
    right = teeth.exercise.reference_answer
    alter = altered_values if teeth.exercise.kind == "value" else altered_models
    for name, answer in alter(right).items():
        teeth.mutants += 1
        for evidence in pool:
            if any(not behavior.result.passed for behavior in evidence.behaviors(answer)):
                break
        else:
            teeth.survivors.append(name)
            teeth.problems.append(f"not caught: {name}")


def altered_values(right: Any) -> dict[str, Any]:
    """Return wrong versions of a value.

    >>> altered_values(4)["doubled"]
    8
    """
    if isinstance(right, (Tensor, np.ndarray)) or (
        isinstance(right, (int, float)) and not isinstance(right, bool)
    ):
        altered = {
            "one more": right + 1,
            "one less": right - 1,
            "doubled": right * 2,
            "halved": right / 2,
            "negated": -right,
            "square": right * right,
        }
        scale = 1e-12
        return {
            name: value
            for name, value in altered.items()
            if float(abs(torch.as_tensor(value, dtype=torch.float64) - torch.as_tensor(right)).max()) > scale
        }
    if isinstance(right, bool):
        return {"the opposite": not right}
    if isinstance(right, (list, tuple)) and len(right) > 1:
        return {
            "reversed": type(right)(right[::-1]),
            "first left out": right[1:],
            "last left out": right[:-1],
        }
    return {"a string added": f"{right}x"}


def altered_models(model: Any) -> dict[str, Any]:
    """Return models that spoil the predictions of a good one: shuffled, constant, shifted, transposed."""

    def wrap(change: Any) -> Any:
        def predict(inputs: Any) -> Any:
            predictions = model.predict(inputs) if hasattr(model, "predict") else model(inputs)
            return change(predictions)

        return predict

    return {
        "predictions in reverse order": wrap(lambda p: p[range(len(p) - 1, -1, -1)]),
        "the first prediction for all": wrap(lambda p: p[[0] * len(p)]),
        "predictions shifted by one row": wrap(lambda p: p[[*range(1, len(p)), 0]]),
        "one prediction missing": wrap(lambda p: p[:-1]),
        "predictions with another axis": wrap(lambda p: p[..., None]),
    }


def _prove_speed(teeth: Teeth) -> None:
    """Time a whole learner's check, with its explanation, for the reference and each mistake."""
    exercise = teeth.exercise
    for answer in [exercise.reference_answer, *(mistake.answer for mistake in exercise.mistakes)]:
        report = judge(
            teeth.chapter, exercise, answer, Evidence(exercise, PUBLIC_SEED, graded=False), graded=False
        )
        if report.status != "timed out":
            teeth.seconds.append(report.seconds)
    slowest = max(teeth.seconds, default=0.0)
    if slowest > MOST_SECONDS:
        teeth.problems.append(f"a check takes {slowest:.1f} s, at most {MOST_SECONDS:g} s are allowed")


def table(found: list[Teeth]) -> Table:
    """Lay the findings out, one exercise a row."""
    result = Table(title="The teeth of the checks", title_justify="left")
    for column in (
        "exercise",
        "points",
        "cases",
        "hidden",
        "variants",
        "mistakes",
        "mutants",
        "caught",
        "check",
        "",
    ):
        result.add_column(column, justify="left" if column in ("exercise", "") else "right")
    for teeth in found:
        exercise = teeth.exercise
        result.add_row(
            f"{teeth.chapter} {exercise.name}",
            f"{exercise.points:g}",
            str(len(exercise.cases)),
            str(sum(case.hidden for case in exercise.cases)),
            str(len(exercise.variants)),
            str(len(exercise.mistakes)),
            str(teeth.mutants),
            f"{teeth.caught_share:.0%}",
            f"{1000 * statistics.median(teeth.seconds):.0f} ms" if teeth.seconds else "",
            "[green]ok[/]" if not teeth.problems else f"[red]{len(teeth.problems)} problems[/]",
        )
    return result


def main(chapters: list[str]) -> int:
    """Print the table, the survivors with their reasons and every problem; return the exit code."""
    torch.set_num_threads(1)
    console = Console(width=None if sys.stdout.isatty() else 150, soft_wrap=False)
    found = []
    for chapter in chapters or chapters_with_checks():
        for exercise in load_exercises(chapter).values():
            found.append(examine(chapter, exercise))
            console.print(f"{'ok' if not found[-1].problems else 'PROBLEMS':9}{chapter} {exercise.name}")
    console.print(table(found))
    for teeth in found:
        for survivor in teeth.survivors:
            if isinstance(survivor, Mutant) and survivor.after in teeth.exercise.equivalents:
                reason = teeth.exercise.equivalents[survivor.after]
                console.print(
                    f"equivalent, {teeth.exercise.name}: {survivor.before}  =>  {survivor.after}",
                    markup=False,
                )
                console.print(f"    because {reason}", markup=False)
    for teeth in found:
        for problem in teeth.problems:
            console.print(f"PROBLEM {teeth.chapter} {teeth.exercise.name}: {problem}", markup=False)
    seconds = [second for teeth in found for second in teeth.seconds]
    median = statistics.median(seconds) if seconds else 0.0
    slow = median > MEDIAN_SECONDS
    bad = sum(bool(teeth.problems) for teeth in found) + slow
    console.print(
        f"median check {median * 1000:.0f} ms, slowest {max(seconds, default=0) * 1000:.0f} ms; "
        f"the bar is {'met' if not bad else 'NOT met'}"
    )
    console.print(f"{len(found) - (bad - slow)} passed, {bad} failed")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
