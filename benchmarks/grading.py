"""Measure how fast a class is graded, against stock nbgrader on the same machine, in the same run.

    python benchmarks/grading.py --submissions 100

Makes a class of submissions of `transformers/attention` (right answers, declared variants, known mistakes and
blanks, each submission another mixture), grades it once with `nbgrader autograde` as nbgrader comes, and once
with `course grade`, and compares every mark. The last line is the ratio of the two times on the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from course_utils.checking.checker import SECRET_SEED_VARIABLE  # noqa: E402
from tests.grading import submissions as made  # noqa: E402
from tests.grading.classroom import CHAPTER, Classroom, environment, make_classroom  # noqa: E402

STOCK_SETTINGS = """
c = get_config()
c.CourseDirectory.course_id = "course"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.db_url = "sqlite:///grading/gradebook.db"
"""


@dataclass(frozen=True)
class Measured:
    """How long a command took on the clock, the processor time of the machine, and its most memory."""

    seconds: float
    processor: float
    memory: int

    def __str__(self) -> str:
        """Return the measures in a line."""
        return (
            f"{self.seconds:7.1f} s on the clock, {self.processor:7.1f} s of processor, "
            f"{self.memory / 2**20:6.0f} MiB at most"
        )


def busy_seconds() -> float:
    """Return the processor time that this machine has spent, on everything: measure on a quiet one.

    Processes that live for tenths of a second cannot be counted one by one.
    """
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


class Watch(threading.Thread):
    """Looks at the memory of a command's processes, once a second: the kernel reads all pages for it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.memory = 0
        self.done = threading.Event()

    def run(self) -> None:
        """Look until it is done."""
        while not self.done.wait(1.0):
            memory = 0
            try:
                processes = [self.root, *self.root.children(recursive=True)]
            except psutil.Error:
                return
            for process in processes:
                # Shared pages count once: what is forked shares most of what it has.
                with contextlib.suppress(psutil.Error):
                    memory += process.memory_full_info().pss
            self.memory = max(self.memory, memory)


def measure(command: list[str], folder: Path, variables: dict[str, str]) -> Measured:
    """Run a command and measure it; it may end with 1, which says that something needs a person."""
    began, busy = time.monotonic(), busy_seconds()
    log = folder / "log.txt"
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=stream, stderr=stream)
        watch = Watch(process.pid)
        watch.start()
        status = process.wait()
    seconds, busy = time.monotonic() - began, busy_seconds() - busy
    watch.done.set()
    watch.join()
    if status > 1:
        raise SystemExit(f"{' '.join(command)} ended with {status}:\n{log.read_text()[-3000:]}")
    return Measured(seconds, busy, watch.memory)


def make_class(folder: Path, count: int) -> Classroom:
    """Release the chapter and hand in so many submissions."""
    classroom = make_classroom(folder)
    classroom.run("course", "release", str(CHAPTER))
    made.USUAL = count
    for student, submission in made.usual(classroom.released()).items():
        classroom.hand_in(student, submission.content)
    return classroom


def stock_copy(classroom: Classroom, folder: Path) -> Path:
    """Copy the class, with nbgrader's own way of grading."""
    shutil.copytree(classroom.root, folder)
    (folder / "nbgrader_config.py").write_text(STOCK_SETTINGS)
    return folder


def marks(folder: Path) -> dict[str, dict[str, float]]:
    """Read the marks from a gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/grading/gradebook.db", "course") as gradebook:
        return {
            notebook.student.id: {grade.name: grade.auto_score for grade in notebook.grades}
            for notebook in gradebook.find_notebook(CHAPTER.name, CHAPTER.part).submissions
        }


def differences(first: dict[str, dict[str, float]], second: dict[str, dict[str, float]]) -> list[str]:
    """Name the marks in which two gradebooks differ."""
    found = []
    for student in sorted(first.keys() | second.keys()):
        for cell in sorted(first.get(student, {}).keys() | second.get(student, {}).keys()):
            one, other = first.get(student, {}).get(cell), second.get(student, {}).get(cell)
            same = one == other or (None not in (one, other) and abs(one - other) < 1e-3)
            found += [] if same else [f"{student}, {cell}: {one} and {other}"]
    return found


def main() -> int:
    """Measure, compare, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=20, help="how many submissions (default 20)")
    count = parser.parse_args().submissions
    python = sys.executable
    with tempfile.TemporaryDirectory() as work:
        classroom = make_class(Path(work) / "course", count)
        stock = stock_copy(classroom, Path(work) / "stock")
        seed = (classroom.places.grading / "secret_seed").read_text().strip()
        own = [python, "-m", "course_utils.cli", "grade", str(CHAPTER)]
        variables = {**environment(), "PATH": f"{Path(python).parent}:{os.environ['PATH']}"}
        variables.pop("OMP_NUM_THREADS", None)
        ours = measure(own, classroom.root, variables)
        print(f"course grade, {count} submissions:        {ours}")
        print(f"course grade again, nothing changed:   {measure(own, classroom.root, variables)}")
        classroom.hand_in("onemore", made.usual(classroom.released())["usual00"].content)
        print(f"course grade again, one new:           {measure(own, classroom.root, variables)}")
        command = [python, "-m", "nbgrader", "autograde", CHAPTER.part]
        theirs = measure(command, stock, {**variables, SECRET_SEED_VARIABLE: seed})
        print(f"nbgrader autograde, {count} submissions:  {theirs}")
        found = differences(marks(stock), {k: v for k, v in marks(classroom.root).items() if k != "onemore"})
        for line in found:
            print(f"another mark: {line}")
    print(f"marks compared: {count} students, {len(found)} differences; on {os.cpu_count()} cores")
    print(f"ratio: {theirs.seconds / ours.seconds:.1f}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
