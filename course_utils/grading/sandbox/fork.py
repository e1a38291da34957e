"""Fork a player from the preloaded process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable

from course_utils.grading.sandbox import namespaces
from course_utils.grading.sandbox.enter import enter
from course_utils.grading.sandbox.policy import Policy
from course_utils.grading.sandbox.system import LayerError

# Exit statuses of a player that did not come to its end.
EXIT_LAYER_FAILED = 97
EXIT_RUN_FAILED = 98


def fork_player(
    policy: Policy,
    run: Callable[[], None],
    *,
    keep: Iterable[int] = (),
    output: int | None = None,
    report: Callable[[list[str] | LayerError], None] | None = None,
) -> int:
    """Fork a child, shut it in, and call `run` there; the child ends when `run` returns.

    The caller must have one thread only, and must wait for the pid in the end: it is the player, or process 1
    of its namespace, and ends with the player's exit status (128 + the signal that killed it). Both die with
    the caller.

    Parameters
    ----------
    policy
        How the child is shut in.
    run
        What it does inside the walls.
    keep
        File descriptors that the child keeps; all others are closed.
    output
        What its stdout and stderr become; None for /dev/null.
    report
        Called in the child, before `run`, with the layers that are on, or with the error when one failed (the
        child then ends with `EXIT_LAYER_FAILED`). It may use the descriptors that are kept.

    Returns
    -------
    int
        The child's pid, as the caller sees it.

    Raises
    ------
    LayerError
        When the namespaces could not be made.
    """
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"a player must be forked from a process with one thread, this one has {threads}")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or the child would write it once more
    parent = os.pidfd_open(os.getpid())
    arrival = None
    try:
        if policy.own_namespaces:
            pid, arrival = namespaces.fork_inside(policy)
        else:
            pid = os.fork()
    except OSError as error:
        os.close(parent)
        raise LayerError("fork", str(error)) from error
    except LayerError:
        os.close(parent)
        raise
    if pid:
        os.close(parent)
        return pid
    status = EXIT_RUN_FAILED
    try:
        layers = enter(policy, keep, output=output, arrival=arrival, parent=parent)
        if report is not None:
            report(layers)
        status = _run(run)
    except LayerError as error:
        status = EXIT_LAYER_FAILED
        if report is not None:
            report(error)
    except OSError as error:
        status = EXIT_LAYER_FAILED
        if report is not None:
            report(LayerError("sandbox", str(error)))
    finally:
        os._exit(status)


def _run(run: Callable[[], None]) -> int:
    """Call `run` and return the status that the child ends with."""
    status = 0
    try:
        run()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = EXIT_RUN_FAILED
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            status = status or EXIT_RUN_FAILED
    return status & 0xFF
