"""Read ``course.yml``: the one list of parts and chapters that every other list is made from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE_NAME = "course.yml"

NOTES: dict[str, str] = {
    "000": "Training large language models and DeepSeek's evolution",
    "001": "Some information about artificial intelligence",
    "002": "Terminology and an introduction to large language models",
    "003": "Generative AI: working with large language models",
    "004": "Neural networks, their types, and using language models",
}
"""What each of the five source notes is about, by its number."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CHAPTER_KEYS = ("chapter", "title", "needs", "delivers", "notes", "code", "exercise", "oracle", "facts")
_OPTIONAL_KEYS = {"facts"}


class CourseMapError(ValueError):
    """``course.yml`` is missing or says something that cannot be."""


@dataclass(frozen=True)
class Chapter:
    """One row of the course map."""

    part: str
    name: str
    title: str
    needs: tuple[str, ...]
    """The chapters to know before this one, each as ``part/chapter``."""
    delivers: str
    """One sentence: what the reader can do, or has, at the end."""
    notes: Mapping[str, tuple[str, ...]]
    """The entries of the source notes that this chapter teaches, by the number of the note."""
    code: tuple[str, ...]
    exercise: tuple[str, ...]
    oracle: tuple[str, ...]
    facts: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name that leads everywhere, such as ``transformers/attention``."""
        return f"{self.part}/{self.name}"

    def book(self, root: Path) -> Path:
        """Return where the chapter's page is."""
        return root / "book" / self.part / f"{self.name}.ipynb"

    def files(self, root: Path) -> dict[str, Path]:
        """Return where the six files of the chapter are, by what each is."""
        return {
            "chapter": self.book(root),
            "reference": root / "course_utils" / self.part / f"{self.name}.py",
            "checks": root / "course_utils" / "checks" / self.part / f"{self.name}.py",
            "solutions": root / "solutions" / self.part / f"{self.name}.ipynb",
            "exercises": root / "exercises" / self.part / f"{self.name}.ipynb",
            "tests": root / "tests" / self.part / f"test_{self.name}.py",
        }


@dataclass(frozen=True)
class Part:
    """A part of the course and its chapters, in reading order."""

    name: str
    title: str
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Course:
    """What ``course.yml`` says."""

    title: str
    author: str
    repository: str
    """Address of the repository; every link, launch button and badge is made from it."""
    branch: str
    parts: tuple[Part, ...]

    @property
    def chapters(self) -> Iterator[Chapter]:
        """All chapters, in reading order."""
        return (chapter for part in self.parts for chapter in part.chapters)

    def existing(self, root: Path) -> list[Chapter]:
        """Return the chapters that have a page in the book, in reading order."""
        return [chapter for chapter in self.chapters if chapter.book(root).is_file()]

    def chapter(self, key: str) -> Chapter:
        """Return the chapter called ``part/chapter``.

        Raises:
            CourseMapError: If there is none; the message names those of the same part.
        """
        for chapter in self.chapters:
            if chapter.key == key:
                return chapter
        part = key.partition("/")[0]
        near = [c.key for c in self.chapters if c.part == part] or [f"{p.name}/..." for p in self.parts]
        raise CourseMapError(f"{FILE_NAME} has no chapter {key!r}; it has {', '.join(near)}")


