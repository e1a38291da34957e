"""Policies of every tier that this machine has, and things outside the walls that players must not reach."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_utils.grading.sandbox import PLAYER_HOME, Policy, player_view
from tests.grading.sandbox.players import SHUT_IN, SMALL, change_user, why_not

SECRET = "the secret text outside"


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that every user can read, with a secret: what keeps a player out is the sandbox alone."""
    folder = Path(tempfile.mkdtemp(prefix="outside-"))
    folder.chmod(0o755)
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    secret.chmod(0o666)
    yield folder
    shutil.rmtree(folder)


def make_policy(tier: str, folder: Path) -> Policy:
    """Return a policy with small limits; its home is in a folder where the tier does not make one."""
    home = PLAYER_HOME
    if not tier.startswith("A"):
        home = str(folder / "home")
        Path(home).mkdir()
    return Policy(tier, player_view(), SMALL, home=home, change_user=change_user(tier))


def policy_or_skip(tier: str, folder: Path) -> Policy:
    """Return a policy of a tier that this machine has; `test_tiers` fails where there is none at all."""
    reason = why_not(tier)
    if reason is not None:
        pytest.skip(f"this machine has no tier {tier}: {reason}")
    return make_policy(tier, folder)


@pytest.fixture(params=SHUT_IN)
def policy(request: pytest.FixtureRequest, outside: Path) -> Policy:
    """A policy of each tier with walls."""
    return policy_or_skip(request.param, outside)


@pytest.fixture(params=[tier for tier in SHUT_IN if tier.startswith("A")])
def namespaced(request: pytest.FixtureRequest, outside: Path) -> Policy:
    """A policy of each tier with namespaces."""
    return policy_or_skip(request.param, outside)


@pytest.fixture
def trusted(outside: Path) -> Policy:
    """No walls: shows that what the walls forbid can be done without them."""
    return make_policy("trusted", outside)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user who grades."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()
