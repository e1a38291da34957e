"""The figure on broadcasting shows what NumPy and PyTorch compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.figures.touch import pages

pytestmark = pytest.mark.browser

FIRST, SECOND = "Shape of A (tens)", "Shape of B (ones)"


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("broadcasting")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def arrays(first, second):
    """Tens and ones of the given shapes."""
    tens = 10 * np.arange(1, 1 + np.prod(first, dtype=int)).reshape(first)
    return tens, np.arange(1, 1 + np.prod(second, dtype=int)).reshape(second)


def choose(page, first, second) -> dict:
    pages.choose(page, FIRST, str(tuple(first)))
    pages.choose(page, SECOND, str(tuple(second)))
    return pages.values(page)


def test_every_pair_of_shapes_is_that_of_numpy_and_torch(page, figure):
    outcomes = set()
    for first in figure.data["shapes"]:
        for second in figure.data["shapes"]:
            shown = choose(page, first, second)
            assert (shown["first"], shown["second"]) == (list(first), list(second))
            tens, ones = arrays(first, second)
            try:
                expected = tens + ones
            except ValueError:
                with pytest.raises(RuntimeError):
                    torch.from_numpy(tens) + torch.from_numpy(ones)
                assert shown["shape"] is None
                assert shown["numbers"] is None
                assert page.locator("td", has_text="error").count() >= 1
                outcomes.add("error")
                continue
            outcomes.add("sum")
            assert shown["shape"] == list(expected.shape)
            assert shown["numbers"] == np.atleast_2d(expected).tolist()
            buttons = page.locator("[data-array=sum] button").all_text_contents()
            assert [int(text) for text in buttons] == expected.ravel().tolist()
            for name, array in (("A", tens), ("B", ones)):
                cells = page.locator(f"[data-array={name}] span").all_text_contents()
                assert [int(text) for text in cells] == np.broadcast_to(
                    array, expected.shape
                ).ravel().tolist()
                own = page.locator(f"[data-array={name}] span[data-own=true]")
                assert own.count() == array.size
    assert outcomes == {"error", "sum"}


def test_a_cell_tells_where_it_comes_from(page):
    choose(page, [3, 1], [4])
    page.locator("[data-array=sum] button").nth(6).click()
    assert pages.values(page)["picked"] == [1, 2]
    assert page.get_by_text("(A + B)[1, 2] = A[1, 0] + B[2] = 20 + 3 = 23").count() >= 1
    page.locator(".touch-said", has_text="20 + 3 = 23").wait_for(state="attached")


def test_what_the_chapter_says_is_so(page):
    """The figure starts with the pair that the text speaks of; a vector of 3 does not fit a row of 4."""
    start = pages.values(page)
    assert (start["first"], start["second"], start["shape"]) == ([3, 1], [4], [3, 4])
    assert choose(page, [3], [3, 1])["shape"] == [3, 3]
    assert choose(page, [3, 4], [3])["shape"] is None
    assert choose(page, [3, 4], [3, 1])["shape"] == [3, 4]


def test_keys_alone_do_everything(page, figure):
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    shapes = [list(shape) for shape in figure.data["shapes"]]
    assert pages.values(page)["first"] == shapes[(figure.data["first"] + 1) % len(shapes)]
    choose(page, [3, 1], [4])
    page.get_by_role("group", name=SECOND, exact=True).locator("input:checked").focus()
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert pages.values(page)["picked"] == [0, 1]
    page.keyboard.press("End")
    assert pages.values(page)["picked"] == [2, 3]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(opened, figure, theme):
    page = opened(figure, theme=theme)
    for pair in (([3, 1], [4]), ([3, 4], [3]), ([3, 4], [3, 4])):
        choose(page, *pair)
        assert not pages.faint_texts(page)


@pytest.mark.parametrize("width", [345, 360, 700, 1300])
def test_nothing_sticks_out(opened, figure, width):
    page = opened(figure, width=width)
    for pair in (([3, 1], [4]), ([3, 4], [3]), ([3, 4], [3, 4]), ([4, 1], [1, 4])):
        choose(page, *pair)
        assert not pages.what_sticks_out(page, of=".touch-stage")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_on_a_page_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    pages.choose(page, FIRST, "(4, 1)", place=1)
    assert pages.values(page, 0)["first"] == [3, 1]
    assert pages.values(page, 1)["first"] == [4, 1]


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter):
    with in_its_chapter("broadcasting") as page:
        assert choose(page, [4, 1], [3])["shape"] == [4, 3]
