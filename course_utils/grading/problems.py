"""What can be wrong with a submission, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is odd about a submission.

    `what` says it, `do` says what to do. An `urgent` one needs the instructor: the mark cannot be right
    before it is mended. The others were mended, or are the student's own and the marks stand.
    """

    what: str
    do: str
    urgent: bool = False

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Problem:
        """Read plain data."""
        return cls(str(data["what"]), str(data["do"]), bool(data["urgent"]))


STANDS = "Nothing to do: the marks stand."


def unreadable(reason: str) -> Problem:
    """Return the problem of a file that is not a notebook at all."""
    return Problem(
        f"the file cannot be read: {reason}. It earns nothing",
        "Ask the student to hand in the notebook again, then collect and grade it.",
        urgent=True,
    )


def restored(what: str) -> Problem:
    """Return the problem of a part that is as released again."""
    return Problem(what, "Nothing to do: it was judged as released.")
