"""What a check found, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "crashed", "timed out", "not attempted"]
MIME_TYPE = "application/vnd.course.check+json"
SCHEMA = 1
TOO_SLOW = "it takes more than"


@dataclass(frozen=True)
class CaseResult:
    """The outcome of one case.

    `message` is for the learner's own check; `public_message` holds nothing computed from the
    inputs and is what a graded run may show.
    """

    name: str
    status: Status
    weight: float
    message: str = ""
    public_message: str = ""
    trace: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the case earns its weight."""
        return self.status == "passed"

    @property
    def slow(self) -> bool:
        """Whether the answer was right and came too late."""
        return self.message.startswith(TOO_SLOW)


@dataclass(frozen=True)
class Hint:
    """A step of help that is shown on request: what the step is called, and its text."""

    step: str
    text: str


@dataclass(frozen=True)
class Report:
    """The outcome of a check of one exercise."""

    chapter: str
    exercise: str
    max_points: float
    points: float
    status: Status
    cases: tuple[CaseResult, ...]
    explanations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    printed: str = ""
    graded: bool = False
    hints: tuple[Hint, ...] = ()

    @property
    def first_failure(self) -> CaseResult | None:
        """The first case that does not pass."""
        return next((case for case in self.cases if not case.passed), None)

    def to_data(self) -> dict[str, Any]:
        """Return plain data for the notebook's output, from which progress and marks are read.

        A graded run keeps the messages to those that show nothing of its inputs. The time taken is
        left out: the same answer gives the same data.
        """
        return {
            "schema": SCHEMA,
            "chapter": self.chapter,
            "exercise": self.exercise,
            "graded": self.graded,
            "status": self.status,
            "points": self.points,
            "max_points": self.max_points,
            "cases": [
                {
                    "name": case.name,
                    "status": case.status,
                    "weight": case.weight,
                    "message": case.public_message if self.graded else case.message,
                    "trace": [] if self.graded else list(case.trace),
                }
                for case in self.cases
            ],
            "explanations": list(self.explanations),
            "notes": list(self.notes),
            "hints": [] if self.graded else [{"step": hint.step, "text": hint.text} for hint in self.hints],
            "printed": "" if self.graded else self.printed,
        }
