"""Setting up: what is done again, what is left alone, and the words for what goes wrong."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class Course:
    """A small copy of the course whose pip only writes down what it is asked to do, or is interrupted."""

    def __init__(self, tool: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "pyproject.toml").write_text("[project]\n")
        (root / "requirements.lock").write_text("numpy==2.4.6\n")
        (root / "requirements-test.lock").write_text("pytest==9.2.0\n")
        self.environment = tool.Environment(root)
        self.root = root
        self.calls: list[str] = []
        self.fail_at: str | None = None

        def pip(_: Any, arguments: list[str], what: str) -> None:
            if what == self.fail_at:
                raise KeyboardInterrupt
            self.calls.append(what + (" again" if "--force-reinstall" in arguments else ""))

        def make(command: list[str], **_: Any) -> SimpleNamespace:
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.touch()
            self.calls.append("venv")
            return SimpleNamespace(returncode=0)

        monkeypatch.delenv("PYTHON", raising=False)
        monkeypatch.setattr(tool.Environment, "pip", pip)
        monkeypatch.setattr(tool.subprocess, "run", make)

    def ensure(self, *extras: str) -> list[str]:
        """Set up and return what was done."""
        self.calls.clear()
        self.environment.ensure(list(extras))
        return list(self.calls)


@pytest.fixture
def course(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A copy of the course with nothing set up."""
    return Course(tool, tmp_path, monkeypatch)


BASE = ["venv", "requirements.lock", "the course itself"]


def test_a_second_run_does_nothing(course: Course):
    assert course.ensure() == BASE
    assert course.ensure() == []


