"""The figure on filling blanks shows what pandas, NumPy and the course's own functions compute."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course_utils.basics.data_with_pandas import drop_missing, impute, train_validation_test_split
from course_utils.data import load_penguins
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

FLIPPER, MASS = "flipper_length_mm", "body_mass_g"
COLUMNS = {"flipper length": FLIPPER, "body mass": MASS}
PICKED = ["picked at random", "the heaviest first"]
WAYS = ["drop", "zero", "mean"]
NAMES = {"drop": "drop rows", "zero": "zero", "mean": "mean"}
NUMBERS = ["slope", "height", "correlation", "error"]


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("imputation")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


@pytest.fixture(scope="module")
def birds():
    """Training birds and judging birds, from the loader."""
    known = drop_missing(load_penguins(), [FLIPPER, MASS])
    training, judging, _ = train_validation_test_split(known, (0.35, 0.65, 0.0), seed=0)
    return training[[FLIPPER, MASS]], judging[[FLIPPER, MASS]]


def treated(way: str, holes: pd.DataFrame) -> pd.DataFrame:
    if way == "drop":
        return drop_missing(holes)
    return holes.fillna(0) if way == "zero" else impute(holes, holes)


def outcome(birds, way: str, column: str, order: list[int], blanks: int) -> dict[str, float]:
    """The line that follows, by the course's functions and numpy.polyfit."""
    training, judging = birds
    holes = training.copy()
    holes.iloc[order[:blanks], holes.columns.get_loc(column)] = np.nan
    x, y = treated(way, holes).to_numpy().T
    slope, height = np.polyfit(x, y, 1)
    error = slope * judging[FLIPPER] + height - judging[MASS]
    numbers = slope, height, np.corrcoef(x, y)[0, 1], np.sqrt((error**2).mean())
    return dict(zip(NUMBERS, numbers, strict=True))


def order_of(birds, picked: str) -> list[int]:
    training, _ = birds
    if picked == PICKED[0]:
        return np.random.default_rng(0).permutation(len(training)).tolist()
    return np.argsort(-training[MASS].to_numpy(), kind="stable").tolist()


@pytest.mark.parametrize("picked", PICKED)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("blanks", [0, 1, 48, 77, 108])
def test_the_numbers_are_those_of_python(page, birds, blanks, column, picked):
    pages.slide(page, "Blanks", blanks)
    pages.choose(page, "In the column", column)
    pages.choose(page, "Of which birds", picked)
    shown = pages.values(page)
    order = order_of(birds, picked)
    for way in WAYS:
        pages.choose(page, "What to do with them", NAMES[way])
        expected = outcome(birds, way, COLUMNS[column], order, blanks)
        # Relative, since an error of 4,000 grams has fewer digits to spare than a correlation.
        assert shown[way] == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert pages.values(page)["way"] == way
        cells = page.locator(f"tr[data-way='{way}'] td").all_text_contents()
        written = [float(cell.replace("−", "-")) for cell in cells]
        for number, name, digits in zip(written, ("slope", "correlation", "error"), (1, 2, 0), strict=True):
            assert number == pytest.approx(expected[name], abs=0.5001 * 10**-digits)
    assert shown["complete"] == pytest.approx(outcome(birds, "drop", MASS, order, 0), abs=1e-6)


def test_the_slider_reaches_the_ends_that_were_tried(page):
    slider = page.locator(".touch-slider input")
    assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("0", "108")


def test_what_the_chapter_says_is_so(page):
    """The answer to "predict", and the sentence before it."""
    start = pages.values(page)
    assert (start["column"], start["way"], start["blanks"], start["order"]) == ("y", "mean", 48, 0)
    assert start["mean"]["slope"] < 0.7 * start["complete"]["slope"]
    pages.choose(page, "In the column", "flipper length")
    for blanks in (5, 48, 108):
        pages.slide(page, "Blanks", blanks)
        shown = pages.values(page)
        assert shown["mean"]["slope"] == pytest.approx(shown["drop"]["slope"], rel=1e-9)
        assert shown["mean"]["correlation"] < shown["drop"]["correlation"]
    pages.slide(page, "Blanks", 48)
    pages.choose(page, "Of which birds", "the heaviest first")
    shown = pages.values(page)
    assert shown["drop"]["slope"] < 0.75 * shown["complete"]["slope"]
    assert shown["zero"]["slope"] < 0


