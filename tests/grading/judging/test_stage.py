"""The copy of the package that players see holds no answer of the chapter that is graded."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.grading.judging.given_module import given_module, graded_names, withheld_names
from course_utils.grading.judging.stage import earlier_chapters, reachable_modules, stage_of, stage_package
from course_utils.grading.places import Chapter, GradingError, Places
from tests.grading.classroom import CHAPTER, ROOT, declared

COURSE = ROOT / "course.yml"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage") / "package"
    return stage_package(stage_of(Places(ROOT), CHAPTER), folder)


def statements(source: str) -> set[str]:
    """Return the lines of code that say something, without docstrings and comments."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return {line.strip() for line in ast.unparse(tree).splitlines() if len(line.strip()) > 25}


def text_of(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))


def test_no_statement_of_a_reference_or_a_known_mistake_is_in_it(staged: Path) -> None:
    text = text_of(staged)
    found: dict[str, set[str]] = {}
    looked_at = 0
    for exercise in load_exercises(str(CHAPTER)).values():
        lines = statements(inspect.getsource(exercise.reference))
        # A `def` line of a reference is what the task itself says.
        lines = {line for line in lines if not line.startswith(("def ", "class ", "raise "))}
        looked_at += len(lines)
        found[exercise.name] = {line for line in lines if line in text}
        for mistake in exercise.mistakes:
            assert mistake.explanation not in text
    assert looked_at > 20
    assert not any(found.values()), found


def test_neither_are_variants_cases_and_what_judges(staged: Path) -> None:
    package = staged / "course_utils"
    known = {path.relative_to(package).as_posix() for path in package.rglob("*")}
    for absent in ("checks", "authoring", "grading/judging", "grading/clerk.py", "grading/secret.py",
                   "checking/judge.py", "checking/exercise.py", "grading/honesty"):  # fmt: skip
        assert not any(name == absent or name.startswith(f"{absent}/") for name in known), absent
    assert not list(staged.rglob("*.pyc"))
    assert not list(staged.rglob("*.ipynb"))
    text = text_of(staged)
    for number in range(2):
        lines = statements(declared("variants", "scaled_dot_product_attention", number))
        found = {line for line in lines if line in text}
        assert {line for line in found if not line.startswith(("def ", "import ", "from "))} == set()


def test_the_module_under_test_gives_what_it_does_not_hold(staged: Path) -> None:
    module = staged / "course_utils" / CHAPTER.part / f"{CHAPTER.name}.py"
    source = module.read_text(encoding="utf-8")
    names = graded_names(CHAPTER)[f"course_utils.{CHAPTER.part}.{CHAPTER.name}"]
    assert len(names) == len(load_exercises(str(CHAPTER)))
    for name in names:
        assert f"{name} = given_function('{name}')" in source or f"{name} = given_class('{name}')" in source
    compile(source, str(module), "exec")


def test_earlier_chapters_are_whole_and_later_ones_are_not_there(staged: Path) -> None:
    package = staged / "course_utils"
    earlier = earlier_chapters(COURSE, CHAPTER)
    assert CHAPTER not in earlier
    for chapter in earlier:
        own = ROOT / "course_utils" / chapter.part / f"{chapter.name}.py"
        if own.is_file():
            assert (package / chapter.part / own.name).read_bytes() == own.read_bytes()
    needed = set(reachable_modules([*earlier, CHAPTER]))
    parts = {chapter.part for chapter in earlier} | {CHAPTER.part}
    for part in parts:
        there = {f"course_utils.{part}.{path.stem}" for path in (package / part).glob("[!_]*.py")}
        assert there <= needed
    with pytest.raises(GradingError, match="does not list moon/landing"):
        earlier_chapters(COURSE, Chapter("moon", "landing"))


def test_every_user_can_read_it_and_only_its_owner_write(staged: Path) -> None:
    for path in (staged, *staged.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_helpers_that_only_a_graded_function_uses_go_with_it(tmp_path: Path) -> None:
    file = tmp_path / "chapter.py"
    file.write_text(
        "import math\nSIZE = 3\n# the trick\n"
        "def _inner(x):\n    return math.sqrt(x)\n"
        "def _helper(x):\n    return _inner(x) * SIZE\n"
        "def _shared(x):\n    return x + 1\n"
        "def graded(x):\n    return _helper(x) + _shared(x)\n"
        "def offered(x):\n    return _shared(x)\n"
    )
    made = given_module(file, {"graded"})
    assert "graded = given_function('graded')" in made
    assert "def offered" in made
    assert "def _shared" in made
    for gone in ("_helper", "_inner", "sqrt", "trick"):
        assert gone not in made
    only = given_module(file, {"graded"}, needed=set())
    assert "offered" not in only
    assert "SIZE" not in only


def test_what_an_exercise_forbids_is_not_there_and_says_so(staged: Path) -> None:
    # Grouped-query attention with as many key heads as query heads is the answer to the last item.
    source = (staged / "course_utils" / CHAPTER.part / f"{CHAPTER.name}.py").read_text(encoding="utf-8")
    assert "class GroupedQueryAttention" not in source
    assert "nn.Linear" not in source
    asking = f"from course_utils.{CHAPTER.part}.{CHAPTER.name} import GroupedQueryAttention"
    assert "ImportError: GroupedQueryAttention is not given while this chapter is graded" in run(
        staged, asking
    )
    asking = f"from course_utils.{CHAPTER.part}.{CHAPTER.name} import Nothing"
    assert "has no attribute" in run(staged, asking) or "cannot import name" in run(staged, asking)


@pytest.mark.parametrize("chapter", chapters_with_checks())
def test_all_else_that_is_public_is_there(chapter: str, tmp_path: Path) -> None:
    place = Chapter.parse(chapter)
    folder = stage_package(stage_of(Places(ROOT), place), tmp_path / "package")
    names = []
    for name in graded_names(place):
        public = [
            own
            for own, value in vars(importlib.import_module(name)).items()
            if not own.startswith("_") and getattr(value, "__module__", None) == name
        ]
        names += [f"{name}.{own}" for own in public]
    names = [name for name in names if name not in withheld_names(place)]
    assert names
    asking = "\n".join(f"from {name.rpartition('.')[0]} import {name.rpartition('.')[2]}" for name in names)
    assert run(folder, asking) == ""


def run(package: Path, source: str) -> str:
    """Run a program that sees the copy of the package, and return what it says."""
    command = [sys.executable, "-P", "-c", source]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr
