"""Say what is wrong with an environment and how to mend it: `course doctor`."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version
from rich.console import Console
from rich.markup import escape
from rich.table import Table

OLDEST, NEWEST = (3, 11), (3, 13)
EXTRAS = ("test", "oracles", "cluster", "postgresql", "embeddings", "llm")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FREE_MEGABYTES = 500
SET_UP_AGAIN = "Run `make start`, which mends the environment."


@dataclass(frozen=True)
class Finding:
    """What one examination found.

    `state` is "good", "note" (worth knowing, nothing is broken) or "wrong"; `mend` says what to do about it.
    """

    state: str
    what: str
    mend: str = ""


def find_root() -> Path:
    """Return the folder of the course: the nearest one upward that holds the lock, else the one installed
    from.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "requirements.lock").is_file() and (folder / "course_utils").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]


def examine_python(root: Path) -> Iterator[Finding]:
    """Look at the version of Python and at whose environment it is."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        yield Finding("good", f"Python {version}")
    else:
        yield Finding(
            "wrong", f"Python {version}; the course needs 3.11 to 3.13", "Run `make start PYTHON=python3.12`."
        )
    if Path(sys.prefix).resolve() == (root / ".venv").resolve():
        yield Finding("good", "it is the course's own environment, .venv")
    else:
        yield Finding(
            "note",
            f"this is the environment {sys.prefix}, not the course's own",
            f"With `make start`, use {root / '.venv/bin/course'}; with conda or Binder nothing is wrong.",
        )


def read_lock(path: Path) -> list[Requirement]:
    """Return the pins of a lock that hold for this Python and system.

    Raises:
        FileNotFoundError: If there is no such lock.
    """
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pins = [Requirement(line) for line in lines if line]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def differences(pins: list[Requirement]) -> tuple[list[str], list[str]]:
    """Return the names of pinned packages that are missing, and sentences on those with another version."""
    missing, other = [], []
    for pin in pins:
        try:
            installed = importlib.metadata.version(pin.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(pin.name)
            continue
        # A build of the same version, such as torch's for the CPU, is that version.
        if not pin.specifier.contains(Version(installed).public, prereleases=True):
            other.append(f"{pin.name} is {installed}, the lock says {str(pin.specifier).removeprefix('==')}")
    return missing, other


def examine_packages(root: Path) -> Iterator[Finding]:
    """Compare what is installed with the locks."""
    try:
        pins = read_lock(root / "requirements.lock")
    except FileNotFoundError:
        yield Finding(
            "wrong", f"there is no requirements.lock in {root}", "Run this in the folder of the course."
        )
        return
    missing, other = differences(pins)
    if missing or other:
        listed = [f"{name} is missing" for name in missing] + other
        more = f", and {len(listed) - 3} more" if len(listed) > 3 else ""
        yield Finding("wrong", f"{'; '.join(listed[:3])}{more}", SET_UP_AGAIN)
    else:
        yield Finding("good", f"all {len(pins)} packages have the versions of requirements.lock")
    for extra in EXTRAS:
        path = root / f"requirements-{extra}.lock"
        if not path.is_file():
            yield Finding("wrong", f"{path.name} is missing", "Get it back: git checkout -- " + path.name)
            continue
        pins = read_lock(path)
        missing, other = differences(pins)
        if len(missing) == len(pins):
            yield Finding(
                "note", f"the extra {extra} is not installed", f"If you want it: make start EXTRAS={extra}"
            )
        elif missing or other:
            listed = [f"{name} is missing" for name in missing] + other
            yield Finding(
                "note", f"extra {extra}: {'; '.join(listed[:3])}", f"Mend it: make start EXTRAS={extra}"
            )
        else:
            yield Finding("good", f"the extra {extra} is installed as locked")


def examine_torch(root: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Import torch and compute something."""
    try:
        import torch

        if torch.tensor([3.0, 4.0]).norm().item() != 5.0:
            raise RuntimeError("the length of (3, 4) is not 5")
    except Exception as problem:
        yield Finding("wrong", f"torch does not work: {type(problem).__name__}: {problem}", SET_UP_AGAIN)
        return
    device = "a GPU is there" if torch.cuda.is_available() else "on the CPU, which is all the course needs"
    yield Finding("good", f"torch {torch.__version__} computes ({device})")