def test_the_marks_stand_where_the_numbers_are(page, birds):
    """Each bird stands at its place on the axes: a filled one by another shape, a dropped one not at all."""
    training, _ = birds
    order = order_of(birds, PICKED[0])
    places = """(kind) => [...document.querySelectorAll(`figure.touch svg[role=img] ${kind}`)]
        .map((mark) => mark.getAttribute("transform").match(/[-0-9.]+/g).map(Number))"""
    diamonds, circles, crosses = "path[d^='M0-6']", "circle", "path[d^='M-3-3']"
    counts = {way: [] for way in WAYS}
    for way, name in NAMES.items():
        pages.choose(page, "What to do with them", name)
        counts[way] = [page.locator(f"svg[role=img] {kind}").count() for kind in (circles, diamonds, crosses)]
    assert counts == {"drop": [72, 0, 48], "zero": [72, 48, 48], "mean": [72, 48, 48]}
    drawn = np.array(page.evaluate(places, circles))
    measured = training.iloc[[row for row in range(120) if row not in order[:48]]].to_numpy()
    for axis in (0, 1):  # linear in the measurement
        line = np.polyfit(measured[:, axis], drawn[:, axis], 1)
        assert np.abs(np.polyval(line, measured[:, axis]) - drawn[:, axis]).max() < 1e-6
    filled = np.array(page.evaluate(places, diamonds))
    at_mean = np.polyval(line, training[MASS].iloc[order[48:]].mean())
    assert filled[:, 1] == pytest.approx(np.full(48, at_mean))


def test_the_table_shows_real_birds(page, birds, figure):
    training, _ = birds
    penguins = load_penguins()
    rows = page.locator("table").nth(1).locator("tbody tr")
    blank = set(order_of(birds, PICKED[0])[:48])
    assert rows.count() == len(figure.data["shown"]) == 6
    fates = set()
    for (place, name), row in zip(figure.data["shown"], rows.all(), strict=True):
        flipper, mass = row.locator("td").all_text_contents()
        bird = penguins.loc[int(name.split()[-1])]
        assert name.split()[0] == bird["species"]
        assert training.index[place] == bird.name
        assert float(flipper) == bird[FLIPPER]
        assert mass.startswith("◆") == (place in blank)
        fates.add(place in blank)
        if place not in blank:
            assert float(mass) == bird[MASS]
    assert fates == {True, False}
    pages.choose(page, "What to do with them", "drop rows")
    dropped = sum(place in blank for place, _ in figure.data["shown"])
    assert page.locator("td:text-is('dropped')").count() == dropped


def test_keys_alone_do_everything(page):
    page.keyboard.press("Tab")
    for key in ("Home", *["ArrowRight"] * 3, "Tab", "ArrowLeft", "Tab", "ArrowRight", "Tab", "ArrowLeft"):
        page.keyboard.press(key)
    shown = pages.values(page)
    assert {name: shown[name] for name in ("blanks", "column", "order", "way")} == {
        "blanks": 3, "column": "x", "order": 1, "way": "zero",
    }  # fmt: skip


def test_it_is_told_to_those_who_do_not_see_it(page):
    pages.choose(page, "What to do with them", "zero")
    told = f"Slope {pages.values(page)['zero']['slope']:.1f} g per mm"
    assert told in page.locator("figure.touch svg[role='img']").get_attribute("aria-label")
    page.locator(".touch-said", has_text=told).wait_for(state="attached")
    assert page.locator("tr[aria-current='true']").get_attribute("data-way") == "zero"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(opened, figure, theme):
    page = opened(figure, theme=theme)
    for name in NAMES.values():
        pages.choose(page, "What to do with them", name)
        assert not pages.faint_texts(page)


@pytest.mark.parametrize("width", [345, 360, 700, 1300])
def test_nothing_sticks_out(opened, figure, width):
    page = opened(figure, width=width)
    for blanks in (0, 48, 108):
        pages.slide(page, "Blanks", blanks)
        for column in COLUMNS:
            pages.choose(page, "In the column", column)
            for name in NAMES.values():
                pages.choose(page, "What to do with them", name)
                assert not pages.what_sticks_out(page, of=".touch-stage")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_on_a_page_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    pages.slide(page, "Blanks", 7, place=1)
    pages.choose(page, "What to do with them", "zero", place=1)
    first, second = pages.values(page, 0), pages.values(page, 1)
    assert (first["blanks"], first["way"]) == (48, "mean")
    assert (second["blanks"], second["way"]) == (7, "zero")


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter, birds):
    with in_its_chapter("imputation") as page:
        pages.slide(page, "Blanks", 30)
        expected = outcome(birds, "mean", MASS, order_of(birds, PICKED[0]), 30)
        assert pages.values(page)["mean"] == pytest.approx(expected, rel=1e-9)
