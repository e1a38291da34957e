# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Where attacks take place: a judge, a preloaded process, and things outside that must stay as they are."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
import resource
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import nbformat
from nbformat import NotebookNode

from course_utils.grading.judging.judge import Judge
from course_utils.grading.judging.notebook import NotebookRun, Playing
from course_utils.grading.judging.players import PreloadedServer
from course_utils.grading.judging.stage import stage_of
from course_utils.grading.places import Chapter, Places
from course_utils.grading.reading import grade_id, parse_notebook
from course_utils.grading.released import ReleasedCell
from course_utils.grading.restore import restore
from course_utils.grading.sandbox import Limits, Policy, player_view
from course_utils.grading.sandbox.processes import tree
from tests.grading.attacks.attack import RIGHT, Attack

ROOT = Path(__file__).resolve().parents[3]
CHAPTER = Chapter("transformers", "attention")
SECRET = "the-text-that-nobody-may-read"
SECRET_SEED = "the-seed-that-nobody-may-know"
MARKS = {
    "scaled_dot_product_attention": 5.0,
    "causal_mask": 2.0,
    "padding_mask": 2.0,
    "split_heads": 2.0,
    "merge_heads": 1.0,
    "MultiHeadAttention": 5.0,
}
# Small enough that nothing hurts where a wall should fail.
LIMITS = Limits(
    cell_seconds=4,
    notebook_seconds=60,
    cpu_seconds=45,
    memory_bytes=512 << 20,
    data_bytes=2 << 30,
    processes=12,
    threads=40,
    open_files=96,
    file_bytes=1 << 20,
    disk_bytes=4 << 20,
    files=200,
    output_characters_per_cell=20_000,
    output_characters=60_000,
    output_bytes_read=4 << 20,
    answer_bytes=8 << 20,
    callbacks=1000,
)
MOST_JUDGE_BYTES = 700 << 20
MORE_JUDGE_BYTES = 300 << 20
HELPERS = """
import builtins, ctypes, gc, importlib, inspect, json, os, signal, socket, struct, subprocess, sys, threading, time
import numpy as np
import IPython
from IPython.display import display

def attempt(name, action):
    try:
        result = action()
    except BaseException as error:
        result = type(error).__name__
    print(f"\\n{name}: {str(result)[:300]}")

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return "done" if result >= 0 else "refused"

def frame(tree, buffers=()):
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    head = struct.pack("<4sII", b"CRS1", len(text), len(buffers))
    return head + struct.pack(f"<{len(buffers)}Q", *map(len, buffers)) + text + b"".join(buffers)

def raw(data):
    from course_utils.grading.player.link import the_link
    the_link().channel.connection.sendall(data)

def observation(value):
    seen = ["dict", "value", value, "failure", None, "changed", ["list"], "printed", "", "seconds", 0.0]
    return ["dict", "say", "seen", "observation", seen]

def forge(sent, name="causal_mask"):
    # Answers the judge in place of the one exercise's answer.
    from course_utils.grading.player import checker as asking
    honest = asking._perform
    def perform(answer, wanted):
        if getattr(answer, "__name__", "") != name:
            honest(answer, wanted)
        else:
            raw(sent() if callable(sent) else sent)
    asking._perform = perform
"""


@functools.cache
def solved() -> NotebookNode:
    """Return the notebook with the right answers."""
    return nbformat.read(Places(ROOT).solution(CHAPTER), as_version=4)


