"""pyproject.toml, the locks and environment.yml say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux", "darwin")


def read_pins(extra: str) -> list[Requirement]:
    """Return the pins of a lock; the empty name stands for the base."""
    path = ROOT / (f"requirements-{extra}.lock" if extra else "requirements.lock")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def versions(pins: list[Requirement], python: str = "3.11", system: str = "linux") -> dict[str, str]:
    """Return the version of each package that a lock gives a Python on a system."""
    place = {"python_version": python, "sys_platform": system, "extra": ""}
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or Marker(str(pin.marker)).evaluate(place)
    }


LOCKS = {extra: read_pins(extra) for extra in ("", *EXTRAS)}


@pytest.mark.parametrize("extra", LOCKS)
def test_a_lock_is_exact(extra: str):
    assert LOCKS[extra]
    for pin in LOCKS[extra]:
        assert re.fullmatch(r"==[0-9][0-9A-Za-z.]*", str(pin.specifier)), f"{pin} must be one public version"
        assert pin.url is None
    names = [canonicalize_name(pin.name) for pin in LOCKS[extra]]
    assert names == sorted(set(names)), "each package once, in order"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("extra", LOCKS)
def test_what_is_required_is_locked(extra: str, system: str, python: str):
    locked = versions(LOCKS[""], python, system) | versions(LOCKS[extra], python, system)
    for text in EXTRAS[extra] if extra else BASE + PROJECT["build-system"]["requires"]:
        requirement = Requirement(text)
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{text} is not in the lock: run tools/lock.py"
        assert requirement.specifier.contains(version, prereleases=True), f"{text}, but {version} is locked"


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_changes_nothing_of_the_base(extra: str):
    base = {canonicalize_name(pin.name) for pin in LOCKS[""]}
    assert not base & {canonicalize_name(pin.name) for pin in LOCKS[extra]}


def test_extras_can_be_installed_together():
    together: dict[str, str] = {}
    for extra in EXTRAS:
        for name, version in versions(LOCKS[extra]).items():
            assert together.setdefault(name, version) == version, (
                f"{name} differs in requirements-{extra}.lock"
            )


def test_torch_is_the_one_that_the_book_was_made_with():
    assert versions(LOCKS[""])["torch"] == "2.13.0"
    assert "torch==2.13.0" in BASE


def test_no_lock_names_a_place_to_install_from():
    for path in [*ROOT.glob("requirements*.lock"), ROOT / "environment.yml", ROOT / "pyproject.toml"]:
        text = path.read_text(encoding="utf-8")
        for place in ("index-url", "find-links", "://"):
            assert place not in text, f"{path.name} says {place}"


def test_conda_and_binder_get_the_same():
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, packages = content["dependencies"]
    assert pip == "pip"
    assert packages == {"pip": ["-r requirements.lock", "-e ."]}
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(PROJECT["project"]["requires-python"])


def test_the_pythons_are_the_same_everywhere():
    wanted = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [python for python in ("3.10", *PYTHONS, "3.14") if python in wanted] == list(PYTHONS)
    for file, pattern in {
        "tools/run.py": r"OLDEST, NEWEST = \(3, 11\), \(3, 13\)",
        "course_utils/authoring/doctor.py": r"OLDEST, NEWEST = \(3, 11\), \(3, 13\)",
        "README.md": r"Python 3\.11 to 3\.13",
    }.items():
        assert re.search(pattern, (ROOT / file).read_text(encoding="utf-8")), file
    assert PROJECT["tool"]["ruff"]["target-version"] == "py311"
    assert PROJECT["tool"]["mypy"]["python_version"] == "3.11"


def test_the_extras_are_named_everywhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    doctor = (ROOT / "course_utils/authoring/doctor.py").read_text(encoding="utf-8")
    for extra in EXTRAS:
        assert f"`{extra}`" in readme
        assert f'"{extra}"' in doctor
    assert {path.stem for path in ROOT.glob("requirements-*.lock")} == {
        f"requirements-{extra}" for extra in EXTRAS
    }


def test_links_of_the_readme_come_from_the_course_file():
    repository = yaml.safe_load((ROOT / "course.yml").read_text(encoding="utf-8"))["repository"]
    url, branch = repository["url"], repository["branch"]
    owner_and_name = url.removeprefix("https://github.com/")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ours = re.findall(r"https://(?:github\.com|mybinder\.org|colab\.research\.google\.com)/[^\s)\"]*", readme)
    assert ours
    for link in set(ours) - {"https://mybinder.org/badge_logo.svg"}:
        assert owner_and_name in link, link
    assert f"https://mybinder.org/v2/gh/{owner_and_name}/{branch}" in readme
    assert f"git clone {url}" in readme
