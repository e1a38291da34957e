"""The kernel's own limits for one process (setrlimit)."""

from __future__ import annotations

import resource

from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.system import LayerError

# After this many further seconds of CPU time a process that ignores SIGXCPU is killed.
CPU_GRACE_SECONDS = 5
# One byte: no core file, and, unlike zero, no program that collects crashes is started either.
CORE_BYTES = (1, 1)


def restrict(limits: Limits, *, count_threads: bool) -> None:
    """Set the limits of this process and of all that it starts.

    `count_threads` sets a limit on processes and threads of the user: only in a user namespace of its own,
    where nobody else's are counted. No limit on the whole address space: torch reserves far more than it
    uses.
    """
    seconds = max(1, round(limits.cpu_seconds))
    wanted = {
        resource.RLIMIT_CORE: CORE_BYTES,
        resource.RLIMIT_CPU: (seconds, seconds + CPU_GRACE_SECONDS),
        resource.RLIMIT_DATA: (limits.data_bytes, limits.data_bytes),
        resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_NOFILE: (limits.open_files, limits.open_files),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    for name in ("RLIMIT_MSGQUEUE", "RLIMIT_RTPRIO", "RLIMIT_NICE"):
        if hasattr(resource, name):
            wanted[getattr(resource, name)] = (0, 0)
    if count_threads:
        wanted[resource.RLIMIT_NPROC] = (limits.threads, limits.threads)
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError) as error:
            raise LayerError("rlimits", f"limit {kind} to {soft}: {error}") from error
