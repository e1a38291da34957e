"""Grading a class again after an exercise was mended: whose marks change, before any is written."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_utils.grading.engine import Task, Tell, tasks_of, terms_of
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, Places
from course_utils.grading.schedule import Scheduler


@dataclass(frozen=True)
class Change:
    """A mark that would change; `old` is None where there was none."""

    chapter: str
    student: str
    cell: str
    old: float | None
    new: float
    by_hand: float | None = None

    @property
    def difference(self) -> float:
        """By how much the student's points change. A mark that a person gave stays whatever it is."""
        return 0.0 if self.by_hand is not None else self.new - (self.old or 0.0)


@dataclass
class Regrading:
    """What grading again would change, whose marks were compared, and what could not be played."""

    changes: list[Change] = field(default_factory=list)
    compared: dict[Chapter, list[str]] = field(default_factory=dict)
    failed: dict[Task, str] = field(default_factory=dict)
    played: int = 0

    @property
    def students(self) -> list[str]:
        """Whose marks would change."""
        return sorted({change.student for change in self.changes})


def regrade(
    places: Places,
    chapters: Sequence[Chapter],
    scheduler: Scheduler,
    *,
    students: Sequence[str] = (),
    trusted: bool = False,
    tell: Tell | None = None,
) -> Regrading:
    """Play every submission again as things stand now, and compare the marks. Writes no mark.

    What is played is kept: a run of grading that follows writes it without playing it again.
    """
    from course_utils.grading.filing import play_all
    from course_utils.grading.save import judged

    nbgrader = NbGrader(places)
    terms = terms_of(nbgrader, trusted=trusted)
    found = Regrading()
    tasks = tasks_of(nbgrader, chapters, students, force=True)
    for chapter in chapters:
        own = [task for task in tasks if task[0] == chapter]
        if not own:
            continue
        before = _marks(nbgrader, chapter)
        for _, played in play_all(nbgrader, own, scheduler, terms):
            found.played += 1
            student = played.task[1]
            if played.playing is None:
                found.failed[played.task] = played.reason
            else:
                found.compared.setdefault(chapter, []).append(student)
                marks = judged(played.notebook, played.playing)
                for cell, mark in marks.items():
                    old, by_hand = before.get(student, {}).get(cell, (None, None))
                    if old != mark.points:
                        found.changes.append(Change(str(chapter), student, cell, old, mark.points, by_hand))
            if tell:
                tell(found.played, len(tasks), played.task, played.reason)
    found.changes.sort(key=lambda change: (change.chapter, change.student, change.cell))
    return found


def _marks(nbgrader: NbGrader, chapter: Chapter) -> dict[str, dict[str, tuple[float | None, float | None]]]:
    """Return the gradebook's marks by student and cell: the automatic one and a person's."""
    with nbgrader.gradebook() as gradebook:
        submissions = gradebook.find_notebook(chapter.name, chapter.part).submissions
        return {
            notebook.student.id: {
                grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades
            }
            for notebook in submissions
        }


def keep_log(places: Places, changes: Sequence[Change]) -> Path:
    """Keep the marks that are about to be replaced; the log is only ever added to."""
    path = places.grading / "journal" / "replaced_marks.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    with path.open("a", encoding="utf-8") as stream:
        for change in changes:
            stream.write(json.dumps({"when": now, **asdict(change)}) + "\n")
    return path
