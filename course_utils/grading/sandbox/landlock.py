"""Landlock: what files may be read and written, whether TCP may be used, and who may be signalled.

Works for every user, needs no namespace, and cannot be taken off. Kernels know more of it with each version
("ABI"): files from 5.13 on (ABI 1), TCP from 6.7 on (4), signals and abstract sockets from 6.12 on (6).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

from course_utils.grading.sandbox import system
from course_utils.grading.sandbox.system import LayerError
from course_utils.grading.sandbox.view import View, is_within

LAYER = "landlock"
RULE_PATH_BENEATH = 1
CREATE_RULESET_VERSION = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_SOCK, MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
FIRST_ABI_FILES = (1 << 13) - 1
READ = EXECUTE | READ_FILE | READ_DIR
ON_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_SOCKET, SCOPE_SIGNAL = 1, 2

ABI_TCP = 4
ABI_SCOPE = 6

# What a player of tier B may read beside its view: its own process, and what programs ask about the machine.
ALSO_READABLE = (
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/sys/devices/system/cpu",
)


def abi() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    return max(0, system.syscall("landlock_create_ruleset", None, ctypes.c_size_t(0), CREATE_RULESET_VERSION))


def readable_paths(view: View) -> list[tuple[str, int]]:
    """Return (path, rights) for all that is shown and not covered.

    Landlock can only add rights: around a covered folder, each neighbor is named instead. A
    link needs no rule: what it leads to has one or is not shown.
    """
    rules = []
    todo = [path for path in view.shown if not os.path.islink(path)]
    while todo:
        path = todo.pop()
        if path in view.covered:
            continue
        if any(is_within(cover, path) for cover in view.covered):
            rules.append((path, READ_DIR))  # names can be listed below it too, nothing can be read
            todo += [entry.path for entry in os.scandir(path) if not entry.is_symlink()]
        else:
            rules.append((path, READ))
    return rules


def restrict(readable: Iterable[tuple[str, int]], writable: Iterable[str]) -> str:
    """Allow these paths and nothing else, no TCP, and signals among the player's own processes only.

    Returns
    -------
    str
        What is on, with what this kernel's version lacks.
    """
    version = abi()
    if not version:
        raise LayerError(
            LAYER, "the kernel has none (Linux 5.13 or newer, with landlock in its list of modules)"
        )
    files = FIRST_ABI_FILES
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if version >= since:
            files |= right
    network = BIND_TCP | CONNECT_TCP if version >= ABI_TCP else 0
    scope = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL if version >= ABI_SCOPE else 0
    length = 8 if version < ABI_TCP else 16 if version < ABI_SCOPE else 24
    attributes = struct.pack("QQQ", files, network, scope)[:length]
    ruleset = system.checked(
        system.syscall("landlock_create_ruleset", attributes, ctypes.c_size_t(length), 0),
        LAYER,
        "create_ruleset",
    )
    try:
        for path, rights in readable:
            _allow(ruleset, path, rights & files)
        for path in writable:
            _allow(ruleset, path, files & ~(MAKE_CHAR | MAKE_BLOCK | EXECUTE))
        system.no_new_privileges()
        system.checked(system.syscall("landlock_restrict_self", ruleset, 0), LAYER, "restrict_self")
    finally:
        os.close(ruleset)
    return f"landlock (version {version})"


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule for a path and all below it; a path that is not there needs none."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= ON_A_FILE
            rule = struct.pack("=Qi", rights, descriptor)
            result = system.syscall("landlock_add_rule", ruleset, RULE_PATH_BENEATH, rule, 0)
            system.checked(result, LAYER, f"add_rule {path}")
        finally:
            os.close(descriptor)
