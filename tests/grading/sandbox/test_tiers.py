"""The tier is chosen by trying, and said plainly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from course_utils.grading.sandbox import (
    TIERS,
    TRUSTED,
    Policy,
    Tier,
    announce,
    choose_tier,
    player_view,
    policy_for,
)
from course_utils.grading.sandbox.view import course_root
from tests.grading.sandbox.players import best_tier, probe_elsewhere

GOOD: dict[str, Any] = {"layers": ["seccomp"], "reached": [], "failed": None}


def test_this_machine_has_walls_and_they_hold() -> None:
    """Fails where there are none at all: then the tests of the walls test nothing."""
    tier = best_tier()
    assert tier.is_safe, announce(tier)
    found = probe_elsewhere(policy_for(tier, Policy(tier.name, player_view())))
    assert (found["failed"], found["reached"]) == (None, [])
    assert set(TIERS[tier.name]) <= {layer.split(" ")[0] for layer in found["layers"]}


def test_the_trial_sees_what_is_reached_without_walls() -> None:
    found = probe_elsewhere(Policy("trusted", player_view()))
    assert found["failed"] is None
    assert found["reached"] == ["a file outside", "the network", "the judge's process"]


WITHOUT = """
import errno, json
from course_utils.grading.sandbox import choose_tier, seccomp
steps = [(seccomp.LOAD, 0, 0, seccomp.OFFSET_NUMBER)]
if "namespaces" in MISSING:
    test = (seccomp.JUMP_BITS, 0, 1, seccomp.NEW_NAMESPACES)
    ends = [seccomp._fail(), seccomp._give(seccomp.ALLOW)]
    steps += seccomp._call("clone", [seccomp._argument(0), test, *ends])
if "landlock" in MISSING:
    steps += seccomp._call("landlock_create_ruleset", [seccomp._fail(errno.ENOSYS)])
seccomp.install([*steps, seccomp._give(seccomp.ALLOW)])
tier = choose_tier()
print(json.dumps([tier.name, list(tier.refused)]))
"""


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("landlock", "A without Landlock"),
        ("namespaces", "B"),
        ("namespaces landlock", "none"),
    ],
)
def test_on_a_machine_that_lacks_a_layer_the_next_tier_is_found(missing: str, expected: str) -> None:
    """A filter of our own makes this machine one that has no namespaces, or no Landlock, or neither."""
    if best_tier().name != "A":
        pytest.skip(f"this machine lacks a layer itself: it has tier {best_tier().name}")
    finished = subprocess.run(
        [sys.executable, "-c", f"MISSING = {missing!r}\n{WITHOUT}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=course_root(),
        timeout=100,
    )
    name, refused = json.loads(finished.stdout)
    assert name == expected
    assert refused[0].startswith("tier A: ")
    if "namespaces" in missing:
        assert "clone into new namespaces failed with EPERM" in refused[0]


def trials(outcome: dict[str, dict[str, Any]]) -> Callable[[list[Policy]], list[dict[str, Any]]]:
    """Return what tries policies and finds what is given for the tier, `failed` for others."""
    nothing = {"layers": [], "reached": [], "failed": "not here"}
    return lambda policies: [outcome.get(policy.tier, nothing) for policy in policies]


def test_the_strongest_that_holds_is_taken() -> None:
    view = player_view()
    everything = dict.fromkeys(TIERS, GOOD)
    assert choose_tier(view, try_all=trials(everything)).name == "A"
    assert (
        choose_tier(view, try_all=trials({"A without Landlock": GOOD, "B": GOOD})).name
        == "A without Landlock"
    )
    tier = choose_tier(view, try_all=trials({"B": GOOD}))
    assert (tier.name, len(tier.refused)) == ("B", 2)
    assert "user namespaces" in tier.how_to_get_better


def test_a_tier_that_lets_something_through_is_not_taken() -> None:
    leaking = {**GOOD, "reached": ["the network"]}
    tier = choose_tier(player_view(), try_all=trials({"A": leaking, "B": GOOD}))
    assert tier.name == "B"
    assert tier.refused[0] == "tier A: a player reached the network"


def test_without_walls_nothing_is_run_and_the_way_out_is_said() -> None:
    tier = choose_tier(player_view(), try_all=trials({}))
    assert (tier.name, tier.is_safe) == ("none", False)
    assert len(tier.refused) == (4 if os.geteuid() == 0 else 3)
    text = announce(tier)
    for words in (
        "tier A: not here",
        "tier B: not here",
        "virtual machine",
        "AppArmor",
        "--trust-submissions",
    ):
        assert words in text


def test_root_whose_python_others_cannot_see_keeps_its_user_in_tier_b(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def try_all(policies: list[Policy]) -> list[dict[str, Any]]:
        good = policies[0].tier == "B" and not policies[0].change_user
        return [GOOD if good else {"layers": [], "reached": [], "failed": "numpy could not be imported"}]

    tier = choose_tier(player_view(), try_all=try_all)
    assert (tier.name, tier.change_user) == ("B", False)
    assert any("as the user who grades" in weaker for weaker in tier.weaker)


@pytest.mark.parametrize("name", ["A", "A without Landlock", "B"])
def test_the_announcement_has_two_lines_at_most(name: str) -> None:
    tier = choose_tier(player_view(), try_all=trials({name: GOOD}))
    lines = announce(tier).splitlines()
    assert len(lines) == (1 if name == "A" else 2)
    assert f"(tier {name})" in lines[0]


def test_trust_is_announced_loudly() -> None:
    assert not TRUSTED.is_safe
    assert "NO WALLS" in announce(TRUSTED)
    assert announce(Tier("none", "")).startswith("Submissions cannot be shut in")


ELSEWHERE = """
import os, platform, resource, signal, sys
sys.platform = "darwin"
platform.machine = lambda: "arm64"
for module, name in [(os, "pidfd_open"), (signal, "pidfd_send_signal"), (resource, "RLIMIT_MSGQUEUE")]:
    delattr(module, name)
from course_utils.grading.sandbox import *
print(announce(choose_tier()))
"""


def test_importing_works_where_there_is_no_linux() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True, cwd=course_root()
    )
    assert finished.stdout.startswith("Submissions cannot be shut in on this machine")
