"""Who sent a file: the names that learning management systems give to what students hand in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Canvas, "Download Submissions": smithjane_LATE_1234_567890_attention-1.ipynb (user, upload).
_CANVAS = re.compile(r"(?P<name>[^/]+?)_(?:(?P<late>LATE)_)?(?P<number>\d+)_(?P<upload>\d+)_(?P<file>[^/]+)")
# Moodle, "Download all submissions": a folder "Jane Smith_123456_assignsubmission_file_", or the same before
# the name.
_MOODLE = re.compile(r"(?P<name>[^/]+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<file>[^/]*)")
_SAFE = re.compile(r"\w[\w.@+-]*")


@dataclass(frozen=True)
class Sender:
    """Who sent a file.

    Attributes:
        student: The name by which nbgrader knows the student: a folder's name.
        system: "canvas", "moodle" or "folder".
        name: The person's name as the file gives it.
        number: The system's number of the person; Moodle's is of this one activity.
        late: Whether the name says that the file came late.
        file: The name that the student gave to the file.
    """

    student: str
    system: str
    name: str = ""
    number: str = ""
    late: bool = False
    file: str = ""


def slug(text: str) -> str:
    """Return a name of letters, digits and hyphens.

    >>> slug("Zoë O'Neill")
    'zoe-o-neill'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def identify(parts: Sequence[str], chapters: Sequence[str]) -> Sender | None:
    """Return who sent a file.

    Understood are the names of Canvas and Moodle, one folder for each student, and files named after the
    student (ada.ipynb, ada_attention.ipynb).

    Args:
        parts: The folders that the file is in, below the one that is collected, and the file's name.
        chapters: The names of the chapters that are collected.

    Returns:
        The sender, or None if the name says nothing.

    >>> sender = identify(["smithjane_LATE_1234_567890_attention-1.ipynb"], ["attention"])
    >>> sender.student, sender.system, sender.late, sender.file
    ('smithjane_1234', 'canvas', True, 'attention-1.ipynb')
    """
    for place, part in enumerate(parts):
        if match := _MOODLE.fullmatch(part):
            anonymous = match["name"].strip().lower() in ("", "participant")
            student = "" if anonymous else slug(match["name"])
            file = match["file"] if place == len(parts) - 1 else parts[-1]
            return Sender(
                student or f"participant-{match['number']}",
                "moodle",
                match["name"],
                match["number"],
                file=file,
            )
        if match := _CANVAS.fullmatch(part):
            file = match["file"] if place == len(parts) - 1 else parts[-1]
            student = f"{slug(match['name']) or 'student'}_{match['number']}"
            return Sender(student, "canvas", match["name"], match["number"], match["late"] is not None, file)
    if len(parts) > 1:
        student = parts[0] if _SAFE.fullmatch(parts[0]) else slug(parts[0])
        return Sender(student, "folder", parts[0], file=parts[-1]) if student else None
    stem = parts[0].rsplit(".", 1)[0]
    names = "|".join(map(re.escape, chapters))
    owner = re.sub(rf"[\W_]*({names}).*$", "", stem, flags=re.IGNORECASE)
    student = owner if _SAFE.fullmatch(owner) else slug(owner)
    return Sender(student, "folder", owner, file=parts[0]) if student else None
