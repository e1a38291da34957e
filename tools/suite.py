"""Run everything that is checked before a change is merged: `make test`, or `make test FAST=yes` for daily
work.

Every stage runs, whatever the others do. At the end stands what ran, what failed and how long it took. A
stage is a line in STAGES; those marked slow are left out by FAST=yes.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from environment import Environment, SetUpError, run_tool, say

WORKERS = 2
WORKERS_THAT_WAIT = 3
"""For tests that wait half of their time: for limits to be passed, processes to end, pages to be loaded."""
EXTRAS = ["test", "oracles", "cluster", "postgresql"]


def chapters(root: Path) -> list[str]:
    """Return the book's notebooks."""
    return sorted(str(path.relative_to(root)) for path in root.glob("book/*/*.ipynb"))


def solutions(root: Path) -> list[str]:
    """Return the exercises with solutions."""
    return sorted(str(path.relative_to(root)) for path in root.glob("solutions/*/*.ipynb"))


@dataclass(frozen=True)
class Stage:
    """One thing that is checked.

    `command` is what is run, by its name in the environment; `files`, where given, finds the files to
    add to it. `fast` is what runs instead under FAST=yes; a stage that is slow as a whole has None
    there.
    """

    name: str
    command: list[str]
    fast: list[str] | None = None
    files: Callable[[Path], list[str]] | None = None

    def full_command(self, environment: Environment, *, fast: bool) -> list[str]:
        """Return the command with the program's path and the files."""
        program, *words = self.fast if fast and self.fast is not None else self.command
        files = self.files(environment.root) if self.files else []
        return [str(environment.venv / "bin" / program), *words, *files]


def quick(name: str, *command: str) -> Stage:
    """Return a stage that also FAST=yes runs, unchanged."""
    return Stage(name, list(command), fast=list(command))


def pytest(*words: str, workers: int = WORKERS) -> list[str]:
    """Return a pytest command that uses both cores."""
    distribution = ["--dist", "loadscope", "--no-loadscope-reorder"]
    return ["python", "-m", "pytest", "-q", "-n", str(workers), *distribution, *words]


# Notebooks run in kernels that are forked from one process, which has loaded torch and its like.
NBVAL = pytest("-p", "course_utils.kernels.pytest_plugin", "-p", "course_utils.figures.pytest_plugin")
UNIT = "not oracle and not built and not browser"
STAGES = [
    quick("lint", "ruff", "check", "."),
    quick("format", "ruff", "format", "--check", "."),
    quick("types", "mypy"),
    Stage(
        "unit tests",
        pytest("-m", UNIT, workers=WORKERS_THAT_WAIT),
        fast=pytest("-m", f"{UNIT} and not slow"),
    ),
    quick("doctests", *pytest("--doctest-modules", "course_utils")),
    quick("lists in step", "course", "toc", "--check"),
    quick("exercises in step", "course", "exercises", "--check"),
    Stage("oracle tests", pytest("-m", "oracle")),
    Stage("teeth", ["course", "teeth"]),
    Stage("chapters (nbval)", [*NBVAL, "--nbval"], files=chapters),
    Stage("solutions (nbval)", [*NBVAL, "--nbval-lax"], files=solutions),
    Stage("book build, links", pytest("-m", "built and not browser")),
    Stage("browser", pytest("-m", "browser", workers=WORKERS_THAT_WAIT)),
]


@dataclass
class Result:
    """How a stage went."""

    stage: Stage
    passed: int
    failed: int
    seconds: float


def count(output: str, status: int) -> tuple[int, int]:
    """Return how many tests passed and failed, from pytest's closing line; other tools count as one test.

    A stage that fails without a failed test (nothing collected, a crash) counts one failure.
    """
    closing = re.findall(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s.*$", output, re.MULTILINE)
    numbers = {
        word.rstrip("s"): int(number)
        for number, word in re.findall(r"(\d+) ([a-z]+)", closing[-1] if closing else "")
    }
    if not numbers:
        return (0, 1) if status else (1, 0)
    failed = numbers.get("failed", 0) + numbers.get("error", 0)
    return numbers.get("passed", 0), max(failed, 1) if status else failed


def run(stage: Stage, environment: Environment, *, fast: bool) -> Result:
    """Run one stage, showing its output as it comes."""
    say(f"\n=== {stage.name} ===")
    variables = {
        **os.environ,
        "OMP_NUM_THREADS": "1",  # two workers on two cores: more threads only get in each other's way
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{environment.venv / 'bin'}:{os.environ['PATH']}",
    }
    command = stage.full_command(environment, fast=fast)
    began, lines = time.monotonic(), []
    with subprocess.Popen(
        command,
        cwd=environment.root,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    passed, failed = count("".join(lines), process.returncode)
    return Result(stage, passed, failed, time.monotonic() - began)


def summary(results: list[Result], left_out: list[str]) -> str:
    """Return the table of what ran, what was left out, and the closing line."""
    rows = [f"{'stage':<20}{'passed':>8}{'failed':>8}{'seconds':>10}"]
    rows += [
        f"{result.stage.name:<20}{result.passed:>8}{result.failed:>8}{result.seconds:>10.1f}"
        + ("  FAILED" if result.failed else "")
        for result in results
    ]
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    rows.append(f"{'all':<20}{passed:>8}{failed:>8}{sum(result.seconds for result in results):>10.1f}")
    if left_out:
        rows.append(f"\nFAST=yes left out: {', '.join(left_out)}.")
    return "\n".join([*rows, "", f"{passed} passed, {failed} failed"])


@contextlib.contextmanager
def audit_tools_on_the_way(environment: Environment) -> Iterator[None]:
    """Let npm fetch what judges the book while other stages run; the browser tests wait for it, and say why
    when it cannot be had.
    """
    command = [str(environment.python), str(environment.root / "tests" / "book" / "audit" / "__init__.py")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as installing:
        try:
            yield
        finally:
            installing.terminate()


def main() -> int:
    """Set up, run every stage, print the summary; the status says whether all passed."""
    setting = os.environ.get("FAST", "no")
    if setting not in ("yes", "no"):
        raise SetUpError(f"FAST={setting} is not understood: say FAST=yes, or leave it out.")
    fast = setting == "yes"
    environment = Environment()
    environment.ensure(EXTRAS)
    with contextlib.nullcontext() if fast else audit_tools_on_the_way(environment):
        results = [run(stage, environment, fast=fast) for stage in STAGES if stage.fast or not fast]
    left_out = [stage.name for stage in STAGES if stage.fast is None] if fast else []
    left_out += [
        f"the slow part of {stage.name}"
        for stage in STAGES
        if fast and stage.fast not in (None, stage.command)
    ]
    say("\n" + summary(results, left_out))
    return 1 if any(result.failed for result in results) else 0


if __name__ == "__main__":
    run_tool(main)
