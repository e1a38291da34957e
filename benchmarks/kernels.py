"""Measure how fast the course's notebooks run in preloaded kernels, against ordinary ones, in the same run.

    python benchmarks/kernels.py                                  # every chapter and every solution
    python benchmarks/kernels.py solutions/transformers/attention.ipynb

Each notebook runs both ways, one after the other, so that what else the machine does meets both alike. The
outputs are compared; cells whose output cannot be repeated are left out of that. The first run in a preloaded
kernel waits for the preloaded process to load, and that counts. The last line is the ratio of the two times
on the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from course_utils.authoring.notebook_files import normalize, read_notebook  # noqa: E402
from course_utils.authoring.notebooks import UNREPEATABLE, execute  # noqa: E402
from course_utils.kernels.owner import PreloadedServer  # noqa: E402
from course_utils.kernels.provisioner import Source, forked_by_default  # noqa: E402


def notebooks() -> list[Path]:
    """Return the course's chapters and solutions."""
    return sorted([*ROOT.glob("book/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])


def run(path: Path) -> tuple[float, NotebookNode]:
    """Execute a notebook; return the seconds, and what it shows."""
    began = time.monotonic()
    shown = execute(read_notebook(path), path.parent)
    return time.monotonic() - began, normalize(shown)


def processor_seconds() -> float:
    """Return the processor time of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def differences(first: NotebookNode, second: NotebookNode) -> list[int]:
    """Return the numbers of the cells that show something else."""
    return [
        number
        for number, (one, other) in enumerate(zip(first.cells, second.cells, strict=True), start=1)
        if one.get("outputs") != other.get("outputs") and UNREPEATABLE not in one.metadata.get("tags", [])
    ]


def main() -> int:
    """Measure, compare, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="default: every chapter and every solution")
    paths = [path.resolve() for path in parser.parse_args().files] or notebooks()
    problems: list[str] = []
    before = after = used = 0.0
    print(f"{'notebook':<45}{'ordinary':>10}{'preloaded':>11}  seconds")
    with PreloadedServer() as server:
        source = Source(server.address, problems.append, server.last_words)
        for path in paths:
            with forked_by_default(source):
                preloaded, other = run(path)
            start = processor_seconds()
            ordinary, one = run(path)
            used += processor_seconds() - start
            before, after = before + ordinary, after + preloaded
            print(f"{os.path.relpath(path, ROOT):<45}{ordinary:>10.1f}{preloaded:>11.1f}", flush=True)
            problems += [f"{path.name}, cell {number}: another output" for number in differences(one, other)]
    print(f"{'all':<45}{before:>10.1f}{after:>11.1f}")
    # What the preloaded process and its kernels have used is known when it has ended.
    print(f"{'all, processor':<45}{used:>10.1f}{processor_seconds() - used:>11.1f}")
    print("\n".join(problems) or f"same outputs in {len(paths)} notebooks; on {os.cpu_count()} cores")
    print(f"ratio: {before / after:.1f}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
