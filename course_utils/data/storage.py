"""Reads the files that ship with the course, and says what is wrong when one is missing or was changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "files"
"""Where the files lie; ``checksums.txt`` beside them holds the SHA-256 of each."""

CHECKSUMS = "checksums.txt"


class DataFileError(RuntimeError):
    """A file that ships with the course is missing or is not the file it should be."""


def read_file(name: str, folder: Path | None = None) -> bytes:
    """Read a file that ships with the course, after comparing it with its checksum.

    Args:
        name: Name of the file, such as ``"penguins.csv"``.
        folder: Where to look; by default, the folder of the installed course.

    Returns:
        The bytes of the file.

    Raises:
        DataFileError: If the file is missing, cannot be read, or differs from its checksum.

    >>> read_file("penguins.csv")[:14].decode()
    'species,island'
    """
    folder = FOLDER if folder is None else folder
    expected = read_checksums(folder)
    if name not in expected:
        known = ", ".join(sorted(expected))
        raise DataFileError(f"The course has no data file named {name!r}. It has: {known}.")
    path = folder / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataFileError(f"The data file {name} is missing from {folder}. {_way_out(name)}") from None
    except OSError as error:
        raise DataFileError(
            f"The data file {name} in {folder} cannot be read ({error.strerror}). {_way_out(name)}"
        ) from error
    if hashlib.sha256(content).hexdigest() != expected[name]:
        raise DataFileError(
            f"The data file {name} in {folder} is damaged or was changed: its {len(content)} bytes do not "
            f"match the checksum in {CHECKSUMS}. {_way_out(name)}"
        )
    return content


def read_checksums(folder: Path | None = None) -> dict[str, str]:
    """Read which files ship with the course.

    Args:
        folder: Where to look; by default, the folder of the installed course.

    Returns:
        The SHA-256 of each file, as 64 hexadecimal digits, by the file's name.

    Raises:
        DataFileError: If the list is missing or a line of it cannot be understood.

    >>> sorted(read_checksums())[:2]
    ['penguins.csv', 'penguins_raw.csv']
    """
    folder = FOLDER if folder is None else folder
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataFileError(
            f"The list of data files, {CHECKSUMS}, is missing from {folder} or cannot be read. "
            + _way_out(CHECKSUMS)
        ) from None
    checksums = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise DataFileError(
                f"{CHECKSUMS} in {folder} is damaged: {line!r} should be a checksum, two spaces, a name. "
                + _way_out(CHECKSUMS)
            )
        checksums[name] = digest
    return checksums


def verify(folder: Path | None = None) -> list[str]:
    """Compare every file that ships with the course with its checksum.

    Args:
        folder: Where to look; by default, the folder of the installed course.

    Returns:
        One sentence for each problem, saying what to do; an empty list when all is well.

    >>> verify()
    []
    """
    problems = []
    try:
        names = sorted(read_checksums(folder))
    except DataFileError as error:
        return [str(error)]
    for name in names:
        try:
            read_file(name, folder)
        except DataFileError as error:
            problems.append(str(error))
    return problems


def _way_out(name: str) -> str:
    """Say how to get the original of ``name`` back."""
    return (
        f"Restore it with `git checkout -- course_utils/data/files/{name}` in the course's folder; "
        "if the course was installed without git, install course-utils again."
    )
