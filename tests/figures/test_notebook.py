"""What a notebook stores of a figure; plain Python, and notebooks that do not ask for it, are left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest

from course_utils.authoring.notebooks import execute
from course_utils.figures import drawing, to_svg
from course_utils.figures.notebook import Shown
from course_utils.grading.judging.clean import clean

ROOT = Path(__file__).parents[2]


def kinds(cells: list[str]) -> list[set[str]]:
    """Run cells in a notebook's kernel; return which kinds of picture each of them stores."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    stored = []
    for cell in execute(notebook, ROOT).cells:
        assert not [output for output in cell.outputs if output.output_type == "stream"], cell.outputs
        stored.append({kind for output in cell.outputs for kind in output.data if kind.startswith("image/")})
    return stored


@pytest.mark.slow
def test_figures_are_drawings_from_the_first_cell_that_asks_for_it() -> None:
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"
    assert kinds(
        [
            plot,
            "from course_utils.figures import use_course_style\nuse_course_style()",
            plot,
            "%matplotlib inline\n" + plot,
            "figure, ax = plt.subplots()\nplt.close()\nfigure",
            "for _ in range(600): plt.plot([1, 2], [2, 1], 'o-')",
            "plt.figure();",
        ]
    ) == [
        {"image/png"},
        set(),
        {"image/svg+xml"},
        {"image/svg+xml"},
        {"image/svg+xml"},
        {"image/png"},  # too large for a drawing
        set(),
    ]


@pytest.mark.slow
def test_the_first_cell_may_ask_before_anything_is_plotted() -> None:
    ask = "from course_utils.figures import use_course_style\nuse_course_style()\nuse_course_style()"
    assert kinds([ask, "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"]) == [set(), {"image/svg+xml"}]


def test_python_without_a_notebook_draws_as_ever(tmp_path: Path) -> None:
    source = (
        "import sys\nfrom course_utils.figures import use_course_style\nuse_course_style()\n"
        "assert 'IPython' not in sys.modules, 'loaded only to ask'\n"
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
        "plt.savefig('a.png'); plt.savefig('a.svg'); plt.savefig('a.pdf')"
    )
    run = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg", "a.pdf"}


PLAYER = """
import json
from course_utils.grading.player.server import preload
shell = preload().shell
shown = []
shell.display_pub.publish = lambda data, *_, **__: shown.append(sorted(data))
for cell in {cells!r}:
    result = shell.run_cell(cell)
    result.raise_error()
print("shown", json.dumps(shown))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("asks", "kind"), [(True, "image/svg+xml"), (False, "image/png")])
def test_players_of_graded_runs_show_figures(asks: bool, kind: str) -> None:
    """The kernel of a graded run has imported the package before the notebook asks for the style."""
    ask = "from course_utils.figures import use_course_style\nuse_course_style()" if asks else "pass"
    source = PLAYER.format(cells=[ask, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"])
    environment = {
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "HOME": "/nonexistent",
    }
    run = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert f'shown [["{kind}", "text/plain"]]' in run.stdout, run.stdout + run.stderr


def test_a_graded_notebook_keeps_the_drawing_as_a_picture(draw) -> None:
    kept = clean("image/svg+xml", to_svg(draw()))
    assert kept["text/html"].startswith('<img alt="a drawing" src="data:image/svg+xml;base64,')


class Formatter:
    """As much of IPython's display formatter as is used."""

    def __init__(self) -> None:
        self.formatters: dict[str, dict[type, Any]] = {
            kind: {} for kind in ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")
        }


def test_what_is_too_large_is_shown_all_the_same(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "LIMIT", 1000)
    stored = Shown(Formatter()).bundle(draw())
    assert set(stored) == {"image/png"}
    assert stored["image/png"].startswith(b"\x89PNG")


def test_an_empty_figure_shows_nothing() -> None:
    assert Shown(Formatter()).bundle(plt.figure()) == {}
