"""The search for a Python: what is taken, what is refused and with what words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "tools" / "run.py"


def fake_python(folder: Path, command: str, version: str) -> None:
    """Put a command on the path that says it is this version of Python, and shows what it is asked to run."""
    path = folder / command
    answer = f"printf '{version}\\n{path}\\n'" if version else "echo 'not installed' >&2; exit 127"
    path.write_text(f'#!/bin/sh\nif [ "$1" = -I ]; then {answer}; else echo "{command} runs $*"; fi\n')
    path.chmod(0o755)


def run(folder: Path, *, named: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool with only the fake Pythons on the path."""
    variables = {"PATH": str(folder)} | ({"PYTHON": named} if named else {})
    return subprocess.run(
        [sys.executable, str(RUN), "start", "word"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["3.11.0", "3.12.9", "3.13.2"])
def test_a_suitable_python_runs_the_tool(tmp_path: Path, version: str):
    fake_python(tmp_path, "python3", version)
    done = run(tmp_path)
    assert done.returncode == 0
    assert done.stdout.strip() == f"python3 runs {RUN.parent / 'start.py'} word"


@pytest.mark.parametrize(
    ("version", "age"), [("3.10.13", "too old"), ("2.7.18", "too old"), ("3.14.0", "too new")]
)
def test_an_unsuitable_python_is_named_with_the_way_out(tmp_path: Path, version: str, age: str):
    fake_python(tmp_path, "python3", version)
    done = run(tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'python3'} is Python {version}, which is {age}" in done.stderr
    assert "needs Python 3.11 to 3.13" in done.stderr
    assert "PYTHON=" in done.stderr


def test_a_suitable_python_beside_an_unsuitable_one_is_found(tmp_path: Path):
    fake_python(tmp_path, "python3", "3.14.0")
    fake_python(tmp_path, "python3.11", "")
    fake_python(tmp_path, "python3.12", "3.12.4")
    assert run(tmp_path).stdout.startswith("python3.12 runs")


def test_the_named_python_is_used_and_no_other(tmp_path: Path):
    fake_python(tmp_path, "python3", "3.11.2")
    fake_python(tmp_path, "mine", "3.13.0")
    assert run(tmp_path, named="mine").stdout.startswith("mine runs")
    fake_python(tmp_path, "mine", "3.9.1")
    assert "is Python 3.9.1, which is too old" in run(tmp_path, named="mine").stderr
    assert "PYTHON=nowhere does not start" in run(tmp_path, named="nowhere").stderr


def test_no_python_at_all(tmp_path: Path):
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("No Python was found: install Python 3.11 to 3.13")


def test_the_file_is_readable_for_an_old_python():
    source = RUN.read_text(encoding="utf-8")
    compile(source, "run.py", "exec")
    # What Python 3 did not have at first: it would turn the sentence into a syntax error.
    for newer in ('f"', "f'", ":=", ") ->", "match "):
        assert newer not in source, newer
