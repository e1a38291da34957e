"""Run every script in benchmarks/, or those named: `make bench`. Each prints what it measured."""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, Environment, run_tool, say


def main() -> int:
    """Run the benchmarks one after another, so that none disturbs another."""
    python = Environment().ensure([])
    names = sys.argv[1:] or sorted(path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py"))
    failed = []
    for name in names:
        say(f"=== {name} ===")
        done = subprocess.run([str(python), str(ROOT / "benchmarks" / f"{name}.py")], cwd=ROOT, check=False)
        failed += [name] if done.returncode else []
    if failed:
        say(f"Below the bar, or not measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    run_tool(main)
