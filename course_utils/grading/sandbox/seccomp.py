"""seccomp: which system calls a player may make. A hand-made program for the kernel's filter machine (BPF).

What is forbidden fails with EPERM, so that programs go on; a few calls answer as an older kernel or a file
system without owners would, because programs know how to go on then. Another architecture's calls end the
process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from course_utils.grading.sandbox import syscalls, system
from course_utils.grading.sandbox.system import LayerError

LAYER = "seccomp"

# Looking into and steering other processes, file systems, the kernel, the machine.
FORBIDDEN = syscalls.names("""
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease mount
    umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr unshare
    setns bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key
    request_key kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff
    open_by_handle_at name_to_handle_at quotactl quotactl_fd acct settimeofday clock_settime adjtimex
    clock_adjtime personality fanotify_init fanotify_mark syslog iopl ioperm modify_ldt uselib
    lookup_dcookie vhangup sethostname setdomainname mbind set_mempolicy set_mempolicy_home_node
    migrate_pages move_pages setpriority ioprio_set
""")
# Memory that no process shows as its own; and clone3, whose flags a filter cannot see (libc falls back to
# clone).
UNKNOWN = syscalls.names("""
    clone3 memfd_create memfd_secret shmget msgget
""")

# Tier B shares the machine's processes, network and files with the user who grades.
FORBIDDEN_WITHOUT_NAMESPACES = syscalls.names("""
    fork vfork execve execveat connect bind listen accept accept4 pidfd_open pidfd_send_signal tkill
    semget semop semtimedop semctl shmat shmctl msgsnd msgrcv msgctl mq_open mq_unlink inotify_add_watch
""")
# The process that these calls aim at must be the caller (0 or its own number).
ONLY_ONESELF = syscalls.names("""
    kill tgkill rt_sigqueueinfo rt_tgsigqueueinfo prlimit64 sched_setaffinity sched_setscheduler
    sched_setparam sched_setattr
""")
# Landlock does not guard a file's mode, owner, times and attributes. These calls do nothing and say that all
# went well, because copying a file ends with them.
PRETENDED = syscalls.names("""
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
""")

NEW_NAMESPACES = 0x7E020000
CLONE_THREAD = 0x00010000
AF_UNIX = 1
SOCK_STREAM, SOCK_SEQPACKET = 1, 5
TERMINAL_INPUT = (0x540E, 0x5412, 0x541C)  # TIOCSCTTY, TIOCSTI, TIOCLINUX
SIGNAL_OWNERS_IOCTL = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
SIGNAL_OWNERS_FCNTL = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: a file that signals somebody

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, AND, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_BITS, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
OFFSET_NUMBER, OFFSET_ARCHITECTURE, OFFSET_ARGUMENTS = 0, 4, 16

Step = tuple[int, int, int, int]  # code, steps to skip if true, if false, operand


def _give(answer: int) -> Step:
    """Return the step that ends the program with an answer."""
    return (RETURN, 0, 0, answer)


def _fail(number: int = errno.EPERM) -> Step:
    """Return the step that makes the call fail with an error number (0: do nothing and succeed)."""
    return _give(FAIL | number)


def _argument(index: int) -> Step:
    """Return the step that loads the lower half of a call's argument."""
    return (LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * index)


def _call(name: str, body: list[Step]) -> list[Step]:
    """Return the steps that run `body` (which must end the program) for one system call."""
    number = syscalls.number(name)
    return [] if number is None else [(JUMP_EQUAL, 0, len(body), number), *body]


def _allow_only(index: int, values: tuple[int, ...], failure: int, mask: int | None = None) -> list[Step]:
    """Allow a call when an argument is one of the values."""
    masked = [] if mask is None else [(AND, 0, 0, mask)]
    tests = [(JUMP_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(index), *masked, *tests, _fail(failure), _give(ALLOW)]


def _allow_all_but(index: int, values: tuple[int, ...]) -> list[Step]:
    """Allow a call unless an argument is one of the values."""
    last = len(values) - 1
    tests = [(JUMP_EQUAL, last - place, int(place == last), value) for place, value in enumerate(values)]
    return [_argument(index), *tests, _fail(), _give(ALLOW)]


def program(*, own_namespaces: bool, pid: int) -> list[Step]:
    """Return the filter for a player with or without namespaces of its own, whose number is `pid`."""
    steps: list[Step] = [
        (LOAD, 0, 0, OFFSET_ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, ARCHITECTURES[syscalls.MACHINE]),
        _give(KILL),
        (LOAD, 0, 0, OFFSET_NUMBER),
        (JUMP_AT_LEAST, 0, 1, syscalls.NEWEST + 1),
        _fail(errno.ENOSYS),
    ]
    for name in FORBIDDEN:
        steps += _call(name, [_fail()])
    for name in UNKNOWN:
        steps += _call(name, [_fail(errno.ENOSYS)])
    steps += _call("ioctl", _allow_all_but(1, TERMINAL_INPUT + SIGNAL_OWNERS_IOCTL))
    steps += _call("fcntl", _allow_all_but(1, SIGNAL_OWNERS_FCNTL))
    if own_namespaces:
        steps += _call("clone", [_argument(0), (JUMP_BITS, 0, 1, NEW_NAMESPACES), _fail(), _give(ALLOW)])
        # EOPNOTSUPP and not EPERM: libzmq ends the process when netlink fails in another way.
        steps += _call("socket", _allow_only(0, (AF_UNIX,), errno.EOPNOTSUPP))
    else:
        for name in FORBIDDEN_WITHOUT_NAMESPACES:
            steps += _call(name, [_fail()])
        for name in PRETENDED:
            steps += _call(name, [_fail(0)])
        for name in ONLY_ONESELF:
            steps += _call(name, _allow_only(0, (0, pid), errno.EPERM))
        steps += _call("clone", [_argument(0), (JUMP_BITS, 1, 0, CLONE_THREAD), _fail(), _give(ALLOW)])
        steps += _call("socket", [_fail(errno.EOPNOTSUPP)])
        # A pair of datagram sockets could still send to any address.
        steps += _call(
            "socketpair", _allow_only(1, (SOCK_STREAM, SOCK_SEQPACKET), errno.EOPNOTSUPP, mask=0xF)
        )
    return [*steps, _give(ALLOW)]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def restrict(*, own_namespaces: bool) -> str:
    """Put the filter on this process and on all that it starts."""
    if syscalls.MACHINE not in ARCHITECTURES:
        raise LayerError(LAYER, f"no list of system calls for {syscalls.MACHINE}")
    install(program(own_namespaces=own_namespaces, pid=os.getpid()))
    return LAYER


def install(steps: list[Step]) -> None:
    """Give the kernel a filter for this process and all that it starts; it cannot be taken off."""
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    filtering = _Program(len(steps), ctypes.addressof(buffer))
    system.no_new_privileges()
    result = system.prctl(system.PR_SET_SECCOMP, system.SECCOMP_MODE_FILTER, ctypes.byref(filtering))
    system.checked(result, LAYER, "prctl")
