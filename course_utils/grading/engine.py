"""Grading a class: who needs it, several at once, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from course_utils.grading.journal import Journal
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.schedule import Scheduler
from course_utils.grading.secret import secret_seed
from course_utils.grading.standing import Standing, standings, strays
from course_utils.grading.terms import Terms

Task = tuple[Chapter, str]


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


Tell = Callable[[int, int, Task, str], None]


def terms_of(nbgrader: NbGrader, *, trusted: bool) -> Terms:
    """Return the terms of a class: its secret seed, and the limits of its settings."""
    seed = secret_seed(nbgrader.places.grading / "secret_seed")
    return Terms(seed, Limits(**nbgrader.settings.PlayNotebook.get("limits", {})), trusted)


def grade_class(
    places: Places,
    chapters: Sequence[Chapter],
    scheduler: Scheduler,
    *,
    students: Sequence[str] = (),
    force: bool = False,
    trusted: bool = False,
    tell: Tell | None = None,
) -> Run:
    """Grade what was handed in and is not graded yet.

    Args:
        places: The course.
        chapters: What to grade.
        scheduler: Who plays the notebooks.
        students: Whom to grade; everyone if empty.
        force: Write the marks again of what is graded. What was played is played again only if anything that
            its result depends on has changed.
        trusted: Run submissions where no walls hold.
        tell: Called after each submission with how many are done, how many there are, which one it was, and
            why it was not graded (empty if it was).

    Raises:
        GradingError: a chapter is not released, or a student handed in nothing.
    """
    nbgrader = NbGrader(places)
    terms = terms_of(nbgrader, trusted=trusted)
    run = Run()
    tasks = tasks_of(nbgrader, chapters, students, force=force)
    try:
        for chapter in chapters:
            own = [task for task in tasks if task[0] == chapter]
            for task, reason in _grade(nbgrader, own, scheduler, terms):
                run.graded += 1
                if reason:
                    run.failed[task] = reason
                if tell:
                    tell(run.graded, len(tasks), task, reason)
    except KeyboardInterrupt:
        run.interrupted = True
    Journal(places.grading / "journal").recover(places.grading / "autograded")
    for chapter in chapters:
        run.standings[chapter] = standings(nbgrader, chapter)
        run.strays += [stray for stray in strays(nbgrader, chapter) if stray not in run.strays]
    return run


def tasks_of(
    nbgrader: NbGrader, chapters: Sequence[Chapter], students: Sequence[str], *, force: bool
) -> list[Task]:
    """Return what is to be graded, a chapter after the other."""
    tasks: list[Task] = []
    for chapter in chapters:
        found = standings(nbgrader, chapter)
        unknown = sorted(set(students) - {standing.student for standing in found})
        if unknown:
            raise GradingError(f"{', '.join(unknown)} handed in no {chapter}; see grading/submitted")
        wanted = [standing for standing in found if not students or standing.student in students]
        tasks += [(chapter, standing.student) for standing in wanted if force or not standing.graded]
    return tasks


def _grade(
    nbgrader: NbGrader, tasks: Sequence[Task], scheduler: Scheduler, terms: Terms
) -> Iterator[tuple[Task, str]]:
    if tasks:
        scheduler.warm_up()
        # What judges and files needs torch, whose import a run with nothing to do should not wait for.
        from course_utils.grading.filing import play_and_file

        yield from play_and_file(nbgrader, tasks, scheduler, terms)
