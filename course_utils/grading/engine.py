"""Grading a class: who needs it, several at once, and what came of it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from course_utils.grading.journal import Journal
from course_utils.grading.nbgrader_run import NbGrader, Outcome
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.secret import secret_seed
from course_utils.grading.standing import Standing, standings, strays

Task = tuple[Chapter, str]
Tell = Callable[[int, int, Task, Outcome], None]


@dataclass
class Run:
    """How every submission stands after a run, what could not be graded, what is misplaced."""

    standings: dict[Chapter, list[Standing]] = field(default_factory=dict)
    failed: dict[Task, str] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    graded: int = 0
    interrupted: bool = False

    @property
    def needs_instructor(self) -> bool:
        """Whether something is left that only the instructor can mend."""
        everyone = [standing for found in self.standings.values() for standing in found]
        urgent = any(
            problem.urgent for standing in everyone if standing.record for problem in standing.record.problems
        )
        undone = any(not standing.graded for standing in everyone)
        return bool(urgent or undone or self.failed or self.strays)


def grade_class(
    places: Places,
    chapters: Sequence[Chapter],
    *,
    students: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    tell: Tell | None = None,
) -> Run:
    """Grade what was handed in and is not graded yet.

    Args:
        places: The course.
        chapters: What to grade.
        students: Whom to grade; everyone if empty.
        force: Grade again what is graded.
        jobs: How many to grade at once.
        tell: Called after each submission with how many are done, how many there are, which one it was, how
            it went.

    Raises:
        GradingError: a chapter is not released, or a student handed in nothing.
    """
    secret_seed(places.grading / "secret_seed")
    nbgrader = NbGrader(places)
    run, tasks = Run(), []
    for chapter in chapters:
        found = standings(nbgrader, chapter)
        unknown = sorted(set(students) - {standing.student for standing in found})
        if unknown:
            raise GradingError(f"{', '.join(unknown)} handed in no {chapter}; see grading/submitted")
        wanted = [standing for standing in found if not students or standing.student in students]
        tasks += [(chapter, standing.student) for standing in wanted if force or not standing.graded]
    with _clean_environment():
        try:
            for task, outcome in _work(places, tasks, jobs):
                run.graded += 1
                if not outcome.ok:
                    run.failed[task] = outcome.reason
                if tell:
                    tell(run.graded, len(tasks), task, outcome)
        except KeyboardInterrupt:
            run.interrupted = True
    Journal(places.grading / "journal").recover(places.grading / "autograded")
    for chapter in chapters:
        run.standings[chapter] = standings(nbgrader, chapter)
        run.strays += [stray for stray in strays(nbgrader, chapter) if stray not in run.strays]
    return run


@contextlib.contextmanager
def _clean_environment() -> Iterator[None]:
    """Let each kernel use one thread: several of them share the cores."""
    name = "OMP_NUM_THREADS"
    before = os.environ.get(name)
    os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)


def _work(places: Places, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Outcome]]:
    """Grade each task and yield it when it is done."""
    if jobs <= 1 or len(tasks) <= 1:
        for chapter, student in tasks:
            yield (chapter, student), _grade_all(places.root, [chapter], student)[0]
        return
    # nbgrader keeps one folder and one submission for all chapters of a part: they are graded one after
    # another.
    by_student: dict[str, list[Chapter]] = {}
    for chapter, student in tasks:
        by_student.setdefault(student, []).append(chapter)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(by_student)), mp_context=context) as pool:
        waiting = {
            pool.submit(_grade_all, places.root, chapters, student): (chapters, student)
            for student, chapters in by_student.items()
        }
        try:
            for future in as_completed(waiting):
                chapters, student = waiting[future]
                try:
                    outcomes = future.result()
                except BrokenProcessPool:
                    outcomes = [
                        Outcome(False, ("a grading process ended; run the same command again",))
                    ] * len(chapters)
                for chapter, outcome in zip(chapters, outcomes, strict=True):
                    yield (chapter, student), outcome
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@cache
def _nbgrader(root: Path) -> NbGrader:
    """Return nbgrader with its settings, loaded once in each process."""
    return NbGrader(Places(root))


def _grade_all(root: Path, chapters: Sequence[Chapter], student: str) -> list[Outcome]:
    outcomes = []
    for chapter in chapters:
        try:
            outcomes.append(_nbgrader(root).autograde(chapter, student))
        except Exception as error:
            # One submission must not cost the others their run, whatever nbgrader or the database raise.
            outcomes.append(Outcome(False, (f"{type(error).__name__}: {error}",)))
    return outcomes
