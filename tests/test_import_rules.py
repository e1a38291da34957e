"""The import rules hold, and each of them is noticed when it is broken."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from course_utils.authoring.course_map import load_course
from course_utils.authoring.import_rules import RULES, imported, violations

ROOT = Path(__file__).resolve().parents[1]
# Where a module is not named as the package that brings it.
MODULES = {
    "jupyter-book": "jupyter_book",
    "beautifulsoup4": "bs4",
    "pyyaml": "yaml",
    "ipython": "IPython",
    "scikit-learn": "sklearn",
    "dask-jobqueue": "dask_jobqueue",
}
CHAPTERS = ["basics/first", "basics/second", "training/third"]


def declared_modules() -> frozenset[str]:
    """Return the modules that the package may import: all but the libraries that only tests use."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = project["dependencies"] + [
        entry for extra in ("cluster", "embeddings", "llm") for entry in extras[extra]
    ]
    names = [re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in requirements]
    return frozenset(MODULES.get(name, name.replace("-", "_")) for name in names)


def test_the_course_follows_the_rules():
    chapters = [chapter.key for chapter in load_course(ROOT).chapters]
    found = violations(ROOT, chapters, declared_modules())
    assert not found, "\n" + "\n".join(str(violation) for violation in found)


def plant(root: Path, module: str, source: str) -> list[str]:
    """Write one module into an empty package and return what the search says about it."""
    path = root / (module.replace(".", "/") + ".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return [str(violation) for violation in violations(root, CHAPTERS, frozenset({"nbgrader", "typer"}))]


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("basics.first", "import course_utils.checking", "reference may import no other layer, not checking"),
        ("basics.first", "from course_utils.checks.basics import first", "not checks"),
        ("basics.first", "from course_utils import grading", "not grading"),
        ("basics.first", "from ..figures import use_course_style", "not figures"),
        ("basics.first", "from course_utils.data import load_penguins", "not data"),
        (
            "basics.first",
            "import matplotlib.pyplot as plt",
            "reference may import jaxtyping, numpy, pandas, torch",
        ),
        ("basics.first", "import sklearn", "reference may import"),
        (
            "basics.first",
            "from course_utils.training.third import step",
            "training/third comes after basics/first",
        ),
        ("basics.first", "from .second import mean", "basics/second comes after basics/first"),
        ("basics.first", "def late():\n    import course_utils.checking", "not checking"),
        ("basics.first", "import importlib\nimportlib.import_module('course_utils.checks')", "not checks"),
        ("checks.basics.first", "from course_utils.grading import judge", "not grading"),
        ("checks.basics.first", "import matplotlib", "checks may import"),
        ("checking.compare", "from course_utils.checks import basics", "not checks"),
        ("checking.compare", "import course_utils.basics.first", "not reference"),
        ("checking.compare", "import pandas", "checking may import IPython, jaxtyping, numpy, rich, torch"),
        ("data.loaders", "from course_utils.checking import Draw", "not checking"),
        ("figures.style", "from course_utils.basics.first import mean", "not reference"),
        ("figures.style", "import pandas", "figures may import cycler, jaxtyping, matplotlib, numpy, torch"),
        ("grading.judge", "from course_utils.basics import first", "not reference"),
        ("grading.judge", "from course_utils.authoring import notebooks", "not authoring"),
        ("grading.judge", "import flask", "pyproject.toml does not declare it"),
        ("authoring.notebooks", "from course_utils.grading import judge", "not grading"),
        ("authoring.notebooks", "import course_utils.cli", "not cli"),
        ("checking.report", "from course_utils import cli", "not cli"),
        ("__init__", "from course_utils.grading import judge", "not grading"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, module: str, source: str, reason: str):
    (found,) = plant(tmp_path, f"course_utils.{module}", source)
    assert reason in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("training.third", "import math\nimport numpy as np\nimport torch\nfrom jaxtyping import Float"),
        ("training.third", "from course_utils.basics.first import mean\nfrom ..basics import second"),
        (
            "checks.basics.first",
            "from course_utils.basics import first as reference\nfrom course_utils.checking import Draw",
        ),
        ("checks.basics.first", "from course_utils.data import load_penguins"),
        ("grading.judge", "from course_utils.checks.basics import first\nimport nbgrader"),
        (
            "cli",
            "from course_utils.grading import judge\nfrom course_utils.authoring import notebooks",
        ),
        ("figures.style", "import matplotlib.pyplot as plt\nfrom course_utils.figures import plots"),
        ("__init__", "from course_utils.checking.checker import checker"),
    ],
)
def test_what_is_allowed_is_not_reported(tmp_path: Path, module: str, source: str):
    assert plant(tmp_path, f"course_utils.{module}", source) == []


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("from course_utils.grading import judge", "cell 2: notebooks never import grading"),
        ("%matplotlib inline\nimport course_utils.authoring.notebooks", "notebooks never import authoring"),
        ("from course_utils.basics.first import _helper", "public names only"),
    ],
)
def test_notebooks_are_searched(tmp_path: Path, cell: str, reason: str):
    cells = [
        {"cell_type": "markdown", "source": ["import course_utils.grading"]},
        {"cell_type": "code", "source": cell.splitlines(keepends=True)},
        {
            "cell_type": "code",
            "source": ["from course_utils import checker\nimport course_utils.basics.first"],
        },
    ]
    path = tmp_path / "book" / "basics" / "first.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"cells": cells}))
    (found,) = [str(violation) for violation in violations(tmp_path, CHAPTERS, frozenset())]
    assert reason in found


def test_relative_imports_of_a_package_start_at_the_package():
    assert list(imported("from .style import use", "course_utils.figures", is_package=True)) == [
        (1, "course_utils.figures.style.use")
    ]


def test_every_folder_that_is_no_part_has_a_rule():
    parts = {chapter.part for chapter in load_course(ROOT).chapters}
    folders = {path.name for path in (ROOT / "course_utils").iterdir() if (path / "__init__.py").is_file()}
    assert folders <= parts | set(RULES)
