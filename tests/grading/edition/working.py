"""Working in an edition, and what the full course says of the same answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from course_utils.checking.checker import PUBLIC_SEED, load_exercises
from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Evidence, judge
from course_utils.grading.edition.record import SteadyEvidence
from course_utils.grading.edition.write import ClassEdition
from course_utils.grading.places import Chapter
from tests.grading.edition.answers import mistake_cells, notebook_cells, task

ROOT = Path(__file__).resolve().parents[3]
WORK = Path(__file__).with_name("work.py")
# A busy machine may take an answer for slow, or a slow one for quick enough.
ATTEMPTS = 4


def learner_environment(edition: ClassEdition) -> dict[str, str]:
    """Return the variables of a process that knows no course but the edition."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COURSE_"))}
    return {**kept, "PYTHONPATH": str(edition.folder), "OMP_NUM_THREADS": "1"}


def work_in(edition: ClassEdition, tasks: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Do tasks in a process of its own, with the edition alone on its path."""
    (folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-P", str(WORK), str(folder / "tasks.json"), str(folder / "answers.json")],
        cwd=edition.folder / "exercises" / edition.chapters[0].part,
        env=learner_environment(edition),
        check=True,
    )
    result: dict[str, Any] = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return result


def solution_task(chapter: Chapter) -> dict[str, Any]:
    """Return the task of a learner whose answers are all right."""
    path = ROOT / "solutions" / f"{chapter}.ipynb"
    return task(chapter, notebook_cells(path), list(load_exercises(str(chapter))))


def stub_task(edition: ClassEdition, chapter: Chapter) -> dict[str, Any]:
    """Return the task of a learner who has written nothing."""
    path = edition.folder / "exercises" / f"{chapter}.ipynb"
    return task(chapter, notebook_cells(path), list(load_exercises(str(chapter))))


def outcome(report: dict[str, Any]) -> dict[str, Any]:
    """Return what two checks of the same answer agree in; measured times are left out."""
    cases = [
        (case["name"], case["status"], re.sub(r"[\d.]+", "#", case["message"])) for case in report["cases"]
    ]
    same = {name: report[name] for name in ("exercise", "points", "max_points", "status", "explanations")}
    return {**same, "cases": cases}


class FullCheck:
    """What the full course's check says of known mistakes in the visible cases."""

    def __init__(self, chapter: Chapter) -> None:
        self.chapter = chapter
        self._evidence: dict[str, Evidence] = {}

    def outcome(self, exercise: Exercise, answer: Any) -> dict[str, Any]:
        """Check an answer."""
        if exercise.name not in self._evidence:
            self._evidence[exercise.name] = SteadyEvidence(exercise, PUBLIC_SEED, graded=False)
        evidence = self._evidence[exercise.name]
        return outcome(judge(str(self.chapter), exercise, answer, evidence, graded=False).to_data())


def differing_mistakes(edition: ClassEdition, chapter: Chapter, folder: Path) -> dict[str, Any]:
    """Return the known mistakes of which the edition's check says something else than the full one."""
    full = FullCheck(chapter)
    left = [
        (exercise, mistake)
        for exercise in load_exercises(str(chapter)).values()
        for mistake in exercise.mistakes
    ]
    assert left
    differing: dict[str, Any] = {}
    for _ in range(ATTEMPTS):
        tasks = [task(chapter, mistake_cells(chapter, e, m), [e.name]) for e, m in left]
        answers = work_in(edition, tasks, folder)["answers"]
        differing, again = {}, []
        for (exercise, mistake), answer in zip(left, answers, strict=True):
            (report,) = answer["reports"]
            expected = full.outcome(exercise, mistake.answer)
            if answer["errors"] or outcome(report) != expected:
                differing[f"{exercise.name}: {mistake.explanation}"] = (expected, answer)
                again.append((exercise, mistake))
        left = again
        if not left:
            break
    return differing
