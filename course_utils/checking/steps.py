"""Hints in three steps, each shown on request: a nudge, the idea, and what to read.

An author may declare them; what is not declared follows from the outcome, the reference's docstring and the
chapter's page. No step shows code of the reference or anything of the inputs.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.checking.report import CaseResult, Hint
from course_utils.checking.sections import Sections, read_sections

if TYPE_CHECKING:
    from course_utils.checking.exercise import Exercise

ROOT = Path(__file__).resolve().parents[2]
NUDGE, IDEA, PAGE = "a nudge", "the idea", "what to read"
NAMED = 2
ABOUT_NAMES = ("NameError", "UnboundLocalError", "AttributeError", "KeyError", "ImportError")
# A formula: after "what it does:" it says how, which is for the learner to find.
FORMULA = re.compile(r"[\w)\]`] ?(?:[*/@^=+]|- )\s?[\w(\[`]")


@dataclass(frozen=True)
class Hints:
    """What an author declares: nudges by the case that fails, the idea, and the section to read."""

    nudges: Mapping[str, str] = field(default_factory=dict)
    idea: str = ""
    page: str = ""


def hints_for(
    chapter: str, exercise: Exercise, results: Sequence[CaseResult], *, explained: bool
) -> tuple[Hint, ...]:
    """Return the steps of help for an answer that is not right, or not there yet.

    `explained` says whether the card names a known mistake already.
    """
    declared = completed(chapter, exercise)
    failure = next((result for result in results if not result.passed), None)
    own = declared.nudges.get(failure.name, "") if failure else ""
    errors = {case.name: case.raises.__name__ for case in exercise.cases if case.raises is not None}
    steps = {
        NUDGE: own or nudge(results, errors, explained=explained),
        IDEA: declared.idea,
        PAGE: declared.page,
    }
    return tuple(Hint(step, text) for step, text in steps.items() if text)


def completed(chapter: str, exercise: Exercise) -> Hints:
    """Return the declared hints, with what follows from the reference and the chapter where none is."""
    declared = exercise.hints
    sections = _sections(chapter)
    page = declared.page or page_of(sections, exercise.name)
    return Hints(declared.nudges, declared.idea or idea_of(exercise.reference), page)


def nudge(results: Sequence[CaseResult], errors: Mapping[str, str], *, explained: bool) -> str:
    """Say where to look, from which cases pass and which is the first that does not.

    `errors` names the exception that a case asks for, where one does.
    """
    failure = next((result for result in results if not result.passed), None)
    if failure is None:
        return "Every result is right. What still costs points is in the note above."
    if all(result.status == "not attempted" for result in results):
        return (
            "Begin with the small example of the task: work it by hand, and write each step as a line. If "
            "your answer is written, look whether `raise NotImplementedError()` still stands in it."
        )
    case = f'"{failure.name}"'
    if failure.status == "timed out":
        return f"{case} never ends. What should end your loop, and does it happen?"
    if failure.status == "crashed":
        return f"Your code stops in the case {case}. {_where_it_stops(failure)}"
    if failure.name in errors:
        error = errors[failure.name]
        return f"In the case {case} the task asks for `raise {error}(...)`. Test for it first of all."
    passing = [f'"{result.name}"' for result in results if result.passed]
    if not passing and explained:
        return "Mend what the card names as the reason, then check again."
    if not passing:
        return (
            "No case passes yet, so the fault is in what all of them share. Take the small example of the "
            "task, work it by hand, and compare after each line of your code."
        )
    shown = " and ".join(passing[:NAMED]) + (" and others" if len(passing) > NAMED else "")
    verb = "passes" if len(passing) == 1 else "pass"
    return f"{shown} {verb}, {case} does not: what does it have that they have not?"


def _where_it_stops(failure: CaseResult) -> str:
    kind, _, said = failure.message.partition(":")
    if kind in ABOUT_NAMES or (kind == "TypeError" and re.search(r"\b(missing|unexpected)\b", said)):
        return "The message says which name, argument or key is missing or misspelled."
    return (
        "In the line that is named above, print the shapes and types of what meets there, and compare them "
        "with what the task says goes in."
    )


def idea_of(reference: object) -> str:
    """Return the first sentence of the reference's docstring, up to where it becomes a formula.

    >>> idea_of(lambda: None)
    ''
    """
    if not callable(reference) or not getattr(reference, "__doc__", None):
        return ""
    summary = " ".join((inspect.getdoc(reference) or "").split("\n\n")[0].split())
    what, colon, how = summary.partition(": ")
    return f"{what}." if colon and FORMULA.search(how) else summary


def page_of(sections: Sections, name: str) -> str:
    """Name the section of the chapter that teaches what an exercise is about."""
    if not sections.title:
        return ""
    section = sections.find(name)
    where = f'"{section}" in the' if section else "The"
    return f'{where} chapter "{sections.title}".'


@functools.cache
def _sections(chapter: str) -> Sections:
    return read_sections(ROOT / "book" / f"{chapter}.ipynb")
