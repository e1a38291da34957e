"""Make exercises/ from solutions/, without writing over answers that a person put into an exercise.

A notebook in exercises/ may be overwritten when it is as it was committed, or as this tool last made
it. Anything else is somebody's work: it is named, and nothing happens unless FORCE=yes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from environment import ROOT, Environment, SetUpError, run_tool

RECORD = ROOT / ".setup" / "exercises.json"


def digest(content: bytes) -> str:
    """Return what identifies a file's content."""
    return hashlib.sha256(content).hexdigest()


def notebooks(root: Path) -> dict[str, str]:
    """Return the released notebooks with what identifies their content."""
    found = sorted(path for path in root.glob("exercises/*/*.ipynb"))
    return {str(path.relative_to(root)): digest(path.read_bytes()) for path in found}


def committed(root: Path, name: str) -> str | None:
    """Return what identifies the committed content of a file; None if it is not committed or there is no
    git.
    """
    try:
        shown = subprocess.run(["git", "show", f"HEAD:./{name}"], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return digest(shown.stdout) if shown.returncode == 0 else None


def edited(root: Path, made: dict[str, str]) -> list[str]:
    """Return the released notebooks that a person changed; `made` is what this tool wrote last."""
    return [
        name for name, now in notebooks(root).items() if now not in (made.get(name), committed(root, name))
    ]


def main() -> int:
    """Refuse where work would be lost, else make the exercises and remember them."""
    environment = Environment()
    python = environment.ensure([])
    try:
        made = json.loads(RECORD.read_text())
    except (OSError, ValueError):
        made = {}
    changed = edited(ROOT, made)
    if changed and os.environ.get("FORCE", "no") != "yes":
        raise SetUpError(
            "These exercises hold changes that would be lost:\n  "
            + "\n  ".join(changed)
            + "\nCopy them elsewhere if you want to keep them, then: make exercises FORCE=yes"
        )
    status = subprocess.run([str(python), "-m", "course_utils.cli", "exercises", *sys.argv[1:]], check=False)
    if status.returncode == 0:
        environment.notes.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(notebooks(ROOT), indent=1))
    return status.returncode


if __name__ == "__main__":
    run_tool(main)
