"""A figure is the same drawing on every run, small, and with nothing in it that concerns others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils.figures import drawing, to_svg
from course_utils.figures.drawing import LIMIT, MANY_MARKS, FigureTooLargeError, tidy

ROOT = Path(__file__).parents[2]


def test_the_same_figure_is_the_same_bytes(draw) -> None:
    assert to_svg(draw()) == to_svg(draw())


def test_it_is_the_same_in_another_process(draw) -> None:
    source = (
        "from course_utils.figures import to_svg, use_course_style\nfrom tests.figures.conftest import draw\n"
        "use_course_style()\nprint(to_svg(draw()))"
    )
    other = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == to_svg(draw())


def test_it_says_nothing_of_when_and_by_what_it_was_made(draw) -> None:
    text = to_svg(draw())
    assert "matplotlib" not in text.lower()
    assert not re.search(r"20\d\d-\d\d-\d\d", text)
    assert "<style" not in text, "a style sheet in a drawing holds for the whole page"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_ids_are_those_that_something_refers_to(draw) -> None:
    text = to_svg(draw())
    ids = re.findall(r' id="([^"]+)"', text)
    assert ids == list(dict.fromkeys(ids))
    assert set(ids) == set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))


def test_no_letter_needs_a_font(draw) -> None:
    root = ElementTree.fromstring(to_svg(draw()))
    assert not root.findall(".//{*}text")
    texts = [element.get("data-text") for element in root.iter() if element.get("data-text")]
    assert {"loss of run 3", "a & b < c", "training, $d_k$ = 4"} <= set(texts)


def test_coordinates_have_two_digits(draw) -> None:
    root = ElementTree.fromstring(to_svg(draw()))
    long = [
        value
        for element in root.iter()
        for key, value in element.items()
        if key == "d" and re.search(r"\.\d{3}", value)
    ]
    assert not long


def test_a_heatmap_is_one_pixel_for_each_cell(draw) -> None:
    picture = next(ElementTree.fromstring(to_svg(draw())).iter("{http://www.w3.org/2000/svg}image"))
    assert (picture.get("width"), picture.get("height")) == ("2", "2")
    assert "pixelated" in picture.get("style", "")


@pytest.mark.parametrize("kind", ["scatter", "line", "mesh"])
def test_a_cloud_of_many_marks_is_a_picture_in_the_drawing(kind: str) -> None:
    def figure(count: int):
        made, ax = plt.subplots()
        x = np.linspace(0, 1, count)
        if kind == "scatter":
            ax.scatter(x, x)
        elif kind == "line":
            ax.plot(x, x, "o")
        else:
            ax.pcolormesh(np.outer(x[:60], x[: count // 60]))
        return made

    few, many = to_svg(figure(120)), to_svg(figure(3 * MANY_MARKS))
    assert "<image" not in few
    assert many.count("<image") == 1
    assert len(many) < LIMIT


def test_rasterizing_is_undone() -> None:
    figure, ax = plt.subplots()
    cloud = ax.scatter(*np.random.default_rng(0).random((2, 2 * MANY_MARKS)))
    to_svg(figure)
    assert not cloud.get_rasterized()


def test_a_figure_that_is_too_large_says_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "LIMIT", 12_000)
    _, ax = plt.subplots()
    for x, y in np.random.default_rng(0).random((100, 2)):
        ax.plot([x, y], [y, x])
    with pytest.raises(
        FigureTooLargeError, match=r"takes \d+ KB .* 12 KB are the limit.*line2d.*rasterized=True"
    ):
        to_svg(ax.figure)


def test_a_style_that_all_marks_share_is_said_once() -> None:
    _, ax = plt.subplots()
    ax.scatter(np.arange(9), np.arange(9), alpha=0.5)
    text = to_svg(ax.figure)
    assert text.count("<use") > 9
    assert text.count("fill-opacity:0.5") <= 2


def test_opacity_of_a_mark_stays_with_the_mark() -> None:
    mark = '<use href="#a" style="opacity:0.5" />'
    text = tidy(f'<svg xmlns="http://www.w3.org/2000/svg"><g id="x_1"><defs /><g>{mark}{mark}</g></g></svg>')
    assert text.count("opacity") == 2


def test_the_limit_is_what_a_graded_notebook_may_show() -> None:
    from course_utils.grading.sandbox.limits import Limits

    assert Limits().output_characters_per_cell >= drawing.LIMIT
