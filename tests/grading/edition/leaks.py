"""What must not be in a class edition, and looking for it in every file."""

from __future__ import annotations

import ast
import html
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.checking.edits import syntax_tree
from course_utils.grading.judging.stage import PACKAGE
from course_utils.grading.places import Chapter

SHORTEST = 25
HIDDEN_NAME = 20


def normal(text: str) -> str:
    """Take away what another way of writing the same code changes."""
    return re.sub(r"\s+", "", text.replace('"', "'"))


def code_lines(target: Any) -> set[str]:
    """Return the lines of a function's or class's code, without its docstrings and signatures."""
    definition = syntax_tree(target).body[0]
    source = inspect.getsource(target).splitlines()
    found: set[str] = set()
    for node in ast.walk(definition):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        for statement in body:
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                continue
            assert statement.end_lineno is not None
            written = source[statement.lineno - 1 : statement.end_lineno]
            found |= {line.partition("  #")[0] for line in written}
            found |= set(ast.unparse(statement).splitlines())
    return {normal(line) for line in found}


def notebook_text(paths: Iterable[Path]) -> str:
    """Return what notebooks hold, normalized."""
    cells = [cell.source for path in paths for cell in nbformat.read(path, as_version=4).cells]
    return normal("\n".join(cells))


def lessons(root: Path, folder: Path) -> str:
    """Return what the chapters that an edition's book holds teach in their own cells, which is no secret."""
    pages = sorted((folder / "book" / "book").glob("*/*.html"))
    return notebook_text(root / "book" / page.parent.name / f"{page.stem}.ipynb" for page in pages)


def public_text(folder: Path) -> str:
    """Return what an edition hands out on purpose: the exercises, and the code of earlier parts."""
    handed_out = notebook_text(sorted((folder / "exercises").rglob("*.ipynb")))
    parts = {path.name for path in (folder / "course_utils").iterdir()} & {c.part for c in _chapters()}
    for path in sorted((folder / "course_utils").glob("*/*.py")):
        original = PACKAGE / path.parent.name / path.name
        if path.parent.name in parts and path.read_bytes() == original.read_bytes():
            handed_out += normal(path.read_text(encoding="utf-8"))
    return handed_out


def _chapters() -> list[Chapter]:
    return [Chapter.parse(name) for name in chapters_with_checks()]


def secrets_of(folder: Path, chapter: Chapter, taught: str = "") -> dict[str, str]:
    """Return what may be in no file of an edition, normalized, and what each is."""
    public = public_text(folder) + taught
    found: dict[str, str] = {}
    exercises = load_exercises(str(chapter))
    graded = {id(exercise.reference) for exercise in exercises.values()}
    visible = {case.name for e in exercises.values() for case in e.cases if not case.hidden}

    def add(text: str, what: str, shortest: int = SHORTEST) -> None:
        if len(text) > shortest and text not in public:
            found.setdefault(text, what)

    for name, exercise in exercises.items():
        for answer, what in [
            (exercise.reference, "the reference"),
            *((v, "a variant") for v in exercise.variants),
        ]:
            for line in code_lines(answer) if callable(answer) else ():
                add(line, f"{name}, {what}")
        for mistake in exercise.mistakes:
            known = inspect.getclosurevars(mistake.make).nonlocals
            for old, new in known.get("changes", []):
                add(normal(new), f"{name}, an edit")
                if known["of"] is None or id(known["of"]) in graded:
                    add(normal(old), f"{name}, an edit")
            made = known.get("made")
            for line in code_lines(made) if callable(made) else ():
                add(line, f"{name}, a mistake")
        for case in exercise.cases:
            if case.hidden and case.name not in visible:
                add(normal(case.name), f"{name}, a hidden case", HIDDEN_NAME)
    return found


def half_of_a_reference(folder: Path, chapter: Chapter) -> Iterator[str]:
    """Go through the pages that show half of a reference's code or more."""
    for path in sorted(folder.rglob("*.html")):
        text = readable(path)
        for name, exercise in load_exercises(str(chapter)).items():
            if callable(exercise.reference):
                lines = {line for line in code_lines(exercise.reference) if len(line) > SHORTEST}
                if lines and 2 * sum(line in text for line in lines) >= len(lines):
                    yield f"{path.name}: {name}"


def readable(path: Path) -> str:
    """Return a file's text, normalized; of a page what a reader sees."""
    text = path.read_bytes().decode("utf-8", "ignore")
    if path.suffix in (".html", ".ipynb"):
        text += "\n" + html.unescape(re.sub(r"<[^>]*>", "", text))
    return normal(text.replace("\\n", "\n").replace('\\"', '"'))


def leaks(folder: Path, secrets: dict[str, str]) -> Iterator[str]:
    """Go through what is found in a folder and should not be there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = readable(path)
            for secret, what in secrets.items():
                if secret in text:
                    yield f"{path.relative_to(folder)}: {what}: {secret}"
