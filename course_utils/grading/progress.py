"""How far a learner is, read from the outputs that are saved in the notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MIME_TYPE = "application/vnd.course.check+json"
_CALL = re.compile(
    r"^\s*check\(\s*(?P<answer>[\w.]+)\s*(?:,\s*(?:exercise\s*=\s*)?['\"](?P<name>\w+)['\"])?", re.M
)


@dataclass(frozen=True)
class ExerciseProgress:
    """How an exercise stands: the status of its last saved check, or "not run"."""

    name: str
    points: float
    max_points: float
    status: str = "not run"


@dataclass(frozen=True)
class ChapterProgress:
    """How a chapter stands. `fault` says why a notebook cannot be read."""

    chapter: str
    title: str
    exercises: tuple[ExerciseProgress, ...] = ()
    fault: str = ""

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


def checks_of(notebook: NotebookNode) -> dict[str, float]:
    """Return the exercises that a notebook checks, with their points.

    >>> settings = {"nbgrader": {"grade": True, "points": 3}}
    >>> cell = nbformat.v4.new_code_cell("check(softmax)", metadata=settings)
    >>> checks_of(nbformat.v4.new_notebook(cells=[cell]))
    {'softmax': 3.0}
    """
    found = {}
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not settings.get("grade"):
            continue
        for call in _CALL.finditer(cell.source):
            found[call["name"] or call["answer"].rsplit(".", 1)[-1]] = float(settings.get("points", 0))
    return found


def chapter_progress(chapter: str, title: str, path: Path) -> ChapterProgress:
    """Read how a chapter stands from its notebook."""
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        asked = checks_of(notebook)
        last = {report["exercise"]: report for cell in notebook.cells for report in _reports(cell)}
        exercises = tuple(_one(name, points, last.get(name)) for name, points in asked.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        return ChapterProgress(chapter, title, fault=f"{path.name} cannot be read ({type(error).__name__})")
    return ChapterProgress(chapter, title, exercises)


def _reports(cell: NotebookNode) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        data = output.get("data", {}).get(MIME_TYPE)
        if isinstance(data, dict) and not data.get("graded"):
            yield data


def _one(name: str, points: float, report: dict[str, Any] | None) -> ExerciseProgress:
    if report is None:
        return ExerciseProgress(name, 0.0, points)
    share = float(report["points"]) / float(report["max_points"])
    return ExerciseProgress(name, points * min(max(share, 0.0), 1.0), points, str(report["status"]))


def course_progress(root: Path) -> list[ChapterProgress]:
    """Return how the chapters stand that have an exercise, in the order of the course."""
    found = {f"{path.parent.name}/{path.stem}": path for path in (root / "exercises").glob("*/*.ipynb")}
    titles = _titles(root)
    order = [chapter for chapter in titles if chapter in found] + sorted(set(found) - set(titles))
    return [chapter_progress(chapter, titles.get(chapter, chapter), found[chapter]) for chapter in order]


def _titles(root: Path) -> dict[str, str]:
    """Return the titles of the chapters in the order of the course."""
    try:
        course = yaml.safe_load((root / "course.yml").read_text(encoding="utf-8"))
        return {
            f"{part['part']}/{chapter['chapter']}": chapter["title"]
            for part in course["parts"]
            for chapter in part["chapters"]
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return {}


def next_step(found: list[ChapterProgress]) -> str:
    """Say what to do next: what was begun last in the course's order, else the first not done."""
    begun = [chapter for chapter in found if chapter.begun and not chapter.done]
    fresh = [chapter for chapter in found if not chapter.begun and not chapter.fault]
    if begun:
        return f"Next: {begun[-1].next_exercise} in exercises/{begun[-1].chapter}.ipynb"
    if fresh:
        return f"Next: begin exercises/{fresh[0].chapter}.ipynb"
    return "All checks pass." if found else "There are no exercises here yet: run `make exercises`."


def show_progress(root: Path, width: int) -> None:
    """Print how far the learner is."""
    console = Console(width=width, highlight=False)
    found = course_progress(root)
    table = Table(box=None, pad_edge=False)
    for column, side in (("chapter", "left"), ("points", "right"), ("of", "right"), ("", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for chapter in found:
        if chapter.fault:
            table.add_row(escape(chapter.chapter), "", "", escape(chapter.fault))
            continue
        state = "done" if chapter.done else "begun" if chapter.begun else ""
        table.add_row(escape(chapter.chapter), f"{chapter.points:g}", f"{chapter.max_points:g}", state)
        for exercise in chapter.exercises if chapter.begun and not chapter.done else ():
            row = (f"  {exercise.name}", f"{exercise.points:g}", f"{exercise.max_points:g}", exercise.status)
            table.add_row(*map(escape, row))
    if found:
        console.print(table)
        points, most = sum(c.points for c in found), sum(c.max_points for c in found)
        console.print(
            f"\n{points:g} of {most:g} points; {sum(c.done for c in found)} of {len(found)} chapters done"
        )
    console.print(next_step(found))
