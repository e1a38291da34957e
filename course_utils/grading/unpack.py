"""The files of a folder or a zip archive, archives inside included, without trusting any name in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from course_utils.grading.reading import MOST_BYTES

MOST_DEPTH = 3
MOST_FILES = 100_000
_JUNK = ("__MACOSX", ".ipynb_checkpoints", "__pycache__")


@dataclass(frozen=True)
class Found:
    """A file that was found.

    `parts` are the folders and the name; an archive inside counts as a folder named like it. `content` is
    None where it cannot be had, and `fault` says why.
    """

    parts: tuple[str, ...]
    content: bytes | None
    modified: datetime
    fault: str = ""

    @property
    def name(self) -> str:
        """The path as one text, to name the file by."""
        return "/".join(self.parts)


def find_files(source: Path) -> Iterator[Found]:
    """Yield the files of a folder or of a zip archive, in the order of their names.

    Raises:
        ValueError: there are too many.
    """
    found = _archive(source.read_bytes(), (), 0) if source.is_file() else _folder(source)
    for count, file in enumerate(found):
        if count >= MOST_FILES:
            raise ValueError(f"{source} holds more than {MOST_FILES:,} files")
        yield file


def _wanted(parts: tuple[str, ...]) -> bool:
    return not any(part in _JUNK or part.startswith(".") for part in parts)


def _folder(source: Path) -> Iterator[Found]:
    for path in sorted(source.rglob("*")):
        parts = path.relative_to(source).parts
        # A link may point at any file of the instructor's machine.
        if path.is_symlink() or not path.is_file() or not _wanted(parts):
            continue
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if path.stat().st_size > MOST_BYTES:
            yield Found(parts, None, modified, f"it is larger than {MOST_BYTES // 1_000_000} MB")
        elif path.suffix.lower() == ".zip":
            yield from _archive(path.read_bytes(), parts, 1)
        else:
            yield Found(parts, path.read_bytes(), modified)


def _archive(content: bytes, parts: tuple[str, ...], depth: int) -> Iterator[Found]:
    now = datetime.now(UTC)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError):
        yield Found(parts or ("archive",), None, now, "it is not a zip archive, or a damaged one")
        return
    with archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            path = parts + tuple(part for part in entry.filename.split("/") if part not in ("", ".", ".."))
            if entry.is_dir() or not _wanted(path):
                continue
            yield from _entry(archive, entry, path, depth)


def _entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: tuple[str, ...], depth: int
) -> Iterator[Found]:
    # The date of an entry has no time zone; it only orders the files of one archive.
    try:
        modified = datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        modified = datetime(1980, 1, 1, tzinfo=UTC)
    try:
        with archive.open(entry) as stream:
            content = stream.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError) as error:
        yield Found(path, None, modified, f"it cannot be unpacked ({error})")
        return
    if len(content) > MOST_BYTES:
        yield Found(path, None, modified, f"it is larger than {MOST_BYTES // 1_000_000} MB")
    elif path[-1].lower().endswith(".zip") and depth < MOST_DEPTH:
        yield from _archive(content, path, depth + 1)
    else:
        yield Found(path, content, modified)
