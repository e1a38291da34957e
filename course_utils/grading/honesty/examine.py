"""Looking at a class: findings on each submission, and pairs that are near copies."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from nbformat import NotebookNode

from course_utils.grading.honesty.copied import copied, references
from course_utils.grading.honesty.fragments import MOST_TOKENS, Unit, units
from course_utils.grading.honesty.pairs import Class
from course_utils.grading.honesty.reading import CodeCell, TextCell, own_cells, read_code, released_cells
from course_utils.grading.honesty.report import Finding, HonestyReport
from course_utils.grading.honesty.uses import Chapter, uses


def examine(
    chapter: str,
    submissions: Mapping[str, NotebookNode],
    released: NotebookNode,
    exercises: Mapping[str, Any],
) -> HonestyReport:
    """Read the submissions of one chapter and return what an instructor may want to look at.

    Nothing of a submission is run. Each notebook is asked for once, so a mapping that reads the files when it
    is asked keeps the memory flat.

    Args:
        chapter: part/chapter.
        submissions: By student, the notebook as `course_utils.grading.reading` reads it.
        released: The notebook that the students got.
        exercises: The chapter's exercises by name, from `load_exercises`.
    """
    given = released_cells(released)
    known = Chapter(chapter, exercises, given)
    answers = references(exercises, given)
    everyone: dict[str, list[Unit]] = {}
    findings: dict[str, tuple[Finding, ...]] = {}
    for student in sorted(submissions):
        found, everyone[student] = _read(submissions[student], released, known, answers)
        if found:
            findings[student] = tuple(found)
    background = [*units(given), *_course_units(exercises), *_text_units(released)]
    group = Class(everyone, background)
    pairs, left_out = group.pairs()
    return HonestyReport(chapter, len(everyone), findings, tuple(pairs), left_out, group.comparisons)


def _read(
    notebook: NotebookNode, released: NotebookNode, known: Chapter, answers: Mapping[str, Any]
) -> tuple[list[Finding], list[Unit]]:
    try:
        cells = list(own_cells(notebook, released))
        code = [cell for cell in cells if isinstance(cell, CodeCell)]
        made = units(cells)
        found = uses(known, code) + copied(answers, code)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError):
        # One file that nobody thought of must not cost the others their report.
        return [Finding("unread", "", "the notebook", 0, "could not be read here")], []
    if sum(len(unit.tokens) for unit in made) > MOST_TOKENS:
        what = f"is so long that only about {MOST_TOKENS:,} tokens of it are compared with the class"
        found.append(Finding("unread", "", "the notebook", 0, what))
    return found, made


def _course_units(exercises: Mapping[str, Any]) -> Iterator[Unit]:
    """Return the units of what the course itself writes: the answers that many may come to.

    They are the modules of the references, and the variants and mistakes that the exercises declare.
    """
    sources: set[Any] = set()
    for exercise in exercises.values():
        if exercise.kind not in ("function", "stateful", "module"):
            continue
        sources.add(inspect.getmodule(exercise.reference))
        sources.update(exercise.variants)
    for source in sources - {None}:
        try:
            yield from units([read_code("course", textwrap.dedent(inspect.getsource(source)))])
        except (OSError, TypeError):
            continue


def _text_units(released: NotebookNode) -> Iterator[Unit]:
    """Return the units of the released texts, which an answer in words may quote."""
    yield from units([TextCell("task", cell.source) for cell in released.cells if cell.cell_type != "code"])
