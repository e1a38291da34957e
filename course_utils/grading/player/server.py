"""The preloaded process: what notebooks need is imported once (`preload.py`), and a player forked for each.

It is started by the judge with an empty environment and gets the staged copy of the course's package. It
never holds a secret. It never computes before it forks: a pool of threads that was started here would hang
every player that uses it.

It has two descriptors: a socket whose end is the end of this process, and a listening socket for judges. A
request is one line of JSON, the policy of a player, and two descriptors: the player's end of its channel, and
a pipe on which the player says which layers are on, or why it could not be shut in. The answer is one line
with the player's pid, and a pidfd.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
from typing import Any, cast

OWN = ("course_utils.checking.checker", "course_utils.data", "course_utils.figures")
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
"""The whole environment of the process, but for its home."""


def preload() -> Any:
    """Import what notebooks use of the course, and return a kernel that waits to be forked."""
    from course_utils.grading.player.kernel import make_kernel

    kernel = make_kernel()
    for name in OWN:
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
    torch.default_generator.seed()
    torch.set_num_threads(1)
    Player(kernel, open_link(socket.socket(fileno=channel))).play()


def serve(life: socket.socket, listener: socket.socket, kernel: Any) -> None:
    """Fork players for judges, until whoever started this process has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for players: the kernel reaps them
    selector = selectors.DefaultSelector()
    selector.register(life, selectors.EVENT_READ)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is life:
                return
            if key.fileobj is listener:
                judge, _ = listener.accept()
                judge.sendall(b"ready\n")
                selector.register(judge, selectors.EVENT_READ)
                continue
            judge = cast(socket.socket, key.fileobj)
            try:
                _answer(judge, kernel)
            except OSError:  # the judge has ended
                selector.unregister(judge)
                judge.close()


def _answer(judge: socket.socket, kernel: Any) -> None:
    """Fork a player as a judge asks for it."""
    from course_utils.grading.sandbox.fork import fork_player
    from course_utils.grading.sandbox.policy import Policy
    from course_utils.grading.sandbox.system import LayerError

    request, descriptors, _, _ = socket.recv_fds(judge, MOST_REQUEST_BYTES, 2)
    if not request:
        raise ConnectionResetError
    channel, report = descriptors

    def tell(layers: list[str] | LayerError) -> None:
        said = {"failed": str(layers)} if isinstance(layers, LayerError) else {"layers": layers}
        os.write(report, json.dumps(said).encode())
        os.close(report)

    try:
        policy = Policy.from_data(json.loads(request))
        play = functools.partial(_play, kernel, channel)
        pid = fork_player(policy, play, keep=[channel, report], report=tell)
        os.close(report)
    except LayerError as error:
        tell(error)
        pid = 0
    except RuntimeError as error:  # a thread was started here
        tell(LayerError("fork", str(error)))
        pid = 0
    os.close(channel)
    answer = json.dumps({"pid": pid}).encode() + b"\n"
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        judge.sendall(answer)
        return
    socket.send_fds(judge, [answer], [handle])
    os.close(handle)


def run(life: socket.socket, listener: socket.socket) -> None:
    """Preload and serve."""
    kernel = preload()
    gc.collect()
    gc.freeze()  # a collection in a player would copy every page
    serve(life, listener, kernel)
