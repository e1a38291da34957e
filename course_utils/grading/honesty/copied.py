"""Findings on answers that hold the course's own text: its statements in their order, or its messages."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.grading.honesty.fragments import BUILTINS, SKIPPED, constant_text
from course_utils.grading.honesty.names import Names, definitions
from course_utils.grading.honesty.reading import CodeCell, parse, walk
from course_utils.grading.honesty.report import Finding

FEWEST_TOKENS, FEWEST_STATEMENTS = 100, 12
"""A reference of so many tokens or statements that stands in an answer is told; the shorter ones are what
everybody writes who follows the task."""
SHORTEST_MESSAGE = 25
MOST_STATEMENTS = 2_000


@dataclass(frozen=True)
class Statement:
    """A statement without its inner block: its tokens, with a gap for each name, and the names."""

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Reference:
    """The statements of a reference and the messages that it holds."""

    statements: tuple[Statement, ...]
    messages: frozenset[str]

    @property
    def size(self) -> int:
        """How many tokens it has, guards left out."""
        return sum(len(statement.tokens) for statement in self.statements)

    @property
    def counts(self) -> bool:
        """Whether it is so long that nobody writes the same by chance."""
        return self.size >= FEWEST_TOKENS or len(self.statements) >= FEWEST_STATEMENTS


def references(exercises: Mapping[str, Any], released: list[CodeCell]) -> dict[str, Reference]:
    """Return what the references of a chapter are made of; what the released notebook shows is left out."""
    given = frozenset().union(*(messages(cell.tree) for cell in released))
    found = {}
    for name, exercise in exercises.items():
        if exercise.kind not in ("function", "stateful", "module"):
            continue
        try:
            tree = parse(textwrap.dedent(inspect.getsource(exercise.reference)))
        except (OSError, TypeError, SyntaxError, ValueError):
            continue
        shown = [top for cell in released for top in cell.tree.body if getattr(top, "name", "") == name]
        found[name] = Reference(tuple(_without(shown, tree.body[0])), messages(tree) - given)
    return found


def _without(shown: list[ast.stmt], reference: ast.stmt) -> Iterator[Statement]:
    """Return the statements of a reference, without those that the released notebook gives in its place."""
    given = Counter((s.tokens, s.names) for top in shown for s in statements_of(top))
    for statement in statements_of(reference):
        key = (statement.tokens, statement.names)
        if given[key] and statement.names:  # the head of a method is not worth a word
            given[key] -= 1
        else:
            yield statement


def copied(references: Mapping[str, Reference], cells: list[CodeCell]) -> list[Finding]:
    """Return the answers that hold the reference's statements in order, or its messages."""
    found = []
    made = definitions(cells, Names())
    for exercise, reference in references.items():
        for cell, statement in made.get(exercise, []):
            lines = holds(list(statements_of(statement)), reference) if reference.counts else []
            if lines:
                what = (
                    f"holds all {len(lines)} statements of the course's own answer in their order (lines "
                    f"{min(lines)} to {max(lines)}), with other names, comments or layout or with the same"
                )
                found.append(Finding("copy", exercise, cell.name, min(lines), what))
    for cell in cells:
        found += _messages_in(references, cell)
    return found


def _messages_in(references: Mapping[str, Reference], cell: CodeCell) -> Iterator[Finding]:
    """Tell the first message of each reference that a cell holds."""
    held = sorted(_message_lines(cell.tree))
    for exercise, reference in references.items():
        for line, message in held:
            if message in reference.messages:
                what = f"holds a message of the course's own answer, word for word: {message[:60]!r}"
                yield Finding("copy", exercise, cell.name, line, what)
                break


def statements_of(top: ast.AST) -> Iterator[Statement]:
    """Return the statements in the order of the text.

    Guards (an `if` that only raises), texts, imports, declarations without a value and `pass` are left out.
    """
    waiting = list(reversed(getattr(top, "body", [top])))
    seen = 0
    while waiting and seen < MOST_STATEMENTS:
        node = waiting.pop()
        seen += 1
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.AnnAssign) and node.value is None:
            continue
        if isinstance(node, ast.If) and not node.orelse and all(isinstance(s, ast.Raise) for s in node.body):
            continue
        inner: list[ast.stmt] = []
        for name in ("body", "handlers", "orelse", "finalbody"):
            for child in getattr(node, name, []):
                inner += child.body if isinstance(child, ast.ExceptHandler) else [child]
        yield _statement(node)
        waiting += reversed(inner)


def _statement(top: ast.stmt) -> Statement:
    tokens: list[str] = []
    names: list[str] = []
    stack: list[ast.AST] = [top]
    while stack:
        node = stack.pop()
        if isinstance(node, SKIPPED) or (isinstance(node, ast.stmt) and node is not top):
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            tokens.append(type(node).__name__)
            continue
        children = list(ast.iter_child_nodes(node))
        match node:
            case ast.AnnAssign(target, _, ast.expr() as value):
                tokens.append("Assign")
                children = [target, value]
            case ast.Name(name) if name not in BUILTINS:
                tokens.append("_")
                names.append(name)
            case ast.Name(name) | ast.keyword(str() as name):
                tokens.append(name)
            case ast.Attribute(ast.Name("self"), name):
                tokens.append("self._")
                names.append(f"self.{name}")
                children = []
            case ast.Attribute(_, name):
                tokens.append(f".{name}")
            case ast.Constant(value):
                tokens.append(constant_text(value))
            case ast.Expr():
                pass
            case _:
                tokens.append(type(node).__name__)
        stack += reversed(children)
    return Statement(tuple(tokens), tuple(names), getattr(top, "lineno", 0))


def holds(statements: list[Statement], reference: Reference) -> list[int]:
    """Return the lines at which the reference's statements stand, in order; none if one of them is missing.

    Other statements may stand between them. A name must stand for the same name everywhere.
    """
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    lines = []
    rest = iter(statements)
    for wanted in reference.statements:
        for statement in rest:
            if statement.tokens == wanted.tokens and _agree(wanted.names, statement.names, there, back):
                lines.append(statement.line)
                break
        else:
            return []
    return lines


def _agree(
    wanted: tuple[str, ...], found: tuple[str, ...], there: dict[str, str], back: dict[str, str]
) -> bool:
    """Tell whether names can stand for one another as before; if so, remember it."""
    new_there: dict[str, str] = {}
    new_back: dict[str, str] = {}
    for one, other in zip(wanted, found, strict=True):
        known, known_back = there.get(one, new_there.get(one)), back.get(other, new_back.get(other))
        if (known, known_back) == (None, None):
            new_there[one], new_back[other] = other, one
        elif known != other or known_back != one:
            return False
    there.update(new_there)
    back.update(new_back)
    return True


def messages(tree: ast.AST) -> frozenset[str]:
    """Return the texts of a tree that are long enough to be nobody else's.

    Docstrings are left out, and so are the shapes in annotations: two who write them write the same.
    """
    return frozenset(message for _, message in _message_lines(tree))


def _message_lines(tree: ast.AST) -> set[tuple[int, str]]:
    skipped = {
        id(node.value)
        for node in walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.AST):
                skipped |= {id(inner) for inner in walk(annotation)}
    found = set()
    for node in walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            text = " ".join(node.value[:2000].split())
            if " " in text and len(text) >= SHORTEST_MESSAGE:
                found.add((node.lineno, text))
    return found
