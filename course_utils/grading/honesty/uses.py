"""Findings on what an answer uses: the course's own answer, what it forbids, and ways to the answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from course_utils.grading.honesty.names import CHECKER, UNKNOWN, Names, definitions, nodes, reach
from course_utils.grading.honesty.reading import CodeCell, statements, walk
from course_utils.grading.honesty.report import Finding

PACKAGE = "course_utils"


INSIDE_THE_CHECKER = frozenset(
    {"exercises", "report", "reference", "reference_answer", "variants", "mistakes", "_evidence", "_find"}
)
INTERPRETER = frozenset(
    {
        "__globals__",
        "__closure__",
        "__code__",
        "__subclasses__",
        "f_globals",
        "f_locals",
        "f_back",
        "gi_frame",
    }
)
READS_SOURCE = ("inspect.getsource", "inspect.getsourcelines", "inspect.getsourcefile", "inspect.getmodule")
SEARCHES_MEMORY = (
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
    "inspect.stack",
    "inspect.currentframe",
    "sys._getframe",
)
TELLING = (ast.Import, ast.ImportFrom, ast.Constant, ast.Attribute, ast.Call, ast.Subscript)
"""The parts of code that can reach for something."""
AS_TEXT = "holds the name of {}, which this exercise asks to build, as a text"
FILES = re.compile(
    r"(?:^|[/\\\s])solutions[/\\]|^solutions$|course_utils[/\\]|course_utils.*\.py\b|[/\\]checks[/\\]"
)


class Chapter:
    """What is known of a chapter before any submission is read.

    Args:
        key: part/chapter.
        exercises: The chapter's exercises by name.
        released: The code of the released notebook.
    """

    def __init__(self, key: str, exercises: Mapping[str, Any], released: Iterable[CodeCell]) -> None:
        self.exercises = exercises
        self.released = list(released)
        own = f"{PACKAGE}.{key.replace('/', '.')}"
        modules = {getattr(each.reference, "__module__", None) or "" for each in exercises.values()}
        # The longest first: `a.b.c` is in `a.b` also where `a` is a module of the chapter.
        self.modules = sorted(
            {own} | {name for name in modules if name.startswith(f"{PACKAGE}.") and ".checks." not in name},
            key=len,
            reverse=True,
        )
        names = Names()
        names.learn(self.released)
        self.given = frozenset(
            path for cell, node, top in _parts(self.released, names) for path in _imported(node)
        )
        self.references = {
            getattr(each.reference, "__qualname__", ""): name
            for name, each in exercises.items()
            if each.kind in ("function", "stateful", "module")
        }

    def inside(self, path: str) -> str | None:
        """Return the name that a path has within the chapter's reference; None where it leads elsewhere."""
        for module in self.modules:
            if path.startswith(f"{module}."):
                return path[len(module) + 1 :]
        return None

    def answer_to(self, path: str) -> str | None:
        """Return the exercise whose reference a path leads to, or into."""
        inside = self.inside(path)
        return None if inside is None else self.references.get(inside.split(".")[0])


def uses(chapter: Chapter, cells: list[CodeCell]) -> list[Finding]:
    """Return what the answers of a submission use that they should make, and whatever reaches for answers."""
    names = Names()
    names.learn([*chapter.released, *cells])
    found = [
        Finding("unread", "", cell.name, 0, f"could not be read here: {cell.problem}")
        for cell in cells
        if cell.problem
    ]
    made = definitions(cells, names)
    for name, exercise in chapter.exercises.items():
        forbidden = tuple(getattr(exercise, "forbids", ()) or ())
        others = [other for other in chapter.exercises if other != name]
        for cell, statement in reach(name, made, others, names):
            found += _in_answer(chapter, names, name, forbidden, cell, statement)
    found += _reaching(chapter, names, cells)
    return _each_once(found)


