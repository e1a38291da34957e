"""Where things are in a course's folder, and how a chapter is named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SETTINGS = "nbgrader_config.py"
GRADING = "grading"
_NAME = re.compile(r"[A-Za-z]\w*")


class GradingError(Exception):
    """Something that the caller must mend; the message says what is wrong and what to do."""


@dataclass(frozen=True, order=True)
class Chapter:
    """A chapter: nbgrader's assignment is its part, nbgrader's notebook its name.

    >>> Chapter.parse("transformers/attention")
    Chapter(part='transformers', name='attention')
    """

    part: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Chapter:
        """Read PART/CHAPTER; the path of a notebook is understood too.

        Raises:
            GradingError: the text is not of that form.
        """
        words = text.removesuffix(".ipynb").removesuffix("/").split("/")
        if words[:1] in (["exercises"], ["solutions"]):
            words = words[1:]
        if len(words) != 2 or not all(_NAME.fullmatch(word) for word in words):
            raise GradingError(
                f"{text!r} does not name a chapter; write PART/CHAPTER, as in transformers/attention"
            )
        return cls(*words)

    def __str__(self) -> str:
        """Return PART/CHAPTER."""
        return f"{self.part}/{self.name}"


@dataclass(frozen=True)
class Places:
    """The folders of a course, all under its root."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Places:
        """Return the course whose folder, or a folder in it, is the given one (the current one if left out).

        Raises:
            GradingError: no folder upward holds the course's settings.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / SETTINGS).is_file():
                return cls(folder)
        raise GradingError(f"no {SETTINGS} in {start} or above; run this from the folder of the course")

    @property
    def grading(self) -> Path:
        """Everything that belongs to one class; ignored by git."""
        return self.root / GRADING

    def solution(self, chapter: Chapter) -> Path:
        """Return the notebook with solutions."""
        return self.root / "solutions" / chapter.part / f"{chapter.name}.ipynb"

    def exercise(self, chapter: Chapter) -> Path:
        """Return the notebook as released."""
        return self.root / "exercises" / chapter.part / f"{chapter.name}.ipynb"

    def submitted(self, chapter: Chapter, student: str) -> Path:
        """Return where a student's notebook is handed in."""
        return self.grading / "submitted" / student / chapter.part / f"{chapter.name}.ipynb"

    def autograded(self, chapter: Chapter, student: str) -> Path:
        """Return where a student's marked notebook is."""
        return self.grading / "autograded" / student / chapter.part / f"{chapter.name}.ipynb"

    def feedback(self, chapter: Chapter, student: str) -> Path:
        """Return where a student's feedback is."""
        return self.grading / "feedback" / student / chapter.part / f"{chapter.name}.html"

    def chapters(self, what: str) -> list[Chapter]:
        """Return the chapters that a word means: PART/CHAPTER, or PART for all of its chapters.

        Raises:
            GradingError: there is no solutions notebook for it.
        """
        known = sorted(
            Chapter(path.parent.name, path.stem) for path in (self.root / "solutions").glob("*/*.ipynb")
        )
        wanted = (
            [Chapter.parse(what)]
            if "/" in what.strip("/")
            else [c for c in known if c.part == what.strip("/")]
        )
        found = [chapter for chapter in wanted if chapter in known]
        if not found:
            names = ", ".join(map(str, known)) or "none yet"
            raise GradingError(f"no exercise {what!r}; the exercises are: {names}")
        return found
