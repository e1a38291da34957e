"""Shut the calling process in: every layer of a policy, in the only order that works."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable

from course_utils.grading.sandbox import landlock, namespaces, rlimits, seccomp, system, users
from course_utils.grading.sandbox.namespaces import Arrival
from course_utils.grading.sandbox.policy import LANDLOCK, NAMESPACES, SECCOMP, Policy
from course_utils.grading.sandbox.system import LayerError

# Where Python expects these two to be ignored, so that writing raises an error instead.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
HIGHEST_DESCRIPTOR = 1 << 20


def environment(policy: Policy) -> dict[str, str]:
    """Return all the environment variables that a player has."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": policy.home,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp" if policy.own_namespaces else policy.home,
        "OMP_NUM_THREADS": str(policy.compute_threads),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def enter(
    policy: Policy,
    keep: Iterable[int] = (),
    *,
    output: int | None = None,
    arrival: Arrival | None = None,
    parent: int | None = None,
) -> list[str]:
    """Put every layer of a policy on this process: a forked child that has not read a student's byte.

    With namespaces of its own, the process forks: what returns is the player, and the caller stays behind as
    process 1 and never returns.

    Parameters
    ----------
    policy
        How to be shut in.
    keep
        File descriptors that stay open (the channel). All others are closed.
    output
        Becomes stdout and stderr; None for /dev/null. stdin is /dev/null.
    arrival
        What `namespaces.fork_inside` returned, where the policy has namespaces.
    parent
        A pidfd of the process that forked, to notice that it ended before this one asked to be told.

    Returns
    -------
    list of str
        The layers that are on, in words.

    Raises
    ------
    LayerError
        When a layer that the tier promises could not be put on. The process must then end.
    """
    layers = []
    if policy.own_namespaces:
        if arrival is None:
            raise LayerError(
                NAMESPACES, "enter() was called outside of them: fork by namespaces.fork_inside()"
            )
        missing = namespaces.settle(policy, arrival)
        layers.append(NAMESPACES + "".join(f" ({what})" for what in missing))
        _die_with(parent)
        player = os.fork()
        if player:
            namespaces.reap(player)
    os.setsid()
    _rearrange_files(set(keep) | ({parent} if parent is not None else set()), output)
    _forget_surroundings(policy)
    layers += _give_up_rights(policy)
    _die_with(None if policy.own_namespaces else parent)
    if parent is not None:
        os.close(parent)
    os.chdir(policy.home)
    rlimits.restrict(policy.limits, count_threads=policy.own_namespaces)
    layers.append("rlimits")
    if LANDLOCK in policy.layers:
        layers.append(_restrict_files(policy))
    if SECCOMP in policy.layers:
        layers.append(seccomp.restrict(own_namespaces=policy.own_namespaces))
    return layers


def _die_with(parent: int | None) -> None:
    """End when the parent ends, even when it ended a moment ago."""
    system.die_with_parent()
    if parent is not None and select.select([parent], [], [], 0)[0]:
        os._exit(1)


def _rearrange_files(keep: set[int], output: int | None) -> None:
    """Point the three standard streams away from the parent's, and close all that is not kept."""
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    for stream in (1, 2):
        os.dup2(nothing if output is None else output, stream)
    low = 3
    for descriptor in sorted(keep):
        if descriptor >= low:
            os.closerange(low, descriptor)
            low = descriptor + 1
    os.closerange(low, HIGHEST_DESCRIPTOR)


def _forget_surroundings(policy: Policy) -> None:
    """Take away the parent's environment, handlers of signals, and file mode mask."""
    os.environ.clear()
    system.wipe_environment()
    os.environ.update(environment(policy))
    os.umask(0o077)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        handler: signal.Handlers = signal.SIG_IGN if number in IGNORED_BY_PYTHON else signal.SIG_DFL
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _give_up_rights(policy: Policy) -> list[str]:
    """Drop capabilities and, as root without a user namespace, the user; return what was done."""
    done: list[str] = []
    if not policy.layers:
        system.set_dumpable(True)
        return done
    system.close_way_to_capabilities()
    if not policy.own_namespaces and users.must_change(policy.change_user):
        user = users.throwaway_user()
        try:
            os.chown(policy.home, user, user)
            system.change_user(user)
        except OSError as error:
            raise LayerError("other user", f"becoming user {user}: {error}") from error
        done.append("a user of its own")
    system.drop_capabilities()
    system.no_new_privileges()
    system.set_dumpable(True)  # the judge reads how much memory is used
    return [*done, "no capabilities"]


def _restrict_files(policy: Policy) -> str:
    """Let Landlock guard the files: in namespaces a second wall, without them the only one."""
    devices = ("/dev/null", "/dev/zero", "/dev/full")
    if policy.own_namespaces:
        return landlock.restrict([("/", landlock.READ)], [*namespaces.WRITABLE, *devices])
    readable = landlock.readable_paths(policy.view)
    readable += [(path, landlock.READ) for path in landlock.ALSO_READABLE]
    return landlock.restrict(readable, [policy.home, *devices])
