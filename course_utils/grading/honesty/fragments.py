"""Code and words as sequences of tokens that stay the same when names, comments and layout change."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from course_utils.grading.honesty.reading import CodeCell, TextCell

CODE_LENGTH, CODE_WINDOW = 12, 4
"""A fragment of code is 12 tokens, about one expression; of each 4 neighbors one at least is kept."""
WORDS_LENGTH, WORDS_WINDOW = 5, 2
MOST_TOKENS = 20_000
SKIPPED = (ast.arguments, ast.Import, ast.ImportFrom, ast.Pass, ast.expr_context, ast.Load, ast.Store)
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Unit:
    """One function, one method, what else a cell holds, or one answer in words.

    Attributes:
        cell: The cell that it is in.
        name: What it is called.
        kind: "code" or "words".
        source: The text of the whole cell.
        tokens: Numbers, equal where the code is the same up to names.
        lines: The line of each token.
    """

    cell: str
    name: str
    kind: str
    source: str = field(repr=False)
    tokens: tuple[int, ...] = field(repr=False)
    lines: tuple[int, ...] = field(repr=False)

    @property
    def length(self) -> int:
        """How many tokens a fragment of it has."""
        return CODE_LENGTH if self.kind == "code" else WORDS_LENGTH

    def fragments(self) -> array[int]:
        """Return the hashes of the fragments that are kept, in the order of the text."""
        return array("q", [value for _, value in self.places()])

    def places(self) -> list[tuple[int, int]]:
        """Return where the kept fragments start, and their hashes.

        Winnowing (Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local Algorithms for Document
        Fingerprinting"): of every window of neighbors the smallest hash is kept, so that two texts keep the
        same ones of a passage that they share, wherever it stands.
        """
        window = CODE_WINDOW if self.kind == "code" else WORDS_WINDOW
        hashes = [
            (hash(self.tokens[i : i + self.length]), -i) for i in range(len(self.tokens) - self.length + 1)
        ]
        kept: dict[int, int] = {}
        for start in range(len(hashes) - window + 1):
            value, place = min(hashes[start : start + window])
            kept[-place] = value
        return list(kept.items())


def units(cells: Sequence[CodeCell | TextCell]) -> list[Unit]:
    """Cut a submission into units; reading ends with the unit at which there are more than MOST_TOKENS."""
    found: list[Unit] = []
    count = 0
    for cell in cells:
        for unit in _of_words(cell) if isinstance(cell, TextCell) else _of_code(cell):
            if count <= MOST_TOKENS:
                found.append(unit)
                count += len(unit.tokens)
    return found


def _of_words(cell: TextCell) -> Iterator[Unit]:
    tokens, lines = [], []
    for number, line in enumerate(cell.source.split("\n"), 1):
        for word in re.findall(r"\w+", line.lower()):
            tokens.append(_number(word[:40]))
            lines.append(number)
    yield Unit(cell.name, cell.name, "words", cell.source, tuple(tokens), tuple(lines))


def _of_code(cell: CodeCell) -> Iterator[Unit]:
    rest: list[ast.stmt] = []
    for statement in cell.tree.body:
        if isinstance(statement, ast.ClassDef):
            for inner in statement.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield _unit(cell, f"{statement.name}.{inner.name}", inner.body)
                else:
                    rest.append(inner)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield _unit(cell, statement.name, statement.body)
        else:
            rest.append(statement)
    if rest:
        yield _unit(cell, cell.name, rest)


def _unit(cell: CodeCell, name: str, body: list[ast.stmt]) -> Unit:
    found = [token for statement in body for token in code_tokens(statement)]
    return Unit(
        cell.name,
        name[:100],
        "code",
        cell.source,
        tuple(_number(text) for text, _ in found),
        tuple(line for _, line in found),
    )


def code_tokens(statement: ast.stmt) -> Iterator[tuple[str, int]]:
    """Return the tokens of a statement with their lines.

    Names, signatures, annotations, imports and texts that do nothing are left out or made equal; operators,
    constants, attributes and built-in functions stay. What a student calls `self.something` is a name too.
    """
    stack: list[tuple[ast.AST, int]] = [(statement, getattr(statement, "lineno", 1))]
    while stack:
        node, line = stack.pop()
        line = getattr(node, "lineno", line)
        if isinstance(node, SKIPPED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            children = list(node.body)
        elif isinstance(node, ast.AnnAssign):
            if node.value is None:
                continue
            children = [node.target, node.value]
        if not isinstance(node, ast.Expr):
            yield _text(node), line
        stack.extend((child, line) for child in reversed(children))


def _text(node: ast.AST) -> str:
    match node:
        case ast.Name(name):
            return name if name in BUILTINS else "_"
        case ast.Attribute(ast.Name("self"), _):
            return "._"
        case ast.Attribute(_, name):
            return f".{name}"
        case ast.keyword(name):
            return f"{name}="
        case ast.Constant(value):
            return constant_text(value)
        case ast.AnnAssign():
            return "Assign"
    return type(node).__name__


def constant_text(value: object) -> str:
    """Return a constant as a short text, however large it is."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, bytes):
        return repr(value[:60])
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "a large number"
    return repr(value)


@functools.lru_cache(maxsize=50_000)
def _number(text: str) -> int:
    # Python's own hash of a text differs from process to process; a report should not.
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
