"""Who may import whom: the rules that keep answers, checks and marks apart, and a search for violations.

The rules are read from the source, never by importing it, so that an import inside a function counts too.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "course_utils"
REFERENCE = "reference"
NUMERICAL = frozenset({"jaxtyping", "numpy", "torch"})


@dataclass(frozen=True)
class Rule:
    """What a layer of the package may import besides the standard library and itself.

    `layers` are other layers of the package. `libraries` are third-party modules; None stands for every
    one that pyproject.toml declares.
    """

    layers: frozenset[str]
    libraries: frozenset[str] | None


RULES: Mapping[str, Rule] = {
    # A chapter may also import earlier chapters; their order is the course's.
    REFERENCE: Rule(frozenset(), NUMERICAL | {"pandas"}),
    "checks": Rule(frozenset({"checking", REFERENCE, "data"}), NUMERICAL | {"pandas"}),
    # IPython and rich show outcomes; pandas is recognized without being imported.
    "checking": Rule(frozenset(), NUMERICAL | {"IPython", "rich"}),
    "data": Rule(frozenset(), NUMERICAL | {"pandas"}),
    # Matplotlib takes its color cycles from cycler, its own sister package.
    "figures": Rule(frozenset(), NUMERICAL | {"cycler", "matplotlib"}),
    "grading": Rule(frozenset({"checking", "checks", "data"}), None),
    # pytest runs its plugin, and is there where it is used.
    "kernels": Rule(
        frozenset(), frozenset({"ipykernel", "jupyter_client", "matplotlib", "numpy", "pytest", "torch"})
    ),
    "authoring": Rule(frozenset({"checking", "checks", REFERENCE, "data", "kernels"}), None),
    "cli": Rule(frozenset({"checking", "checks", REFERENCE, "data", "grading", "authoring"}), None),
    # The package itself offers the checker.
    PACKAGE: Rule(frozenset({"checking"}), frozenset()),
}
"""The rule of each layer. What is not named here is a part of the course: reference chapters."""

HIDDEN_FROM_NOTEBOOKS = frozenset({"grading", "kernels", "authoring", "cli"})


@dataclass(frozen=True)
class Violation:
    """An import that the rules forbid."""

    file: Path
    line: int
    module: str
    reason: str

    def __str__(self) -> str:
        """Return the violation as one line."""
        return f"{self.file}:{self.line}: imports {self.module}: {self.reason}"


def imported(source: str, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Find every import of a source text, relative ones and `import_module("...")` included.

    Args:
        source: Python source.
        module: The dotted name of the module that the source is of, which relative imports start from.
        is_package: Whether the source is an `__init__.py`.

    Yields:
        The line and the dotted name of what is imported; for `from a import b` that is `a.b`.

    >>> list(imported("from . import attention as reference", "course_utils.transformers.block"))
    [(1, 'course_utils.transformers.attention')]
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            kept = parts[: len(parts) - node.level + is_package] if node.level else []
            start = ".".join([*kept, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = (
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            )
            if function in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def layer_of(module: str) -> str:
    """Return the layer of a module of the package.

    >>> layer_of("course_utils.transformers.attention"), layer_of("course_utils.checks.basics")
    ('reference', 'checks')
    """
    parts = module.split(".")
    if len(parts) == 1:
        return PACKAGE
    return parts[1] if parts[1] in RULES else REFERENCE


def violations(root: Path, chapters: Sequence[str], libraries: frozenset[str]) -> list[Violation]:
    """Find every forbidden import in the package and in the notebooks.

    Args:
        root: The folder that holds `course_utils`, `book`, `exercises` and `solutions`.
        chapters: The chapters in the course's order, each as `part/chapter`.
        libraries: The third-party modules that pyproject.toml declares.

    Returns:
        The violations, in the order of the files.
    """
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        names = list(path.relative_to(root).with_suffix("").parts)
        is_package = names[-1] == "__init__"
        module = ".".join(names[:-1] if is_package else names)
        source = path.read_text(encoding="utf-8")
        for line, target in imported(source, module, is_package=is_package):
            reason = complaint(module, target, chapters, libraries)
            if reason:
                found.append(Violation(path.relative_to(root), line, target, reason))
    return found + list(_in_notebooks(root))


def complaint(module: str, target: str, chapters: Sequence[str], libraries: frozenset[str]) -> str | None:
    """Return why a module may not import the target, or None if it may."""
    layer = layer_of(module)
    rule = RULES[layer]
    top = target.split(".")[0]
    if top == PACKAGE:
        return _inside(module, layer, target, rule, chapters)
    if top in sys.stdlib_module_names:
        return None
    if rule.libraries is None:
        return None if top in libraries else "pyproject.toml does not declare it"
    if top in rule.libraries:
        return None
    return f"{layer} may import {', '.join(sorted(rule.libraries)) or 'no library'}"


def _inside(module: str, layer: str, target: str, rule: Rule, chapters: Sequence[str]) -> str | None:
    """Return why a module may not import another module of the package, or None if it may."""
    wanted = layer_of(target)
    if wanted == PACKAGE:
        return None
    if wanted != layer:
        allowed = ", ".join(sorted(rule.layers)) or "no other layer"
        return None if wanted in rule.layers else f"{layer} may import {allowed}, not {wanted}"
    if layer != REFERENCE:
        return None
    own, other = (_chapter(name, chapters) for name in (module, target))
    if own is None or other is None or own == other:
        return None
    return None if chapters.index(other) < chapters.index(own) else f"{other} comes after {own} in the course"


def _chapter(module: str, chapters: Sequence[str]) -> str | None:
    """Return the chapter that a module, or a name in it, belongs to; None for a part's own `__init__`."""
    key = "/".join(module.split(".")[1:3])
    return key if key in chapters else None


def _in_notebooks(root: Path) -> Iterator[Violation]:
    """Find the imports of notebooks that reach for what is not for them."""
    for folder in ("book", "exercises", "solutions"):
        for path in sorted((root / folder).rglob("*.ipynb")):
            if ".ipynb_checkpoints" in path.parts:
                continue
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            for number, cell in enumerate(cells, start=1):
                if cell["cell_type"] != "code":
                    continue
                for _, target in imported(_python_only("".join(cell["source"])), "notebook"):
                    names = target.split(".")
                    if names[0] != PACKAGE or len(names) == 1:
                        continue
                    if names[1] in HIDDEN_FROM_NOTEBOOKS:
                        reason = f"notebooks never import {names[1]}"
                    elif any(name.startswith("_") for name in names):
                        reason = "notebooks import public names only"
                    else:
                        continue
                    yield Violation(path.relative_to(root), number, target, f"cell {number}: {reason}")


def _python_only(source: str) -> str:
    """Return a cell's source without IPython's own lines; nothing if the rest is no Python."""
    lines = ["pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        # The scaffold of an exercise may be unfinished; it imports nothing then.
        return ""
    return "\n".join(lines)
