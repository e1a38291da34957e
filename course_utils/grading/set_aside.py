"""Files that come with a submission and that nobody should copy: links, devices, what is far too large.

nbgrader copies a submission's folder, and follows links: a link to the gradebook or to the secret seed would
be copied into what students get back. Such a file is moved out of the way before; none is lost.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.sandbox.limits import Limits, in_words

INSTEAD = "This was set aside, and lies in grading/set_aside: {why}. Hand in the notebook itself.\n"
DEEPEST = 50
"""How many folders may lie in one another. nbgrader's own walk fails at about a thousand."""


@dataclass(frozen=True)
class SetAside:
    """Something that was moved, and why."""

    path: Path
    why: str
    now: Path

    def __str__(self) -> str:
        """Return a sentence for the instructor."""
        return f"{self.path}: {self.why}; it was not copied, and lies in {self.now}"


def set_aside(submitted: Path, aside: Path, limits: Limits) -> Iterator[SetAside]:
    """Move out of a submission's folder what must not be copied.

    Links, pipes, sockets and devices are moved, folders that lie too deep in one another, and files that are
    larger, or more in all, than a submission may write when it runs. Notebooks are never copied by nbgrader,
    and are read with a limit of their own: only one that is no file of its own is moved, and a file that says
    so takes its place, so that the submission still counts as handed in.

    Args:
        submitted: The folder of one student's part. Where it or the student's folder is a link, all is moved.
        aside: Where to: into a new folder there, whose name is a number.
        limits: How large files may be.

    Yields:
        What was moved, each when it is.

    Raises:
        OSError: something could not be looked at or moved.
    """
    for folder in (submitted.parent, submitted):
        if folder.is_symlink():
            # All of it is somewhere else: another student's folder, say.
            yield set_all_aside(submitted, folder, "the folder is a link", aside)
            return
    if not submitted.is_dir():
        return
    numbered: Path | None = None
    bytes_left, files_left = limits.disk_bytes, limits.files
    for path, state in _walk(submitted):
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
            numbered = numbered or _new_folder(aside)
            yield _move(path, why, numbered / path.relative_to(submitted))
            if is_notebook and path.parent == submitted:
                path.write_text(INSTEAD.format(why=why), encoding="utf-8")


def set_all_aside(submitted: Path, path: Path, why: str, aside: Path) -> SetAside:
    """Move all that a student handed in for a part, and leave notebooks that say so.

    Args:
        submitted: The folder of the student's part.
        path: What is moved: this folder, or the link that it is, or that leads to it.
        why: Why, as a sentence without its end.
        aside: Where to: into a new folder there, whose name is a number.

    Returns:
        What was moved.

    Raises:
        OSError: it could not be moved.
    """
    if not path.is_symlink():
        _open(path)
    _open(path.parent)
    names = sorted(name for name in os.listdir(submitted) if name.endswith(".ipynb"))
    moved = _move(path, why, _new_folder(aside) / path.name)
    submitted.mkdir(parents=True)
    for name in names:
        (submitted / name).write_text(INSTEAD.format(why=why), encoding="utf-8")
    return moved


def _walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield all that lies under a folder and is no folder, and the folders that lie too deep.

    os.walk calls itself for each level, and so can be brought down.
    """
    _open(top)
    waiting = [(top, 1)]
    while waiting:
        folder, depth = waiting.pop()
        deeper = []
        for name in sorted(os.listdir(folder)):
            path = folder / name
            state = path.lstat()
            is_folder = stat.S_ISDIR(state.st_mode)
            if is_folder:
                _open(path)
            if is_folder and depth < DEEPEST:
                deeper.append((path, depth + 1))
            else:
                yield path, state
        waiting += reversed(deeper)


def _open(folder: Path) -> None:
    """Let the owner look into a folder and move what is in it: an archive may have brought other rights."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(mode | stat.S_IRWXU)


def _unusual(state: os.stat_result) -> str:
    """Say what something is that is not a file."""
    if stat.S_ISREG(state.st_mode):
        return ""
    if stat.S_ISDIR(state.st_mode):
        return f"more than {DEEPEST} folders lie in one another"
    return "it is a link" if stat.S_ISLNK(state.st_mode) else "it is a pipe, a socket or a device"


def _new_folder(aside: Path) -> Path:
    """Make a folder with the next number for a name, so that what was set aside before stays."""
    aside.mkdir(parents=True, exist_ok=True)
    number = 1
    while os.path.lexists(aside / str(number)):
        number += 1
    folder = aside / str(number)
    folder.mkdir()
    return folder


def _move(path: Path, why: str, target: Path) -> SetAside:
    """Move something to a place where nothing is; a link is moved itself, not what it leads to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The submissions are on another file system.
        shutil.move(path, target, copy_function=_copy)
    return SetAside(path, why, target)


def _copy(source: str, target: str) -> None:
    """Copy a file. A pipe, a socket or a device is left out: it holds nothing, and reading may never end."""
    if stat.S_ISREG(os.lstat(source).st_mode):
        shutil.copy2(source, target)
