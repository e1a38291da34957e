"""Right and wrong answers as source, to be worked in an edition where the course's own code is missing."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import is_grade, is_solution

from course_utils.checking.edits import apply_edits, module_source, source_segment
from course_utils.checking.exercise import Exercise, Mistake
from course_utils.grading.judging.stage import reachable_modules
from course_utils.grading.places import Chapter

# Where the edition keeps what checks are declared with: it has no `course_utils.checking` for authors.
DECLARING = {"Draw": "draw", "Script": "script"}
OWN = "own_answers"


def notebook_cells(path: Path) -> list[str]:
    """Return the code of a notebook's cells, without those that are graded."""
    cells = nbformat.read(path, as_version=4).cells
    code = [c for c in cells if c.cell_type == "code" and not (is_grade(c) and not is_solution(c))]
    return [cell.source for cell in code if not cell.source.startswith("%")]


def chapter_modules(chapter: Chapter) -> list[str]:
    """Return the modules of a chapter, each after those that it imports."""
    found = [name for name in reachable_modules([chapter]) if name.split(".")[1] == chapter.part]
    return sorted(found, key=lambda name: sum(other in module_source(name) for other in found))


def chapter_cells(chapter: Chapter, edited: dict[str, str] | None = None) -> list[str]:
    """Return the chapter's own code as cells of a notebook, some modules in another version."""
    for module in chapter_modules(chapter):
        __import__(module)
    names = chapter_modules(chapter)
    return [_joined((edited or {}).get(name, module_source(name)), names) for name in names]


def _joined(source: str, modules: list[str]) -> str:
    """Return a module's source without its imports of modules that stand in the same notebook."""
    tree = ast.parse(source)
    tree.body = [s for s in tree.body if not (isinstance(s, ast.ImportFrom) and s.module in modules)]
    return ast.unparse(tree)


def declarations(chapter: Chapter) -> list[str]:
    """Return the chapter's checks as cells, which use the answers in the notebook for the course's own."""
    modules = chapter_modules(chapter)
    tree = ast.parse(module_source(f"course_utils.checks.{chapter.part}.{chapter.name}"))
    body: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "course_utils.checking":
            for alias in statement.names:
                home = DECLARING.get(alias.name, "exercise")
                body += ast.parse(f"from course_utils.checking.{home} import {alias.name}").body
        elif isinstance(statement, ast.ImportFrom) and statement.module == f"course_utils.{chapter.part}":
            for alias in statement.names:
                body += ast.parse(f"{alias.asname or alias.name} = {OWN}").body
        elif isinstance(statement, ast.ImportFrom) and statement.module in modules:
            for alias in statement.names:
                body += ast.parse(f"{alias.asname or alias.name} = {OWN}.{alias.name}").body
        else:
            body.append(statement)
    kept = f"import types\n{OWN} = types.SimpleNamespace(**globals())"
    return [kept, ast.unparse(ast.Module(body, type_ignores=[]))]


def mistake_cells(chapter: Chapter, exercise: Exercise, mistake: Mistake) -> list[str]:
    """Return cells that define a known mistake under the name of its exercise."""
    known = inspect.getclosurevars(mistake.make).nonlocals
    if exercise.kind == "value":
        return [f"{exercise.name} = {mistake.answer!r}"]
    if "changes" in known:
        target: Any = exercise.reference if known["of"] is None else known["of"]
        changed = apply_edits(target, known["changes"])
        if target.__module__ not in chapter_modules(chapter):
            return [*chapter_cells(chapter), changed]
        source = module_source(target.__module__).replace(source_segment(target), changed)
        return chapter_cells(chapter, {target.__module__: source})
    number = exercise.mistakes.index(mistake)
    found = (
        "from course_utils.checking.exercise import Exercise\n"
        "declared = {e.name: e for e in list(globals().values()) if isinstance(e, Exercise)}\n"
        f"wrong = declared[{exercise.name!r}].mistakes[{number}].answer"
    )
    # The declarations may use the same names as the answers: these come back before the wrong one goes in.
    back = f"globals().update(vars({OWN}))\n{exercise.name} = wrong"
    return [*chapter_cells(chapter), *declarations(chapter), found, back]


def task(chapter: Chapter, cells: list[str], checked: list[str]) -> dict[str, Any]:
    """Return a task for `work.py`."""
    return {"chapter": str(chapter), "cells": cells, "checked": checked}
