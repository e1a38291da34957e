"""Classes to grade, and the marks that they should get."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_utils.checking.checker import SECRET_SEED_VARIABLE, graded_seed, load_exercises
from course_utils.checking.judge import Evidence, judge
from course_utils.grading.places import Places
from course_utils.grading.secret import secret_seed
from tests.grading.classroom import CHAPTER, Classroom, make_classroom


@pytest.fixture(scope="session")
def released_classroom(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A class whose chapter is released, to be copied: releasing takes seconds."""
    classroom = make_classroom(tmp_path_factory.mktemp("released"))
    classroom.run("course", "release", str(CHAPTER))
    return classroom


@pytest.fixture
def classroom(released_classroom: Classroom, tmp_path: Path) -> Classroom:
    """A class of one's own whose chapter is released."""
    root = tmp_path / "course"
    shutil.copytree(released_classroom.root, root)
    return Classroom(Places(root))


@pytest.fixture(scope="session")
def expected_points(released_classroom: Classroom) -> Callable[[str, str], float]:
    """Return a function from an exercise and an answer's source to the points that the judge gives for it.

    It calls the judge directly, in this process, with the class's secret seed.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET_SEED_VARIABLE, secret_seed(released_classroom.places.grading / "secret_seed"))
        seed = graded_seed()
    exercises = load_exercises(str(CHAPTER))
    setup = released_classroom.released().cells
    imports = next(cell.source for cell in setup if cell.cell_type == "code" and "checker(" in cell.source)

    @functools.cache
    def evidence(name: str) -> Evidence:
        return Evidence(exercises[name], seed, graded=True)

    @functools.cache
    def points(name: str, source: str) -> float:
        if not source:
            return 0.0
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(imports, "<setup>", "exec"), namespace)
        exec(compile(source, "<answer>", "exec"), namespace)
        report = judge(str(CHAPTER), exercises[name], namespace[name], evidence(name), graded=True)
        return report.points

    return points
