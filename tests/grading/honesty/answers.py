"""Answers that people give, as text: a chapter's variants and mistakes, and what a copyist makes of one."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.checking.edits import apply_edits
from course_utils.checking.exercise import Exercise, Mistake
from course_utils.grading.reading import grade_id, read_notebook

ROOT = Path(__file__).resolve().parents[3]
CHAPTERS = tuple(chapters_with_checks())


def released(chapter: str) -> NotebookNode:
    """Return the notebook that students get."""
    return read_notebook(ROOT / "exercises" / f"{chapter}.ipynb")


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell that nbgrader knows by a name."""
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def answered(notebook: NotebookNode, **answers: str) -> NotebookNode:
    """Return a notebook with answers in its cells."""
    notebook = copy.deepcopy(notebook)
    for name, source in answers.items():
        cell(notebook, name).source = source
    return notebook


def known_answers(exercise: Exercise) -> list[str]:
    """Return the declared variants and mistakes of an exercise as students would write them.

    They carry the exercise's name, and neither the guards nor the texts of the reference.
    """
    if exercise.kind not in ("function", "stateful", "module"):
        return []
    sources = [inspect.getsource(variant) for variant in exercise.variants]
    sources += [source for mistake in exercise.mistakes if (source := _source(exercise, mistake))]
    # An answer that leans on the reference is a shorthand of the declarations, not what a student writes.
    return [_as_written(exercise.name, source) for source in sources if "reference." not in source]


def _source(exercise: Exercise, mistake: Mistake) -> str | None:
    made = inspect.getclosurevars(mistake.make).nonlocals
    if "made" in made:
        return inspect.getsource(made["made"])
    # What changes a helper or a guard, or only adds a statement, leaves the reference as it is: a copy.
    adds = any(new.startswith((f"{old}\n", f"{old};")) for old, new in made["changes"])
    if adds or made["of"] is not None:
        return None
    changed, right = apply_edits(exercise.reference, made["changes"]), inspect.getsource(exercise.reference)
    return None if _as_written("it", changed) == _as_written("it", right) else changed


def _as_written(name: str, source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    first = tree.body[0]
    assert isinstance(first, (ast.FunctionDef, ast.ClassDef))
    first.name, first.decorator_list = name, []
    tree = _Plain().visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree))


class _Plain(ast.NodeTransformer):
    """Leave out guards, docstrings and the words of messages."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args = [ast.Constant("wrong")]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return None if not node.orelse and all(isinstance(s, ast.Raise) for s in node.body) else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node


def honest_class(chapter: str) -> dict[str, NotebookNode]:
    """Return a class in which every known answer was given by somebody, and none of them twice."""
    exercises = load_exercises(chapter)
    known = {name: known_answers(exercise) for name, exercise in exercises.items()}
    notebook = released(chapter)
    students = {}
    for number in range(max(map(len, known.values()))):
        answers = {name: sources[number] for name, sources in known.items() if number < len(sources)}
        students[f"student{number:02d}"] = answered(notebook, **answers)
    return students


class _Renamed(ast.NodeTransformer):
    """Give every name that a piece of code makes another one."""

    def __init__(self, made: Iterable[str]) -> None:
        self.made = {name: f"my_{number}" for number, name in enumerate(sorted(made))}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.made.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = self.made.get(node.arg, node.arg), None
        return node


def renamed(source: str) -> str:
    """Return code as a copyist hands it in: other names, no comments, another layout."""
    tree = ast.parse(source)
    made = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} - {"self"}
    made |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    lines = ast.unparse(_Renamed(made).visit(tree)).split("\n")
    return "\n".join(f"{line}  # step {number}" for number, line in enumerate(lines))
