"""What known mistakes do is worked out by several processes, and is what one process finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from course_utils.checking import Exercise, function
from course_utils.checking.draw import Draw
from course_utils.checking.judge import Evidence
from course_utils.checking.trees import identical
from course_utils.grading.judging import preparing
from tests.checking.judging import DECLARED

SEED = 11
ROOT = Path(__file__).resolve().parents[3]


def returns_a_function(x: torch.Tensor) -> Any:
    return lambda: x


def result_that_cannot_be_handed_over() -> Exercise:
    """An exercise with a known mistake that returns a function."""

    def double(x: torch.Tensor) -> torch.Tensor:
        """Return twice the values."""
        return 2 * x

    exercise = function(double, points=1)

    @exercise.case("doubles")
    def _(draw: Draw) -> dict[str, Any]:
        return {"x": draw.normal(3, 2)}

    exercise.mistake("A function is returned, not its value.")(returns_a_function)
    return exercise


def outcomes(evidence: Evidence) -> dict[str, Any]:
    """Return how each known mistake ends in each case."""
    return {
        explanation: [(b.result.status, b.observation.changed, b.observation.failure) for b in behaviors]
        for explanation, behaviors in evidence.findings.mistakes.items()
    }


def compare() -> None:
    """Work everything out with two processes and with one: in a process of its own, which has one thread."""
    torch.set_num_threads(1)
    exercises = [
        *(exercise for exercise in DECLARED if exercise.mistakes),
        result_that_cannot_be_handed_over(),
    ]
    together = [Evidence(exercise, SEED, graded=True) for exercise in exercises]
    adopted = []
    adopt = Evidence.adopt
    Evidence.adopt = lambda self, found: (adopted.append(self), adopt(self, found))[1]  # type: ignore[method-assign]
    preparing.work_out_mistakes(together, 2)
    Evidence.adopt = adopt  # type: ignore[method-assign]
    assert len(adopted) == len(exercises) - 1, "all but one can be handed over"
    for exercise, found in zip(exercises, together, strict=True):
        alone = Evidence(exercise, SEED, graded=True)
        preparing.work_out_mistakes([alone], 1)
        assert outcomes(found) == outcomes(alone), exercise.name
        if exercise is exercises[-1]:
            continue
        for explanation, behaviors in alone.findings.mistakes.items():
            values = [behavior.observation.value for behavior in behaviors]
            others = [behavior.observation.value for behavior in found.findings.mistakes[explanation]]
            assert identical(values, others), (exercise.name, explanation)
    print("the same", len(exercises))


def test_several_processes_find_what_one_finds() -> None:
    code = "from tests.grading.judging.test_preparing import compare; compare()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("the same"), done.stderr


def test_where_a_fork_would_lose_threads_it_is_done_here(monkeypatch: Any) -> None:
    monkeypatch.setattr(preparing.os, "listdir", lambda _path: ["1", "2"])
    monkeypatch.setattr(preparing, "_adopt_from_others", lambda *_: (_ for _ in ()).throw(AssertionError))
    evidence = Evidence(result_that_cannot_be_handed_over(), SEED, graded=True)
    preparing.work_out_mistakes([evidence], 2)
    (behaviors,) = evidence.findings.mistakes.values()
    assert [behavior.result.status for behavior in behaviors] == ["failed"]
