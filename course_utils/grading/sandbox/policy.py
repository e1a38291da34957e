"""How a player is shut in, as data that the judge sends to the preloaded server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.view import View

NAMESPACES = "namespaces"
LANDLOCK = "landlock"
SECCOMP = "seccomp"

# The layers that each tier must have; one that cannot be put on is an error.
TIERS: dict[str, tuple[str, ...]] = {
    "A": (NAMESPACES, LANDLOCK, SECCOMP),
    "A without Landlock": (NAMESPACES, SECCOMP),
    "B": (LANDLOCK, SECCOMP),
    "trusted": (),
}

PLAYER_HOME = "/home/player"


@dataclass(frozen=True)
class Policy:
    """How one player is shut in.

    Attributes
    ----------
    tier
        One of `TIERS`.
    view
        What the player sees, read-only.
    limits
        What it may use.
    home
        Its home and working folder. In tier A made for it in memory. In the others an empty folder that
        exists, belongs to the player alone and is removed by whoever made it. As root, every folder above
        it must let everybody through, because the player becomes another user.
    compute_threads
        What OMP_NUM_THREADS says.
    change_user
        As root: become a user that nobody is. Without effect for an ordinary user.
    """

    tier: str
    view: View
    limits: Limits = field(default_factory=Limits)
    home: str = PLAYER_HOME
    compute_threads: int = 1
    change_user: bool = True

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise ValueError(f"there is no tier {self.tier!r}: give one of {', '.join(TIERS)}")
        if not self.home.startswith("/"):
            raise ValueError(f"the player's home is {self.home!r}: give an absolute path")

    @property
    def own_namespaces(self) -> bool:
        """Whether the player has its own file system, processes and network."""
        return NAMESPACES in TIERS[self.tier]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that must be on."""
        return TIERS[self.tier]

    def to_data(self) -> dict[str, Any]:
        """Return the policy as plain data (JSON)."""
        return {
            "tier": self.tier,
            "view": self.view.to_data(),
            "limits": self.limits.to_data(),
            "home": self.home,
            "compute_threads": self.compute_threads,
            "change_user": self.change_user,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Policy:
        """Return the policy that `to_data` wrote."""
        return cls(
            **{**data, "view": View.from_data(data["view"]), "limits": Limits.from_data(data["limits"])}
        )
