"""Which walls there are on this machine: found by trying them, strongest first."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from course_utils.grading.sandbox import landlock
from course_utils.grading.sandbox.policy import Policy
from course_utils.grading.sandbox.view import View, course_root, player_view

TRY_SECONDS = 120

SENTENCES = {
    "A": "own namespaces (files, processes, network), Landlock and seccomp",
    "A without Landlock": "own namespaces (files, processes, network) and seccomp",
    "B": "Landlock and seccomp, no new processes",
    "none": "no walls could be put up",
    "trusted": "NO WALLS: submissions run with all of your rights, because you said that you trust them",
}
WEAKER_IN_B = (
    "names and sizes of files outside can be seen (not what is in them)",
    "memory, threads and disk use are watched, not capped",
    "subprocesses and DataLoader workers fail",
)
APPARMOR = "on Ubuntu 23.10 and newer an AppArmor profile for this Python must grant `userns`"
GET_NAMESPACES = (
    f"for tier A allow unprivileged user namespaces ({APPARMOR}), or grade in a Linux virtual machine or"
    " container that allows them"
)
GET_LANDLOCK = "Linux 5.13 or newer with Landlock switched on (`lsm=landlock,...`) adds a second wall"
WAY_OUT = (
    f"Grade on Linux, or in a Linux virtual machine or container that allows user namespaces; {APPARMOR}."
    " If you trust every submission: --trust-submissions runs them without walls."
)


@dataclass(frozen=True)
class Tier:
    """The walls that hold on this machine.

    Attributes
    ----------
    name
        A key of `policy.TIERS`, or "none".
    sentence
        What it is made of.
    weaker
        What it does less well than the strongest tier.
    how_to_get_better
        What to do for a stronger one; empty when there is none.
    change_user
        For the policy: whether root becomes another user.
    refused
        Why each stronger tier was not taken, a sentence each.
    """

    name: str
    sentence: str
    weaker: tuple[str, ...] = ()
    how_to_get_better: str = ""
    change_user: bool = True
    refused: tuple[str, ...] = ()

    @property
    def is_safe(self) -> bool:
        """Whether submissions that nobody trusts may be run."""
        return self.name not in ("none", "trusted")


TRUSTED = Tier("trusted", SENTENCES["trusted"], ("everything is within reach of a submission",))


def choose_tier(
    view: View | None = None, *, try_all: Callable[[list[Policy]], list[dict[str, Any]]] | None = None
) -> Tier:
    """Return the strongest tier that holds, having tried it on a throw-away player.

    Parameters
    ----------
    view
        What players will see; by default Python and its packages.
    try_all
        Tries policies and returns what `probe.try_policy` does for each; by default in a process of its own.
    """
    if sys.platform != "linux":
        reason = f"{platform.system()} has no namespaces, Landlock or seccomp"
        return Tier("none", SENTENCES["none"], refused=(reason,))
    view = view or player_view()
    candidates = [Policy("A", view), Policy("A without Landlock", view), Policy("B", view)]
    if os.geteuid() == 0:
        candidates.append(Policy("B", view, change_user=False))
    refused: list[str] = []
    for candidate in candidates:
        result = (try_all or _try_elsewhere)([candidate])[0]
        complaint = result["failed"]
        if result["reached"]:
            complaint = f"a player reached {', '.join(result['reached'])}"
        if complaint is None:
            return _tier(candidate, result["layers"], refused)
        own = "" if candidate.change_user else " without a user of its own"
        refused.append(f"tier {candidate.tier}{own}: {complaint}")
    return Tier("none", SENTENCES["none"], refused=tuple(refused))


def _tier(policy: Policy, layers: list[str], refused: list[str]) -> Tier:
    """Describe a tier that held."""
    weaker: tuple[str, ...] = ()
    better = ""
    version = landlock.abi()
    if policy.tier == "A without Landlock":
        weaker, better = ("one wall around files instead of two",), GET_LANDLOCK
    if policy.tier == "B":
        weaker, better = WEAKER_IN_B, GET_NAMESPACES
        if version < landlock.ABI_SCOPE:
            weaker += ("signals are kept in by seccomp alone (Linux 6.12 adds Landlock's)",)
        if not policy.change_user:
            weaker += ("submissions run as the user who grades, without root's rights",)
    if any("no /proc" in layer for layer in layers):
        weaker += ("there is no /proc inside",)
    return Tier(policy.tier, SENTENCES[policy.tier], weaker, better, policy.change_user, tuple(refused))


def _try_elsewhere(policies: list[Policy]) -> list[dict[str, Any]]:
    """Try policies in a process of its own, which has one thread."""
    finished = subprocess.run(
        [sys.executable, "-P", "-c", "from course_utils.grading.sandbox import probe; probe.main()"],
        input=json.dumps([policy.to_data() for policy in policies]),
        capture_output=True,
        text=True,
        timeout=TRY_SECONDS,
        check=False,
        cwd="/",
        env={
            "PYTHONPATH": str(course_root()),
            "PATH": os.defpath,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        },
    )
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or [f"status {finished.returncode}"])[-1]
        return [{"layers": [], "reached": [], "failed": f"the trial itself failed: {last}"} for _ in policies]
    return list(json.loads(finished.stdout))


def policy_for(tier: Tier, policy: Policy) -> Policy:
    """Return a policy with the tier's name and user."""
    return replace(policy, tier=tier.name, change_user=tier.change_user)


def announce(tier: Tier) -> str:
    """Return what is said at the start of a run: two lines at most, or, with no walls, why and what to do.

    >>> print(announce(Tier("A", SENTENCES["A"])))
    Submissions are shut in (tier A): own namespaces (files, processes, network), Landlock and seccomp.
    """
    if tier.name == "trusted":
        return f"Submissions are not shut in: {tier.sentence}."
    if tier.name == "none":
        reasons = "\n".join(f"  {reason}" for reason in tier.refused)
        return f"Submissions cannot be shut in on this machine, so none is run.\n{reasons}\n{WAY_OUT}"
    first = f"Submissions are shut in (tier {tier.name}): {tier.sentence}."
    if not tier.weaker and not tier.how_to_get_better:
        return first
    second = f"Weaker than it could be: {'; '.join(tier.weaker)}."
    return (
        f"{first}\n{second} {tier.how_to_get_better[:1].upper()}{tier.how_to_get_better[1:]}.".rstrip(" .")
        + "."
    )
