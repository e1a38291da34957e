"""The sections of a chapter of the book, and the one in which an exercise's subject is taught."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Sections that speak of everything, and teach nothing of it.
FRAME = re.compile(
    r"what you will be able to do|before this|common mistakes|(the )?exercise|summary|further reading", re.I
)


@dataclass(frozen=True)
class Sections:
    """The sections of a chapter: its title, and their text by their title, in their order."""

    texts: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    def find(self, name: str) -> str | None:
        """Return the section that shows the reference of that name, else the first that speaks of it.

        >>> Sections({"Masks": "we use `causal_mask` here"}).find("causal_mask")
        'Masks'
        """
        shown = re.compile(rf":pyobject: {re.escape(name)}\s*$", re.M)
        said = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
        found = (
            title for pattern in (shown, said) for title, text in self.texts.items() if pattern.search(text)
        )
        return next(found, None) if name else None


def read_sections(path: Path) -> Sections:
    """Read the sections of a chapter's notebook; none if it is not there or cannot be read."""
    texts: dict[str, str] = {}
    title = section = ""
    for line in _lines(path):
        heading = re.match(r"(##?) +(.+?)\s*$", line)
        if heading and heading[1] == "#":
            title = title or heading[2].replace("`", "")
        elif heading:
            section = heading[2].replace("`", "")
        elif section and not FRAME.fullmatch(section):
            texts[section] = texts.get(section, "") + line + "\n"
    return Sections(texts, title)


def _lines(path: Path) -> Iterator[str]:
    """Return the lines of a notebook; in code, a comment is no heading."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for cell in cells:
        for line in "".join(cell["source"]).splitlines():
            yield line if cell["cell_type"] == "markdown" else " " + line
