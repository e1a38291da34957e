"""Reading the code of a submission as text, whatever somebody wrote to make that fail."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_utils.grading.reading import grade_id

MOST_CELLS = 400
MOST_CHARACTERS = 100_000
"""The longest cell that is read. The longest answer of this course has about 4,000 characters."""
MOST_NESTING = 150
MOST_NODES = 40_000
SIGNS = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
MAGIC = re.compile(r"^\s*(?:[\w, ]{1,80}=\s*)?[%!]|^\s*\?|^\s*[\w.]{1,200}\?{1,2}\s*$")


@dataclass(frozen=True)
class MagicLine:
    """A line that IPython understands and Python does not, such as `%run` or `!cat`."""

    line: int
    text: str


@dataclass(frozen=True)
class CodeCell:
    """A cell of code as a tree.

    Attributes:
        name: What a person finds the cell by: nbgrader's name for it, or its place.
        source: The text.
        tree: The statements; none where the text is not Python.
        magics: The lines that only IPython understands.
        problem: Why the cell was not read, where it was not.
    """

    name: str
    source: str
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    magics: tuple[MagicLine, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class TextCell:
    """An answer in words."""

    name: str
    source: str


def parse(source: str) -> ast.Module:
    """Parse Python without running it.

    Raises:
        SyntaxError: the text is not Python.
        ValueError: it is too long or nested too deeply to be read.
    """
    if len(source) > MOST_CHARACTERS:
        raise ValueError(f"it has {len(source):,} characters, and at most {MOST_CHARACTERS:,} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError:
        raise
    except ValueError:
        # A null byte, or half of a surrogate pair: Python would not run it either.
        raise SyntaxError("the text is not Python") from None
    except (RecursionError, MemoryError):
        raise ValueError("it is nested too deeply") from None
    _check_size(tree)
    return tree


def children(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a part, operators and the like left out.

    The standard library's way to go through a tree takes three times as long.
    """
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST) and not isinstance(each, SIGNS)]
        elif isinstance(value, ast.AST) and not isinstance(value, SIGNS):
            found.append(value)
    return found


def walk(top: ast.AST) -> list[ast.AST]:
    """Return all parts of a tree, as `children` gives them."""
    found = [top]
    for node in found:
        found += children(node)
    return found


def _check_size(tree: ast.AST) -> None:
    """Refuse what recursive functions could not walk through later."""
    level: list[ast.AST] = [tree]
    count = 0
    for _ in range(MOST_NESTING):
        count += len(level)
        if count > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES:,} parts")
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def read_code(name: str, source: str) -> CodeCell:
    """Read a cell of code; a cell that is not Python has no statements."""
    lines = source[: MOST_CHARACTERS + 1].split("\n")
    magics: tuple[MagicLine, ...] = ()
    try:
        try:
            return CodeCell(name, source, parse(source))
        except SyntaxError:
            found = [number for number, line in enumerate(lines, 1) if MAGIC.match(line[:300])]
            magics = tuple(MagicLine(number, lines[number - 1].strip()) for number in found)
        hidden = set(found)
        kept = [_blanked(line) if number in hidden else line for number, line in enumerate(lines, 1)]
        return CodeCell(name, source, parse("\n".join(kept)), magics)
    except SyntaxError:
        if source.lstrip().startswith("%%"):
            # Another language, as in `%%bash`. After `%%time` stands Python, which was parsed above.
            magics = tuple(MagicLine(number, line.strip()) for number, line in enumerate(lines, 1))
        return CodeCell(name, source, magics=magics)
    except ValueError as error:
        return CodeCell(name, source[:MOST_CHARACTERS], problem=str(error))


def _blanked(line: str) -> str:
    """Return a statement that does nothing, where a magic was: it may be all that a block holds."""
    return line[: len(line) - len(line.lstrip())] + "pass"


def own_cells(notebook: NotebookNode, released: NotebookNode) -> Iterator[CodeCell | TextCell]:
    """Return the cells in which a student wrote something: those that are not as released.

    What was released is recognized by the text, so that a moved, copied or nameless cell is recognized too.
    """
    texts = {cell.source.strip() for cell in released.cells}
    asked = {
        name
        for cell in released.cells
        if (name := grade_id(cell)) and cell.cell_type == "markdown" and _settings(cell).get("solution")
    }
    for place, cell in enumerate(notebook.cells[:MOST_CELLS], 1):
        name = grade_id(cell) or f"cell {place}"
        if not cell.source.strip() or cell.source.strip() in texts:
            continue
        if cell.cell_type == "code":
            yield read_code(name[:100], cell.source)
        elif name in asked:
            yield TextCell(name[:100], cell.source[:MOST_CHARACTERS])


def _settings(cell: NotebookNode) -> dict[str, object]:
    settings = cell.metadata.get("nbgrader")
    return settings if isinstance(settings, dict) else {}


def released_cells(released: NotebookNode) -> list[CodeCell]:
    """Return the code of a released notebook."""
    return [
        read_code(grade_id(cell) or f"cell {place}", cell.source)
        for place, cell in enumerate(released.cells, 1)
        if cell.cell_type == "code"
    ]


def statements(cells: Iterable[CodeCell]) -> Iterator[tuple[CodeCell, ast.stmt]]:
    """Go through the statements at the top of all cells."""
    for cell in cells:
        for statement in cell.tree.body:
            yield cell, statement
