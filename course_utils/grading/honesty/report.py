"""What an instructor is told about a class, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Finding:
    """One thing that stands in a submission and that somebody may want to look at.

    Attributes:
        kind: "reference" (uses the course's own answer), "copy" (has the course's own text), "forbidden"
            (uses what the exercise asks to build), "reach" (goes to where the answers are kept) or "unread".
        exercise: The exercise it is about; "" where it is about the notebook.
        cell: The cell, as nbgrader names it, or its place.
        line: The line of the cell, from 1; 0 for the cell as a whole.
        what: One sentence that says what stands there.
    """

    kind: str
    exercise: str
    cell: str
    line: int
    what: str


@dataclass(frozen=True)
class Side:
    """One of two matching texts: where it is, the lines that are shown, and which of them match.

    `start` is the number of the first line that is shown, `marked` the numbers of the lines that match.
    """

    cell: str
    start: int
    lines: tuple[str, ...]
    marked: tuple[int, ...]

    @property
    def span(self) -> str:
        """The matching lines in words.

        >>> Side("softmax", 1, ("a", "b", "c"), (2, 3)).span
        'lines 2 to 3'
        """
        first, last = (min(self.marked), max(self.marked)) if self.marked else (self.start, self.start)
        return f"line {first}" if first == last else f"lines {first} to {last}"


@dataclass(frozen=True)
class Passage:
    """Two pieces of two submissions that are alike.

    Attributes:
        kind: "code" or "words".
        name: What the piece is: a function, a method, an answer in words.
        similarity: The share of both that is the same in the same order, names left out, from 0 to 1.
        first: The piece of the first submission.
        second: The piece of the second one.
    """

    kind: str
    name: str
    similarity: float
    first: Side
    second: Side


@dataclass(frozen=True)
class Pair:
    """Two submissions that have more in common than chance and the exercise explain.

    Attributes:
        first: A student.
        second: The other one.
        similarity: The share of what is special to the one that holds less of it that is in the other too,
            from 0 to 1. What was released, the course's own answers and what many in the class have count
            little or nothing.
        shared: How many pieces they share, each counted by how rare it is in the class.
        passages: The pieces that are alike, the most alike first.
    """

    first: str
    second: str
    similarity: float
    shared: float
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class HonestyReport:
    """Everything of one chapter that is told and never marked.

    Attributes:
        chapter: The chapter, as part/chapter.
        students: How many submissions were read.
        findings: By student, what stands in the submission; only students with a finding are here.
        pairs: The pairs that are alike, the most alike first.
        left_out: How many further pairs were found and are not listed.
        comparisons: How many pairs were compared in full: a measure of the work.
    """

    chapter: str
    students: int = 0
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    left_out: int = 0
    comparisons: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return plain data, as JSON can hold it."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> HonestyReport:
        """Read plain data.

        Raises:
            ValueError: it was written by another version of this module.
        """
        if data.get("schema") != SCHEMA:
            raise ValueError(
                f"this is a report of schema {data.get('schema')!r}, and schema {SCHEMA} is understood: "
                "make the report again"
            )
        return cls(
            data["chapter"],
            data["students"],
            {
                student: tuple(Finding(**each) for each in found)
                for student, found in data["findings"].items()
            },
            tuple(_pair(pair) for pair in data["pairs"]),
            data["left_out"],
            data["comparisons"],
        )


def _pair(data: Mapping[str, Any]) -> Pair:
    passages = tuple(
        Passage(**{**passage, "first": _side(passage["first"]), "second": _side(passage["second"])})
        for passage in data["passages"]
    )
    return Pair(**{**data, "passages": passages})


def _side(data: Mapping[str, Any]) -> Side:
    return Side(data["cell"], data["start"], tuple(data["lines"]), tuple(data["marked"]))
