"""The preloaded process: it imports what chapters need once, and forks a kernel for each notebook.

    python course_utils/kernels/server.py LIFE LISTENER

Both are descriptors: a socket whose end is the end of this process, and a listening socket. There is one
connection for each kernel. A request is one line of JSON (`command`, `cwd`, `env`) with two descriptors, the
kernel's output and error streams. The answer is a line with its `pid`, or with the reason why it is
`refused`; when the kernel has ended, another line gives its status. A connection that is closed ends its
kernel.

The process is run by its file, so that nothing of the course's package is loaded: kernels are to see it as it
is when they start. It has one thread and no open file when it forks, and it never computes: a pool of threads
that was started here would hang every kernel that uses it.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

OF_KERNELS = (
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "IPython.core.completerlib",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
)
"""What a kernel loads before its first cell; what is said meanwhile reaches nobody."""

OF_CHAPTERS = (
    "numpy",
    "torch",
    "torch._dynamo",  # constructing any optimizer imports it
    "pandas",
    "matplotlib.pyplot",
    # Not matplotlib_inline: it looks for the kernel's shell when it is loaded.
    "matplotlib.backends.backend_agg",
    "PIL.PngImagePlugin",
    "rich.console",
    "jaxtyping",
)
"""What chapters load; it must not say anything, since their readers would see that."""

OWN_ENVIRONMENT = {
    # Where pyarrow is installed, pandas loads it, and it starts a thread that this process must not have.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""What this process is started with beside its owner's variables."""

READ_WHEN_LOADED = (
    *("HOME", "LANG", "LANGUAGE", "LC_", "LD_", "TMPDIR", "TZ", "XDG_"),
    *("GOMP_", "KMP_", "MKL_", "OMP_", "OPENBLAS_", "CUDA_", "NPY_", "NUMPY_", "PYTORCH_", "TORCH"),
    *("IPYTHON", "JUPYTER", "MATPLOTLIB", "MPLCONFIGDIR", "PANDAS_", "PYTHON"),
)
"""How the names of variables begin that are read while Python and libraries load: too early for a fork."""

LAUNCHER = ("-m", "ipykernel_launcher")
INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
MOST_REQUEST_BYTES = 2**24
REQUEST_SECONDS = 10.0


class RefusedError(Exception):
    """A fork would not be the same as a new process; the message says why."""


@dataclass
class Request:
    """What a kernel is to be: its command, folder and variables, and its output and error streams."""

    command: list[str]
    cwd: str
    env: dict[str, str]
    streams: list[int]


