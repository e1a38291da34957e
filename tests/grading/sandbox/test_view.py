"""What a view may show and what it never shows, and policies as data."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from course_utils.grading.sandbox import Limits, Policy, View, ViewError, environment, player_view
from course_utils.grading.sandbox import view as view_module
from course_utils.grading.sandbox.landlock import READ, READ_DIR, readable_paths
from course_utils.grading.sandbox.view import course_root, is_within


def shows(view: View, path: str | Path) -> bool:
    """Whether a path can be seen: the nearest of the shown and covered folders around it decides."""
    around = [folder for folder in (*view.shown, *view.covered) if is_within(str(path), folder)]
    return bool(around) and max(around, key=len) in view.shown


def test_python_is_seen_and_the_course_is_not() -> None:
    view = player_view()
    assert shows(view, os.path.realpath(sys.executable))
    assert shows(view, os.__file__)
    assert shows(view, sys.prefix + "/bin")
    assert not shows(view, course_root() / "course_utils" / "checks")
    assert not shows(view, course_root() / "solutions")
    assert not shows(view, Path.home())
    assert not shows(view, Path.home() / ".bashrc")
    assert not shows(view, "/etc/shadow")
    assert not shows(view, "/")


def test_folders_that_are_never_shown(tmp_path: Path) -> None:
    for path in ("/", "/home", Path.home(), Path.home().parent):
        if str(path) != "/usr":
            with pytest.raises(ViewError, match="a player may not see"):
                player_view([path])
    with pytest.raises(ViewError, match="to be hidden"):
        player_view([course_root()])
    with pytest.raises(ViewError, match="to be hidden"):
        player_view([tmp_path], hidden=[tmp_path])


def test_a_home_with_python_in_it_is_shown_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "home" / ".pyenv" / "versions" / "3.11"
    python.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(view_module, "interpreter_paths", lambda: [str(python)])
    view = player_view()
    assert shows(view, python / "lib")
    assert not shows(view, python.parent)
    assert not shows(view, tmp_path / "home" / "gradebook.db")


def test_an_environment_inside_the_course_is_shown_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment_folder = tmp_path / "course" / ".venv"
    environment_folder.mkdir(parents=True)
    monkeypatch.setattr(view_module, "course_root", lambda: tmp_path / "course")
    monkeypatch.setattr(view_module, "interpreter_paths", lambda: [str(environment_folder)])
    view = player_view()
    assert shows(view, environment_folder / "bin")
    assert not shows(view, tmp_path / "course" / "course_utils")


def test_an_installed_course_is_covered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "lib" / "site-packages"
    (packages / "course_utils" / "checks").mkdir(parents=True)
    (packages / "numpy").mkdir()
    monkeypatch.setattr(view_module, "course_root", lambda: packages)
    monkeypatch.setattr(view_module, "interpreter_paths", lambda: [str(packages)])
    view = player_view()
    assert view.covered == (str(packages / "course_utils"),)
    assert shows(view, packages / "numpy")
    assert not shows(view, packages / "course_utils" / "checks")
    rights = dict(readable_paths(view))
    assert rights[str(packages)] == READ_DIR
    assert rights[str(packages / "numpy")] == READ
    assert str(packages / "course_utils") not in rights


def test_shown_inside_covered_inside_shown(tmp_path: Path) -> None:
    (tmp_path / "a" / "hidden" / "shown").mkdir(parents=True)
    view = player_view([tmp_path / "a", tmp_path / "a" / "hidden" / "shown"], [tmp_path / "a" / "hidden"])
    assert shows(view, tmp_path / "a" / "beside")
    assert not shows(view, tmp_path / "a" / "hidden" / "file")
    assert shows(view, tmp_path / "a" / "hidden" / "shown" / "file")


def test_links_are_shown_with_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    view = player_view([tmp_path / "link"])
    assert {str(tmp_path / "link"), str(tmp_path / "real")} <= set(view.shown)


def test_policies_as_data() -> None:
    policy = Policy(
        "B", player_view(), Limits(threads=7), home="/somewhere", compute_threads=3, change_user=False
    )
    assert Policy.from_data(json.loads(json.dumps(policy.to_data()))) == policy
    with pytest.raises(ValueError, match="there is no tier 'C'"):
        Policy("C", View(()))
    with pytest.raises(ValueError, match="absolute path"):
        Policy("A", View(()), home="home")


def test_environment_of_a_player() -> None:
    inside = environment(Policy("A", View(()), compute_threads=3))
    assert (inside["HOME"], inside["TMPDIR"], inside["OMP_NUM_THREADS"]) == ("/home/player", "/tmp", "3")
    assert inside["MPLBACKEND"] == "module://matplotlib_inline.backend_inline"
    beside = environment(Policy("B", View(()), home="/somewhere"))
    assert (beside["HOME"], beside["TMPDIR"]) == ("/somewhere", "/somewhere")
