"""Linux system calls that Python's standard library does not offer.

Importing this module works on any Unix; calling it works on Linux only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct

from course_utils.grading.sandbox import syscalls

_library = ctypes.CDLL(None, use_errno=True)
_library.syscall.restype = ctypes.c_long
# The same library, called without letting go of the interpreter's lock: for the call that forks.
_locked_library = ctypes.PyDLL(None, use_errno=True)
_locked_library.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
SECCOMP_MODE_FILTER = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_REC, MS_PRIVATE = 32, 1 << 14, 1 << 18
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
MNT_DETACH = 2
OPEN_TREE_CLONE = 1
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
MOVE_MOUNT_F_EMPTY_PATH = 4

CAPABILITIES_VERSION_3 = 0x20080522
HIGHEST_CAPABILITY = 63


class LayerError(Exception):
    """A layer of the sandbox could not be put on.

    >>> str(LayerError("landlock", "the kernel has none"))
    'landlock: the kernel has none'
    """

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer = layer
        self.reason = reason


def error_text(what: str) -> str:
    """Return what failed and why, from the last call's errno."""
    number = ctypes.get_errno()
    return f"{what} failed with {errno.errorcode.get(number, number)} ({os.strerror(number)})"


def checked(result: int, layer: str, what: str) -> int:
    """Return a call's result, or raise a LayerError when it is negative."""
    if result < 0:
        raise LayerError(layer, error_text(what))
    return result


def syscall(name: str, *arguments: object) -> int:
    """Make a system call by its name; return its result, -1 where it failed (or is unknown here)."""
    number = syscalls.number(name)
    if number is None:
        ctypes.set_errno(errno.ENOSYS)
        return -1
    return int(_library.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, *values: object) -> int:
    """Call prctl(2) with up to four values."""
    padded = [*values, 0, 0, 0, 0][:4]
    return int(_library.prctl(option, *(ctypes.c_ulong(v) if isinstance(v, int) else v for v in padded)))


def clone(flags: int) -> int:
    """Fork into new namespaces in one step, so that the page tables are copied once.

    libc's own handlers of fork are skipped: only for a process with one thread, and only for a child that
    forks again before it does anything of note.
    """
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = _locked_library.syscall(
        ctypes.c_long(syscalls.number("clone") or -1),
        ctypes.c_ulong(flags | signal.SIGCHLD),
        *[ctypes.c_void_p(None)] * 4,
    )
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    failure = ctypes.get_errno()
    python.PyOS_AfterFork_Parent()
    ctypes.set_errno(failure)
    return int(pid)


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a file system (mount(2)), or raise a LayerError."""
    result = _library.mount(
        source.encode(),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        None if options is None else options.encode(),
    )
    checked(result, "namespaces", f"mounting {source} on {target}")


def detach(target: str) -> None:
    """Take a mount away, with all below it."""
    checked(_library.umount2(os.fsencode(target), MNT_DETACH), "namespaces", f"unmounting {target}")


def open_tree(path: str) -> int:
    """Return a file descriptor of a copy of the mounts below `path`, fastened nowhere yet."""
    flags = OPEN_TREE_CLONE | AT_RECURSIVE | os.O_CLOEXEC
    result = syscall("open_tree", AT_FDCWD, os.fsencode(path), ctypes.c_uint(flags))
    return checked(result, "namespaces", f"open_tree {path}")


def restrict_tree(tree: int, attributes: int) -> None:
    """Set mount attributes (read-only, ...) on a whole tree of `open_tree`."""
    packed = struct.pack("QQQQ", attributes, 0, 0, 0)
    result = syscall(
        "mount_setattr",
        tree,
        b"",
        ctypes.c_uint(AT_EMPTY_PATH | AT_RECURSIVE),
        packed,
        ctypes.c_size_t(len(packed)),
    )
    checked(result, "namespaces", "mount_setattr")


def attach_tree(tree: int, target: str) -> None:
    """Fasten a tree of `open_tree` at a folder or file that exists."""
    flags = ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH)
    result = syscall("move_mount", tree, b"", AT_FDCWD, os.fsencode(target), flags)
    checked(result, "namespaces", f"move_mount to {target}")


def pivot_here() -> None:
    """Make the current folder (a mount) the root, and let go of the old one."""
    checked(syscall("pivot_root", b".", b"."), "namespaces", "pivot_root")
    detach(".")
    os.chdir("/")


def close_way_to_capabilities() -> None:
    """See to it that no program brings capabilities back. Needs them itself: call it first."""
    for capability in range(HIGHEST_CAPABILITY + 1):
        prctl(PR_CAPBSET_DROP, capability)  # refused where there is nothing to drop
    prctl(PR_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    close_way_to_capabilities()
    header = struct.pack("Ii", CAPABILITIES_VERSION_3, 0)
    checked(_library.capset(header, bytes(24)), "capabilities", "capset")


def no_new_privileges() -> None:
    """From now on no program that is started gets more rights than this process has."""
    checked(prctl(PR_SET_NO_NEW_PRIVS, 1), "no new privileges", "prctl")


def set_dumpable(dumpable: bool) -> None:
    """Let processes of the same user look into this one, or not."""
    prctl(PR_SET_DUMPABLE, int(dumpable))


def die_with_parent() -> None:
    """Be killed when the parent ends. Cleared by a change of credentials: call it after those."""
    checked(prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL)), "parent's death signal", "prctl")


def clone_as(user: int | None, flags: int) -> int:
    """`clone` as another user (as root), with root's own permission to make namespaces; None for no change.

    The child keeps root as its real and saved user, which mean nothing in its own user namespace: it must
    leave them (`setresuid`) once its map of users is written.
    """
    if user is None:
        return clone(flags)
    groups, group = os.getgroups(), os.getegid()
    dumpable, death_signal = prctl(PR_GET_DUMPABLE), ctypes.c_int(0)
    prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal))
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    pid = -1
    try:
        os.setgroups([])
        os.setegid(user)
        os.seteuid(user)
        pid = clone(flags)
        failure = ctypes.get_errno()
    finally:
        if pid != 0:
            os.seteuid(0)
            os.setegid(group)
            os.setgroups(groups)
            prctl(PR_SET_SECUREBITS, 0)
            # A change of user takes these two away.
            prctl(PR_SET_PDEATHSIG, death_signal.value)
            prctl(PR_SET_DUMPABLE, dumpable)
    ctypes.set_errno(failure)
    return pid


def change_user(user: int) -> None:
    """Become another user for good, as root."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def wipe_environment() -> None:
    """Overwrite the environment that this program was started with, which /proc shows as long as it runs."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except FileNotFoundError:
        return  # without /proc nothing shows it
    start, end = int(fields[47]), int(fields[48])
    if 0 < start < end:
        ctypes.memset(start, 0, end - start)
