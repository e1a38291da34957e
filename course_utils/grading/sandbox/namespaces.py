"""A player's own namespaces: its file system, processes, network and users.

The child is forked straight into them. It builds a new root in memory, of limited size, fastens read-only
what the view shows, and lets go of the old root. It then stays behind as process 1 of the namespace, trusted
and without rights, and only reaps; the player is its child. When process 1 ends, the kernel kills all that is
left.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from course_utils.grading.sandbox import system, users
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.policy import PLAYER_HOME, Policy
from course_utils.grading.sandbox.system import LayerError

LAYER = "namespaces"
ALL = (
    system.CLONE_NEWUSER
    | system.CLONE_NEWNS
    | system.CLONE_NEWPID
    | system.CLONE_NEWNET
    | system.CLONE_NEWIPC
    | system.CLONE_NEWUTS
)
INNER_USER = 1000
STAGE = "/tmp"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WRITABLE = ("/tmp", "/dev/shm", PLAYER_HOME)
DEVICE_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
SMALL_FILES = {
    "/etc/passwd": f"player:x:{INNER_USER}:{INNER_USER}:player:{PLAYER_HOME}:/bin/sh\n",
    "/etc/group": f"player:x:{INNER_USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
}
# Files and folders that the root itself needs, beside those of the limit.
ROOM_FOR_ROOT = 1024


@dataclass(frozen=True)
class Tree:
    """One path of the new root: a tree of mounts to fasten, a link, or an empty folder (a cover)."""

    path: str
    descriptor: int = -1
    is_folder: bool = True
    link: str | None = None


def open_trees(policy: Policy) -> list[Tree]:
    """Open all that the player sees, so that it can be fastened in its new root.

    Needs the right to mount: called by root before it becomes another user, by others inside the namespaces.
    """
    trees = []
    for path in policy.view.shown:
        if os.path.islink(path):
            trees.append(Tree(path, link=os.readlink(path)))
            continue
        descriptor = system.open_tree(path)
        read_only = system.MOUNT_ATTR_RDONLY | system.MOUNT_ATTR_NOSUID | system.MOUNT_ATTR_NODEV
        system.restrict_tree(descriptor, read_only)
        trees.append(Tree(path, descriptor, os.path.isdir(path)))
    trees += [Tree(path) for path in policy.view.covered]
    for path in DEVICES:
        descriptor = system.open_tree(path)
        system.restrict_tree(descriptor, system.MOUNT_ATTR_RDONLY | system.MOUNT_ATTR_NOSUID)
        trees.append(Tree(path, descriptor, is_folder=False))
    return sorted(trees, key=lambda tree: tree.path)  # what lies around comes before what lies in it


@dataclass(frozen=True)
class Arrival:
    """What the child needs to settle: its user and group outside, and the trees if they are open already."""

    user: int
    group: int
    trees: list[Tree] | None


def fork_inside(policy: Policy) -> tuple[int, Arrival]:
    """Fork into new namespaces; return the child's pid (0 in the child) and what it needs to settle."""
    user, trees = None, None
    if users.must_change(policy.change_user):
        user = users.throwaway_user()
        trees = open_trees(policy)
    arrival = Arrival(user or os.geteuid(), user or os.getegid(), trees)
    pid = -1
    try:
        pid = system.checked(system.clone_as(user, ALL), LAYER, "clone into new namespaces")
    except OSError as error:
        raise LayerError(LAYER, f"becoming user {user}: {error}") from error
    finally:
        if pid != 0:
            _close(trees or [])
    return pid, arrival


def settle(policy: Policy, arrival: Arrival) -> list[str]:
    """Give the child of `fork_inside` its user and its root; return what it could not have."""
    _write_maps(arrival)
    os.setresgid(INNER_USER, INNER_USER, INNER_USER)
    os.setresuid(INNER_USER, INNER_USER, INNER_USER)
    trees = arrival.trees
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    if trees is None:
        trees = open_trees(policy)
    return _build_root(trees, policy.limits)


def reap(player: int) -> NoReturn:
    """Be process 1: bury what ends, and end with the player, 128 + the signal when a signal killed it.

    It holds no file, has no rights and cannot be looked into, traced or signalled by the player.
    """
    status = 1
    try:
        os.closerange(0, 1 << 20)
        # SIGCHLD too: where it is ignored, as in the server, wait() waits until every orphan has ended.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)  # process 1 ignores what it does not handle
        system.drop_capabilities()
        system.no_new_privileges()
        system.set_dumpable(False)
        pid = 0
        while pid != player:
            pid, wait_status = os.wait()
        code = os.waitstatus_to_exitcode(wait_status)
        status = code if code >= 0 else 128 - code
    finally:
        os._exit(status)


def _write_maps(arrival: Arrival) -> None:
    """Map the one user and group of the new namespace to those outside."""
    system.set_dumpable(True)  # after a change of user these files belong to root otherwise
    try:
        with contextlib.suppress(FileNotFoundError):
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{INNER_USER} {arrival.user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{INNER_USER} {arrival.group} 1", encoding="ascii")
    except OSError as error:
        raise LayerError(LAYER, f"writing the map of users: {error}") from error


def _build_root(trees: list[Tree], limits: Limits) -> list[str]:
    """Build the new root in memory and move there; return what it could not have."""
    room = f"size={limits.disk_bytes},nr_inodes={limits.files + ROOM_FOR_ROOT},mode=755"
    system.mount("player", STAGE, "tmpfs", system.MS_NOSUID | system.MS_NODEV, room)
    for folder in (*WRITABLE, "/proc", "/etc"):
        os.makedirs(STAGE + folder, exist_ok=True)
    for name, text in SMALL_FILES.items():
        Path(STAGE + name).write_text(text, encoding="ascii")
    covers = []
    for tree in trees:
        target = STAGE + tree.path
        if tree.link is not None:
            _make_folder(os.path.dirname(target))
            os.symlink(tree.link, target)
            continue
        _make_point(target, tree.is_folder)
        if tree.descriptor >= 0:
            system.attach_tree(tree.descriptor, target)
        else:
            system.mount("covered", target, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "size=64k,mode=755")
            covers.append(target)
    _close(trees)
    for target in covers:  # now that what lies below is fastened
        flags = system.MS_REMOUNT | system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV
        system.mount("covered", target, None, flags)
    for path, link in DEVICE_LINKS.items():
        os.symlink(link, STAGE + path)
    missing = []
    try:
        flags = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
        system.mount("proc", STAGE + "/proc", "proc", flags)
    except LayerError:  # inside containers that mask parts of /proc
        missing.append("no /proc")
    os.chdir(STAGE)
    system.pivot_here()
    os.chdir(PLAYER_HOME)
    return missing


def _make_folder(path: str) -> None:
    """Make a folder and those above it, in the new root."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise LayerError(LAYER, f"making {path.removeprefix(STAGE)}: {error}") from error


def _make_point(path: str, is_folder: bool) -> None:
    """Make the folder or empty file that something is fastened to, in the new root."""
    if is_folder:
        _make_folder(path)
    elif not os.path.exists(path):
        _make_folder(os.path.dirname(path))
        Path(path).touch()


def _close(trees: Iterable[Tree]) -> None:
    """Close what `open_trees` opened."""
    for tree in trees:
        if tree.descriptor >= 0:
            os.close(tree.descriptor)
