"""Run a command as another user, started by root: `python as_user.py USER FOLDER COMMAND...`.

Root's Python and the checkout may lie where only root can go (say in /root). In a mount namespace of its own,
the folders in the way are covered by empty ones that all can enter, with Python, its environment and the
checkout fastened at their usual places. The rest of the machine sees none of it. FOLDER becomes USER's.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from course_utils.grading.sandbox import system
from course_utils.grading.sandbox.view import course_root, interpreter_paths, is_within


def blocked_by(path: str) -> str | None:
    """Return the topmost folder on the way to a path that others may not enter."""
    for folder in reversed(Path(path).parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return str(folder)
    return None


def open_the_way(paths: list[str]) -> None:
    """Make paths reachable for everybody, in a mount namespace of this process's own."""
    system.checked(system.syscall("unshare", system.CLONE_NEWNS), "namespaces", "unshare")
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    blocked = {path: folder for path in paths if (folder := blocked_by(path))}
    # What lies in another one that is fastened needs no fastening of its own.
    alone = {
        path: folder
        for path, folder in blocked.items()
        if not any(other != path and is_within(path, other) for other in blocked)
    }
    trees = {path: system.open_tree(path) for path in alone}
    for folder in sorted(set(alone.values())):
        system.mount("way", folder, "tmpfs", 0, "mode=755,size=1m")
    for path, tree in trees.items():
        os.makedirs(path, exist_ok=True)
        system.attach_tree(tree, path)


def main() -> None:
    user, folder, *command = sys.argv[1:]
    paths = [os.path.realpath(path) for path in [*interpreter_paths(), str(course_root()), folder]]
    open_the_way(sorted({path for path in paths if os.path.isdir(path)}))
    os.chown(folder, int(user), int(user))
    os.chmod(folder, 0o755)
    system.change_user(int(user))
    system.set_dumpable(True)
    os.environ.update(HOME=folder, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
