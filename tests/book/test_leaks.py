"""Nothing that a learner is to find out is in the built book, its sources or the released exercises."""

import html
import json
import re
from pathlib import Path

import pytest

from course_utils.authoring.notebook_files import read_notebook

ROOT = Path(__file__).resolve().parents[2]
REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
# Where a chapter shows the reference on purpose: a folded box, whose text comes from the package.
SHOWN_REFERENCE = re.compile(
    r'<div class="dropdown admonition">.*?</details>|<div class="dropdown admonition">.*?</pre>', re.DOTALL
)


def lines_of(code: str) -> list[str]:
    """Return the lines that say something, without indentation and comments."""
    lines = (line.split("#")[0].strip() for line in code.splitlines())
    return [line for line in lines if len(line) > 8]


def solutions() -> list[tuple[str, list[str]]]:
    """Return the lines of every solution of two lines or more, with where each is from."""
    found = []
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        for cell in read_notebook(path).cells:
            for region in REGION.findall(cell.source):
                lines = lines_of(region)
                if len(lines) >= 2:
                    found.append((f"{path.parent.name}/{path.stem}: {cell.id}", lines))
    return found


def text_of(path: Path) -> str:
    """Return the text of a built file as a reader would copy it, one line of code a line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    if path.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]+>", "", SHOWN_REFERENCE.sub("", text)))
    return text


def leaks(text: str, answers: list[tuple[str, list[str]]]) -> list[str]:
    """Return where the solutions are from that stand in a text as a whole."""
    shown = "\n".join(lines_of(text))
    return [where for where, lines in answers if "\n".join(lines) in shown]


@pytest.mark.built
def test_built_files_leak_no_solution(book):
    answers = solutions()
    files = [
        path for path in book.html.rglob("*") if path.suffix in {".html", ".ipynb", ".md", ".txt", ".py"}
    ]
    assert any(path.suffix == ".ipynb" for path in files) or not answers, (
        "the sources of the chapters were not built"
    )
    found = {path.relative_to(book.html).as_posix(): leaks(text_of(path), answers) for path in files}
    assert not {name: where for name, where in found.items() if where}


@pytest.mark.built
def test_chapters_hold_no_marker_and_no_graded_file_is_built(book):
    # The page for authors explains the markers; a chapter has no use for them.
    chapters = [
        path
        for folder in ("book", "_sources/book")
        for path in (book.html / folder).glob("*/*")
        if path.is_file()
    ]
    marked = [
        path.relative_to(book.html).as_posix()
        for path in chapters
        if path.suffix in {".html", ".ipynb"}
        and re.search(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)", path.read_text(encoding="utf-8"))
    ]
    assert not marked
    foreign = [
        path.relative_to(book.html).as_posix()
        for path in book.html.rglob("*")
        if {"solutions", "exercises", "checks", "grading", "tests"} & set(path.relative_to(book.html).parts)
    ]
    assert not foreign


def test_exercises_leak_no_solution_and_no_hidden_test():
    answers = solutions()
    hidden = {
        line
        for path in (ROOT / "solutions").glob("*/*.ipynb")
        for cell in read_notebook(path).cells
        for region in HIDDEN.findall(cell.source)
        for line in lines_of(region)
    }
    for path in sorted((ROOT / "exercises").glob("*/*.ipynb")):
        text = text_of(path)
        assert not leaks(text, answers), path.name
        assert not [line for line in hidden if line in text], path.name


def test_the_search_finds_a_leak():
    answer = [
        ("here", lines_of("    scores = query @ key.mT  # why\n    return scores.softmax(-1) @ value\n"))
    ]
    assert leaks("def f():\n  scores = query @ key.mT\n\n  return scores.softmax(-1) @ value", answer) == [
        "here"
    ]
    assert leaks("scores = query @ key.mT\nprint(scores.shape)", answer) == []
