"""Deciding what an answer earns, wherever it lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course_utils.checking.checker import Checker
from course_utils.checking.perform import Elsewhere
from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import Report
from course_utils.grading.judging.given import GivenFunctions
from course_utils.grading.judging.players import PlayerLostError
from course_utils.grading.judging.preparing import work_out_mistakes
from course_utils.grading.places import Chapter

MOST_CHECKS = 20
TOO_MANY = "this cell has asked for its answers to be checked too often"


@dataclass
class CellRecord:
    """The judge's own record of a cell while it runs.

    `exercise` is what the cell's mark is about, None where it has none. `graded` is the last graded outcome
    for it; `shown` is that of the learner's own check where points were lost; `others` are exercises that
    were judged instead.
    """

    exercise: str | None = None
    graded: Report | None = None
    shown: Report | None = None
    others: list[str] = field(default_factory=list)
    checks: int = 0


class Judge:
    """Judges the answers of one chapter; what is right is worked out once and used for every submission."""

    def __init__(self, chapter: Chapter, secret_seed: str) -> None:
        self.chapter = chapter
        self.checker = Checker(str(chapter), secret_seed=secret_seed)
        self.given = GivenFunctions(self.checker.exercises)

    def prepare(self, jobs: int) -> None:
        """Work out what is right and what known mistakes do, before anybody waits for it."""
        names = self.checker.exercises
        evidence = [self.checker.evidence(name, graded=graded) for name in names for graded in (False, True)]
        work_out_mistakes(evidence, jobs)

    def decide(self, request: dict[str, Any], answer: Elsewhere, record: CellRecord) -> dict[str, Any]:
        """Return what the player is told when its notebook asks for an answer to be checked.

        Of a graded check it is told nothing. One that stands in a cell that is not graded is not even made:
        its inputs are secret.
        """
        exercise, graded = request.get("exercise"), request.get("graded") is True
        record.checks += 1
        if record.checks > MOST_CHECKS:
            return {"do": "refuse", "reason": TOO_MANY}
        if request.get("chapter") != str(self.chapter):
            return {"do": "refuse", "reason": f"this is the exercise of {self.chapter}"}
        if graded and record.exercise is None:
            return {"do": "recorded"}
        if record.exercise is not None and exercise != record.exercise:
            # Other exercises' checks have no place here: what is given to them must not be had now.
            record.others.append(str(exercise)[:100])
            if graded:
                record.graded = None
                return {"do": "recorded"}
            return {"do": "refuse", "reason": f"this cell checks {record.exercise}, not {exercise}"}
        if record.exercise is not None and not graded:
            # The learner's own check follows the graded one, where there is something to explain.
            return {"do": "recorded"}
        try:
            report = self.checker.report(answer, _name(exercise), graded=graded)
            if graded:
                record.graded, record.shown = report, None
                if report.points < report.max_points:
                    record.shown = self.checker.report(answer, _name(exercise))
                return {"do": "recorded"}
        except ValueError as error:
            return {"do": "refuse", "reason": str(error)}
        except PlayerLostError:
            raise
        except Exception as error:
            # What an answer makes the judge stumble over costs that answer its mark, and nobody else theirs.
            record.graded = None
            return {"do": "refuse", "reason": f"the answer cannot be judged ({type(error).__name__})"}
        return {
            "do": "show",
            "text": to_text(report),
            "html": to_html(report),
            "data": report.to_data(),
            "points": report.points,
            "max_points": report.max_points,
        }


def _name(exercise: Any) -> str | None:
    return exercise if isinstance(exercise, str) else None
