"""Files that come with a submission and that nobody should copy: links, devices, what is far too large.

nbgrader copies a submission's folder, and follows links: a link to the gradebook or to the secret seed would
be copied into what students get back. Such a file is moved out of the way before; none is lost.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.sandbox.limits import Limits, in_words

INSTEAD = "This was no file of its own, but {what}. It lies in {where}. Hand in the notebook itself.\n"


@dataclass(frozen=True)
class SetAside:
    """Something that was moved, and why."""

    path: Path
    why: str
    now: Path

    def __str__(self) -> str:
        """Return a sentence for the instructor."""
        return f"{self.path}: {self.why}; it was not copied, and lies in {self.now}"


def set_aside(submitted: Path, aside: Path, limits: Limits) -> list[SetAside]:
    """Move out of a submission's folder what must not be copied.

    Links, pipes, sockets and devices are moved, and files that are larger, or more in all, than a submission
    may write when it runs. Notebooks are never copied by nbgrader, and are read with a limit of their own:
    only one that is no file of its own is moved, and a file that says so takes its place, so that the
    submission still counts as handed in.

    Args:
        submitted: The folder of one student's part.
        aside: Where to; what is there already stays.
        limits: How large files may be.

    Returns:
        What was moved.

    Raises:
        OSError: something could not be moved.
    """
    if submitted.is_symlink():
        # All of it is somewhere else: another student's folder, say.
        return [_move(submitted, "the folder is a link", aside)]
    moved, bytes_left, files_left = [], limits.disk_bytes, limits.files
    for folder, folders, names in os.walk(submitted):
        folders.sort()
        for name in sorted([*names, *(name for name in folders if Path(folder, name).is_symlink())]):
            path = Path(folder, name)
            state = path.lstat()
            why = _unusual(state)
            is_notebook = path.suffix == ".ipynb"
            if not why and not is_notebook:
                if state.st_size > limits.file_bytes:
                    why = f"it is larger than {in_words(limits.file_bytes)}"
                elif state.st_size > bytes_left:
                    why = f"all files together are larger than {in_words(limits.disk_bytes)}"
                elif not files_left:
                    why = f"there are more than {limits.files:,} files"
                else:
                    bytes_left -= state.st_size
                    files_left -= 1
            if why:
                found = _move(path, why, aside / path.relative_to(submitted))
                moved.append(found)
                if is_notebook and path.parent == submitted:
                    what = why.removeprefix("it is ")
                    path.write_text(INSTEAD.format(what=what, where="grading/set_aside"), encoding="utf-8")
    return moved


def _unusual(state: os.stat_result) -> str:
    """Say what something is that is neither a file nor a folder."""
    if stat.S_ISREG(state.st_mode):
        return ""
    return "it is a link" if stat.S_ISLNK(state.st_mode) else "it is a pipe, a socket or a device"


def _move(path: Path, why: str, target: Path) -> SetAside:
    """Move something to a place where nothing is; a link is moved itself, not what it leads to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    place, number = target, 1
    while os.path.lexists(place):
        number += 1
        place = target.with_name(f"{target.name}.{number}")
    path.rename(place)
    return SetAside(path, why, place)