def _in_answer(
    chapter: Chapter, names: Names, exercise: str, forbidden: tuple[str, ...], cell: CodeCell, top: ast.stmt
) -> Iterator[Finding]:
    """Look at one statement that an answer is made of."""
    modules = {module for module in (path.rpartition(".")[0] for path in forbidden) if module}
    for node in nodes(top, names):
        line = getattr(node, "lineno", 0)
        paths = set(names.paths(node, top))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            paths |= {path for path in _imported(node) if path.rpartition(".")[2] == exercise}
        for path in sorted(paths):
            inside = chapter.inside(path)
            if inside is not None and chapter.answer_to(path) == exercise:
                whole = path[: len(path) - len(inside)] + inside.split(".")[0]
                what = f"uses {whole}, the course's own answer to this exercise"
                yield Finding("reference", exercise, cell.name, line, what)
            elif path.endswith(f".{UNKNOWN}") and path[:-2] in {*modules, *chapter.modules}:
                what = f"takes something from {path[:-2]} by a name that is made while the code runs"
                yield Finding("reach", exercise, cell.name, line, what)
            for target in forbidden:
                if is_the_same(path, target):
                    what = f"uses {target}, which this exercise asks to build"
                    yield Finding("forbidden", exercise, cell.name, line, what)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for target in forbidden:
                if node.value in (target, target.rpartition(".")[2]):
                    yield Finding("forbidden", exercise, cell.name, line, AS_TEXT.format(target))


def is_the_same(path: str, target: str) -> bool:
    """Tell whether a path leads to a thing, or into it.

    A library keeps one thing in many places, so the library and the thing's own name decide.

    >>> is_the_same("torch.ops.aten.gelu.default", "torch.nn.functional.gelu")
    True
    >>> is_the_same("numpy.exp", "torch.exp"), is_the_same("torch.autograd.grad", "torch.autograd")
    (False, True)
    """
    if path == target or path.startswith(f"{target}."):
        return True
    library, *inner = path.split(".")
    return library == target.split(".")[0] and "." in target and target.rpartition(".")[2] in inner


def _reaching(chapter: Chapter, names: Names, cells: list[CodeCell]) -> Iterator[Finding]:
    """Find what goes to where the course keeps its answers, in whatever cell."""
    for cell in cells:
        for magic in cell.magics:
            if (
                PACKAGE in magic.text
                or FILES.search(magic.text)
                or _shows_reference(chapter, names, magic.text)
            ):
                text = magic.text[:80]
                yield Finding(
                    "reach", "", cell.name, magic.line, f"goes to the course's own files by `{text}`"
                )
    quiet = {id(node) for cell in cells for node in _docstrings(cell.tree)}
    for cell, node, top in _parts(cells, names):
        if not isinstance(node, TELLING) or id(node) in quiet:
            continue
        what = _reached(chapter, names, node, top)
        if what:
            yield Finding("reach", "", cell.name, getattr(node, "lineno", 0), what)


def _reached(chapter: Chapter, names: Names, node: ast.AST, top: ast.stmt) -> str | None:
    match node:
        case ast.Import() | ast.ImportFrom():
            return _import_of_answers(chapter, node)
        case ast.Constant(str() as value) if FILES.search(value[:1000]):
            return f"holds the name of a file of the course: {value[:60]!r}"
        case ast.Attribute(_, name) if name in INTERPRETER:
            return f"looks into running code ({name})"
        case ast.Call():
            return _call_that_reaches(chapter, names, node, top)
    for path in sorted(names.paths(node, top)):
        inside = chapter.inside(path) or ""
        if inside.startswith("__") or ".__" in inside:
            return f"takes {path}, which leads to the course's own code"
        if path.startswith(f"{CHECKER}.") and path[len(CHECKER) + 1 :].split(".")[0] in INSIDE_THE_CHECKER:
            return f"takes `{path[len(CHECKER) + 1 :]}` out of the checker, where the answers are"
        if isinstance(node, ast.Attribute) and _is_closed(path):
            return f"uses {path}, which is not for notebooks"
    if isinstance(node, ast.Subscript) and names.paths(node.value, top) & {"sys.modules"}:
        text = names.text(node.slice)
        if text is None or text.split(".")[0] == PACKAGE:
            return f"takes {text or 'a module'} from sys.modules"
    return None


