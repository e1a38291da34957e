"""Mechanical mutants of a reference: the same code with one small thing changed.

A check that lets one of them pass would let the same slip of a student pass. The mutations are
the ones that people's slips look like: another operator, a constant off by one, two arguments
swapped, a call, a branch, a sign or a statement left out.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_utils.checking.edits import rebuild, syntax_tree
from course_utils.checking.exercise import Exercise

OPERATORS: dict[type[ast.operator], list[type[ast.operator]]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Div, ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}
SWAPPED_OPERANDS = (ast.MatMult, ast.Sub, ast.Div)
COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}


@dataclass(frozen=True)
class Mutant:
    """One mutant: the statement before and after, and the answer that it makes."""

    before: str
    after: str
    line: int
    reference: Any
    tree: ast.Module

    @functools.cached_property
    def answer(self) -> Any:
        """The mutated reference, ready to call."""
        return rebuild(self.reference, self.reference, ast.unparse(self.tree), "<mutant>")


def mutants_of(exercise: Exercise) -> list[Mutant]:
    """Return every mutant of the exercise's reference.

    Guards (an `if` that only raises) are left out unless a case expects an exception, and so are
    messages, annotations, docstrings and defaults that only help the reader.
    """
    reference = exercise.reference
    tree = syntax_tree(reference)
    guards = any(case.raises is not None for case in exercise.cases)
    found: dict[str, Mutant] = {}
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        parameters = [argument.arg for argument in function.args.args if argument.arg != "self"]
        for statement in _statements(function.body, guards):
            for mutated in _mutate(statement, parameters):
                changed = _replaced(tree, statement, mutated)
                source = ast.unparse(changed)
                if source not in found and source != ast.unparse(tree):
                    before, after = _first_line(statement), _first_line(mutated)
                    found[source] = Mutant(before, after, statement.lineno, reference, changed)
    return list(found.values())


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


def _statements(body: list[ast.stmt], guards: bool) -> Iterator[ast.stmt]:
    """Go through the statements that matter, innermost blocks included."""
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.FunctionDef)):
            continue
        is_guard = isinstance(statement, ast.If) and all(isinstance(s, ast.Raise) for s in statement.body)
        if is_guard and not guards:
            continue
        yield statement
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []), guards)


def _replaced(tree: ast.Module, statement: ast.stmt, mutated: ast.stmt) -> ast.Module:
    """Return a copy of the tree with one statement (found by identity) replaced."""

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return mutated if node is statement else super().visit(node)

    # The transformer edits lists in place, so the containers are copied and the statement is not.
    memo = {id(statement): statement}
    return ast.fix_missing_locations(Replace().visit(copy.deepcopy(tree, memo)))


def _mutate(statement: ast.stmt, parameters: list[str]) -> Iterator[ast.stmt]:
    """Yield every version of a statement with one thing of its own (not of inner blocks) changed."""
    if isinstance(statement, (ast.Expr, ast.AugAssign)):
        yield ast.Pass()
    if isinstance(statement, ast.AugAssign):
        for kind in OPERATORS.get(type(statement.op), []):
            yield ast.AugAssign(statement.target, kind(), statement.value)
    if isinstance(statement, ast.If):
        for constant in (True, False):
            yield ast.If(ast.Constant(constant), statement.body, statement.orelse)
    for path in _paths(statement):
        node = _at(statement, path)
        for replacement in _replacements(node, parameters):
            altered = copy.deepcopy(statement)
            _set(altered, path, replacement)
            yield altered


Path = tuple[tuple[str, int | None], ...]
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "annotation", "decorator_list", "returns")


def _paths(node: ast.AST, prefix: Path = ()) -> Iterator[Path]:
    """Yield the place of every expression of a statement, as fields and indices from the top."""
    for name, value in ast.iter_fields(node):
        if name in _BLOCKS and isinstance(node, ast.stmt):
            continue
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if isinstance(item, ast.AST) and not isinstance(item, ast.stmt):
                path = (*prefix, (name, index))
                yield path
                yield from _paths(item, path)


def _at(node: Any, path: Path) -> Any:
    for name, index in path:
        node = getattr(node, name) if index is None else getattr(node, name)[index]
    return node


def _set(node: Any, path: Path, replacement: Any) -> None:
    parent, (name, index) = _at(node, path[:-1]), path[-1]
    if index is None:
        setattr(parent, name, replacement)
    elif replacement is None:
        del getattr(parent, name)[index]
    else:
        getattr(parent, name)[index] = replacement


def _replacements(node: ast.AST, parameters: list[str]) -> Iterator[Any]:
    match node:
        case ast.BinOp(left, op, right):
            for kind in OPERATORS.get(type(op), []):
                yield ast.BinOp(left, kind(), right)
            if isinstance(op, SWAPPED_OPERANDS):
                yield ast.BinOp(right, op, left)
        case ast.Compare(left, [op], [right]):
            for comparison in COMPARISONS.get(type(op), []):
                yield ast.Compare(left, [comparison()], [right])
        case ast.BoolOp(ast.And(), values):
            yield ast.BoolOp(ast.Or(), values)
        case ast.BoolOp(ast.Or(), values):
            yield ast.BoolOp(ast.And(), values)
        case ast.UnaryOp(_, ast.Constant()):
            # -1: handled as the constant inside, so that "-1 -> 1" is made once.
            yield node.operand
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield from (ast.Constant(other) for other in dict.fromkeys((value + 1, value - 1)))
        case ast.Constant(float() as value) if value:
            yield from (ast.Constant(other) for other in (2 * value, -value))
        case ast.Name(name, ast.Load()) if name in parameters:
            yield from (ast.Name(other, ast.Load()) for other in parameters if other != name)
        case ast.Call(ast.Attribute(target), _, _) if not _is_module(target):
            yield target
        case ast.Call(_, [first, *_], _) if not isinstance(first, ast.Starred):
            yield first
        case ast.keyword(name) if name is not None:
            yield None
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.Tuple(elements, ast.Load()) if len(elements) == 2:
            yield ast.Tuple(elements[::-1], ast.Load())


def _is_module(node: ast.AST) -> bool:
    """Whether `x` in `x.f(...)` is a module such as torch, so that leaving out the call makes no sense."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in (
        "torch",
        "np",
        "numpy",
        "math",
        "nn",
        "functional",
        "F",
        "pd",
    )
