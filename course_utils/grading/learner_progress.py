"""How far a learner is, read from the outputs that are saved in the notebooks. Nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

MIME_TYPE = "application/vnd.course.check+json"
_CALL = re.compile(
    r"^\s*check\(\s*(?P<answer>[\w.]+)\s*(?:,\s*(?:exercise\s*=\s*)?['\"](?P<name>\w+)['\"])?", re.M
)
State = Literal["done", "begun", "ready", "later"]


@dataclass(frozen=True)
class ExerciseProgress:
    """How an exercise stands: the status of its last saved check, or "not run"."""

    name: str
    points: float
    max_points: float
    status: str = "not run"


@dataclass(frozen=True)
class ChapterProgress:
    """How a chapter stands.

    `needs` are the chapters with an exercise that come before it. `fault` says why a notebook tells nothing.
    """

    chapter: str
    title: str
    exercises: tuple[ExerciseProgress, ...] = ()
    fault: str = ""
    needs: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """The points reached."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def max_points(self) -> float:
        """The points there are."""
        return sum(exercise.max_points for exercise in self.exercises)

    @property
    def begun(self) -> bool:
        """Whether anything was attempted."""
        return any(exercise.status not in ("not run", "not attempted") for exercise in self.exercises)

    @property
    def done(self) -> bool:
        """Whether all visible checks pass."""
        return bool(self.exercises) and all(exercise.status == "passed" for exercise in self.exercises)

    @property
    def next_exercise(self) -> str:
        """The first exercise that does not pass."""
        return next((exercise.name for exercise in self.exercises if exercise.status != "passed"), "")


@dataclass(frozen=True)
class CourseProgress:
    """How the chapters stand that have an exercise, in the course's order.

    `parts` are the titles of the parts by their names; `faults` says which notebooks tell nothing, and why.
    """

    chapters: tuple[ChapterProgress, ...]
    parts: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """The points reached."""
        return sum(chapter.points for chapter in self.chapters)

    @property
    def max_points(self) -> float:
        """The points there are."""
        return sum(chapter.max_points for chapter in self.chapters)

    def missing(self, chapter: ChapterProgress) -> list[ChapterProgress]:
        """Return what a chapter needs and is not done, without what these need in turn."""
        found = [one for one in self.chapters if one.chapter in chapter.needs and not one.done]
        return [one for one in found if not any(one.chapter in other.needs for other in found)]

    def state(self, chapter: ChapterProgress) -> State:
        """Say whether a chapter is done or begun, or else whether all that it needs is done."""
        if chapter.done:
            return "done"
        if chapter.begun:
            return "begun"
        return "later" if self.missing(chapter) else "ready"

    @property
    def next_chapter(self) -> ChapterProgress | None:
        """What to work on: what was begun last in the course's order, else the first that is ready."""
        open_chapters = [chapter for chapter in self.chapters if not chapter.done and not chapter.fault]
        begun = [chapter for chapter in open_chapters if chapter.begun]
        ready = [chapter for chapter in open_chapters if self.state(chapter) == "ready"]
        return begun[-1] if begun else ready[0] if ready else open_chapters[0] if open_chapters else None

    @property
    def next_step(self) -> str:
        """What to do next, as a sentence."""
        chapter = self.next_chapter
        if chapter is None:
            return (
                "All checks pass." if self.chapters else "There are no exercises here: run `make exercises`."
            )
        file = f"exercises/{chapter.chapter}.ipynb"
        if chapter.begun:
            return f"Next: {chapter.next_exercise} in {file}"
        because = f" (you have done what it needs: {', '.join(chapter.needs)})" if chapter.needs else ""
        return f"Next: begin {file}{'' if self.missing(chapter) else because}"

    def to_data(self) -> dict[str, dict[str, float]]:
        """Return the points by chapter, as the concept map reads them."""
        return {
            one.chapter: {"points": one.points, "max_points": one.max_points}
            for one in self.chapters
            if not one.fault
        }


def checks_of(notebook: Mapping[str, Any]) -> dict[str, float]:
    """Return the exercises that a notebook checks, with their points.

    >>> settings = {"nbgrader": {"grade": True, "points": 3}}
    >>> cell = {"cell_type": "code", "source": "check(softmax)", "metadata": settings}
    >>> checks_of({"cells": [cell]})
    {'softmax': 3.0}
    """
    found = {}
    for cell in notebook["cells"]:
        settings = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] != "code" or not settings.get("grade"):
            continue
        for call in _CALL.finditer("".join(cell["source"])):
            found[call["name"] or call["answer"].rsplit(".", 1)[-1]] = float(settings.get("points", 0))
    return found


