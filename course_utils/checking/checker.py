"""The `check` that a notebook calls."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
from functools import cache
from typing import Any

from course_utils.checking.draw import derive_seed
from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import Report
from course_utils.checking.show import Score, show, show_hint

CHECKS_PACKAGE = "course_utils.checks"
PUBLIC_SEED = 1
SECRET_SEED_VARIABLE = "COURSE_SECRET_SEED"


def chapters_with_checks() -> list[str]:
    """Return the chapters that declare checks, as part/chapter."""
    package = importlib.import_module(CHECKS_PACKAGE)
    found = []
    for part in pkgutil.iter_modules(package.__path__):
        inner = importlib.import_module(f"{CHECKS_PACKAGE}.{part.name}")
        found += [f"{part.name}/{module.name}" for module in pkgutil.iter_modules(inner.__path__)]
    return sorted(found)


@cache
def load_exercises(chapter: str) -> dict[str, Exercise]:
    """Return the exercises of a chapter by name, in the order of their declaration.

    Raises:
        ValueError: there is no such chapter, or it declares no exercise or one name twice.
    """
    parts = chapter.split("/")
    name = ".".join([CHECKS_PACKAGE, *parts])
    known = len(parts) == 2 and all(part.isidentifier() for part in parts)
    if not known or importlib.util.find_spec(".".join([CHECKS_PACKAGE, parts[0]])) is None:
        raise ValueError(_unknown_chapter(chapter))
    if importlib.util.find_spec(name) is None:
        raise ValueError(_unknown_chapter(chapter))
    declared = importlib.import_module(name)
    exercises = [value for value in vars(declared).values() if isinstance(value, Exercise)]
    by_name = {exercise.name: exercise for exercise in exercises}
    if len(by_name) != len(exercises) or not exercises:
        raise ValueError(
            f"{name} must declare at least one exercise, and each name once; got {list(by_name)}"
        )
    return by_name


def _unknown_chapter(chapter: str) -> str:
    return f"no checks for the chapter {chapter!r}; there are: {', '.join(chapters_with_checks())}"


def graded_seed(secret: str | None = None) -> int:
    """Return the seed of graded runs, made from the instructor's secret.

    Where it is not given, it is that of the environment, or a fixed one.
    """
    return derive_seed("graded", os.environ.get(SECRET_SEED_VARIABLE, "") if secret is None else secret)


class Checker:
    """Checks answers of one chapter.

    `check(answer)` runs the visible cases with the public seed and shows the outcome.
    `check.graded(answer)` runs all cases with the instructor's secret seed and shows nothing of
    their inputs. An answer is matched to its exercise by its `__name__`; a plain value needs the
    exercise's name: `check(8.6, "cache_ratio")`.
    `check.hint()` shows a hint for what was checked last, and the next one each time it is called: the
    steps that a card unfolds, for where there is only text.
    """

    _last: Report | None = None
    _hints_shown = 0

    def __init__(self, chapter: str, *, secret_seed: str | None = None) -> None:
        self.chapter = chapter
        self.exercises = load_exercises(chapter)
        self.secret_seed = secret_seed
        self._evidence: dict[tuple[str, bool], Evidence] = {}

    def __call__(self, answer: Any, exercise: str | None = None) -> Score:
        """Check an answer on the visible cases and show the outcome."""
        return self._show(self.report(answer, exercise))

    def graded(self, answer: Any, exercise: str | None = None) -> Score:
        """Check an answer on all cases with the graded seed and show the outcome."""
        return self._show(self.report(answer, exercise, graded=True))

    def report(self, answer: Any, exercise: str | None = None, *, graded: bool = False) -> Report:
        """Check an answer and return the outcome without showing it."""
        found = self._find(answer, exercise)
        return judge(self.chapter, found, answer, self.evidence(found.name, graded=graded), graded=graded)

    def evidence(self, exercise: str, *, graded: bool) -> Evidence:
        """Return the cases of an exercise and what is right in them, made when first asked for."""
        seed = graded_seed(self.secret_seed) if graded else PUBLIC_SEED
        key = (f"{exercise}/{seed}", graded)
        if key not in self._evidence:
            self._evidence[key] = Evidence(self.exercises[exercise], seed, graded=graded)
        return self._evidence[key]

    def _find(self, answer: Any, exercise: str | None) -> Exercise:
        name = exercise if exercise is not None else getattr(answer, "__name__", None)
        names = ", ".join(self.exercises)
        if name is None:
            raise ValueError(
                "which exercise is this? Give its name, as in "
                f"check(answer, {next(iter(self.exercises))!r}); "
                f"the exercises of {self.chapter} are: {names}"
            )
        if name not in self.exercises:
            raise ValueError(
                f"{self.chapter} has no exercise named {name!r}; it has: {names}. "
                "Keep the name that the exercise gives, or pass the exercise's name as second argument."
            )
        return self.exercises[name]

    def hint(self) -> None:
        """Show the next hint for what was checked last."""
        self._hints_shown += show_hint(self._last, self._hints_shown)

    def _show(self, report: Report) -> Score:
        self._last, self._hints_shown = report, 0
        show(to_text(report), to_html(report), report.to_data())
        return Score(report.points, report.max_points)


def checker(chapter: str) -> Checker:
    """Return the checker of a chapter, as in `check = checker("transformers/attention")`.

    Raises:
        ValueError: there is no such chapter.
    """
    return Checker(chapter)
