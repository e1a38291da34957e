"""Links into the book lead to the section that teaches what an exercise asks for."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from course_utils.checking.checker import load_exercises
from course_utils.checking.sections import FRAME
from course_utils.grading.places import Chapter, Places
from course_utils.grading.reporting.reading import Page, page

ROOT = Path(__file__).resolve().parents[3]
CHAPTERS = ["transformers/attention", "training/backpropagation", "deepseek/latent_attention"]


def book(root: Path, repository: object, *cells: tuple[str, str]) -> Page:
    """Write a course of one chapter and return its page."""
    parts = [{"part": "a", "chapters": [{"chapter": "b", "title": "The b & its c"}]}]
    (root / "course.yml").write_text(json.dumps({"repository": repository, "parts": parts}))
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    (root / "book" / "a").mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in cells])
    nbformat.write(notebook, root / "book" / "a" / "b.ipynb")
    return page(Places(root), Chapter("a", "b"))


CELLS = (
    ("markdown", "# The b\n\n`norm` and softmax"),
    ("markdown", "## What you will be able to do\n\nsoftmax"),
    ("markdown", "## Why a `norm`?\n\nIt is not the softmax_of something."),
    ("code", "## softmax in a comment is no heading\nnorm = softmax(x)"),
    ("markdown", "## The formula\n\n```{literalinclude} x.py\n:pyobject: softmax\n```"),
    ("markdown", "## Common mistakes\n\nscale"),
)
SOURCE = {"url": "https://example.org/course/", "branch": "main"}


def test_the_section_that_shows_the_reference_comes_first(tmp_path: Path) -> None:
    found = book(tmp_path, SOURCE, *CELLS)
    link = found.link("softmax")
    assert link is not None
    assert link.title == "The b & its c: The formula"
    assert link.address == "https://example.org/course/blob/main/book/a/b.ipynb#The-formula"
    norm = found.link("norm")
    assert norm is not None
    assert norm.address.endswith("#Why-a-norm%3F")
    for unknown in ("scale", "", "soft", "of"):
        link = found.link(unknown)
        assert link is not None
        assert link.address == "https://example.org/course/blob/main/book/a/b.ipynb"


def test_a_published_book_is_linked_to(tmp_path: Path) -> None:
    found = book(tmp_path, {**SOURCE, "book": "https://book.example.org/"}, *CELLS)
    link = found.link("norm")
    assert link is not None
    assert link.address == "https://book.example.org/a/b.html#why-a-norm"


@pytest.mark.parametrize("repository", [None, {}, "x", {"url": "javascript:alert(1)"}, {"url": 3}])
def test_without_an_address_there_is_no_link(tmp_path: Path, repository: object) -> None:
    assert book(tmp_path, repository, *CELLS).link("softmax") is None


def test_without_a_course_map_there_is_no_link(tmp_path: Path) -> None:
    assert page(Places(tmp_path), Chapter("a", "b")) == Page("a/b")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_exercises_of_real_chapters_lead_to_sections_that_teach(chapter: str) -> None:
    found = page(Places(ROOT), Chapter.parse(chapter))
    sections = [found.sections.find(name) for name in load_exercises(chapter)]
    # What no section names leads to the chapter.
    assert sum(section is not None for section in sections) >= len(sections) / 3
    assert not any(FRAME.fullmatch(section) for section in sections if section)
    assert all(found.link(name) for name in load_exercises(chapter))
