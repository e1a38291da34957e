"""Wrong versions of a reference, made by editing its source."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
import types
from typing import Any


@functools.cache
def module_source(module_name: str) -> str:
    """Return the source text of an imported module."""
    return inspect.getsource(sys.modules[module_name])


@functools.cache
def source_segment(target: Any) -> str:
    """Return the source of a function or class as it stands in its module, decorators included."""
    return inspect.getsource(target)


def apply_edits(target: Any, edits: list[tuple[str, str]]) -> str:
    """Return the source of `target` with each (old, new) replaced.

    Raises:
        ValueError: an old text does not occur exactly once, or nothing is left to run.
    """
    segment = source_segment(target)
    for old, new in edits:
        count = segment.count(old)
        if count != 1:
            raise ValueError(
                f"the edit {old!r} -> {new!r} must apply exactly once to {target.__qualname__}, "
                f"but its text occurs {count} times: bring the edit in step with the reference"
            )
        segment = segment.replace(old, new)
    return segment


def rebuild(reference: Any, target: Any, segment: str, filename: str) -> Any:
    """Return the reference as it would be if `target` had the given source.

    The target's whole module is executed anew, so that everything in it that calls the target
    calls the edited one. The real module is left alone.
    """
    source = module_source(target.__module__)
    original = source_segment(target)
    if source.count(original) != 1:
        raise ValueError(f"the source of {target.__qualname__} is not found once in {target.__module__}")
    edited = _execute(target.__module__, source.replace(original, segment), filename)
    if reference.__module__ == target.__module__:
        return _lookup(edited, reference.__qualname__)
    outer = _execute(reference.__module__, module_source(reference.__module__), filename)
    name = target.__qualname__.split(".")[0]
    setattr(outer, name, getattr(edited, name))
    return _lookup(outer, reference.__qualname__)


def with_edits(reference: Any, edits: list[tuple[str, str]], target: Any | None = None) -> Any:
    """Return the reference with edits applied to it, or to the `target` that it uses."""
    target = reference if target is None else target
    return rebuild(reference, target, apply_edits(target, edits), "<known mistake>")


def syntax_tree(target: Any) -> ast.Module:
    """Parse the source of a function or class."""
    return ast.parse(textwrap.dedent(source_segment(target)))


def _execute(module_name: str, source: str, filename: str) -> types.ModuleType:
    module = types.ModuleType(module_name)
    module.__file__ = getattr(sys.modules[module_name], "__file__", None)
    module.__package__ = module_name.rpartition(".")[0]
    exec(compile(source, filename, "exec", dont_inherit=True), vars(module))
    return module


def _lookup(module: types.ModuleType, qualified_name: str) -> Any:
    found: Any = module
    for part in qualified_name.split("."):
        found = getattr(found, part)
    return found
