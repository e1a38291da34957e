"""What is imported before the first player of a chapter is forked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.grading.judging.libraries import libraries_of, modules_used
from course_utils.grading.judging.stage import stage_of
from course_utils.grading.places import Chapter, GradingError, Places

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import math, scipy.stats as stats", {"math", "scipy.stats"}),
        ("def f():\n    from sklearn import datasets", {"sklearn"}),
        ("from course_utils.data import penguins\nimport course_utils", set()),
        ("from . import answers", set()),
        ("'import pandas'", set()),
        ("!pip list\nimport pandas", set()),
        ("from torch import optim", {"torch"}),
        ("from torch.optim import AdamW", {"torch.optim", "torch._dynamo"}),
        ("optimizer = torch.optim.SGD([w], lr=0.1)", {"torch._dynamo"}),
    ],
)
def test_the_modules_of_a_cell(source: str, modules: set[str]) -> None:
    assert modules_used(source) == modules


def test_only_code_counts_and_a_changed_notebook_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "chapter.ipynb"
    path.write_text(
        json.dumps(new_notebook(cells=[new_markdown_cell("import seaborn"), new_code_cell("import math")]))
    )
    assert libraries_of(path) == ("math",)
    path.write_text(json.dumps(new_notebook(cells=[new_code_cell("import cmath")])))
    os.utime(path, ns=(1, 1))
    assert libraries_of(path) == ("cmath",)


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_what_is_no_notebook_imports_nothing(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "chapter.ipynb"
    if content is not None:
        path.write_text(content)
    assert libraries_of(path) == ()


def test_the_stage_of_a_chapter() -> None:
    stage = stage_of(Places(ROOT), Chapter("training", "backpropagation"))
    assert "sklearn.datasets" in stage.libraries
    assert Chapter("basics", "data_with_pandas") in stage.earlier
    assert stage.chapter not in stage.earlier
    with pytest.raises(GradingError, match="does not list training/nothing"):
        stage_of(Places(ROOT), Chapter("training", "nothing"))
