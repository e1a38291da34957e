"""Find a free port, and name what holds one that is taken."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from environment import SetUpError, say

HOST = "127.0.0.1"


def taken(port: int) -> bool:
    """Tell whether something listens on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that a port left a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            if problem.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


def holder(port: int) -> str:
    """Return what holds a port, as ` (jupyter-lab, process 123)`; empty where the system does not tell."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A":
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else []:
        try:
            if any(os.readlink(entry) in inodes for entry in (process / "fd").iterdir()):
                return f" (by {(process / 'comm').read_text().strip()}, process {process.name})"
        except OSError:
            continue
    return ""


def choose(setting: str, default: int, avoid: frozenset[int] = frozenset()) -> int:
    """Return the port to use: the one that the setting (PORT, BOOK_PORT) names, else the first free from the
    default on.

    A port that was named is never replaced silently: if it is taken, SetUpError says by what.
    """
    named = os.environ.get(setting, "")
    if named:
        if not named.isdecimal() or not 1 <= int(named) <= 65535:
            raise SetUpError(f"{setting}={named} is not a port: give a whole number from 1024 to 65535.")
        port = int(named)
        if port in avoid or taken(port):
            raise SetUpError(
                f"Port {port} is in use{holder(port)}: stop that, or name another: "
                f"make start {setting}={port + 10}"
            )
        return port
    for port in range(default, default + 50):
        if port not in avoid and not taken(port):
            if port != default:
                say(
                    f"Port {default} is in use{holder(default)}: taking {port} instead "
                    f"(to choose: {setting}=NUMBER)."
                )
            return port
    raise SetUpError(
        f"Ports {default} to {default + 49} are all in use: name a free one: make start {setting}=NUMBER"
    )
