"""What is said when two values differ, and how far apart they may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the expected one: |got - expected| <= absolute + relative * |expected|.

    Where a whole number is expected, only the absolute part counts: token 20001 is not token 20000.
    """

    relative: float = 1e-4
    absolute: float = 1e-6
    check_dtype: bool = True


@dataclass(frozen=True)
class Difference:
    """The first thing that differs.

    `summary` says what kind of thing it is and holds no value of the case, so that it can be shown
    for a hidden case; `detail` adds the numbers, and `own` is the summary with names that the answer gave.
    """

    summary: str
    detail: str = ""
    where: str = ""
    own: str = ""

    @property
    def text(self) -> str:
        """The whole message."""
        place = f"{self.where}: " if self.where else ""
        return place + (self.own or self.summary) + (f" ({self.detail})" if self.detail else "")

    @property
    def public_text(self) -> str:
        """The message without anything that was computed from the inputs."""
        return (f"{self.where}: " if self.where else "") + self.summary


def first_of(differences: Iterable[Difference | None]) -> Difference | None:
    """Return the first difference that there is, or None."""
    return next((difference for difference in differences if difference is not None), None)
