"""What a player's processes use, read from outside (/proc), whatever they say themselves."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# A tree that is larger is not read further: its limit is passed anyway.
MOST_PROCESSES = 4096
CPU_CLOCK_SCHEDULER = 2


def tree(pid: int) -> dict[int, int]:
    """Return the threads of a process and of all below it: {pid: number of threads}.

    Orphans hang below process 1 of their namespace, so in tier A nothing is missed.
    """
    found: dict[int, int] = {}
    todo = [pid]
    while todo and len(found) < MOST_PROCESSES:
        process = todo.pop()
        if process in found:
            continue
        with contextlib.suppress(OSError):
            tasks = os.listdir(f"/proc/{process}/task")
            found[process] = len(tasks)
            for task in tasks:
                with (
                    contextlib.suppress(OSError),
                    open(f"/proc/{process}/task/{task}/children", "rb") as file,
                ):
                    todo += map(int, file.read().split())
    return found


def resident_bytes(pids: list[int]) -> int:
    """Return the resident memory of processes, summed: shared pages count once for each. Never too low."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:
            total += int(file.read().split()[1]) * PAGE_BYTES
    return total


def own_bytes(pids: list[int]) -> int:
    """Return the memory that processes have made: anonymous and shared memory, what is shared divided fairly.

    Slower than `resident_bytes`. A process that lets nobody look counts with all that it shares.
    """
    total = 0
    for pid in pids:
        try:
            total += _kibibytes(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:"))
        except OSError:
            with contextlib.suppress(OSError):
                total += _kibibytes(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:"))
    return total << 10


def _kibibytes(path: str, names: tuple[bytes, ...]) -> int:
    """Return the sum of the named lines of a file of /proc."""
    with open(path, "rb") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(names))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of all below it, in seconds.

    Threads that ended count; so do children that were waited for (in steps of 1/100 s). The rest is exact to
    the microsecond, so that an answer can be timed from outside.
    """
    total = 0.0
    for process in tree(pid):
        # The kernel's number for another process's CPU clock (clock_getcpuclockid(3)).
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~process << 3) | CPU_CLOCK_SCHEDULER)
        with contextlib.suppress(OSError, IndexError):
            after_name = (
                Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            )
            times = after_name.split()
            total += (int(times[13]) + int(times[14])) / TICKS_PER_SECOND
    return total


def disk_use(folder: str, most_files: int) -> tuple[int, int]:
    """Return (bytes, number of files and folders) below a folder; counting stops past `most_files`."""
    size, count, todo = 0, 0, [folder]
    while todo and count <= most_files:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                if count > most_files:
                    break
    return size, count
