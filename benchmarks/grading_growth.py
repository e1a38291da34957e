"""Measure how the time and memory of grading grow with the class.

    python benchmarks/grading_growth.py --submissions 100 2000

Grades a small and a large class of `transformers/attention`, each from the beginning, by `course grade`. What
each further submission costs is the difference of the two; what it should cost is the difference to a third,
of half the small class. The last line is the ratio of the two costs: 1 where time grows linearly.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.grading import CHAPTER, Measured, make_class, measure  # noqa: E402
from tests.grading.classroom import environment  # noqa: E402


def grade(count: int) -> Measured:
    """Grade a class of so many submissions."""
    with tempfile.TemporaryDirectory() as work:
        classroom = make_class(Path(work) / "course", count)
        variables = {**environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        variables.pop("OMP_NUM_THREADS", None)
        command = [sys.executable, "-m", "course_utils.cli", "grade", str(CHAPTER)]
        measured = measure(command, classroom.root, variables)
        assert len(classroom.marks()) == count
    print(f"{count:5} submissions: {measured}", flush=True)
    return measured


def main() -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--submissions",
        type=int,
        nargs=2,
        default=(40, 200),
        metavar=("SMALL", "LARGE"),
        help="default 40 200",
    )
    small, large = parser.parse_args().submissions
    if not 4 <= small < large:
        parser.error(f"SMALL must be at least 4 and less than LARGE, got {small} and {large}")
    sizes = (small // 2, small, large)
    first, second, third = map(grade, sizes)
    early = (second.seconds - first.seconds) / (small - small // 2)
    late = (third.seconds - second.seconds) / (large - small)
    print(f"each further submission: {early:.3f} s in the small class, {late:.3f} s in the large one")
    print(f"memory of the large class, against the small one: {third.memory / second.memory:.2f}")
    print(f"ratio: {late / early:.2f}")


if __name__ == "__main__":
    main()
