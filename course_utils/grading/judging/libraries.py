"""What the notebooks of a chapter import: loaded once, before the first of them is played."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from course_utils.grading.reading import UnreadableError, read_notebook

OWN = "course_utils"
# What is first imported when something of a module is used, and takes seconds.
IMPORTED_LATE = {"torch.optim": "torch._dynamo"}


def libraries_of(notebook: Path) -> tuple[str, ...]:
    """Return the modules that a notebook with solutions imports, other than the course's own.

    A file that is not there, or is no notebook, imports nothing: each player then imports what it needs.
    """
    try:
        return _libraries(notebook, notebook.stat().st_mtime_ns)
    except OSError:
        return ()


@functools.cache
def _libraries(notebook: Path, _changed: int) -> tuple[str, ...]:
    try:
        cells = read_notebook(notebook.resolve()).cells
    except UnreadableError:
        return ()
    found: set[str] = set()
    for cell in cells:
        if cell.cell_type == "code":
            found |= modules_used(cell.source)
    return tuple(sorted(found))


def modules_used(source: str) -> set[str]:
    """Return the modules that a cell imports, and those that what it uses imports late.

    >>> sorted(modules_used("import numpy as np\\nfrom sklearn.datasets import load_digits"))
    ['numpy', 'sklearn.datasets']
    >>> sorted(modules_used("import torch\\ntorch.optim.Adam([weights])"))
    ['torch', 'torch._dynamo']
    >>> modules_used("%matplotlib inline")
    set()
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    late = {module for name, module in IMPORTED_LATE.items() if name in source or name in found}
    return {name for name in found | late if name.split(".")[0] != OWN}
