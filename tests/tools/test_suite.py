"""`make test`: everything runs, failures are counted, and the last line says so."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("output", "status", "expected"),
    [
        ("....\n12 passed in 3.21s\n", 0, (12, 0)),
        ("F.\n2 failed, 10 passed, 1 warning in 70.11s (0:01:10)\n", 1, (10, 2)),
        ("====== 3 passed, 4 deselected, 1 error in 0.50s ======\n", 1, (3, 1)),
        ("1 passed, 2 errors in 0.50s\n", 1, (1, 2)),
        ("no tests ran in 0.01s\n", 5, (0, 1)),
        ("All checks passed!\n", 0, (1, 0)),
        ("Found 3 errors.\n", 1, (0, 1)),
        ("12 passed in 3.21s\nFatal Python error\n", 134, (12, 1)),
        ("INTERNALERROR> boom\n", 3, (0, 1)),
    ],
)
def test_results_are_counted(tool: ModuleType, output: str, status: int, expected: tuple[int, int]):
    assert tool.count(output, status) == expected


def stages(tool: ModuleType) -> list[object]:
    """Return stages that fail and pass; what one prints is a program for Python."""

    def stage(name: str, program: str, *, slow: bool = False) -> object:
        command = ["python", "-c", program]
        return tool.Stage(name, command, fast=None if slow else command)

    return [
        stage("first", "raise SystemExit('broken')"),
        stage("second", "print('5 passed in 0.10s')"),
        stage("third", "print('1 failed, 2 passed in 0.10s'); raise SystemExit(1)", slow=True),
        tool.Stage(
            "fourth", ["python", "-c", "print('the whole')"], fast=["python", "-c", "print('a part')"]
        ),
    ]


@pytest.fixture
def suite(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The runner with small stages and an environment that is ready."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    environment = tool.Environment(tmp_path)
    monkeypatch.setattr(environment, "ensure", lambda extras: None)
    monkeypatch.setattr(tool, "Environment", lambda: environment)
    monkeypatch.setattr(tool, "STAGES", stages(tool))
    monkeypatch.delenv("FAST", raising=False)
    return tool


def test_every_stage_runs_although_one_fails(suite: ModuleType, capsys: pytest.CaptureFixture[str]):
    assert suite.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "8 passed, 2 failed"
    table = "\n".join(lines[lines.index(next(line for line in lines if line.startswith("stage"))) :])
    for name, passed, failed in [
        ("first", 0, 1),
        ("second", 5, 0),
        ("third", 2, 1),
        ("fourth", 1, 0),
        ("all", 8, 2),
    ]:
        assert re.search(rf"^{name} +{passed} +{failed} +\d+\.\d", table, re.MULTILINE), table
    assert "left out" not in table


def test_fast_leaves_out_what_is_slow_and_says_so(
    suite: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FAST", "yes")
    monkeypatch.setattr(suite, "STAGES", suite.STAGES[1:])
    assert suite.main() == 0
    said = capsys.readouterr().out
    assert "FAST=yes left out: third, the slow part of fourth." in said
    assert "a part" in said
    assert "the whole" not in said
    assert said.splitlines()[-1] == "6 passed, 0 failed"


def test_a_setting_that_is_not_understood_stops(suite: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAST", "maybe")
    with pytest.raises(suite.SetUpError, match="FAST=maybe is not understood"):
        suite.main()


def test_the_real_stages_name_programs_and_files_that_exist(tool: ModuleType):
    root = Path(__file__).resolve().parents[2]
    names = [stage.name for stage in tool.STAGES]
    assert len(names) == len(set(names))
    for stage in tool.STAGES:
        assert (Path(sys.executable).parent / stage.command[0]).exists(), stage.command[0]
    assert tool.chapters(root)
    assert tool.solutions(root)
