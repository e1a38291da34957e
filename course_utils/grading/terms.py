"""What all notebooks of a run have in common."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.grading.sandbox.limits import Limits


@dataclass(frozen=True)
class Terms:
    """The terms on which submissions are played.

    Attributes:
        secret_seed: What graded runs draw their inputs from.
        limits: What one submission may use.
        trusted: Whether submissions may be run where no walls hold.
    """

    secret_seed: str
    limits: Limits
    trusted: bool = False
