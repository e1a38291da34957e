"""The proof that the checks bite: `course teeth [PART/CHAPTER ...]`.

For each exercise: the reference and every variant get full marks, every known mistake loses marks
with its own message, both on 25 seeds; the released stub is "not attempted"; mutants of the
reference are caught; and a check is quick.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from course_utils.checking.altered import altered_models, altered_values
from course_utils.checking.checker import PUBLIC_SEED, chapters_with_checks, load_exercises
from course_utils.checking.draw import derive_seed
from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Evidence, judge, report_on
from course_utils.checking.mutants import Mutant, mutants_of
from course_utils.checking.released import released_names
from course_utils.checking.report import Report

SEEDS = 25
SEEDS_RUN_TWICE = 5
MOST_REDRAWN = 0.02
"""For these a mistake is run twice, as an answer and as what answers are compared with: one that is not
the same each time is found. For the others one run serves both.
"""
MUTANT_SEEDS = 3
CAUGHT_SHARE = 0.95
MEDIAN_SECONDS = 0.5
MOST_SECONDS = 2.0
LEAST_MISTAKES = 3
LEAST_VARIANTS = 2
COLUMNS = (
    "exercise",
    "points",
    "cases",
    "hidden",
    "variants",
    "mistakes",
    "mutants",
    "equivalent",
    "caught",
    "check",
    "bar",
)


@dataclass
class Finding:
    """What the proof found for one exercise, as plain data.

    `survivors` are the mutants that no case catches, each with the declared reason why it does the
    same as the reference, or "" where none is declared.
    """

    chapter: str
    exercise: str
    points: float
    cases: int
    hidden: int
    variants: int
    mistakes: int
    mutants: int = 0
    survivors: list[tuple[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def caught_share(self) -> float:
        """The share of mutants that lose marks, of those that do something else than the reference."""
        wrong = self.mutants - self.equivalent
        return 1 - (len(self.survivors) - self.equivalent) / wrong if wrong else 1.0

    @property
    def equivalent(self) -> int:
        """How many mutants do the same as the reference, each for a declared reason."""
        return sum(bool(reason) for _, reason in self.survivors)

    def add(self, problem: str) -> None:
        """Note a problem once."""
        if problem not in self.problems:
            self.problems.append(problem)


def examine(chapter: str, exercise: Exercise, seeds: int = SEEDS) -> Finding:
    """Prove one exercise."""
    finding = Finding(
        chapter=chapter,
        exercise=exercise.name,
        points=exercise.points,
        cases=len(exercise.cases),
        hidden=sum(case.hidden for case in exercise.cases),
        variants=len(exercise.variants),
        mistakes=len(exercise.mistakes),
    )
    for what, found, least in (
        ("known mistakes", finding.mistakes, LEAST_MISTAKES),
        ("variants", finding.variants, LEAST_VARIANTS),
        ("visible cases", finding.cases - finding.hidden, 1),
    ):
        if found < least:
            finding.add(f"{found} {what}, at least {least} are needed")
    redrawn: Counter[str] = Counter()
    try:
        for number in range(seeds):
            evidence = Evidence(exercise, derive_seed("teeth", number), graded=True)
            redrawn.update(evidence.redrawn)
            _prove_right_answers(finding, exercise, evidence, number)
            _prove_mistakes(finding, exercise, evidence, number)
        for name, count in redrawn.items():
            if count > MOST_REDRAWN * seeds:
                finding.add(f"the reference refuses {count} draws of {name!r} on {seeds} seeds: draw others")
        _prove_stub(finding, exercise)
        _prove_mutants(finding, exercise)
        _prove_speed(finding, exercise)
    except Exception as error:
        finding.add(f"{type(error).__name__}: {error}")
    return finding


def _judge(finding: Finding, exercise: Exercise, answer: Any, evidence: Evidence) -> Report:
    return judge(finding.chapter, exercise, answer, evidence, graded=True)


def _right_answers(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    yield "the reference", exercise.reference_answer
    for variant in exercise.variants:
        name = getattr(variant, "__name__", variant)
        yield f"the variant {name}", variant() if exercise.kind == "predictor" else variant


def _prove_right_answers(finding: Finding, exercise: Exercise, evidence: Evidence, number: int) -> None:
    for name, answer in _right_answers(exercise):
        report = _judge(finding, exercise, answer, evidence)
        if report.points < report.max_points:
            failed = report.first_failure
            why = f"{failed.name}: {failed.message}" if failed else "; ".join(report.notes)
            finding.add(f"{name} loses marks (seed {number}, {why})")


def _prove_mistakes(finding: Finding, exercise: Exercise, evidence: Evidence, number: int) -> None:
    for mistake in exercise.mistakes:
        known = evidence.mistakes[mistake.explanation]
        seen = evidence.behaviors(mistake.answer) if number < SEEDS_RUN_TWICE else known
        report = report_on(finding.chapter, exercise, mistake.answer, evidence, seen, graded=True)
        short = mistake.explanation[:60]
        if report.points >= report.max_points:
            finding.add(f"this mistake loses no marks (seed {number}): {short}")
        elif report.explanations != (mistake.explanation,):
            got = [text[:60] for text in report.explanations] or "no explanation"
            finding.add(f"this mistake is explained as {got} (seed {number}): {short}")


def _prove_stub(finding: Finding, exercise: Exercise) -> None:
    names = released_names(finding.chapter)
    if exercise.name not in names:
        finding.add(f"the released notebook defines no {exercise.name}")
        return
    evidence = Evidence(exercise, PUBLIC_SEED, graded=True)
    report = _judge(finding, exercise, names[exercise.name], evidence)
    if report.status != "not attempted" or report.points:
        finding.add(f"the released stub reads {report.status!r}, not 'not attempted'")


def _prove_mutants(finding: Finding, exercise: Exercise) -> None:
    pool = [_untimed(exercise, derive_seed("mutants", number)) for number in range(MUTANT_SEEDS)]
    for before, after, answer in _mutants(exercise):
        finding.mutants += 1
        if any(_catches(exercise, evidence, answer) for evidence in pool):
            continue
        reason = exercise.equivalents.get(after, "")
        finding.survivors.append((f"{before}  =>  {after}", reason))
        if not reason:
            finding.add(f"mutant survives unexplained: {before}  =>  {after}")
    survived = {change.split("  =>  ")[1] for change, _ in finding.survivors}
    for after in exercise.equivalents:
        if after not in survived:
            finding.add(f"declared equivalent, but it is caught or does not exist: {after}")
    if finding.caught_share < CAUGHT_SHARE:
        finding.add(f"only {finding.caught_share:.0%} of the mutants are caught")


def _untimed(exercise: Exercise, seed: int) -> Evidence:
    """Return the evidence without the cases that measure time, which says nothing about a mutant."""
    evidence = Evidence(exercise, seed, graded=True)
    kept = [
        pair
        for pair in zip(evidence.trials, evidence.right, strict=True)
        if pair[0].case.kind != "efficiency"
    ]
    evidence.trials, evidence.right = [trial for trial, _ in kept], [right for _, right in kept]
    return evidence


def _mutants(exercise: Exercise) -> Iterator[tuple[str, str, Any]]:
    """Yield each mutant: what stood there, what stands there now, and the answer or how to make it."""
    if exercise.kind in ("value", "predictor"):
        right = exercise.reference_answer
        altered = altered_values(right) if exercise.kind == "value" else altered_models(right)
        yield from (("the right answer", name, answer) for name, answer in altered.items())
    else:
        yield from ((mutant.before, mutant.after, mutant) for mutant in mutants_of(exercise))


def _catches(exercise: Exercise, evidence: Evidence, mutant: Any) -> bool:
    try:
        answer = mutant.answer if isinstance(mutant, Mutant) else mutant
    except Exception:
        return True  # it cannot even be defined
    behaviors = evidence.behaviors(answer)
    changed = any(behavior.observation.changed for behavior in behaviors) and not exercise.inplace
    return changed or not all(behavior.result.passed for behavior in behaviors)


def _prove_speed(finding: Finding, exercise: Exercise) -> None:
    """Time a learner's first check, explanation included, of the reference and of each mistake.

    What every answer that fails has to wait for, which is what each known mistake does, is the same work
    for all of them, and done once here. Processor time on one core, so that what else the machine does
    makes no difference.
    """
    began = time.process_time()
    evidence = Evidence(exercise, PUBLIC_SEED, graded=False)
    prepared = time.process_time() - began
    finding.seconds.append(prepared + _seconds(finding, exercise, exercise.reference_answer, evidence))
    began = time.process_time()
    assert evidence.mistakes  # asked for, and so worked out: LEAST_MISTAKES are needed anyway
    prepared += time.process_time() - began
    for mistake in exercise.mistakes:
        finding.seconds.append(prepared + _seconds(finding, exercise, mistake.answer, evidence))
    slowest = max(finding.seconds, default=0.0)
    if slowest > MOST_SECONDS:
        finding.add(f"a check takes {slowest:.1f} s, at most {MOST_SECONDS:g} s are allowed")


def _seconds(finding: Finding, exercise: Exercise, answer: Any, evidence: Evidence) -> float:
    start = time.process_time()
    judge(finding.chapter, exercise, answer, evidence, graded=False)
    return time.process_time() - start


def table(findings: Iterable[Finding]) -> Table:
    """Lay the findings out, one exercise a row."""
    result = Table(title="The teeth of the checks", title_justify="left")
    for column in COLUMNS:
        result.add_column(column, justify="left" if column in ("exercise", "bar") else "right")
    for finding in findings:
        result.add_row(
            f"{finding.chapter} {finding.exercise}",
            f"{finding.points:g}",
            str(finding.cases),
            str(finding.hidden),
            str(finding.variants),
            str(finding.mistakes),
            str(finding.mutants),
            str(finding.equivalent),
            f"{finding.caught_share:.0%}",
            f"{1000 * statistics.median(finding.seconds):.0f} ms" if finding.seconds else "",
            "[green]met[/]" if not finding.problems else f"[red]{len(finding.problems)} problems[/]",
        )
    return result


def _examine_by_name(chapter: str, name: str, seeds: int) -> Finding:
    torch.set_num_threads(1)
    return examine(chapter, load_exercises(chapter)[name], seeds)


def examine_all(chapters: Iterable[str], seeds: int = SEEDS) -> Iterator[Finding]:
    """Prove every exercise of the chapters, one process a core, in the order of their declaration."""
    names = [(chapter, name) for chapter in chapters for name in load_exercises(chapter)]
    # Forking after torch has started threads can hang the child, so each worker starts afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1), mp_context=context) as pool:
        yield from pool.map(functools.partial(_examine_by_name, seeds=seeds), *zip(*names, strict=True))


def main(chapters: list[str], seeds: int = SEEDS) -> int:
    """Print the table, the survivors with their reasons and every problem; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    findings = []
    for finding in examine_all(chapters or chapters_with_checks(), seeds):
        findings.append(finding)
        console.print(f"{'PROBLEMS' if finding.problems else 'met':9}{finding.chapter} {finding.exercise}")
    console.print(table(findings))
    for finding in findings:
        for change, reason in finding.survivors:
            if reason:
                console.print(f"equivalent, {finding.exercise}: {change}", markup=False)
                console.print(f"    because {reason}", markup=False)
    for finding in findings:
        for problem in finding.problems:
            console.print(f"PROBLEM {finding.chapter} {finding.exercise}: {problem}", markup=False)
    seconds = [second for finding in findings for second in finding.seconds]
    median = statistics.median(seconds)
    console.print(f"median check {median * 1000:.0f} ms, slowest {max(seconds) * 1000:.0f} ms")
    failed = sum(bool(finding.problems) for finding in findings)
    if median > MEDIAN_SECONDS:
        console.print(f"PROBLEM the median check must take less than {MEDIAN_SECONDS:g} s")
    console.print(f"{len(findings) - failed} passed, {failed} failed")
    return int(failed > 0 or median > MEDIAN_SECONDS)
