"""Handing out what is not played yet, and filing what is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.api import InvalidEntry
from sqlalchemy.exc import SQLAlchemyError

from course_utils.grading.clerk import Clerk
from course_utils.grading.engine import Task
from course_utils.grading.judging.notebook import Playing
from course_utils.grading.judging.stage import stage_of
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.results import Results, decode_result
from course_utils.grading.schedule import Scheduler
from course_utils.grading.terms import Terms
from course_utils.grading.work import Unit, make_unit


@dataclass(frozen=True)
class Played:
    """A submission, and what came of playing it; or why it was not played."""

    task: Task
    notebook: NotebookNode
    playing: Playing | None
    reason: str = ""


def play_all(
    nbgrader: NbGrader, tasks: Sequence[Task], scheduler: Scheduler, terms: Terms
) -> Iterator[tuple[Clerk, Played]]:
    """Play what was not played yet, and yield every submission, each when it is there.

    Args:
        nbgrader: The class.
        tasks: Submissions of one chapter.
        scheduler: Who plays them.
        terms: What they have in common.

    Yields:
        The clerk, whose gradebook is open, and a submission that was played.
    """
    results = Results(nbgrader.places.grading / "results")
    chapter = tasks[0][0]
    stage = stage_of(nbgrader.places, chapter)
    # Before the gradebook is open: processes may be forked here.
    scheduler.prepare(terms, stage, len(tasks))
    with Clerk(nbgrader) as clerk:
        known: list[Played] = []
        waiting: dict[Task, tuple[str, NotebookNode]] = {}

        def units() -> Iterator[tuple[Task, Unit]]:
            for task in tasks:
                notebook = clerk.take(*task)
                if notebook.metadata["course"].get("unreadable"):
                    known.append(Played(task, notebook, Playing()))
                    continue
                unit = make_unit(nbgrader.places, chapter, notebook, terms)
                result = results.read(unit.key)
                if result is not None:
                    known.append(Played(task, notebook, result.apply(notebook)))
                    continue
                waiting[task] = (unit.key, notebook)
                yield task, unit

        for task, done in scheduler.work(units()):
            for played in known:
                yield clerk, played
            known.clear()
            key, notebook = waiting.pop(task)
            reason = done.reason if done.content is None else _keep(results, key, done.content)
            if reason or done.content is None:
                yield clerk, Played(task, notebook, None, reason)
            else:
                yield clerk, Played(task, notebook, decode_result(done.content).apply(notebook))
        for played in known:
            yield clerk, played


def play_and_file(
    nbgrader: NbGrader, tasks: Sequence[Task], scheduler: Scheduler, terms: Terms
) -> Iterator[tuple[Task, str]]:
    """Play what was not played, file everything, and yield each task with why it was not graded."""
    for clerk, played in play_all(nbgrader, tasks, scheduler, terms):
        yield played.task, played.reason or _file(clerk, played)


def _keep(results: Results, key: str, content: bytes) -> str:
    try:
        results.write(key, content)
    except OSError as error:
        return f"its result could not be kept: {error.strerror or error}"
    return ""


def _file(clerk: Clerk, played: Played) -> str:
    assert played.playing is not None
    try:
        clerk.file(*played.task, played.notebook, played.playing)
    except (SQLAlchemyError, InvalidEntry, OSError) as error:
        # A locked database, a full disk: the submission counts as not graded, and the next run does it.
        clerk.gradebook.db.rollback()
        return f"its marks could not be written: {str(error).splitlines()[0]}"
    return ""