def test_jupyterlab_does_not_ask_about_news(course: Course):
    course.ensure()
    settings = json.loads((course.environment.venv / "etc/jupyter/labconfig/page_config.json").read_text())
    assert settings["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}


def test_an_extra_is_added_to_what_is_there(course: Course):
    course.ensure()
    assert course.ensure("test") == ["requirements-test.lock"]
    assert course.ensure("test") == []
    assert course.ensure() == []


def test_a_changed_lock_is_installed(course: Course):
    course.ensure("test")
    (course.root / "requirements.lock").write_text("numpy==2.4.7\n")
    assert course.ensure("test") == ["requirements.lock", "the course itself"]


@pytest.mark.parametrize("step", ["requirements.lock", "the course itself"])
def test_an_interrupted_first_set_up_starts_afresh(course: Course, step: str):
    course.fail_at = step
    with pytest.raises(KeyboardInterrupt):
        course.ensure()
    course.fail_at = None
    assert course.ensure() == BASE


def test_an_interrupted_extra_is_installed_again(course: Course):
    course.ensure()
    course.fail_at = "requirements-test.lock"
    with pytest.raises(KeyboardInterrupt):
        course.ensure("test")
    course.fail_at = None
    assert course.ensure() == [], "the base was not touched"
    assert course.ensure("test") == ["requirements-test.lock again"]


def test_an_interrupted_update_is_installed_again(course: Course):
    course.ensure()
    (course.root / "requirements.lock").write_text("numpy==2.4.7\n")
    course.fail_at = "requirements.lock"
    with pytest.raises(KeyboardInterrupt):
        course.ensure()
    course.fail_at = None
    assert course.ensure() == ["requirements.lock again", "the course itself"]


@pytest.mark.parametrize("record", ["", "not json", "[]"])
def test_a_damaged_record_means_another_installation(course: Course, record: str):
    course.ensure()
    course.environment.record.write_text(record)
    assert course.ensure() == ["requirements.lock", "the course itself"]


def test_an_environment_that_someone_made_is_not_removed(course: Course):
    python = course.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (course.root / ".venv" / "mine").touch()
    assert course.ensure() == ["requirements.lock", "the course itself"]
    assert (course.root / ".venv" / "mine").exists()


def test_an_environment_whose_python_is_gone_is_made_again(course: Course):
    course.ensure()
    course.environment.python.unlink()
    course.environment.python.symlink_to(course.root / "nowhere")
    assert course.ensure() == BASE


def test_a_moved_copy_is_installed_again(course: Course, tool: ModuleType, tmp_path: Path):
    course.ensure()
    record = json.loads(course.environment.record.read_text())
    moved = tool.Environment(tmp_path)
    moved.venv = tmp_path / "elsewhere"
    assert moved.key("") != record[""]


def test_an_unknown_extra_is_refused(course: Course, tool: ModuleType):
    with pytest.raises(tool.SetUpError, match="no extra named 'gpu': the extras are test"):
        course.ensure("gpu")


def test_two_at_once_are_refused(course: Course, tool: ModuleType):
    course.environment.notes.mkdir()
    with (course.environment.notes / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(tool.SetUpError, match="Another set-up"):
            course.ensure()
    assert course.ensure() == BASE


def test_a_full_disk_is_noticed_before_anything_is_written(
    course: Course, tool: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tool.shutil, "disk_usage", lambda _: SimpleNamespace(free=700 * 2**20))
    with pytest.raises(tool.SetUpError, match=r"has 700 MB free and the course needs \d,\d{3} MB: free some"):
        course.ensure()
    assert not course.environment.venv.exists()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("Error: Command '...ensurepip...' returned non-zero exit status 1.", "sudo apt install python3"),
        ("/usr/bin/python3: No module named venv", "its venv module is missing"),
        ("OSError: [Errno 28] No space left on device", "is full"),
        ("something else", "could not make .venv:\nsomething else"),
    ],
)
def test_a_python_that_makes_no_environment(
    course: Course, tool: ModuleType, monkeypatch: pytest.MonkeyPatch, output: str, words: str
):
    failed = SimpleNamespace(returncode=1, stdout=output, stderr="")
    monkeypatch.setattr(tool.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(tool.SetUpError) as error:
        course.ensure()
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "became full",
        ),
        (
            "Retrying: NewConnectionError('...: Failed to establish a new connection: [Errno -3]",
            "no connection",
        ),
        ("Retrying after connection broken by 'ProxyError('Cannot connect to proxy.'", "no connection"),
        (
            "ERROR: Could not find a version that satisfies numpy==2.4.6 (from versions: none)\n"
            "ERROR: No matching distribution found for numpy==2.4.6",
            "no connection",
        ),
        (
            "ERROR: Could not find a version that satisfies torch==2.13.0 (from versions: 2.1, 2.2)\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "has no torch==2.13.0 for this machine",
        ),
        (
            "one\ntwo\nerror: something nobody foresaw",
            "error: something nobody foresaw\nAll of its output is in",
        ),
    ],
)
def test_what_pip_says_is_explained(tool: ModuleType, output: str, words: str, tmp_path: Path):
    said = tool.explain_pip(output, "requirements.lock", tmp_path, tmp_path / "pip.log")
    assert words in said


def test_pip_that_fails_stops_with_its_reason(tool: ModuleType, tmp_path: Path):
    environment = tool.Environment(tmp_path)
    environment.notes.mkdir()
    environment.python.parent.mkdir(parents=True)
    environment.python.write_text("#!/bin/sh\necho 'No space left on device'; exit 1\n")
    environment.python.chmod(0o755)
    with pytest.raises(tool.SetUpError, match="The disk became full while the lock was installed"):
        environment.pip(["install"], "the lock")
    assert "No space" in (environment.notes / "pip.log").read_text()


def test_errors_and_interrupts_end_without_a_traceback(tmp_path: Path):
    script = tmp_path / "script.py"
    folder = Path(__file__).resolve().parents[2] / "tools"
    for raised, words in {
        "SetUpError('do this')": "do this",
        "KeyboardInterrupt": "goes on from here",
        "OSError(28, 'No space left on device')": "is full: free some space",
    }.items():
        script.write_text(
            f"import sys; sys.path.insert(0, {str(folder)!r})\n"
            "from environment import SetUpError, run_tool\n"
            f"def main(): raise {raised}\nrun_tool(main)\n"
        )
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
