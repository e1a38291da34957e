"""The copy of the course's package that a player may see.

It holds what a notebook needs (data, figures, the references of earlier chapters) and what a player runs. In
the module of the chapter under test, what is graded is left out, see `given.py`, and so is what exercises
forbid. Later chapters, checks, and everything that judges are not in it.
"""

from __future__ import annotations

import ast
import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from course_utils.grading.judging.given_module import given_module, graded_names, withheld_names
from course_utils.grading.judging.libraries import libraries_of
from course_utils.grading.places import Chapter, GradingError, Places

PACKAGE = Path(__file__).resolve().parents[2]
OPEN_FOLDERS = ("data", "figures")
CHECKING = (
    "arrays.py",
    "draw.py",
    "limits.py",
    "perform.py",
    "render.py",
    "report.py",
    "script.py",
    "show.py",
    "surroundings.py",
    "trees.py",
)
PLAYING = ("__init__.py", "channel", "places.py", "player", "sandbox")
# Whoever asks for the checker gets the one that asks the judge.
ASKING = '''"""The checker of a notebook that is graded."""

from {module} import Checker, checker

__all__ = ["Checker", "checker"]
'''


@dataclass(frozen=True)
class Stage:
    """What the players of a chapter are given.

    Attributes:
        chapter: The chapter whose submissions are graded.
        earlier: The chapters before it, whose references may be used.
        libraries: Modules that are imported before the first player is forked.
    """

    chapter: Chapter
    earlier: tuple[Chapter, ...] = ()
    libraries: tuple[str, ...] = ()


def stage_of(places: Places, chapter: Chapter) -> Stage:
    """Return what the players of a chapter are given.

    Raises:
        GradingError: the course does not list the chapter.
    """
    earlier = tuple(earlier_chapters(places.root / "course.yml", chapter))
    return Stage(chapter, earlier, libraries_of(places.solution(chapter)))


def earlier_chapters(course_file: Path, chapter: Chapter) -> list[Chapter]:
    """Return the chapters that stand before one in the course's order.

    Raises:
        GradingError: the course does not list the chapter.
    """
    order = _order(course_file, course_file.stat().st_mtime_ns)
    if chapter not in order:
        raise GradingError(f"{course_file.name} does not list {chapter}: add it there")
    return order[: order.index(chapter)]


@functools.cache
def _order(course_file: Path, _changed: int) -> list[Chapter]:
    # In C where it can be had: Python's own reader takes a third of a second for this file.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parts = yaml.load(course_file.read_text(encoding="utf-8"), Loader=loader)["parts"]
    return [Chapter(part["part"], entry["chapter"]) for part in parts for entry in part["chapters"]]


def stage_package(stage: Stage, folder: Path) -> Path:
    """Write the copy of the package for the players of a chapter.

    Args:
        stage: The chapter, and what its players are given.
        folder: Where the copy is written; it must not exist yet.

    Returns:
        The folder to be put on the players' path.
    """
    package = folder / PACKAGE.name
    package.mkdir(parents=True)
    shutil.copy2(PACKAGE / "__init__.py", package)
    for name in OPEN_FOLDERS:
        _copy(PACKAGE / name, package / name)
    graded = graded_names(stage.chapter)
    withheld = withheld_names(stage.chapter)
    for module in reachable_modules([*stage.earlier, stage.chapter]):
        target = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(_file_of(module).parent / "__init__.py", target.parent)
        own = {name.rpartition(".")[2] for name in withheld if name.rpartition(".")[0] == module}
        if module in graded or own:
            source = given_module(_file_of(module), graded.get(module, set()), withheld=own)
            target.write_text(source, encoding="utf-8")
        else:
            shutil.copy2(_file_of(module), target)
    checking = package / "checking"
    checking.mkdir()
    for name in CHECKING:
        shutil.copy2(PACKAGE / "checking" / name, checking)
    asked = {
        "checker.py": "course_utils.grading.player.checker",
        "__init__.py": "course_utils.checking.checker",
    }
    for name, module in asked.items():
        (checking / name).write_text(ASKING.format(module=module), encoding="utf-8")
    for name in PLAYING:
        _copy(PACKAGE / "grading" / name, package / "grading" / name)
    _open_to_readers(folder)
    return folder


def _file_of(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


def reachable_modules(chapters: list[Chapter]) -> list[str]:
    """Return the modules of chapters, and the modules beside them that they import, by their dotted names."""
    waiting = [f"{PACKAGE.name}.{chapter.part}.{chapter.name}" for chapter in chapters]
    parts = {chapter.part for chapter in chapters}
    found: list[str] = []
    while waiting:
        module = waiting.pop()
        if module in found or not _file_of(module).is_file():
            continue
        found.append(module)
        for node in ast.walk(ast.parse(_file_of(module).read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            )
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{name}" for name in names)]
            waiting += [name for name in names if _is_in_parts(name, parts)]
    return sorted(found)


def _is_in_parts(module: str, parts: set[str]) -> bool:
    words = module.split(".")
    return len(words) == 3 and words[0] == PACKAGE.name and words[1] in parts


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _open_to_readers(folder: Path) -> None:
    """Let a player read the copy, whichever user it runs as."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
