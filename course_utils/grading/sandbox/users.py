"""Users that nobody is: as root, each player runs as one of its own.

Two players that run at once should not be the same user, so the number is drawn at random from a wide range.
Where only some numbers exist (root inside a container with its own map of users) a small range is used, and
two players may meet in one: they are still apart in tier A, by their namespaces.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

# No distribution gives these out: above the ranges of subordinate users and of systemd's containers, and
# below the highest numbers, which have meanings of their own.
FIRST_USER, LAST_USER = 1_900_000_000, 1_999_999_999
# Unused by systemd and by Debian's and Fedora's ranges, for maps that end at 65535.
FIRST_LOW_USER, LAST_LOW_USER = 60_706, 61_183


def throwaway_user() -> int:
    """Return the number of a user, and of a group, that nobody is."""
    draw = random.SystemRandom()
    if _mapped(LAST_USER):
        return draw.randint(FIRST_USER, LAST_USER)
    return draw.randint(FIRST_LOW_USER, LAST_LOW_USER)


def _mapped(user: int) -> bool:
    """Say whether a user exists in this process's own map of users."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return True
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= user < first + count for first, _, count in ranges)


def must_change(change_user: bool) -> bool:
    """Say whether a player is to become another user: wanted, and root asks."""
    return change_user and os.geteuid() == 0
