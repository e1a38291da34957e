"""What to read again: links into the book, to the section where an exercise's subject is taught."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from course_utils.checking.sections import Sections, read_sections
from course_utils.grading.places import Chapter, Places

COURSE_MAP = "course.yml"


@dataclass(frozen=True)
class Link:
    """A place in the book."""

    title: str
    address: str


@dataclass(frozen=True)
class Page:
    """A chapter's page in the book, and the sections in which the exercises' subjects are taught.

    Attributes:
        title: The chapter's title.
        address: Where the page is; "" where the course's map does not say.
        built: Whether the address is that of the built book, else that of the notebook in the repository.
        sections: Its sections.
    """

    title: str
    address: str = ""
    built: bool = False
    sections: Sections = field(default_factory=Sections)

    def link(self, exercise: str = "") -> Link | None:
        """Return where to read again what an exercise is about; None where the book's address is unknown."""
        if not self.address:
            return None
        section = self.sections.find(exercise)
        if section is None:
            return Link(self.title, self.address)
        return Link(f"{self.title}: {section}", f"{self.address}#{self._anchor(section)}")

    def _anchor(self, section: str) -> str:
        if self.built:
            return re.sub(r"[^a-z0-9]+", "-", section.lower()).strip("-")
        return quote(section.replace(" ", "-"))


@functools.cache
def page(places: Places, chapter: Chapter) -> Page:
    """Return a chapter's page in the book.

    The address is made from `repository` of the course's map: from `book`, where the book is published, else
    from `url` and `branch`, where its notebooks can be read.
    """
    course = _course(places.root)
    repository = course.get("repository")
    repository = repository if isinstance(repository, dict) else {}
    title = _title(course, chapter)
    book, url = (str(repository.get(name) or "").rstrip("/") for name in ("book", "url"))
    sections = read_sections(places.root / "book" / chapter.part / f"{chapter.name}.ipynb")
    if book.startswith(("https://", "http://")):
        return Page(title, f"{book}/{chapter}.html", True, sections)
    if url.startswith(("https://", "http://")):
        branch = repository.get("branch") or "main"
        return Page(title, f"{url}/blob/{branch}/book/{chapter}.ipynb", False, sections)
    return Page(title)


def _course(root: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((root / COURSE_MAP).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _title(course: Mapping[str, Any], chapter: Chapter) -> str:
    for part in course.get("parts") or []:
        if part.get("part") == chapter.part:
            for row in part.get("chapters") or []:
                if row.get("chapter") == chapter.name:
                    return str(row.get("title") or chapter)
    return str(chapter)
