"""How much a player may use: every limit in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

SMALLEST_DATA_BYTES = 2 * GIB


@dataclass(frozen=True)
class Limits:
    """What one player may use, from its start to its end. Each field says what happens when it is reached.

    >>> Limits(cell_seconds=5).cell_seconds
    5
    >>> Limits(files=0)
    Traceback (most recent call last):
    ValueError: the limit files is 0: it must be more than zero
    """

    cell_seconds: float = 60.0
    """Seconds on the clock for one cell. Past it the player is killed; other cells run in a new player."""
    notebook_seconds: float = 600.0
    """Seconds on the clock for the whole notebook. Past it the player is killed; no further cell is run."""
    cpu_seconds: float = 900.0
    """Seconds of CPU time, all processes and threads together. Past it the player is killed."""
    memory_bytes: int = 2 * GIB
    """Memory of its own (not what it shares with the preloaded process). Past it the player is killed."""
    data_bytes: int = 4 * GIB
    """Writable private address space of one process. Past it an allocation fails with `MemoryError`.

    A backstop against what grows faster than the watchdog looks. Torch reserves more than it uses."""
    processes: int = 32
    """Processes at one time. Past it the player is killed. One in tier B, where a new process is refused."""
    threads: int = 128
    """Threads of all processes at one time. In tier A no more can be started; else the player is killed."""
    open_files: int = 256
    """Open files, sockets and pipes of one process. Past it opening fails with `OSError` (EMFILE)."""
    file_bytes: int = 64 * MIB
    """Bytes of one file. Past it writing fails with `OSError` (EFBIG)."""
    disk_bytes: int = 256 * MIB
    """Bytes of all files together. In tier A writing fails with ENOSPC; else the player is killed.

    In tier A the files are kept in memory, beside `memory_bytes`."""
    files: int = 10_000
    """Files and folders together. In tier A one more fails with ENOSPC; else the player is killed."""
    output_characters_per_cell: int = 100_000
    """Characters that one cell may print or display. What follows is cut off, and a sentence says so."""
    output_characters: int = 1_000_000
    """Characters that the whole notebook may print or display. What follows is cut off likewise."""
    output_bytes_read: int = 64 * MIB
    """Bytes that are read from the player's own stdout and stderr at most. Past it the player is killed."""
    answer_bytes: int = 64 * MIB
    """Bytes of one message from the player. A longer one is not read: the player is killed."""
    answer_depth: int = 32
    """Levels of lists within lists in one message. A deeper one is not read: the player is killed."""
    callbacks: int = 100_000
    """Calls from one answer back to a helper of the judge. Past it the player is killed."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"the limit {field.name} is {value}: it must be more than zero")
        if self.data_bytes < SMALLEST_DATA_BYTES:
            raise ValueError(
                f"the limit data_bytes is {in_words(self.data_bytes)}: torch needs at least "
                f"{in_words(SMALLEST_DATA_BYTES)} of address space. Set memory_bytes to cap memory"
            )

    def to_data(self) -> dict[str, Any]:
        """Return the limits as plain data (JSON)."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Limits:
        """Return the limits that `to_data` wrote."""
        return cls(**data)


def in_words(size: int) -> str:
    """Return a number of bytes as people read it.

    >>> in_words(2 << 30), in_words(1536), in_words(200)
    ('2 GiB', '1.5 KiB', '200 bytes')
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"
