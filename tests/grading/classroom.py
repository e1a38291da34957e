"""A course's folder for a class, and notebooks as students hand them in."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nbformat
from nbformat import NotebookNode

from course_utils.checking.checker import load_exercises
from course_utils.checking.edits import apply_edits, module_source, source_segment
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, Places
from course_utils.grading.reading import grade_id

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = Chapter("transformers", "attention")
WRITTEN = "shuffled"
# What a real answer does, but without waiting: the tests' own limits.
LIMITS = ["--PlayNotebook.limits={'cell_seconds': 6}"]


def environment() -> dict[str, str]:
    """Return what commands run with: no setting of the machine's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "JUPYTER_"))}
    return {**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@dataclass(frozen=True)
class Running:
    """A command that was started."""

    process: subprocess.Popen[bytes]
    stream: IO[str]

    def finish(self, seconds: float = 500) -> tuple[str, int]:
        """Wait for the end; return what was printed and the exit status."""
        try:
            status = self.process.wait(timeout=seconds)
        finally:
            self.process.kill()
        self.stream.seek(0)
        return self.stream.read(), status


@dataclass(frozen=True)
class Classroom:
    """A course's folder with one chapter, in which a class is graded."""

    places: Places

    @property
    def root(self) -> Path:
        return self.places.root

    def start(self, *words: str) -> Running:
        """Start `nbgrader` or `course` in the course's folder."""
        modules = {"nbgrader": "nbgrader", "course": "course_utils.cli"}
        command = [sys.executable, "-m", modules[words[0]], *words[1:]]
        # A file, not a pipe: nobody reads it while the command runs.
        stream = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        return Running(process, stream)

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command and return what it printed; its exit status must be the given one."""
        output, found = self.start(*words).finish()
        assert found == status, output[-6000:]
        return output

    def released(self) -> NotebookNode:
        """Return the exercise as a student gets it."""
        return nbformat.read(self.places.exercise(CHAPTER), as_version=4)

    def hand_in(self, student: str, content: NotebookNode | str | bytes) -> Path:
        """Put a notebook, or whatever it is, where it is graded."""
        path = self.places.submitted(CHAPTER, student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
        return path

    def marks(self) -> dict[str, dict[str, float | None]]:
        """Return the marks from the gradebook that were given without a person, by student and cell."""
        with NbGrader(self.places).gradebook() as gradebook:
            submissions = gradebook.find_notebook(CHAPTER.name, CHAPTER.part).submissions
            return {
                notebook.student.id: {grade.name: grade.auto_score for grade in notebook.grades}
                for notebook in submissions
            }

    def graded_notebook(self, student: str) -> NotebookNode:
        """Return a student's notebook as it was graded."""
        return nbformat.read(self.places.autograded(CHAPTER, student), as_version=4)


def as_bytes(content: NotebookNode | str | bytes) -> bytes:
    """Return the bytes of a file, written without any check: students' files may be anything."""
    if isinstance(content, NotebookNode):
        return json.dumps(content).encode()
    return content.encode() if isinstance(content, str) else content


def make_classroom(root: Path, chapters: Iterable[Chapter] = (CHAPTER,)) -> Classroom:
    """Lay out a course's folder."""
    root.mkdir(exist_ok=True)
    for name in ("nbgrader_config.py", "course.yml"):
        shutil.copy(ROOT / name, root)
    for chapter in chapters:
        (root / "solutions" / chapter.part).mkdir(parents=True, exist_ok=True)
        shutil.copy(Places(ROOT).solution(chapter), root / "solutions" / chapter.part)
    return Classroom(Places(root))


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell that nbgrader knows by a name."""
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def answered(released: NotebookNode, answers: dict[str, str], written: str = "") -> NotebookNode:
    """Return a released notebook with answers in its cells; what is not answered stays as released."""
    notebook = copy.deepcopy(released)
    for name, source in answers.items():
        cell(notebook, name).source = source
    if written:
        cell(notebook, WRITTEN).source = written
    return notebook


@functools.cache
def solutions(chapter: Chapter = CHAPTER) -> dict[str, str]:
    """Return the right answers as the notebook with solutions gives them."""
    notebook = nbformat.read(Places(ROOT).solution(chapter), as_version=4)
    return {name: cell(notebook, name).source for name in load_exercises(str(chapter))}


HEAD = """import math
import types

import torch
from torch import Tensor, nn
from torch.nn import functional
"""


def declared(kind: str, name: str, number: int) -> str:
    """Return one of the exercise's declared variants or known mistakes as a cell that stands on its own."""
    exercise = load_exercises(str(CHAPTER))[name]
    reference = exercise.reference
    whole = module_source(reference.__module__)
    answer: Any = exercise.variants[number] if kind == "variants" else None
    if kind == "mistakes":
        made = inspect.getclosurevars(exercise.mistakes[number].make).nonlocals
        if "made" not in made:
            target = made["of"] or reference
            return needed(whole.replace(source_segment(target), apply_edits(target, made["changes"])), {name})
        answer = made["made"]
    tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    source = ast.unparse(tree)
    used = set(re.findall(r"\breference\.(\w+)", source))
    leans = f"reference = types.ModuleType('reference')\nexec({needed(whole, used)!r}, vars(reference))\n"
    head = HEAD + (leans if used else "")
    return f"{head}\n{source}\n{name} = {answer.__name__}\n{name}.__name__ = {name!r}\n"


def _names_made(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def needed(module: str, names: set[str]) -> str:
    """Return the part of a module that some of its definitions need, as a student would hand it in."""
    body = ast.parse(module).body
    made = {name: node for node in body for name in _names_made(node)}
    kept: set[ast.stmt] = set()
    waiting = [made[name] for name in names]
    while waiting:
        node = waiting.pop()
        if node not in kept:
            kept.add(node)
            waiting += [made[n.id] for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in made]
    imports = (ast.Import, ast.ImportFrom)
    return "\n\n".join(ast.unparse(node) for node in body if node in kept or isinstance(node, imports))


def choices(name: str) -> list[str]:
    """Return all answers to an exercise that are known: right, each variant, each known mistake, none."""
    exercise = load_exercises(str(CHAPTER))[name]
    variants = [declared("variants", name, number) for number in range(len(exercise.variants))]
    mistakes = [declared("mistakes", name, number) for number in range(len(exercise.mistakes))]
    return [solutions()[name], *variants, *mistakes, ""]


def exercises() -> Sequence[str]:
    """Return the names of the exercises."""
    return list(load_exercises(str(CHAPTER)))
