"""Remove what the tools made: the built book, caches and, with ALL=yes, the environment. Nothing that a
person wrote.
"""

from __future__ import annotations

import os
import shutil

from environment import ROOT, run_tool, say

MADE = ["_build", ".setup", ".pytest_cache", ".mypy_cache", ".ruff_cache", "build", "course_utils.egg-info"]


def main() -> int:
    """Remove the made files and say which."""
    everything = os.environ.get("ALL", "no") == "yes"
    paths = [ROOT / name for name in MADE if not (name == "course_utils.egg-info" and not everything)]
    paths += [ROOT / ".venv"] if everything else []
    for folder in ("book", "course_utils", "tests", "tools"):
        paths += (ROOT / folder).rglob("__pycache__")
    removed = [path for path in paths if path.exists()]
    for path in removed:
        shutil.rmtree(path)
    say(
        f"Removed {len(removed)} folders."
        + ("" if everything else " The environment stays; ALL=yes removes it too.")
    )
    return 0


if __name__ == "__main__":
    run_tool(main)
