"""`make exercises` recognizes a person's work and leaves it alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A repository with two released exercises, committed."""
    for name in ("attention", "embeddings"):
        path = tmp_path / "exercises" / "transformers" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"released {name}")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "released"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    return tmp_path


NAME = "exercises/transformers/attention.ipynb"


def test_what_is_as_committed_may_be_overwritten(tool: ModuleType, course: Path):
    assert tool.edited(course, {}) == []


def test_a_learners_answer_may_not(tool: ModuleType, course: Path):
    (course / NAME).write_text("released attention, with my answer")
    assert tool.edited(course, {}) == [NAME]


def test_what_was_generated_and_not_yet_committed_may(tool: ModuleType, course: Path):
    (course / NAME).write_text("released attention, second version")
    made = tool.notebooks(course)
    assert tool.edited(course, made) == []
    (course / NAME).write_text("released attention, second version, with my answer")
    assert tool.edited(course, made) == [NAME]


def test_without_git_only_what_was_generated_may(
    tool: ModuleType, course: Path, monkeypatch: pytest.MonkeyPatch
):
    made = {NAME: tool.notebooks(course)[NAME]}
    monkeypatch.setenv("PATH", "/nowhere")
    assert tool.edited(course, made) == ["exercises/transformers/embeddings.ipynb"]


def test_the_tool_refuses_and_can_be_told_not_to(
    tool: ModuleType, course: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (course / NAME).write_text("my answer")
    ran = tmp_path / "ran"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" > {ran}\n')
    python.chmod(0o755)
    environment = tool.Environment(course)
    monkeypatch.setattr(environment, "ensure", lambda extras: python)
    monkeypatch.setattr(tool, "Environment", lambda: environment)
    monkeypatch.setattr(tool, "ROOT", course)
    monkeypatch.setattr(tool, "RECORD", course / ".setup" / "exercises.json")
    monkeypatch.setattr(tool.sys, "argv", ["exercises"])
    monkeypatch.delenv("FORCE", raising=False)
    with pytest.raises(tool.SetUpError, match=NAME):
        tool.main()
    assert not ran.exists()
    monkeypatch.setenv("FORCE", "yes")
    assert tool.main() == 0
    assert ran.read_text().strip() == "-m course_utils.cli exercises"
