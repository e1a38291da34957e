"""Classes that were graded, written straight into the gradebook, the journal and the folders."""

from __future__ import annotations

import functools
import json
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import Grade, Gradebook, GradeCell, Student, SubmittedAssignment, SubmittedNotebook

from course_utils.checking.checker import load_exercises
from course_utils.grading.journal import Journal, Record
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, Places
from course_utils.grading.problems import Problem
from course_utils.grading.reading import fingerprint
from course_utils.grading.released import release_hash, released_cells

ROOT = Path(__file__).resolve().parents[3]
CHAPTER = Chapter("transformers", "attention")
WRITTEN, WRITTEN_POINTS = "shuffled", 2.0
HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass
class Outcome:
    """How an item of one submission ended."""

    points: float
    status: str = "passed"
    cases: Mapping[str, str] = field(default_factory=dict)
    explanations: Sequence[str] = ()
    reason: str = ""


@dataclass
class Handed:
    """One submission: the outcome by exercise, and the points of the answer in words (None: to be given)."""

    student: str
    outcomes: Mapping[str, Outcome]
    written: float | None = 0.0
    seconds: float = 1.0
    problems: Sequence[Problem] = ()
    graded: bool = True
    manual: Mapping[str, float] = field(default_factory=dict)
    penalty: float = 0.0
    source: str = ""


def exercise_points() -> dict[str, float]:
    """Return the points of the exercises."""
    return {name: exercise.points for name, exercise in load_exercises(str(CHAPTER)).items()}


def full_marks() -> dict[str, Outcome]:
    """Return the outcomes of right answers."""
    return {
        name: Outcome(exercise.points, cases={case.name: "passed" for case in exercise.cases})
        for name, exercise in load_exercises(str(CHAPTER)).items()
    }


def make_class(root: Path, handed: Sequence[Handed]) -> NbGrader:
    """Lay out a course's folder with a class that was graded."""
    for name in ("nbgrader_config.py", "course.yml"):
        shutil.copy(ROOT / name, root)
    for folder in ("solutions", "exercises", "book"):
        (root / folder / CHAPTER.part).mkdir(parents=True)
        shutil.copy(ROOT / folder / f"{CHAPTER}.ipynb", root / folder / CHAPTER.part)
    places = Places(root)
    nbgrader = NbGrader(places)
    (places.grading / "gradebook.db").write_bytes(_released_gradebook())
    with nbgrader.gradebook() as gradebook:
        cells = released_cells(gradebook, CHAPTER.part, CHAPTER.name, places.solution(CHAPTER))
        release = release_hash(cells)
        _fill(gradebook, [one for one in handed if one.graded])
    for one in handed:
        _files(places, one, release)
    return nbgrader


