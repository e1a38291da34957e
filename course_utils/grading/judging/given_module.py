"""The module of the chapter under test, as a player sees it: without what is graded."""

from __future__ import annotations

import ast
from collections.abc import Set
from pathlib import Path

from course_utils.checking.checker import load_exercises
from course_utils.grading.places import Chapter

REFUSING = """
def __getattr__(name):
    if name in {names}:
        raise ImportError(name + " is not given while this chapter is graded: an exercise forbids it")
    raise AttributeError("module " + repr(__name__) + " has no attribute " + repr(name))
"""
IMPORTS = "from course_utils.grading.player.given import given_class, given_function\n"


def graded_names(chapter: Chapter) -> dict[str, set[str]]:
    """Return the names that an exercise compares answers with, by the module that defines them."""
    found: dict[str, set[str]] = {}
    for exercise in load_exercises(str(chapter)).values():
        module = getattr(exercise.reference, "__module__", "")
        if callable(exercise.reference) and not module.startswith("course_utils.checks."):
            found.setdefault(module, set()).add(exercise.reference.__name__)
    return found


def withheld_names(chapter: Chapter) -> set[str]:
    """Return what the chapter's exercises forbid of the course's own: it may be all but an answer."""
    forbidden = (name for exercise in load_exercises(str(chapter)).values() for name in exercise.forbids)
    return {name for name in forbidden if name.startswith("course_utils.")}


def given_module(
    file: Path,
    graded: set[str],
    *,
    imports: str = IMPORTS,
    needed: set[str] | None = None,
    withheld: Set[str] = frozenset(),
) -> str:
    """Return a module's source with every graded function and class replaced by one without code.

    What only the graded ones use is left out too. Comments go with them.

    Args:
        file: The module.
        graded: The names that it defines and that are replaced.
        imports: The statements that import `given_function` and `given_class`.
        needed: The names that others use of the module: what none of them needs is left out too. Where it is
            left out, all that is public stays.
        withheld: Names that are not given, though they are public; whoever asks for one is told so.
    """
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    body: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and statement.name in graded:
            kind = "given_class" if isinstance(statement, ast.ClassDef) else "given_function"
            body += ast.parse(f"{statement.name} = {kind}({statement.name!r})").body
        elif not withheld & set(_defined(statement)):
            body.append(statement)
    body = (
        _without_unused_helpers(body) if needed is None else _only_needed(body, {"__all__", *needed, *graded})
    )
    place = 1 + max(
        (
            index
            for index, statement in enumerate(body)
            if isinstance(statement, (ast.Import, ast.ImportFrom))
        ),
        default=0,
    )
    body[place:place] = ast.parse(imports).body
    if withheld:
        _shorten_all(body)
        body += ast.parse(REFUSING.format(names=sorted(withheld))).body
    return ast.unparse(ast.Module(body, type_ignores=[])) + "\n"


def _without_unused_helpers(body: list[ast.stmt]) -> list[ast.stmt]:
    """Leave out private functions and classes that nothing uses any more."""
    while True:
        used = {
            name.id
            for statement in body
            for name in ast.walk(statement)
            if isinstance(name, ast.Name) and name.id != getattr(statement, "name", None)
        }
        kept = [
            statement
            for statement in body
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            or not statement.name.startswith("_")
            or statement.name in used
        ]
        if len(kept) == len(body):
            return kept
        body = kept


def _only_needed(body: list[ast.stmt], needed: set[str]) -> list[ast.stmt]:
    """Keep the functions, classes and constants that are needed, and what these use."""
    defined = {name: statement for statement in body for name in _defined(statement)}
    waiting, found = list(needed), set()
    while waiting:
        name = waiting.pop()
        if name in defined and name not in found:
            found.add(name)
            waiting += [part.id for part in ast.walk(defined[name]) if isinstance(part, ast.Name)]
    kept = [statement for statement in body if not _defined(statement) or found & set(_defined(statement))]
    _shorten_all(kept)
    return kept


def _shorten_all(body: list[ast.stmt]) -> None:
    """Take out of `__all__` what is not there any more."""
    there = {name for statement in body for name in (*_defined(statement), *_imported(statement))}
    for statement in body:
        if isinstance(statement, ast.Assign) and _defined(statement) == ["__all__"]:
            statement.value = ast.List(
                [name for name in statement.value.elts if name.value in there]  # type: ignore[attr-defined]
            )


def _defined(statement: ast.stmt) -> list[str]:
    """Return the names that a statement defines and that may be left out with it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imported(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return []
    return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
