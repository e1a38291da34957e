"""The book of a class edition: as it is, but without the references that the edition does not hold."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from course_utils.grading.edition.pages import without_links, without_references
from course_utils.grading.judging.stage import PACKAGE
from course_utils.grading.places import Chapter, GradingError, Places

NOT_FOR_A_CLASS = ("book/for_instructors", "book/for_authors")
BUILDER = "from jupyter_book.cli.main import main; main()"
EXTENSION = "class_edition"
# The buttons lead to the repository, where the answers are, and to services that need it.
EXTENSION_SOURCE = '''"""The book of a class leads to no other copy of the course."""


def settings(_app, config):
    """Take the links to the repository away."""
    buttons = ("repository", "issues", "edit_page", "source", "download")
    config.html_theme_options |= {f"use_{name}_button": False for name in buttons}
    config.html_theme_options |= {
        "launch_buttons": {},
        "extra_footer": "<p>Text and figures: CC BY 4.0. Code: MIT.</p>",
    }
    config.html_copy_source = False
    config.html_show_sourcelink = False


def setup(app):
    """Register the extension, behind the course's own."""
    app.connect("config-inited", settings, priority=200)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
'''


def stage_book(places: Places, package: Path, chapters: Iterable[Chapter], folder: Path) -> None:
    """Write the sources of the book.

    Args:
        places: The course.
        package: The edition's copy of the package; what it does not define is not shown.
        chapters: The chapters that the book holds; pages for instructors and authors are left out too.
        folder: Where they are written.
    """
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb*")
    shutil.copytree(places.root / "book", folder / "book", ignore=ignored)
    for name in ("course.yml", "concepts.yml"):
        shutil.copy2(places.root / name, folder)
    _write_settings(places.root, folder)
    removed = _write_contents(places.root, {f"book/{chapter}" for chapter in chapters}, folder)

    def edited(text: str, page: Path) -> str:
        text = without_references(text, lambda path, name: _may_show(path, name, package, folder))
        return without_links(text, page.relative_to(folder).as_posix(), removed)

    for path in sorted((folder / "book").rglob("*")):
        if path.relative_to(folder).as_posix() in removed:
            path.unlink()
        elif path.suffix == ".ipynb":
            notebook = json.loads(path.read_text(encoding="utf-8"))
            for cell in notebook["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = edited("".join(cell["source"]), path).splitlines(keepends=True)
            path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        elif path.suffix == ".md":
            path.write_text(edited(path.read_text(encoding="utf-8"), path), encoding="utf-8")


def _write_settings(root: Path, folder: Path) -> None:
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    settings.pop("launch_buttons", None)
    settings["sphinx"]["local_extensions"][EXTENSION] = "book/_ext"
    (folder / "_config.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    (folder / "book" / "_ext" / f"{EXTENSION}.py").write_text(EXTENSION_SOURCE, encoding="utf-8")


def _write_contents(root: Path, chapters: set[str], folder: Path) -> set[str]:
    """Write the table of contents without the pages that are left out; return their paths."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    removed = set()
    for part in contents["parts"]:
        kept = []
        for entry in part["chapters"]:
            is_chapter = entry["file"].count("/") == 2
            if entry["file"] in NOT_FOR_A_CLASS or (is_chapter and entry["file"] not in chapters):
                removed |= {entry["file"] + ending for ending in (".md", ".ipynb")}
            else:
                kept.append(entry)
        part["chapters"] = kept
    contents["parts"] = [part for part in contents["parts"] if part["chapters"]]
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
    return removed


def _may_show(path: str, name: str, package: Path, folder: Path) -> bool:
    """Whether the edition holds what a page shows; what it may show is put where the page looks for it."""
    # Paths are relative to the page, and every page of a chapter is two folders deep.
    relative = Path(path.removeprefix("../../"))
    copied, original = package.parent / relative, PACKAGE.parent / relative
    if not copied.is_file():
        return False
    defined = {
        statement.name
        for statement in ast.parse(copied.read_text(encoding="utf-8")).body
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef))
    }
    if name not in defined and (name or copied.read_bytes() != original.read_bytes()):
        return False
    # As it is written in the course: the copy may have lost its comments.
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(original, target)
    return True


def build_book(sources: Path, target: Path) -> None:
    """Build the book as HTML.

    Args:
        sources: What `stage_book` wrote.
        target: The folder of the pages; it must not exist yet.

    Raises:
        GradingError: the book cannot be built.
    """
    done = subprocess.run(
        [sys.executable, "-c", BUILDER, "build", str(sources)],
        cwd=sources.parent,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    html = sources / "_build" / "html"
    if done.returncode or not (html / "index.html").is_file():
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise GradingError(f"the book could not be built:\n{last}")
    for unused in ("_sources", ".buildinfo", "objects.inv"):
        path = html / unused
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.move(html, target)
