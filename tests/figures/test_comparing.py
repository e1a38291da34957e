"""A figure that another machine drew is the same figure; one that lost a curve is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from matplotlib.figure import Figure

from course_utils.figures import heatmap, to_svg
from course_utils.figures.comparing import outline

ROOT = Path(__file__).parents[2]


def test_last_digits_do_not_matter(draw) -> None:
    first, second = to_svg(draw()), to_svg(draw(noise=0.01))
    assert first != second
    assert outline(first) == outline(second)


def test_numbers_that_are_written_do_not_matter(draw) -> None:
    assert outline(to_svg(draw())) == outline(to_svg(draw(title="loss of run −4.5")))


def without_a_curve(figure: Figure) -> None:
    figure.axes[0].lines[0].remove()


def without_marks(figure: Figure) -> None:
    figure.axes[0].collections[0].remove()


def without_a_panel(figure: Figure) -> None:
    figure.axes[1].remove()


def without_a_legend(figure: Figure) -> None:
    figure.axes[0].get_legend().remove()


def with_another_title(figure: Figure) -> None:
    figure.axes[1].set_title("scores")


def with_another_name_on_an_axis(figure: Figure) -> None:
    figure.axes[1].set_xticks([0, 1], ["a", "c"])


def with_another_curve(figure: Figure) -> None:
    figure.axes[0].plot([0, 1], [0, 1])


@pytest.mark.parametrize(
    "change",
    [
        without_a_curve,
        without_marks,
        without_a_panel,
        without_a_legend,
        with_another_title,
        with_another_name_on_an_axis,
        with_another_curve,
    ],
    ids=lambda change: change.__name__,
)
def test_what_a_reader_would_miss_matters(draw, change) -> None:
    figure = draw()
    before = outline(to_svg(figure))
    change(figure)
    assert outline(to_svg(figure)) != before


def test_ticks_on_a_logarithmic_axis_do_not_matter() -> None:
    def figure(end: float) -> Figure:
        made, ax = plt.subplots()
        ax.loglog([1, end], [1, end])
        return made

    assert outline(to_svg(figure(90))) == outline(to_svg(figure(2000)))


def test_a_picture_counts_with_or_without_a_frame() -> None:
    figure, ax = plt.subplots()
    heatmap(ax, [[1.0, 2.0]], values=False)
    assert "1 image" in outline(to_svg(figure))


CELLS = {
    "the same": "ax.plot([1, 2, 4]); ax.set_title('gain')",
    "last digits": "ax.plot([1, 2, 4.0001]); ax.set_title('gain')",
    "no curve": "ax.set_title('gain')",
    "no figure": "plt.close()",
    "text instead": "plt.close(); print('gain')",
}


@pytest.mark.slow
def test_nbval_sees_what_matters(tmp_path: Path) -> None:
    """One stored figure, drawn again in five ways."""
    from course_utils.authoring.notebooks import execute

    first = (
        "import matplotlib.pyplot as plt\n"
        "from course_utils.figures import use_course_style\nuse_course_style()"
    )
    draws = "figure, ax = plt.subplots()\n{}\nplt.show()"
    cells = [first, *(draws.format(CELLS["the same"]) for _ in CELLS)]
    notebook = execute(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), ROOT
    )
    for cell, source in zip(notebook.cells[1:], CELLS.values(), strict=True):
        assert "image/svg+xml" in cell.outputs[0].data
        cell.source = draws.format(source)
    nbformat.write(notebook, tmp_path / "stored.ipynb")
    plugins = ["-p", "no:cacheprovider", "-p", "course_utils.figures.pytest_plugin", "--nbval"]
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            *plugins,
            "--rootdir",
            str(tmp_path),
            "-c",
            "/dev/null",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    results = [
        line.split()[1] if "::" in line else "" for line in run.stdout.splitlines() if "ipynb::Cell" in line
    ]
    verdicts = [
        word for line in run.stdout.splitlines() for word in ("PASSED", "FAILED") if f" {word} " in line
    ]
    assert results, run.stdout + run.stderr
    assert verdicts == ["PASSED", "PASSED", "PASSED", "FAILED", "FAILED", "FAILED"], run.stdout
    assert "1 line2d" in run.stdout, "the difference is said in words"
