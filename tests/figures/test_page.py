"""In a page, a figure has the page's colors, a name, and ids of its own."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

from course_utils.figures import COLORS, to_svg
from course_utils.figures.page import inline
from course_utils.figures.palette import DARK_TEXT, NAMES


def test_every_color_of_the_palette_follows_the_theme(draw) -> None:
    html = inline(to_svg(draw()), "Two panels", "figure1-")
    kept = set(re.findall(r"#[0-9a-f]{6}\b", html))
    assert not kept & set(NAMES)
    assert {"var(--figure-ink)", "var(--figure-grid)", "var(--figure-blue)"} <= set(
        re.findall(r"var\([^)]*\)", html)
    )
    # Letters on a cell stay as they are, since the cell does.
    assert DARK_TEXT in kept


def test_black_follows_the_theme_though_a_drawing_does_not_say_it() -> None:
    figure, ax = plt.subplots()
    ax.bar([1], [1], color=COLORS["black"])
    assert "#000000" not in to_svg(figure)
    root = ElementTree.fromstring(inline(to_svg(figure), "A bar", "figure1-"))
    assert root[0].get("fill") == "var(--figure-black)"


def test_the_sheet_is_gone_and_nothing_else(draw) -> None:
    svg = to_svg(draw())
    paths = [text.count("<path") for text in (svg, inline(svg, "Two panels", "figure1-"))]
    assert paths[0] - paths[1] == 1


def test_two_figures_share_no_id(draw) -> None:
    html = inline(to_svg(draw()), "a", "figure1-") + inline(to_svg(draw()), "b", "figure2-")
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 20
    referred = set(re.findall(r'href="#([^"]+)"', html)) | set(re.findall(r"url\(#([^)]+)\)", html))
    assert referred == set(ids)


@pytest.mark.parametrize("name", ['Left, "a" & b < c.', "Zwei Felder: α über β"])
def test_a_name_is_read_as_it_was_written(draw, name: str) -> None:
    root = ElementTree.fromstring(inline(to_svg(draw()), name, "figure1-"))
    assert (root[0].get("role"), root[0].get("aria-label")) == ("img", name)


@pytest.mark.parametrize(("inches", "scrolls"), [(6, False), (11, True)])
def test_a_wide_figure_keeps_a_part_of_its_width(inches: float, scrolls: bool) -> None:
    figure, _ = plt.subplots(figsize=(inches, 3))
    style = ElementTree.fromstring(inline(to_svg(figure), "x", "figure1-"))[0].get("style", "")
    natural, smallest = (int(number) for number in re.findall(r"(\d+)px", style))
    assert natural == pytest.approx(96 * inches, rel=0.03)
    assert (0 < smallest <= 640) if scrolls else smallest == 0
