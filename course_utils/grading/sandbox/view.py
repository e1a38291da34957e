"""What a player may see: Python, its packages, the system's libraries, and what the caller adds.

Never a home folder, never the course's own folder: of those only the parts that Python itself needs.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Folders and files of the system that programs need, where they exist.
SYSTEM_PATHS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/mime.types",
)


class ViewError(ValueError):
    """A folder was asked for that no player may see."""


@dataclass(frozen=True)
class View:
    """Paths that a player sees, read-only, each at its own place.

    `covered` are folders below them that look empty (tier A) or cannot be read (tier B).
    """

    shown: tuple[str, ...]
    covered: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the view as plain data (JSON)."""
        return {"shown": list(self.shown), "covered": list(self.covered)}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> View:
        """Return the view that `to_data` wrote."""
        return cls(tuple(data["shown"]), tuple(data["covered"]))


def is_within(path: str, folder: str) -> bool:
    """Say whether a path is a folder or lies below it.

    >>> is_within("/usr/lib", "/usr"), is_within("/usr2", "/usr"), is_within("/usr", "/")
    (True, False, True)
    """
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def interpreter_paths() -> list[str]:
    """Return where this Python, its environment and its packages are."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    found.add(os.path.dirname(os.path.realpath(sys.executable)))
    found.update(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    if site.ENABLE_USER_SITE and site.USER_SITE:
        found.add(site.USER_SITE)
    return sorted(found | {os.path.realpath(path) for path in found})


def course_root() -> Path:
    """Return the folder that holds `course_utils`: a checkout's root, or site-packages."""
    return Path(__file__).resolve().parents[3]


def player_view(extra: Iterable[str | Path] = (), hidden: Iterable[str | Path] = ()) -> View:
    """Return what a player sees: Python, the system's libraries, and the folders `extra`.

    Parameters
    ----------
    extra
        Folders and files to show beside, such as the course library that was staged for a chapter.
    hidden
        Folders that must not be seen, such as a gradebook's. The course's own root and everyone's home
        folders are hidden anyway. A shown folder inside a hidden one stays visible (a `.venv` in the course's
        root, a Python in a home folder); a hidden one inside a shown one is covered.

    Raises
    ------
    ViewError
        When a shown path is a hidden one, or the root of all, or holds a home folder.
    """
    library = course_root()
    root = str(library / "course_utils") if library.name.endswith("-packages") else str(library)
    homes = {os.path.realpath(os.path.expanduser("~")), os.path.expanduser("~"), "/home", "/root"} - {"/"}
    concealed = (
        {os.path.realpath(path) for path in hidden} | {os.path.abspath(path) for path in hidden} | {root}
    )
    added = [place(path) for path in extra for place in (os.path.abspath, os.path.realpath)]
    wanted = [*SYSTEM_PATHS, *interpreter_paths(), *added]
    shown = sorted({path for path in wanted if os.path.lexists(path)})
    concealed |= {home for home in homes for path in SYSTEM_PATHS if home != path and is_within(home, path)}
    for path in shown:
        for home in homes - concealed:
            if path == "/" or is_within(home, path):
                raise ViewError(f"a player may not see {path}: it is, or holds, the home folder {home}")
        if path in concealed:
            raise ViewError(
                f"a player may not see {path}: it is to be hidden. Show a folder inside it instead"
            )
    covered = tuple(sorted(path for path in concealed if os.path.isdir(path) and _nearest(path, shown)))
    kept = [path for path in shown if _is_needed(path, shown, covered)]
    return View(tuple(kept), covered)


def _nearest(path: str, folders: Iterable[str]) -> str | None:
    """Return the deepest of the folders that hold a path (other than itself)."""
    around = [folder for folder in folders if folder != path and is_within(path, folder)]
    return max(around, key=len, default=None)


def _is_needed(path: str, shown: list[str], covered: tuple[str, ...]) -> bool:
    """Say whether a shown path must be named: no shown folder above it, or a covered one between."""
    above = _nearest(path, shown)
    if above is not None and os.path.islink(above):
        return False  # seen through the link: what it leads to is shown
    cover = _nearest(path, covered)
    return above is None or (cover is not None and is_within(cover, above))
