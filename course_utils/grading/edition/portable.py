"""Functions of a checks module as source that stands alone.

Some inputs are functions (`numerical_gradient` takes one), a property is judged by a function, a predictor by
its score. Data cannot hold them, and the checks module that defines them must not be handed out. Each is
therefore taken out of its module, with the helpers and constants that it uses and nothing else; one that
reaches into the course's own answers is refused.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from course_utils.checking.edits import module_source
from course_utils.grading.channel.codec import Encoder
from course_utils.grading.channel.tags import Tree

OWN_PACKAGE = "course_utils"
HEAD = '"""Functions that the recorded checks hand to answers, or judge them by."""\n\n'


class NotPortableError(Exception):
    """A function cannot stand alone; the message says why."""


class PortableFunctions:
    """The functions met while a chapter is recorded, by number, and the module that holds their source.

    Args:
        encoder: Encodes what a function closes over; must name callables by `number`.
    """

    def __init__(self) -> None:
        self.encoder = Encoder(name_callable=self.number)
        self.table: list[tuple[str, Tree]] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[Callable] = []  # so that no other function gets the identity of one that is gone
        self._imports: dict[str, None] = {}
        self._helpers: dict[str, str] = {}
        self._makers: dict[str, str] = {}

    def number(self, function: Callable) -> int:
        """Return the number of a function, taking it up when it is new.

        Raises:
            NotPortableError: it cannot stand alone.
        """
        if id(function) not in self._numbers:
            if not isinstance(function, types.FunctionType):
                raise NotPortableError(f"{function!r} is not a function written in Python")
            maker = self._maker(function)
            free = {
                name: cell.cell_contents
                for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            }
            arguments = self.encoder.encode(free)
            self._numbers[id(function)] = len(self.table)
            self._kept.append(function)
            self.table.append((maker, arguments))
        return self._numbers[id(function)]

    def source(self) -> str:
        """Return the module that makes the functions."""
        parts = ["".join(f"{line}\n" for line in sorted(self._imports)), *self._helpers.values()]
        parts += [text.replace("def make(", f"def {name}(") for text, name in self._makers.items()]
        return HEAD + "\n\n".join(part for part in parts if part) + "\n"

    def _maker(self, function: types.FunctionType) -> str:
        """Write what makes a function from the values that it closes over; return its name."""
        node = _node_of(function)
        self._take_globals(function)
        free = ", ".join(function.__code__.co_freevars)
        if isinstance(node, ast.Lambda):
            body = f"    return {ast.unparse(node)}\n"
        else:
            inner = "\n".join(f"    {line}" for line in ast.unparse(node).splitlines())
            body = f"{inner}\n    return {node.name}\n"
        return self._makers.setdefault(f"def make({free}):\n{body}", f"make_{len(self._makers) + 1}")

    def _take_globals(self, function: types.FunctionType) -> None:
        for name in _global_names(function.__code__):
            if name not in function.__globals__:
                continue  # a builtin
            value = function.__globals__[name]
            if isinstance(value, types.ModuleType):
                self._import(value.__name__, f"import {value.__name__} as {name}")
            elif getattr(value, "__module__", None) == function.__module__ and inspect.isfunction(value):
                self._take_helper(name, value)
            elif isinstance(module := getattr(value, "__module__", None), str) and callable(value):
                self._import(module, f"from {module} import {value.__name__} as {name}")
            else:
                self._take_constant(name, value)

    def _import(self, module: str, statement: str) -> None:
        if module.split(".")[0] == OWN_PACKAGE:
            raise NotPortableError(f"it uses {module}")
        self._imports[statement] = None

    def _take_helper(self, name: str, helper: types.FunctionType) -> None:
        if name in self._helpers:
            return
        node = _node_of(helper)
        if isinstance(node, ast.Lambda) or node.name != name:
            raise NotPortableError(f"{name} is not a plain function")
        self._helpers[name] = ast.unparse(node) + "\n"
        try:
            self._take_globals(helper)
        except NotPortableError:
            del self._helpers[name]
            raise

    def _take_constant(self, name: str, value: Any) -> None:
        text = repr(value)
        try:
            same = ast.literal_eval(text) == value
        except (ValueError, SyntaxError):
            same = False
        if not same:
            raise NotPortableError(f"{name} is not a plain constant")
        self._helpers[name] = f"{name} = {text}\n"


@functools.cache
def _nodes(module_name: str) -> list[ast.FunctionDef | ast.Lambda]:
    tree = ast.parse(module_source(module_name))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]


def _node_of(function: types.FunctionType) -> ast.FunctionDef | ast.Lambda:
    """Find a function in the syntax tree of its module; without decorators and annotations."""
    code = function.__code__
    places = [
        (line, column)
        for line, _, column, end in code.co_positions()
        if line is not None and column is not None and (column, end) != (0, 0)
    ]
    found = [
        node
        for node in _nodes(function.__module__)
        if isinstance(node, ast.Lambda) == (function.__name__ == "<lambda>")
        and getattr(node, "name", "<lambda>") == function.__name__
        and all(_begin(node) <= place <= _end(node) for place in places)
    ]
    if not found:
        raise NotPortableError(f"the source of {function.__qualname__} is not found")
    node = max(found, key=_begin)
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        raise NotPortableError(f"{node.name} has a decorator")
    if not all(map(_is_literal, (*node.args.defaults, *node.args.kw_defaults))):
        raise NotPortableError(f"{function.__qualname__} has defaults that are computed")
    return _plain(node)


def _is_literal(node: ast.expr | None) -> bool:
    try:
        return node is None or ast.literal_eval(node) is not node
    except ValueError:
        return False


def _begin(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _plain(node: ast.FunctionDef | ast.Lambda) -> ast.FunctionDef | ast.Lambda:
    """Return a copy without annotations and docstrings, whose names may be the module's own."""
    copied = ast.parse(ast.unparse(node)).body[0]
    for part in ast.walk(copied):
        if isinstance(part, ast.FunctionDef):
            part.returns = None
            if ast.get_docstring(part) is not None and len(part.body) > 1:
                del part.body[0]
        elif isinstance(part, ast.arg):
            part.annotation = None
    if isinstance(copied, ast.FunctionDef):
        return _WithoutAnnotations().visit(copied)
    assert isinstance(copied, ast.Expr)
    assert isinstance(copied.value, ast.Lambda)
    return copied.value


class _WithoutAnnotations(ast.NodeTransformer):
    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Turn `x: T = 1` into `x = 1`."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value, lineno=node.lineno), node)


def _global_names(code: types.CodeType) -> Iterator[str]:
    """Go through the names that a code object, or one inside it, may look up in its module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
