"""Writing a class edition: `course release PART --class DIR`."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from course_utils.checking.released import COLAB_CELL
from course_utils.grading.edition import templates
from course_utils.grading.edition.book import build_book, stage_book
from course_utils.grading.edition.package import Staged, stage_class_package
from course_utils.grading.places import Chapter, GradingError, Places

COPIED = ("LICENSE", "LICENSE-TEXT", "NOTICE", "requirements.lock")
NOT_RELEASED = ("### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS")
TOOLS = ("run.py", "start.py", "environment.py", "lab.py", "ports.py")


@dataclass(frozen=True)
class ClassEdition:
    """An edition that was written.

    `left_out` names, for each exercise, the visible cases that its check does not hold, and why.
    """

    folder: Path
    chapters: tuple[Chapter, ...]
    left_out: dict[str, dict[str, str]]
    files: int
    size: int
    seconds: float


def write_class_edition(
    places: Places,
    chapters: Sequence[Chapter],
    folder: Path,
    *,
    withhold: Iterable[str] = (),
    book: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> ClassEdition:
    """Write what a class gets: exercises, checks without answers, the book, and how to start them.

    The folder appears whole or not at all.

    Args:
        places: The course. The exercises are taken as they are in its `exercises/`.
        chapters: The chapters that are released, of one part.
        folder: Where the edition is written; it must not exist, or be empty.
        withhold: Earlier parts, or chapters as part/chapter, whose answers are not to be handed out either.
        book: Whether the book is built too (about 20 s).
        tell: Called with what is being done.

    Raises:
        GradingError: the folder is not empty, an exercise is not released, or the book cannot be built.
    """
    began = time.monotonic()
    folder = folder.absolute()
    _require_empty(folder)
    for chapter in chapters:
        path = places.exercise(chapter)
        if not path.is_file():
            raise GradingError(f"there is no exercises/{chapter}.ipynb: run `course release {chapter}` first")
        if any(mark in path.read_text(encoding="utf-8") for mark in NOT_RELEASED):
            raise GradingError(f"exercises/{chapter}.ipynb holds solutions: run `course release {chapter}`")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / "edition"
        made.mkdir()
        tell("recording the answers of the checks")
        staged = stage_class_package(places, chapters, made, withhold=withhold)
        _write_files(places, chapters, made)
        if book:
            tell("building the book")
            sources = Path(scratch) / "sources"
            sources.mkdir()
            stage_book(places, staged.folder, staged.chapters, sources)
            build_book(sources, made / "book")
        files = [path for path in made.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        _put_in_place(made, folder)
    seconds = time.monotonic() - began
    return ClassEdition(folder, tuple(chapters), _left_out(staged), len(files), size, seconds)


def _require_empty(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise GradingError(f"{folder} is there already: name a folder that does not exist, or is empty")


def _put_in_place(made: Path, folder: Path) -> None:
    try:
        # Replaces an empty folder, and fails where one has been filled meanwhile.
        os.replace(made, folder)
    except OSError as error:
        raise GradingError(f"{folder} cannot be written: {error.strerror}") from error


def _left_out(staged: Staged) -> dict[str, dict[str, str]]:
    return {name: cases for recorded in staged.recorded for name, cases in recorded.left_out.items()}


def without_colab_cell(exercise: str) -> str:
    """Return an exercise without the cell that fetches the public course, which holds the answers."""
    notebook = json.loads(exercise)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != COLAB_CELL]
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _write_files(places: Places, chapters: Sequence[Chapter], folder: Path) -> None:
    """Write everything but the package and the book."""
    for chapter in chapters:
        target = folder / "exercises" / chapter.part
        target.mkdir(parents=True, exist_ok=True)
        text = without_colab_cell(places.exercise(chapter).read_text(encoding="utf-8"))
        (target / f"{chapter.name}.ipynb").write_text(text, encoding="utf-8")
    for name in COPIED:
        shutil.copyfile(places.root / name, folder / name)
    (folder / "tools").mkdir()
    for name in TOOLS:
        shutil.copyfile(places.root / "tools" / name, folder / "tools" / name)
    (folder / "tools" / "book.py").write_text(templates.BOOK_TOOL, encoding="utf-8")
    (folder / "Makefile").write_text(templates.MAKEFILE, encoding="utf-8")
    (folder / ".gitignore").write_text(templates.GITIGNORE, encoding="utf-8")
    (folder / "pyproject.toml").write_text(_project(places.root), encoding="utf-8")
    (folder / "README.md").write_text(_readme(places.root, chapters), encoding="utf-8")


def _project(root: Path) -> str:
    whole = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = whole["project"]
    return templates.PYPROJECT.format(
        requires=str(whole["build-system"]["requires"]).replace("'", '"'),
        version=project["version"],
        python=project["requires-python"],
        dependencies="\n".join(f'    "{name}",' for name in project["dependencies"]),
    )


def _readme(root: Path, chapters: Sequence[Chapter]) -> str:
    course = yaml.safe_load((root / "course.yml").read_text(encoding="utf-8"))
    parts = {part["part"]: part for part in course["parts"]}
    titles = {
        Chapter(name, entry["chapter"]): entry["title"]
        for name, part in parts.items()
        for entry in part["chapters"]
    }
    names = dict.fromkeys(parts[chapter.part]["title"] for chapter in chapters)
    lines = [f"| `exercises/{chapter}.ipynb` | {titles[chapter]} |" for chapter in chapters]
    hand_in = ", ".join(f"`exercises/{chapter}.ipynb`" for chapter in chapters)
    return templates.README.format(
        title=course["title"],
        part=", ".join(names),
        exercises="\n".join(lines),
        hand_in=f"Hand in {hand_in}, the way your instructor says.",
    )