def find_root(start: Path | None = None) -> Path:
    """Return the project's root: the nearest folder upward that holds ``course.yml``.

    Args:
        start: Where to begin; the current folder when left out.

    Raises:
        CourseMapError: If no folder upward holds one.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    # The command was called from elsewhere; an editable installation still knows its source.
    source = Path(__file__).resolve().parents[2]
    if (source / FILE_NAME).is_file():
        return source
    raise CourseMapError(f"no {FILE_NAME} in {start} or above; run this from the folder of the course")


def load_course(root: Path) -> Course:
    """Read and check the course map.

    Args:
        root: The project's root.

    Returns:
        The course.

    Raises:
        CourseMapError: If the file is missing or says something that cannot be; all faults are named.
    """
    path = root / FILE_NAME
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseMapError(f"there is no {FILE_NAME} in {root}") from None
    except yaml.YAMLError as error:
        raise CourseMapError(f"{FILE_NAME} is not valid YAML: {error}") from error
    return parse_course(raw)


def parse_course(raw: Any) -> Course:
    """Make a course from the loaded YAML.

    Args:
        raw: What the YAML file holds.

    Raises:
        CourseMapError: If it says something that cannot be; all faults are named.
    """
    faults: list[str] = []
    if not isinstance(raw, dict) or not isinstance(raw.get("parts"), list):
        raise CourseMapError(
            f"{FILE_NAME} must hold a mapping with `title`, `author`, `repository` and `parts`"
        )
    repository = raw.get("repository")
    if not isinstance(repository, dict) or not {"url", "branch"} <= set(repository):
        faults.append("`repository` must have `url` and `branch`")
        repository = {}
    for key in ("title", "author"):
        if not isinstance(raw.get(key), str):
            faults.append(f"`{key}` must be a text")
    parts = tuple(_parse_part(part, faults) for part in raw["parts"])
    course = Course(
        title=str(raw.get("title")),
        author=str(raw.get("author")),
        repository=str(repository.get("url", "")).rstrip("/"),
        branch=str(repository.get("branch", "")),
        parts=parts,
    )
    faults += _impossible(course)
    if faults:
        raise CourseMapError(
            f"{FILE_NAME} has to be mended:\n" + "\n".join(f"  - {fault}" for fault in faults)
        )
    return course


def _parse_part(raw: dict[str, Any], faults: list[str]) -> Part:
    """Make one part; add what is wrong with it to ``faults``."""
    name = str(raw.get("part", ""))
    if set(raw) != {"part", "title", "chapters"}:
        faults.append(f"part {name!r} must have `part`, `title` and `chapters`, and has {sorted(raw)}")
    if not _NAME.fullmatch(name):
        faults.append(f"part {name!r}: a name is lower-case words joined by underscores")
    chapters = tuple(_parse_chapter(name, row, faults) for row in raw.get("chapters") or [])
    return Part(name=name, title=str(raw.get("title", "")), chapters=chapters)


def _parse_chapter(part: str, raw: dict[str, Any], faults: list[str]) -> Chapter:
    """Make one chapter; add what is wrong with it to ``faults``."""
    name = str(raw.get("chapter", ""))
    where = f"{part}/{name}"
    if missing := [key for key in _CHAPTER_KEYS if key not in raw and key not in _OPTIONAL_KEYS]:
        faults.append(f"{where}: missing {', '.join(missing)}")
    if unknown := sorted(set(raw) - set(_CHAPTER_KEYS)):
        faults.append(f"{where}: unknown {', '.join(unknown)}")
    if not _NAME.fullmatch(name):
        faults.append(f"{where}: a name is lower-case words joined by underscores")

    def texts(value: Any, key: str) -> tuple[str, ...]:
        if not isinstance(value or [], list) or not all(isinstance(item, str) for item in value or []):
            faults.append(f"{where}: `{key}` must be a list of texts; quote entries that hold a colon")
            return ()
        return tuple(value or [])

    notes = raw.get("notes") or {}
    if unknown := sorted(set(map(str, notes)) - set(NOTES)):
        faults.append(f"{where}: no such note {', '.join(unknown)}; the notes are {', '.join(NOTES)}")
    return Chapter(
        part=part,
        name=name,
        title=str(raw.get("title", "")),
        needs=texts(raw.get("needs"), "needs"),
        delivers=str(raw.get("delivers", "")).strip(),
        notes={str(number): texts(entries, f"notes {number}") for number, entries in notes.items()},
        code=texts(raw.get("code"), "code"),
        exercise=texts(raw.get("exercise"), "exercise"),
        oracle=texts(raw.get("oracle"), "oracle"),
        facts=texts(raw.get("facts"), "facts"),
    )


def _impossible(course: Course) -> list[str]:
    """Say what cannot be across chapters: two of one name, a prerequisite that is unknown or comes later."""
    faults = []
    known = {chapter.key for chapter in course.chapters}
    seen: set[str] = set()
    for chapter in course.chapters:
        if chapter.key in seen:
            faults.append(f"{chapter.key} is listed twice")
        for need in chapter.needs:
            if need not in known:
                faults.append(f"{chapter.key} needs {need!r}, which is no chapter; write part/chapter")
            elif need not in seen:
                # Prerequisites that come earlier cannot form a circle.
                faults.append(f"{chapter.key} needs {need}, which does not come before it")
        seen.add(chapter.key)
        if not chapter.delivers.endswith("."):
            faults.append(f"{chapter.key}: `delivers` must be a sentence, and end with a period")
    return faults
