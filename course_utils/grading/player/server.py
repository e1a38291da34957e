"""The preloaded process: it imports what notebooks need once, and forks a ready player for each of them.

It is started by the judge with an empty environment and the staged copy of the course's package, before any
secret exists, and never holds one. It never computes before it forks: a pool of threads that was started here
would hang every player that uses it.

    python -m course_utils.grading.player.server DESCRIPTOR

The descriptor is a socket. A request is one line of JSON, the policy of a player, and two descriptors: the
player's end of its channel, and a pipe on which the player says which layers are on, or why it could not be
shut in. The answer is one line with the player's pid, and a pidfd.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
from typing import Any

PRELOADED = (
    "numpy",
    "torch",
    "torch._dynamo",  # constructing any optimizer imports it
    "torch.nn.functional",
    "torch.optim",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "course_utils.checking.checker",
    "course_utils.data",
    "course_utils.figures",
)
MOST_REQUEST_BYTES = 2**20
# Where pyarrow is installed, pandas loads it, and it starts a thread that this process must not have.
ENVIRONMENT = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""The whole environment of the process. The judge starts it with these and the package's path."""


def preload() -> Any:
    """Import what notebooks use and return a kernel that waits to be forked."""
    from course_utils.grading.player.kernel import make_kernel

    kernel = make_kernel()
    for name in PRELOADED:
        importlib.import_module(name)
    # matplotlib hooks itself into the shell when its backend is loaded; that needs the kernel's.
    import matplotlib_inline.backend_inline

    matplotlib_inline.backend_inline._enable_matplotlib_integration()
    return kernel


def _play(kernel: Any, channel: int) -> None:
    """Be a player: run the cells that come on the channel, and never return to the server."""
    import numpy
    import torch

    from course_utils.grading.player.kernel import Player
    from course_utils.grading.player.link import open_link

    # Otherwise every player would draw the same numbers.
    random.seed()
    numpy.random.seed()
    torch.seed()
    torch.set_num_threads(1)
    Player(kernel, open_link(socket.socket(fileno=channel))).play()


def serve(connection: socket.socket, kernel: Any) -> None:
    """Fork a player for each request, until the judge hangs up."""
    from course_utils.grading.sandbox.fork import fork_player
    from course_utils.grading.sandbox.policy import Policy
    from course_utils.grading.sandbox.system import LayerError

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for players: the kernel reaps them
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, MOST_REQUEST_BYTES, 2)
        if not request:
            return
        channel, report = descriptors

        def tell(layers: list[str] | LayerError, report: int = report) -> None:
            failed = isinstance(layers, LayerError)
            said = {"failed": str(layers)} if failed else {"layers": layers}
            os.write(report, json.dumps(said).encode())
            os.close(report)

        try:
            policy = Policy.from_data(json.loads(request))
            play = functools.partial(_play, kernel, channel)
            pid = fork_player(policy, play, keep=[channel, report], report=tell)
        except LayerError as error:
            tell(error)
            os.close(channel)
            connection.sendall(json.dumps({"pid": 0}).encode() + b"\n")
            continue
        os.close(channel)
        os.close(report)
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            connection.sendall(json.dumps({"pid": 0}).encode() + b"\n")
            continue
        socket.send_fds(connection, [json.dumps({"pid": pid}).encode() + b"\n"], [handle])
        os.close(handle)


def main() -> None:
    """Preload, say so, and serve."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    kernel = preload()
    gc.collect()
    gc.freeze()  # a collection in a player would copy every page
    connection.sendall(json.dumps({"threads": len(os.listdir("/proc/self/task"))}).encode() + b"\n")
    with contextlib.suppress(ConnectionError):
        serve(connection, kernel)


if __name__ == "__main__":
    main()