@functools.cache
def _released_gradebook() -> bytes:
    """Return a gradebook with the released chapter, made once: laying out its tables takes seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gradebook.db"
        with Gradebook(f"sqlite:///{path}") as gradebook:
            _release(gradebook)
        return path.read_bytes()


def _release(gradebook: Gradebook) -> None:
    where = (CHAPTER.name, CHAPTER.part)
    gradebook.add_assignment(CHAPTER.part)
    gradebook.add_notebook(*where)
    for name, points in exercise_points().items():
        cell = f"check_{name}"
        gradebook.add_grade_cell(cell, *where, max_score=points, cell_type="code")
        source = f"check({name})\ncheck.graded({name})"
        gradebook.add_source_cell(cell, *where, cell_type="code", source=source, locked=True, checksum=cell)
    gradebook.add_grade_cell(WRITTEN, *where, max_score=WRITTEN_POINTS, cell_type="markdown")
    gradebook.add_solution_cell(WRITTEN, *where)
    gradebook.add_source_cell(WRITTEN, *where, cell_type="markdown", source="", locked=False, checksum="w")


def _fill(gradebook: Gradebook, handed: Sequence[Handed]) -> None:
    assignment = gradebook.find_assignment(CHAPTER.part)
    notebook = gradebook.find_notebook(CHAPTER.name, CHAPTER.part)
    cells = {cell.name: cell for cell in notebook.grade_cells if isinstance(cell, GradeCell)}
    for one in handed:
        student = Student(id=one.student)
        whole = SubmittedAssignment(assignment=assignment, student=student)
        submitted = SubmittedNotebook(
            notebook=notebook, assignment=whole, late_submission_penalty=one.penalty or None
        )
        for name, outcome in one.outcomes.items():
            gradebook.db.add(
                Grade(
                    cell=cells[f"check_{name}"],
                    notebook=submitted,
                    auto_score=outcome.points,
                    manual_score=one.manual.get(name),
                    needs_manual_grade=False,
                )
            )
        pending = one.written is None
        gradebook.db.add(
            Grade(
                cell=cells[WRITTEN], notebook=submitted, manual_score=one.written, needs_manual_grade=pending
            )
        )
    gradebook.db.commit()


def _files(places: Places, one: Handed, release: str) -> None:
    content = one.source.encode() or json.dumps(_notebook(one.student)).encode()
    submitted, graded = places.submitted(CHAPTER, one.student), places.autograded(CHAPTER, one.student)
    submitted.parent.mkdir(parents=True)
    submitted.write_bytes(content)
    if not one.graded:
        return
    graded.parent.mkdir(parents=True)
    graded.write_bytes(content)
    points = exercise_points()
    cells: dict[str, dict[str, Any]] = {
        f"check_{name}": {
            "exercise": name,
            "points": outcome.points,
            "max_points": points[name],
            "status": outcome.status,
            "reason": outcome.reason,
            "cases": dict(outcome.cases),
            "explanations": list(outcome.explanations),
        }
        for name, outcome in one.outcomes.items()
    }
    record = Record(fingerprint(content), release, cells, tuple(one.problems), one.seconds)
    Journal(places.grading / "journal").write(CHAPTER, one.student, record)


def _notebook(student: str) -> dict[str, Any]:
    cell = {
        "cell_type": "code",
        "source": f"# {student}",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}


def many_students(count: int, seed: int = 0) -> list[Handed]:
    """Return a class as one might be: abler and less able students, harder and easier items."""
    draw = random.Random(seed)
    handed = []
    for number in range(count):
        able = draw.gauss(0.6, 0.9)
        outcomes = {
            name: _drawn(draw, able - place * 0.25, exercise)
            for place, (name, exercise) in enumerate(load_exercises(str(CHAPTER)).items())
        }
        problems = []
        if draw.random() < 0.06:
            what = f"the test cell check_{draw.choice(list(outcomes))} was changed"
            problems = [Problem(what, "Nothing to do: it was judged as released.")]
        written = None if draw.random() < 0.3 else draw.choice([0.0, 1.0, 1.5, 2.0])
        student = f"{draw.choice(NAMES)}-{number:04d}"
        handed.append(Handed(student, outcomes, written, round(draw.lognormvariate(0.3, 0.6), 2), problems))
    return handed


NAMES = ["ada", "björn", "chidi", "dolores", "emeka", "fatima", "goran", "hana", "ines", "jun", "kwame", "li"]


def _drawn(draw: random.Random, able: float, exercise: Any) -> Outcome:
    names = [case.name for case in exercise.cases]
    ending = draw.random()
    if ending < 0.06:
        return Outcome(0.0, "not attempted", dict.fromkeys(names, "not attempted"))
    if ending < 0.10:
        return Outcome(0.0, "crashed", dict.fromkeys(names, "crashed"))
    if ending < 0.12:
        return Outcome(0.0, "timed out", dict.fromkeys(names, "timed out"))
    if draw.gauss(able, 0.6) > 0:
        return Outcome(exercise.points, cases=dict.fromkeys(names, "passed"))
    # Some mistakes are made by many, most by few.
    place = min(int(draw.expovariate(0.6)), len(exercise.mistakes) - 1)
    wrong = draw.sample(names, draw.randint(1, len(names)))
    cases = {name: "failed" if name in wrong else "passed" for name in names}
    points = round(exercise.points * (1 - len(wrong) / len(names)), 2)
    known = [exercise.mistakes[place].explanation] if draw.random() < 0.85 else []
    return Outcome(points, "failed", cases, known)