def chapter_progress(chapter: str, title: str, path: Path, needs: tuple[str, ...] = ()) -> ChapterProgress:
    """Read how a chapter stands from its notebook."""

    def without(fault: str) -> ChapterProgress:
        return ChapterProgress(chapter, title, fault=fault, needs=needs)

    try:
        # Not by nbformat, which takes longer to load than all the rest together.
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        asked = checks_of(notebook)
        reports = [report for cell in notebook["cells"] for report in _reports(cell)]
        last = {report["exercise"]: report for report in reports}
        exercises = tuple(_one(name, points, last.get(name)) for name, points in asked.items())
    except OSError as error:
        return without(f"cannot be read: {error.strerror or error}")
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, RecursionError):
        return without(
            "is not a notebook, or a damaged one: take a copy of it from your backup, or a fresh one"
        )
    if not asked:
        return without("has no checks of the course")
    others = {str(report["chapter"]) for report in reports if report.get("chapter", chapter) != chapter}
    if others:
        return without(
            f"holds results of {', '.join(sorted(others))}: is it another exercise under this name?"
        )
    return ChapterProgress(chapter, title, exercises, needs=needs)


def _reports(cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        data = output.get("data", {}).get(MIME_TYPE)
        if isinstance(data, dict) and not data.get("graded"):
            yield data


def _one(name: str, points: float, report: dict[str, Any] | None) -> ExerciseProgress:
    if report is None:
        return ExerciseProgress(name, 0.0, points)
    share = float(report["points"]) / float(report["max_points"])
    return ExerciseProgress(name, points * min(max(share, 0.0), 1.0), points, str(report["status"]))


def course_progress(root: Path) -> CourseProgress:
    """Return how the chapters stand that have an exercise.

    A notebook that the course does not list, a copy or one of the learner's own, does not count.
    """
    found = {f"{path.parent.name}/{path.stem}": path for path in (root / "exercises").glob("*/*.ipynb")}
    parts, rows = _course_map(root)
    order = [chapter for chapter in rows if chapter in found]
    strangers = sorted(set(found) - set(rows))
    if not rows:
        order, strangers = strangers, []
    chapters = tuple(
        chapter_progress(
            chapter,
            str(rows.get(chapter, {}).get("title", chapter)),
            found[chapter],
            tuple(need for need in order if need in _needs(chapter, rows, found)),
        )
        for chapter in order
    )
    faults = [f"exercises/{one.chapter}.ipynb {one.fault}" for one in chapters if one.fault]
    faults += [f"exercises/{name}.ipynb is no exercise of the course: not counted" for name in strangers]
    return CourseProgress(chapters, parts, tuple(faults))


def _course_map(root: Path) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the titles of the parts, and the chapters in the course's order; nothing if there is no map."""
    try:
        course = yaml.load((root / "course.yml").read_text(encoding="utf-8"), _LOADER)
        parts = {part["part"]: str(part.get("title", part["part"])) for part in course["parts"]}
        rows = {
            f"{part['part']}/{chapter['chapter']}": dict(chapter)
            for part in course["parts"]
            for chapter in part["chapters"]
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return {}, {}
    return parts, rows


# libyaml reads the map ten times as fast, where it is there.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _needs(chapter: str, rows: Mapping[str, Mapping[str, Any]], having: Mapping[str, Path]) -> set[str]:
    """Return the nearest chapters before one that have an exercise: the others cannot be seen to be done."""
    found: set[str] = set()
    for need in rows.get(chapter, {}).get("needs") or []:
        found |= {need} if need in having else _needs(need, rows, having)
    return found


def lines_of(progress: CourseProgress) -> Sequence[tuple[str, float, float, str]]:
    """Return the lines of the table: chapters, and below a begun one its exercises."""
    words = {"done": "done", "begun": "begun", "ready": "", "later": ""}
    lines = []
    for chapter in progress.chapters:
        if chapter.fault:
            continue
        state = progress.state(chapter)
        said = words[state]
        if state == "later":
            said = "after " + ", ".join(one.chapter for one in progress.missing(chapter))
        lines.append((chapter.chapter, chapter.points, chapter.max_points, said))
        for one in chapter.exercises if state == "begun" else ():
            lines.append((f"  {one.name}", one.points, one.max_points, one.status))
    return lines