@functools.cache
def released() -> list[ReleasedCell]:
    """Return the cells as they were released; the answers' own sources are never put back."""
    found = []
    for cell in solved().cells:
        settings = cell.metadata.get("nbgrader")
        if settings:
            kinds = {name: bool(settings.get(name)) for name in ("locked", "grade", "solution", "task")}
            points = settings.get("points")
            name = settings["grade_id"]
            found.append(ReleasedCell(name, cell.cell_type, cell.source, checksum="", points=points, **kinds))
    return found


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell that nbgrader knows by a name."""
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


@dataclass
class Scene:
    """What an attack left behind."""

    arena: Arena
    notebook: NotebookNode
    playing: Playing
    seconds: float

    @property
    def points(self) -> dict[str, float]:
        """The points by exercise, as the judge's own records have them."""
        marks = {}
        for name in MARKS:
            record = self.playing.records.get(f"check_{name}")
            marks[name] = record.graded.points if record is not None and record.graded is not None else 0.0
        return marks

    @property
    def text(self) -> str:
        """All that the cells printed."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return "".join(output.text for output in outputs if output.output_type == "stream")

    @property
    def said(self) -> dict[str, str]:
        """What became of each attempt."""
        return dict(line.split(": ", 1) for line in self.text.splitlines() if ": " in line)

    @property
    def everything(self) -> str:
        """The graded notebook as it is written, without what the student wrote."""
        cells = [{**cell, "source": ""} for cell in self.notebook.cells]
        return json.dumps(cells)

    @property
    def why_lost(self) -> str:
        """Why cells were lost."""
        return "; ".join(self.playing.lost.values())


def most_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class Arena:
    """A judge, a preloaded process, and things outside the walls."""

    def __init__(self) -> None:
        # What other tests of this process have used before is not the attacks'.
        self._most_bytes = max(MOST_JUDGE_BYTES, most_memory() + MORE_JUDGE_BYTES)
        self.bait = Path(tempfile.mkdtemp(prefix="bait-"))
        self.bait.chmod(0o755)
        for name in ("gradebook.db", "secret_seed", "other_submission.ipynb"):
            (self.bait / name).write_text(SECRET)
            (self.bait / name).chmod(0o666)
        self.home_bait = Path.home() / f".bait-{self.bait.name}"
        self.home_bait.write_text(SECRET)
        self.listeners = {
            "tcp": socket.socket(socket.AF_INET, socket.SOCK_STREAM),
            "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "unix": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
            "abstract": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        }
        for name in ("tcp", "udp"):
            self.listeners[name].bind(("127.0.0.1", 0))
        self.listeners["unix"].bind(str(self.bait / "socket"))
        (self.bait / "socket").chmod(0o777)
        self.listeners["abstract"].bind(f"\0{self.bait.name}")
        for name, listener in self.listeners.items():
            listener.setblocking(False)
            if name != "udp":
                listener.listen()
        self.bystander = subprocess.Popen(
            ["sleep", "3600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.server = PreloadedServer(stage_of(Places(ROOT), CHAPTER))
        self.judge = Judge(CHAPTER, SECRET_SEED)
        self.judge.prepare(1)
        self.view = player_view([self.server.package], hidden=[ROOT])
        self._before = self._fingerprint()

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()
        self.bystander.kill()
        self.bystander.wait()
        for listener in self.listeners.values():
            listener.close()
        for path in self.bait.iterdir():
            path.unlink()
        self.bait.rmdir()
        self.home_bait.unlink()

    def values(self) -> str:
        """Return the source that tells an attack where everything is."""
        return (
            f"BAIT = {str(self.bait)!r}; HOME_BAIT = {str(self.home_bait)!r}; COURSE = {str(ROOT)!r}\n"
            f"TCP = {self.listeners['tcp'].getsockname()!r}; UDP = {self.listeners['udp'].getsockname()!r}\n"
            f"BYSTANDER = {self.bystander.pid}; JUDGE = {os.getpid()}\n"
        )

    def play(self, attack: Attack) -> Scene:
        """Grade the notebook of an attack."""
        notebook = self._handed_in(attack)
        limits = replace(LIMITS, **attack.limits)
        policy = Policy("A", self.view, limits)
        began = time.monotonic()
        playing = NotebookRun(notebook, self.judge, lambda: self.server.start(policy), limits).run()
        return Scene(self, notebook, playing, time.monotonic() - began)

    def _handed_in(self, attack: Attack) -> NotebookNode:
        notebook = copy.deepcopy(solved())
        answer, test = cell_of(notebook, attack.exercise), cell_of(notebook, f"check_{attack.exercise}")
        answer.source = attack.answer.replace(RIGHT, answer.source)
        make = nbformat.v4.new_code_cell
        if attack.before:
            notebook.cells.insert(notebook.cells.index(answer), make(attack.before))
        if attack.after:
            notebook.cells.insert(notebook.cells.index(test) + 1, make(attack.after))
        if attack.edit is not None:
            attack.edit(notebook)
        notebook = parse_notebook(json.dumps(notebook).encode())
        notebook.cells, _ = restore(notebook.cells, released())
        setup = cell_of(notebook, "setup")
        notebook.cells.insert(notebook.cells.index(setup) + 1, make(HELPERS + self.values()))
        return notebook

    def _fingerprint(self) -> str:
        files = [*sorted(self.bait.iterdir()), self.home_bait]
        said = [(str(path), path.read_bytes() if path.is_file() else b"") for path in files]
        return hashlib.sha256(repr(said).encode()).hexdigest()

    def require_untouched(self, scene: Scene) -> None:
        """Look that nothing outside was read, changed, reached or left running."""
        assert self._fingerprint() == self._before
        assert SECRET not in scene.everything
        assert SECRET_SEED not in scene.everything
        for name, listener in self.listeners.items():
            try:
                if name == "udp":
                    listener.recv(10)
                else:
                    listener.accept()
            except BlockingIOError:
                continue
            raise AssertionError(f"something reached the {name} socket")
        assert self.bystander.poll() is None
        assert self.server.process.poll() is None
        deadline = time.monotonic() + 5
        while len(tree(self.server.process.pid)) > 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(tree(self.server.process.pid)) == [self.server.process.pid]
        assert list(tree(self.server.process.pid).values()) == [1]
        peak = most_memory()
        assert peak < self._most_bytes, f"the judge has used {peak >> 20} MiB"
        # Markup and escapes make a stored output longer than what was shown.
        assert len(scene.everything) < 6 * LIMITS.output_characters
