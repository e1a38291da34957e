"""`course doctor` notices what is wrong and says how to mend it."""

from __future__ import annotations

import importlib.metadata
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.authoring import doctor
from course_utils.authoring.doctor import Finding

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {name: importlib.metadata.version(name) for name in ("numpy", "torch", "rich")}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course whose locks fit what is installed."""
    torch = VERSIONS["torch"].partition("+")[0]
    (tmp_path / "requirements.lock").write_text(
        f'# made\nnumpy=={VERSIONS["numpy"]}\ntorch=={torch}\nappnope==1.0.0 ; sys_platform == "nowhere"\n'
    )
    for extra in doctor.EXTRAS:
        (tmp_path / f"requirements-{extra}.lock").write_text(f"rich=={VERSIONS['rich']}\n")
    (tmp_path / "nbgrader_config.py").touch()
    return tmp_path


def wrong(findings: object) -> list[Finding]:
    """Return the findings that say something is wrong, each of which must say what to do."""
    found = [finding for finding in list(findings) if finding.state == "wrong"]  # type: ignore[call-overload]
    assert all(finding.mend for finding in found)
    return found


def test_locked_versions_are_recognized_also_as_a_build(course: Path):
    findings = list(doctor.examine_packages(course))
    assert {finding.state for finding in findings} == {"good"}
    assert "all 2 packages" in findings[0].what


def test_another_version_and_a_missing_package_are_named(course: Path):
    (course / "requirements.lock").write_text("numpy==1.0.0\nno-such-package==2.0\nrich==0.1\n")
    (found,) = wrong(doctor.examine_packages(course))
    assert found.what.startswith(
        f"no-such-package is missing; numpy is {VERSIONS['numpy']}, the lock says 1.0.0"
    )
    assert "make start" in found.mend


def test_an_extra_that_is_not_installed_is_no_fault(course: Path):
    (course / "requirements-llm.lock").write_text("no-such-package==2.0\n")
    findings = list(doctor.examine_packages(course))
    assert not wrong(findings)
    (note,) = [finding for finding in findings if finding.state == "note"]
    assert "make start EXTRAS=llm" in note.mend


def test_missing_locks_are_named(course: Path):
    (course / "requirements-test.lock").unlink()
    (found,) = wrong(doctor.examine_packages(course))
    assert "requirements-test.lock" in found.what
    (course / "requirements.lock").unlink()
    (found,) = wrong(doctor.examine_packages(course))
    assert "no requirements.lock" in found.what


@pytest.mark.parametrize(
    ("version", "states"), [((3, 10, 1), "wrong"), ((3, 14, 0), "wrong"), ((3, 12, 5), "good")]
)
def test_the_version_of_python(monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], states: str):
    monkeypatch.setattr(doctor.sys, "version_info", version)
    assert next(doctor.examine_python(ROOT)).state == states


def test_another_environment_is_mentioned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    _, environment = doctor.examine_python(tmp_path)
    assert environment.state == "note"
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path / ".venv"))
    _, environment = doctor.examine_python(tmp_path)
    assert environment.state == "good"


def test_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch):
    assert not wrong(doctor.examine_torch(ROOT))
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = wrong(doctor.examine_torch(ROOT))
    assert "torch does not work" in found.what


def test_a_kernel_of_another_python(monkeypatch: pytest.MonkeyPatch):
    spec = SimpleNamespace(argv=["/opt/other/bin/python3"], resource_dir="/opt/other/kernel")
    manager = SimpleNamespace(get_kernel_spec=lambda _: spec)
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager", lambda: manager)
    (found,) = wrong(doctor.examine_kernel(ROOT))
    assert "/opt/other/bin/python3" in found.what
    assert "/opt/other/kernel" in found.mend


def test_the_course_itself(course: Path, monkeypatch: pytest.MonkeyPatch):
    assert not wrong(doctor.examine_course(course))
    (course / "nbgrader_config.py").unlink()
    broken = course / "exercises" / "basics" / "first.ipynb"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"cells": [')
    monkeypatch.setattr("course_utils.data.verify", lambda: ["penguins.csv is damaged; get it back"])
    found = [finding for finding in doctor.examine_course(course) if finding.state == "wrong"]
    assert len(found) == 3
    assert "nbgrader_config.py is missing" in found[0].what
    assert found[1].what.startswith("penguins.csv is damaged")
    assert "exercises/basics/first.ipynb" in found[2].what


def test_the_disk_and_the_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * 2**20))
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    monkeypatch.setattr(doctor.socket, "socket", BusySocket)
    findings = list(doctor.examine_machine(tmp_path))
    assert [finding.state for finding in findings] == ["note", "note", "wrong", "note", "note"]
    assert "BOOK_PORT=" in findings[1].mend


class BusySocket(socket.socket):
    """A socket for which every port is in use."""

    def connect_ex(self, address: object) -> int:
        """Say that something answered."""
        return 0


def test_an_examination_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def examine_moon(_: Path) -> None:
        raise RuntimeError("too far")

    monkeypatch.setattr(doctor, "EXAMINATIONS", (examine_moon,))
    (found,) = wrong(doctor.examine(tmp_path))
    assert found.what == "moon: RuntimeError: too far"


@pytest.mark.parametrize(("state", "status"), [("good", 0), ("note", 0), ("wrong", 1)])
def test_the_status_and_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, status: int
):
    monkeypatch.setattr(doctor, "examine", lambda _: [Finding(state, "the [bold] moon", "Look up.")])
    assert doctor.doctor() == status
    shown = capsys.readouterr().out
    assert "the [bold] moon" in shown
    assert "Look up." in shown
    assert ("1 thing to mend" in shown) == (status == 1)