def _import_of_answers(chapter: Chapter, node: ast.Import | ast.ImportFrom) -> str | None:
    for path in _imported(node):
        if path in chapter.given:
            continue
        module = path.removesuffix(".*")
        if _is_closed(path):
            return f"imports {module}, which is not for notebooks"
        exercise = chapter.answer_to(path)
        if exercise:
            return f"imports {path}, the course's own answer to {exercise}"
        if module in chapter.modules:
            return f"imports {module}, where the course's own answers are"
    return None


def _call_that_reaches(chapter: Chapter, names: Names, call: ast.Call, top: ast.stmt) -> str | None:
    called = names.paths(call.func, top)
    plain = call.func.id if isinstance(call.func, ast.Name) else ""
    text = names.text(call.args[0]) if call.args else None
    if plain in ("exec", "eval") and text is None:
        return f"runs code ({plain}) that is made while it runs, so it cannot be read here"
    if plain == "__import__" or called & {
        "importlib.import_module",
        "importlib.__import__",
        "runpy.run_module",
    }:
        if text is None:
            return "imports a module whose name is made while the code runs"
        if text in chapter.modules or _is_closed(text):
            return f"imports {text[:80]}, where the course's own answers are, by a call"
    for path in sorted(called):
        if path in SEARCHES_MEMORY:
            return f"looks into running code ({path})"
        if path in READS_SOURCE and call.args:
            theirs = [p for p in names.paths(call.args[0], top) if p.split(".")[0] == PACKAGE]
            if theirs:
                return f"reads the source of {theirs[0]} ({path})"
    if called & {"sys.modules.get", "sys.modules.pop"} and (text is None or text.split(".")[0] == PACKAGE):
        return f"takes {text or 'a module'} from sys.modules"
    if called & {"sys.modules.items", "sys.modules.values"}:
        return "goes through sys.modules"
    return None


def _is_closed(path: str) -> bool:
    """Tell whether a path leads to a part of the package that no notebook needs."""
    parts = path.split(".")
    return (
        len(parts) > 1
        and parts[0] == PACKAGE
        and parts[1] in ("checks", "checking", "grading", "authoring", "cli")
    )


def _shows_reference(chapter: Chapter, names: Names, text: str) -> bool:
    """Tell whether `thing??` would show the source of a reference."""
    if not text.endswith("??"):
        return False
    try:
        top = ast.parse(text.rstrip("?").strip()).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
        return False
    paths = names.paths(top.value, top) if isinstance(top, ast.Expr) else ()
    return any(path in chapter.modules or chapter.answer_to(path) for path in paths)


def _parts(cells: Iterable[CodeCell], names: Names) -> Iterator[tuple[CodeCell, ast.AST, ast.stmt]]:
    for cell, statement in statements(cells):
        for node in nodes(statement, names):
            yield cell, node, statement


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    """Find the texts that stand by themselves, which do nothing."""
    for node in walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _each_once(found: Iterable[Finding]) -> list[Finding]:
    """Keep the first line of what is said several times of one cell."""
    kept: dict[tuple[str, str, str, str], Finding] = {}
    ordered = sorted(found, key=lambda finding: (finding.cell, finding.line))
    hint = AS_TEXT.split("{}")[0]
    clear = {(each.cell, each.line) for each in ordered if not each.what.startswith(hint)}
    for each in ordered:
        if each.what.startswith(hint) and (each.cell, each.line) in clear:
            continue  # said better
        kept.setdefault((each.kind, each.exercise, each.cell, each.what), each)
    return list(kept.values())