def examine_kernel(root: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Look at which Python JupyterLab runs notebooks with."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding("wrong", "JupyterLab has no Python kernel", SET_UP_AGAIN)
        return
    command = spec.argv[0]
    if command.startswith("python") or Path(command).resolve() == Path(sys.executable).resolve():
        yield Finding("good", "notebooks run with this Python")
        return
    yield Finding(
        "wrong",
        f"notebooks run with {command}, another Python, where course_utils may be missing",
        f"Remove that kernel, {spec.resource_dir}, or: {sys.executable} -m ipykernel install --sys-prefix",
    )


def examine_course(root: Path) -> Iterator[Finding]:
    """Look for nbgrader's configuration, the data and the notebooks."""
    if (root / "nbgrader_config.py").is_file():
        yield Finding("good", "nbgrader's configuration is there")
    else:
        yield Finding(
            "wrong", f"{root / 'nbgrader_config.py'} is missing", "Get it: git checkout -- nbgrader_config.py"
        )
    from course_utils.data import verify

    problems = verify()
    yield from (Finding("wrong", problem) for problem in problems)
    if not problems:
        yield Finding("good", "the data that ships with the course is complete and undamaged")
    damaged = []
    for path in sorted((root / "exercises").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        try:
            json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (ValueError, KeyError, TypeError):
            damaged.append(path.relative_to(root))
    for path in damaged:
        yield Finding(
            "wrong", f"{path} is not a notebook any more", f"Set it aside, then: git checkout -- {path}"
        )


def examine_machine(root: Path) -> Iterator[Finding]:
    """Look at the ports, the disk and the browser that the tests use."""
    for setting, port in (("PORT", 8888), ("BOOK_PORT", 8889)):
        with socket.socket() as probe:
            busy = probe.connect_ex(("127.0.0.1", port)) == 0
        if busy:
            mend = f"If that is not the course itself, choose another: make start {setting}=9000"
            yield Finding("note", f"port {port} is in use", mend)
        else:
            yield Finding("good", f"port {port} is free")
    free = shutil.disk_usage(root).free // 2**20
    if free < FREE_MEGABYTES:
        yield Finding(
            "wrong", f"the disk has {free:,} MB free", "Free some: a full disk loses work when it is saved."
        )
    else:
        yield Finding("good", f"the disk has {free:,} MB free")
    if any(shutil.which(browser) for browser in BROWSERS):
        yield Finding("good", "Chromium is there for the browser tests")
    else:
        yield Finding(
            "note", "Chromium is missing; only `make test` needs it", "Debian: sudo apt install chromium"
        )
    if shutil.which("npm"):
        yield Finding("good", "npm is there for the tools that judge the book")
    else:
        yield Finding(
            "note", "npm is missing; only `make test` needs it", "Debian: sudo apt install nodejs npm"
        )


EXAMINATIONS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    examine_python,
    examine_packages,
    examine_torch,
    examine_kernel,
    examine_course,
    examine_machine,
)


def examine(root: Path) -> list[Finding]:
    """Make every examination; one that breaks is itself a finding.

    Args:
        root: The folder of the course.

    Returns:
        What was found, in the order of examination.
    """
    findings = []
    for examination in EXAMINATIONS:
        try:
            findings += list(examination(root))
        except Exception as problem:
            subject = examination.__name__.removeprefix("examine_")
            findings.append(Finding("wrong", f"{subject}: {type(problem).__name__}: {problem}", SET_UP_AGAIN))
    return findings


def doctor() -> int:
    """Print what is wrong with this environment and how to mend it; return 1 if anything is, else 0."""
    findings = examine(find_root())
    signs = {"good": "[green]ok[/]", "note": "[yellow]note[/]", "wrong": "[bold red]wrong[/]"}
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(signs[finding.state], escape(finding.what))
        if finding.mend:
            table.add_row("", f"[dim]{escape(finding.mend)}[/]")
    console = Console()
    console.print(table)
    wrong = sum(finding.state == "wrong" for finding in findings)
    console.print(
        "\nNothing is wrong." if not wrong else f"\n{wrong} thing{'s' if wrong > 1 else ''} to mend."
    )
    return 1 if wrong else 0
