"""What notebooks and modules use of other modules, found in their source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat

EVERYTHING = "*"
# Each is a name, a dot and a name in the text or a comment of a cell, as in `given.rotary_angles`.
_MENTIONED = re.compile(r"\b([A-Za-z_]\w*\.[A-Za-z_]\w*)\b")


def notebook_source(path: Path) -> str:
    """Return the code of a notebook as Python, without its magics.

    What its text names as `module.name` stands at the end as code: answers may use it too.

    Raises:
        SyntaxError: a cell is not Python.
    """
    cells = nbformat.read(path, as_version=4).cells
    sources = [_without_magics(cell.source) for cell in cells if cell.cell_type == "code"]
    for source in sources:
        ast.parse(source)
    mentioned = {name for cell in cells for name in _MENTIONED.findall(cell.source)}
    return "\n".join([*sources, *sorted(mentioned)])


def _without_magics(source: str) -> str:
    if source.startswith("%%"):
        return ""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())


def used_names(sources: Iterable[str], modules: Iterable[str]) -> dict[str, set[str]]:
    """Return the names that sources use of each module.

    A source that imports everything, or hands a module itself around, uses `EVERYTHING`.

    >>> used_names(["from a import b as c\\nc.f(c.g)\\nfrom a.b import h"], ["a.b"])["a.b"] == {"f", "g", "h"}
    True
    """
    found: dict[str, set[str]] = {module: set() for module in modules}
    for source in sources:
        tree = ast.parse(source)
        aliases = _aliases(tree, found)
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        for attribute in attributes:
            text = ast.unparse(attribute.value)
            if text in aliases:
                found[aliases[text]].add(attribute.attr)
        inner = {id(node.value) for node in attributes}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in inner and node.id in aliases:
                found[aliases[node.id]].add(EVERYTHING)
    return found


def _aliases(tree: ast.AST, found: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the modules by the names that a source gives them; note what it imports of them."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in found}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if node.module in found:
                    found[node.module].add(alias.name)
                if f"{node.module}.{alias.name}" in found:
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return aliases
