"""The copy of the course's package that a class gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.checking.checker import chapters_with_checks
from course_utils.grading.edition.needed import EVERYTHING, notebook_source, used_names
from course_utils.grading.edition.record import Recorded, record_chapter
from course_utils.grading.judging.given_module import given_module, graded_names
from course_utils.grading.judging.stage import OPEN_FOLDERS, PACKAGE, earlier_chapters, reachable_modules
from course_utils.grading.places import Chapter, GradingError, Places

CHECKING = (
    "arrays.py",
    "checker.py",
    "compare.py",
    "compare_arrays.py",
    "compare_frames.py",
    "describe.py",
    "diagnose.py",
    "difference.py",
    "draw.py",
    "edits.py",
    "exercise.py",
    "hints.py",
    "judge.py",
    "limits.py",
    "perform.py",
    "released.py",
    "render.py",
    "report.py",
    "script.py",
    "sections.py",
    "show.py",
    "steps.py",
    "surroundings.py",
    "trees.py",
)
GRADING = (
    "__init__.py",
    "channel/__init__.py",
    "channel/arrays.py",
    "channel/codec.py",
    "channel/messages.py",
    "channel/objects.py",
    "channel/tables.py",
    "channel/tags.py",
    "edition/__init__.py",
    "edition/given.py",
    "edition/recorded.py",
    "edition/store.py",
)
CHECKING_INIT = '''"""Checks of answers, from what was recorded of the course's own."""

from course_utils.grading.edition.recorded import RecordedChecker, checker

__all__ = ["RecordedChecker", "checker"]
'''
GIVEN_IMPORTS = """
from functools import partial

from course_utils.grading.edition import given as _given

given_function = partial(_given.given_function, chapter={chapter!r})
given_class = partial(_given.given_class, chapter={chapter!r})
"""


@dataclass
class Staged:
    """What the copy holds.

    `chapters` are all up to the last one that is released, `withheld` the names that were taken out, by
    module, and `recorded` is what the checks know instead.
    """

    folder: Path
    chapters: list[Chapter] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    withheld: dict[str, set[str]] = field(default_factory=dict)
    recorded: list[Recorded] = field(default_factory=list)


def stage_class_package(
    places: Places, chapters: Sequence[Chapter], folder: Path, *, withhold: Iterable[str] = ()
) -> Staged:
    """Write the copy of the package for a class.

    It holds the chapters up to the last one that is released. In those of the same part, and in those of
    `withhold`, what is graded is replaced by the learner's own answers; later chapters are left out.

    Args:
        places: The course.
        chapters: The chapters that are released; their exercises must be there.
        folder: Where the copy is written; it must hold no `course_utils` yet.
        withhold: More parts, or chapters as part/chapter, whose answers are not to be handed out.
    """
    package = folder / PACKAGE.name
    package.mkdir(parents=True)
    shutil.copy2(PACKAGE / "__init__.py", package)
    shutil.copy2(PACKAGE / "py.typed", package)
    for name in OPEN_FOLDERS:
        shutil.copytree(PACKAGE / name, package / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    staged = Staged(package)
    _stage_chapters(places, chapters, staged, withhold)
    for name in CHECKING:
        _copy(f"checking/{name}", package)
    (package / "checking" / "__init__.py").write_text(CHECKING_INIT, encoding="utf-8")
    for name in GRADING:
        _copy(f"grading/{name}", package)
    for chapter in chapters:
        part = package / "recorded" / chapter.part
        part.mkdir(parents=True, exist_ok=True)
        for inner in (part.parent, part):
            (inner / "__init__.py").write_text('"""Recorded answers."""\n', encoding="utf-8")
        staged.recorded.append(record_chapter(chapter, part))
    return staged


def _stage_chapters(
    places: Places, chapters: Sequence[Chapter], staged: Staged, withhold: Iterable[str]
) -> None:
    """Copy the modules of chapters, without what is graded in those that are withheld."""
    course_file = places.root / "course.yml"
    there = max(([*earlier_chapters(course_file, chapter), chapter] for chapter in chapters), key=len)
    hidden = {*withhold, *(chapter.part for chapter in chapters)}
    unknown = hidden - {name for chapter in there for name in (chapter.part, str(chapter))}
    if unknown:
        raise GradingError(
            f"there is nothing to withhold in {', '.join(sorted(unknown))}: name parts or chapters before "
            f"{there[-1]}"
        )
    graded: dict[str, set[str]] = {}
    owners: dict[str, Chapter] = {}
    for chapter in there:
        if str(chapter) in chapters_with_checks() and {chapter.part, str(chapter)} & hidden:
            for module, names in graded_names(chapter).items():
                graded.setdefault(module, set()).update(names)
                owners.setdefault(module, chapter)
    staged.chapters = there
    staged.withheld = graded
    staged.modules = reachable_modules(there)
    sources = [_source(places, chapter) for chapter in chapters]
    sources += [_file_of(module).read_text(encoding="utf-8") for module in staged.modules]
    needed = used_names(sources, graded)
    for module in staged.modules:
        target = staged.folder.joinpath(*module.split(".")[1:]).with_suffix(".py")
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(_file_of(module).parent / "__init__.py", target.parent)
        if module not in graded:
            shutil.copy2(_file_of(module), target)
            continue
        imports = GIVEN_IMPORTS.format(chapter=str(owners[module]))
        used = None if EVERYTHING in needed[module] else needed[module]
        source = given_module(_file_of(module), graded[module], imports=imports, needed=used)
        target.write_text(source, encoding="utf-8")


def _source(places: Places, chapter: Chapter) -> str:
    try:
        return notebook_source(places.exercise(chapter))
    except SyntaxError as error:
        raise GradingError(f"a cell of exercises/{chapter}.ipynb is not Python: {error}") from error


def _file_of(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _copy(name: str, package: Path) -> None:
    target = package / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(PACKAGE / name, target)
