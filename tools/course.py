"""Set up the environment and run a verb of the `course` command in it: `python tools/run.py course teeth`."""

from __future__ import annotations

import os
import subprocess
import sys

from environment import Environment, run_tool


def main() -> int:
    """Run the verb; EXTRAS names extras that it needs."""
    environment = Environment()
    python = environment.ensure(os.environ.get("EXTRAS", "").split())
    return subprocess.run([str(python), "-m", "course_utils.cli", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    run_tool(main)