@dataclass
class Server:
    """The preloaded process's connections and kernels."""

    life: socket.socket
    listener: socket.socket
    loaded_with: Mapping[str, str]
    """The variables that this process was started with; what libraries set themselves is not among them."""
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    kernels: dict[int, socket.socket] = field(default_factory=dict)
    """By pid, the connection of the one who asked for it."""

    def serve(self) -> Request | None:
        """Fork kernels until the owner has ended.

        Returns:
            In a kernel's process what it is to be; None when the owner has ended.
        """
        children, waker = socket.socketpair()
        for end in (children, waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing would be woken
        signal.set_wakeup_fd(waker.fileno())
        for watched in (self.life, self.listener, children):
            self.selector.register(watched, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.life:
                    return None
                if key.fileobj is children:
                    children.recv(4096)
                    self.bury()
                elif key.fileobj is self.listener:
                    self.greet()
                else:
                    request = self.attend(key.fileobj)  # type: ignore[arg-type]
                    if request is not None:
                        self.let_go(children, waker)
                        return request

    def greet(self) -> None:
        """Accept a connection of the same user; another user may not start processes here."""
        connection, _ = self.listener.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[1] == os.getuid():
            self.selector.register(connection, selectors.EVENT_READ)
        else:
            connection.close()

    def attend(self, connection: socket.socket) -> Request | None:
        """Fork a kernel as a connection asks for it, or end the kernel of one that is closed.

        Returns:
            In the kernel's process what it is to be.
        """
        try:
            request = receive(connection)
        except (OSError, ValueError):
            self.hang_up(connection)
            return None
        try:
            check(request, self.loaded_with)
            pid = os.fork()
        except (RefusedError, OSError) as error:
            answer: dict[str, Any] = {"refused": str(error)}
        else:
            if pid == 0:
                return request
            self.kernels[pid] = connection
            answer = {"pid": pid}
        for descriptor in request.streams:
            os.close(descriptor)
        tell(connection, answer)
        return None

    def hang_up(self, connection: socket.socket) -> None:
        """Close a connection and end its kernel."""
        self.selector.unregister(connection)
        connection.close()
        for pid in [pid for pid, other in self.kernels.items() if other is connection]:
            end(pid)

    def bury(self) -> None:
        """Take note of the kernels that have ended."""
        for pid, connection in list(self.kernels.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.kernels[pid]
                tell(connection, {"ended": os.waitstatus_to_exitcode(status)})

    def let_go(self, *others: socket.socket) -> None:
        """Leave, in a kernel's process, what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        watched = [key.fileobj for key in self.selector.get_map().values()]
        self.selector.close()
        for connection in (*watched, *others):
            connection.close()  # type: ignore[union-attr]


def receive(connection: socket.socket) -> Request:
    """Read a request.

    Raises:
        OSError: the connection is closed.
        ValueError: this is no request.
    """
    connection.settimeout(REQUEST_SECONDS)
    said, streams, _, _ = socket.recv_fds(connection, 65536, 2)
    while not said.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(said) > MOST_REQUEST_BYTES:
            raise ConnectionResetError
        said += part
    wanted = json.loads(said)
    return Request(wanted["command"], wanted["cwd"], wanted["env"], list(streams))


def tell(connection: socket.socket, answer: dict[str, Any]) -> None:
    """Send a line; whoever does not listen any more is noticed elsewhere."""
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def end(pid: int) -> None:
    """End a kernel and what it has started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has no group of its own yet
        os.kill(pid, signal.SIGKILL)


def check(request: Request, loaded_with: Mapping[str, str]) -> None:
    """See whether a fork is the same as a new process.

    Args:
        request: What the kernel is to be.
        loaded_with: The variables that this process was started with.

    Raises:
        RefusedError: it is not.
    """
    command = request.command
    if command[0] != sys.executable or tuple(command[1:3]) != LAUNCHER:
        raise RefusedError(f"the kernel is started by another command: {' '.join(command[:3])}")
    names = {name for name in {*loaded_with, *request.env} if name.startswith(READ_WHEN_LOADED)}
    for name in sorted(names):
        if loaded_with.get(name) != request.env.get(name):
            raise RefusedError(f"the kernel's {name} is not that of the preloaded process")
    if not all(os.path.isabs(entry) for entry in loaded_with.get("PYTHONPATH", "/").split(os.pathsep)):
        raise RefusedError("PYTHONPATH names folders that depend on the folder of the notebook")
    if os.path.exists(os.path.join(request.cwd, "matplotlibrc")):
        raise RefusedError("the notebook's folder has settings for matplotlib")
    if not os.access(request.cwd, os.X_OK):
        raise RefusedError(f"there is no folder {request.cwd}")


def preload() -> None:
    """Import what kernels and chapters use, so that nothing of it shows in a kernel.

    Raises:
        RefusedError: something would show: a message, a thread, a file that stays open.
    """
    before = set(os.listdir("/proc/self/fd"))
    # pandas asks when it is loaded whether a notebook shows its tables, and remembers that.
    builtins.get_ipython = lambda: SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    spoken_by(OF_KERNELS)
    said = spoken_by(OF_CHAPTERS)
    del builtins.get_ipython  # type: ignore[attr-defined]
    if said:
        raise RefusedError(f"a library says something when it is loaded: {said.splitlines()[0]}")
    if set(os.listdir("/proc/self/fd")) != before:
        raise RefusedError("a library keeps a file open from when it is loaded")
    # OpenBLAS starts threads when it is loaded, ends them at a fork, and starts them again when it computes.
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    if len(os.listdir("/proc/self/task")) > 1:
        raise RefusedError("a library starts a thread when it is loaded")


def spoken_by(modules: Sequence[str]) -> str:
    """Import modules and return what they say meanwhile, on either stream and in whatever way."""
    with tempfile.TemporaryFile() as spoken:
        kept = [(stream, os.dup(stream)) for stream in (1, 2)]
        for stream, _ in kept:
            os.dup2(spoken.fileno(), stream)
        try:
            for name in modules:
                importlib.import_module(name)
        finally:
            for stream, copy in kept:
                (sys.stdout, sys.stderr)[stream - 1].flush()
                os.dup2(copy, stream)
                os.close(copy)
        return os.pread(spoken.fileno(), 1000, 0).decode(errors="replace").strip()


def become_kernel(request: Request, server: int) -> None:
    """Be the kernel that was asked for, as if `python -m ipykernel_launcher` had been started."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in enumerate([null, *request.streams]):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    launcher = importlib.util.find_spec(LAUNCHER[1])
    assert launcher is not None
    words = request.command[3:]
    sys.orig_argv[:] = request.command
    sys.argv[:] = [str(launcher.origin), *words]
    importlib.invalidate_caches()
    refresh_libraries()

    from ipykernel.kernelapp import IPKernelApp

    if not any(word.startswith("--HistoryManager.hist_file") for word in words):
        words = [*words, "--HistoryManager.hist_file=:memory:"]
    # It ends by itself when this process's parent, the server, is gone.
    IPKernelApp.launch_instance(argv=[*words, f"--IPKernelApp.parent_handle={server}"])


def refresh_libraries() -> None:
    """Put libraries into the state that they have when a new process loads them."""
    import matplotlib
    import numpy
    import torch

    # Python's own generator does this by itself. Otherwise all kernels would draw the same numbers.
    numpy.random.seed()
    torch.default_generator.seed()
    matplotlib.rcParams["backend"] = os.environ.get("MPLBACKEND") or INLINE_BACKEND


def leave(status: int) -> None:
    """End a kernel's process as Python does, without taking every object apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def main() -> None:
    """Preload and serve; in a fork, be a kernel."""
    own = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != own]
    life, listener = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    loaded_with = dict(os.environ)
    try:
        preload()
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None
    gc.collect()
    gc.freeze()  # a collection in a kernel would copy every page
    pid = os.getpid()
    server = Server(life, listener, loaded_with)
    request = server.serve()
    if request is None:
        for kernel in server.kernels:
            end(kernel)
        os._exit(0)
    status = 1
    try:
        become_kernel(request, pid)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        leave(status)


if __name__ == "__main__":
    main()
