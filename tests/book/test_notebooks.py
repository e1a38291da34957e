"""Chapters are stored executed and normalized, and executing them again changes nothing."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.course_map import load_course
from course_utils.authoring.exercises import make_exercises
from course_utils.authoring.notebook_files import NotebookError, normalize, problems, read_notebook, to_text
from course_utils.authoring.notebooks import refresh

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [chapter.book(ROOT) for chapter in load_course(ROOT).existing(ROOT)]


def is_figure(output) -> bool:
    """Whether an output is a figure: drawn by lines, or of pixels where there are too many lines."""
    return bool({"image/svg+xml", "image/png"} & set(output.get("data", {})))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
class TestChapter:
    def test_every_cell_is_executed_and_shows_nothing_foreign(self, path):
        # A cell without a number is passed over by nbval, so that a cleared notebook would pass.
        notebook = read_notebook(path)
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"
        assert not problems(notebook, ROOT)

    def test_is_normalized(self, path):
        assert path.read_text() == to_text(normalize(read_notebook(path))), "run `make notebooks`"

    def test_every_figure_says_what_is_seen(self, path):
        silent = [
            cell.source
            for cell in read_notebook(path).cells
            if any(is_figure(output) for output in cell.get("outputs", []))
            and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        ]
        assert not silent, "give these cells the metadata mystnb.image.alt"

    def test_a_question_holds_no_markup(self, path):
        # It stands in an HTML element, which shows formulas, code and emphasis as they are typed.
        text = "\n".join(cell.source for cell in read_notebook(path).cells if cell.cell_type == "markdown")
        questions = re.findall("<summary>(.*?)</summary>", text, re.DOTALL)
        assert len(questions) >= 3
        assert not [question for question in questions if re.search(r"[$`*{]", question)]

    def test_has_at_least_three_figures(self, path):
        images = [
            output
            for cell in read_notebook(path).cells
            for output in cell.get("outputs", [])
            if is_figure(output)
        ]
        assert len(images) >= 3


def test_exercises_are_in_step_with_their_solutions():
    changes = make_exercises(ROOT, check=True)
    assert not changes, "run `make exercises`"


def write(path, *sources, tags=()):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if tags:
        notebook.cells[-1].metadata["tags"] = list(tags)
    nbformat.write(notebook, path)
    return path


def test_executing_twice_changes_nothing(tmp_path):
    path = write(
        tmp_path / "a.ipynb",
        "import time\nprint('one'); time.sleep(0.2); print('two')",
        "",
        "{'b': 1, 'a': 2}",
        "import time\nprint(time.time_ns())",
        tags=["nbval-ignore-output"],
    )
    assert refresh(path, tmp_path)
    first = path.read_bytes()
    notebook = json.loads(first)
    assert [cell["execution_count"] for cell in notebook["cells"]] == [1, 2, 3]
    assert notebook["cells"][0]["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["one\n", "two\n"]}
    ]
    assert first.endswith(b"}\n")
    assert not refresh(path, tmp_path)
    assert path.read_bytes() == first
    assert refresh(path, tmp_path, fresh=True), "--fresh measures again"


def test_the_backend_of_this_process_does_not_hide_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    path = write(tmp_path / "a.ipynb", "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    refresh(path, tmp_path)
    assert "image/png" in path.read_text()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def wrong():\n    return {}['key']\nwrong()", r"cell 2 raised KeyError: 'key'(.|\n)*return \{\}"),
        ("import os; os._exit(1)", "the kernel stopped in or after cell 1"),
        ("import warnings; warnings.warn('careful')", "writes to stderr"),
        ("object()", "shows an object's address"),
        ("from pathlib import Path; print(Path.home() / 'data')", "shows a path of this machine"),
    ],
)
def test_what_does_not_belong_in_the_book_is_refused(tmp_path, source, message):
    path = write(tmp_path / "a.ipynb", "print('first')", source)
    before = path.read_bytes()
    with pytest.raises(NotebookError, match=message):
        refresh(path, tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cells": [], "nbformat": 3}', "not JSON"])
def test_what_is_no_notebook_is_named(tmp_path, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=r"broken\.ipynb"):
        read_notebook(path)


def test_cells_without_an_id_get_the_same_one_each_time(tmp_path):
    path = write(tmp_path / "a.ipynb", "1 + 1", "1 + 1")
    raw = json.loads(path.read_text())
    raw["nbformat_minor"] = 4
    for cell in raw["cells"]:
        cell.pop("id", None)
    path.write_text(json.dumps(raw))
    first, second = (to_text(normalize(read_notebook(path))) for _ in range(2))
    assert first == second
    assert len({cell["id"] for cell in json.loads(first)["cells"]}) == 2
