"""Say which version of a page this is: the last commit that changed it, or the version of the package."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGE = "course-utils"
_SECONDS = 20


@dataclass(frozen=True)
class PageVersion:
    """Which version of its files a page shows."""

    name: str
    """A short hash of a commit, or the version of the package."""
    date: str = ""
    """The day of the commit, as YYYY-MM-DD; nothing where there is no commit."""
    changed: bool = False
    """Whether the files were changed after the commit."""


def page_version(files: Iterable[Path], root: Path) -> PageVersion:
    """Return the version of some files.

    Args:
        files: What a page is made from; files that do not exist are passed over.
        root: The project's root.

    Returns:
        The last commit that changed one of them. Without git, without a repository, or where none of the
        files was ever committed: the version of the package.
    """
    paths = [path.relative_to(root).as_posix() for path in files if path.is_file()]
    # The commit's own date, so that the answer does not depend on the clock or the place of who asks.
    last = _git(root, "log", "-1", "--abbrev=8", "--format=%h %cs", "--", *paths) if paths else ""
    if not last:
        return PageVersion(_package_version())
    name, date = last.split()
    return PageVersion(name, date, changed=bool(_git(root, "status", "--porcelain", "--", *paths)))


def _git(root: Path, *arguments: str) -> str:
    """Return what git says, or nothing where it cannot say anything."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
            # Asking must not write, and must not wait for somebody's answer.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _package_version() -> str:
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "unknown"
