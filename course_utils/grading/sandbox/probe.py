"""Try a policy on a throw-away player: what can it reach, and can it still work?

Run as a process of its own (`python -c "...probe.main()"`), because players are forked from one thread. Reads
policies as JSON from stdin, writes what was found for each as JSON to stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from course_utils.grading.sandbox.fork import fork_player
from course_utils.grading.sandbox.policy import Policy
from course_utils.grading.sandbox.system import LayerError

PROBE_SECONDS = 20
BAIT = "the bait was read"


def main() -> None:
    """Try each policy of stdin."""
    results = [try_policy(Policy.from_data(data)) for data in json.load(sys.stdin)]
    json.dump(results, sys.stdout)


def try_policy(policy: Policy) -> dict[str, Any]:
    """Shut a throw-away player in and look, from outside, at what it reached.

    Returns
    -------
    dict
        `layers`: those that were on; `reached`: what should have been out of reach; `failed`: why the player
        could not be shut in or could not work, or None.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-probe-")))
        folder.chmod(0o755)
        bait = folder / "bait.txt"
        bait.write_text(BAIT, encoding="ascii")
        bait.chmod(0o644)
        home = folder / "home"
        home.mkdir()
        if not policy.own_namespaces:
            policy = replace(policy, home=str(home))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(0)
        signals: list[int] = []
        before = signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
        stack.callback(signal.signal, signal.SIGUSR1, before)
        reader, writer = os.pipe()
        stack.callback(os.close, reader)
        judge = os.getpid()
        port = listener.getsockname()[1]

        def report(outcome: list[str] | LayerError) -> None:
            kind = {"failed": str(outcome)} if isinstance(outcome, LayerError) else {"layers": outcome}
            os.write(writer, json.dumps(kind).encode() + b"\n")

        def run() -> None:
            found = {"bait": _attempt(lambda: bait.read_text(encoding="ascii"))}
            _attempt(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            _attempt(lambda: os.kill(judge, signal.SIGUSR1))
            found["work"] = _attempt(lambda: _work(policy))
            os.write(writer, json.dumps(found).encode() + b"\n")

        try:
            pid = fork_player(policy, run, keep=[writer], report=report)
        except (LayerError, OSError) as error:
            return {"layers": [], "reached": [], "failed": str(error)}
        finally_found = _read(reader, writer, pid)
        reached = []
        if finally_found.get("bait") == BAIT:
            reached.append("a file outside")
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
            reached.append("the network")
        if signals:
            reached.append("the judge's process")
        failed = finally_found.get("failed")
        if failed is None and finally_found.get("work") != "done":
            failed = f"ordinary work failed: {finally_found.get('work', 'the player ended early')}"
        return {"layers": finally_found.get("layers", []), "reached": reached, "failed": failed}


def _read(reader: int, writer: int, pid: int) -> dict[str, Any]:
    """Return what the player wrote until it ended; it is killed when it takes too long."""
    os.close(writer)
    pidfd = os.pidfd_open(pid)
    text = b""
    end = time.monotonic() + PROBE_SECONDS
    while select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
        data = os.read(reader, 65536)
        if not data:
            break
        text += data
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    os.waitpid(pid, 0)
    found: dict[str, Any] = {}
    for line in text.splitlines():
        found.update(json.loads(line))
    return found


def _attempt(action: Callable[[], object]) -> str:
    """Do something; return its result or the error, as text."""
    try:
        return str(action())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _work(policy: Policy) -> str:
    """Do what every notebook does: import, compute, write a file, and in namespaces start a process."""
    import numpy

    product = numpy.ones((3, 5)) @ numpy.ones((5, 2))
    path = Path(policy.home, "work.npy")
    numpy.save(path, product)
    if float(numpy.load(path).sum()) != 30.0:
        raise RuntimeError("a matrix product came out wrong")
    if policy.own_namespaces:
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 7:
            raise RuntimeError("a process could not be started")
    return "done"
