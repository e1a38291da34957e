"""Import what notebooks use, then become the process that players are forked from.

    python -P preload.py LIFE LISTENER

It is run by its path, before the course's package is on the path of this process: the judge may still be
making the copy of the package that players see. When that is there, the judge says so on LIFE, in one line of
JSON: the copy's folder, and what else the chapter's notebooks import. LISTENER is for `server.py`.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import os
import socket
import sys
from types import SimpleNamespace

PRELOADED = (
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "jaxtyping",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "numpy",
    "pandas",
    "pandas.io.formats.html",
    "pandas.io.formats.string",
    "tornado.platform.asyncio",
    "torch",
    "torch.optim",
)
MOST_BYTES = 2**20


def main() -> None:
    """Import, wait for the package, and serve."""
    life, listener = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    # pandas asks when it is loaded whether a notebook shows its tables, and remembers that.
    builtins.get_ipython = lambda: SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    for name in PRELOADED:
        importlib.import_module(name)
    with life.makefile("rb") as lines:
        line = lines.readline(MOST_BYTES)
    if not line:
        return  # nobody needs it any more
    wanted = json.loads(line)
    sys.path.insert(0, wanted["package"])
    for name in wanted["libraries"]:
        # What cannot be imported here cannot be in a notebook either, and says so there.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
        if len(os.listdir("/proc/self/task")) > 1:
            raise SystemExit(f"{name} starts a thread when it is imported, so that no player can be forked")
    del builtins.get_ipython  # type: ignore[attr-defined]
    from course_utils.grading.player.server import run

    run(life, listener)
    os._exit(0)  # to take down everything that was loaded would take a while


if __name__ == "__main__":
    main()
