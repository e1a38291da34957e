"""The figure on sample size, tolerance and confidence shows what the course's functions and SciPy compute."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binom

from course_utils.basics.learning_from_data import hoeffding_bound, hoeffding_sample_size
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

CONFIDENCES = {"80%": 0.8, "95%": 0.95, "99%": 0.99, "99.9%": 0.999}
MODELS = {"1": 1, "10": 10, "1,000": 1000, "a million": 10**6}
ACCURACIES = {"50%": 0.5, "70%": 0.7, "90%": 0.9, "99%": 0.99}
LEGENDS = {
    "confidence": "Confidence",
    "models": "Models that were compared",
    "accuracy": "Accuracy of the model",
}


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("sample_size")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def exact(samples: int, tolerance: float, accuracy: float) -> float:
    """The probability that a score is off by more than the tolerance."""
    above = binom.sf(math.floor(samples * (accuracy + tolerance) + 1e-9), samples, accuracy)
    below = binom.cdf(math.ceil(samples * (accuracy - tolerance) - 1e-9) - 1, samples, accuracy)
    return above + below


def choose(page, figure, *, samples=None, tolerance=None, confidence=None, models=None, accuracy=None):
    if samples is not None:
        pages.slide(page, "Test examples", figure.data["samples"].index(samples))
    if tolerance is not None:
        pages.slide(page, "Tolerance", tolerance)
    for name, option in (("confidence", confidence), ("models", models), ("accuracy", accuracy)):
        if option is not None:
            pages.choose(page, LEGENDS[name], option)


@pytest.mark.parametrize("samples", [10, 100, 1000, 20_000])
@pytest.mark.parametrize("tolerance", [1, 5, 10, 30])
@pytest.mark.parametrize(("models", "accuracy"), [("1", "50%"), ("1,000", "90%"), ("a million", "99%")])
def test_the_numbers_are_those_of_python(page, figure, samples, tolerance, models, accuracy):
    choose(page, figure, samples=samples, tolerance=tolerance, models=models, accuracy=accuracy)
    share, compared = tolerance / 100, MODELS[models]
    for name, confidence in CONFIDENCES.items():
        choose(page, figure, confidence=name)
        shown = pages.values(page)
        assert shown["needed"] == hoeffding_sample_size(share, confidence, models=compared)
        assert shown["bound"] == pytest.approx(hoeffding_bound(samples, share, models=compared), rel=1e-9)
        assert shown["exact"] == pytest.approx(
            exact(samples, share, ACCURACIES[accuracy]), rel=1e-6, abs=1e-12
        )
        reached = hoeffding_bound(samples, shown["reached"], models=compared)
        assert reached == pytest.approx(1 - confidence, rel=1e-9)
        assert shown["enough"] == (hoeffding_bound(samples, share, models=compared) <= 1 - confidence)
        written = page.locator("tr[data-row='needed'] td").text_content()
        assert written == f"{shown['needed']:,}"


def test_the_tolerance_reached_is_told_in_percentage_points(page, figure):
    """A score lies between 0 and 100 percent, so it is never off by more than 100 points."""
    reached = page.locator("tr[data-row='reached'] td")
    assert reached.text_content() == "± 13.6 points"  # sqrt(ln(2 / 0.05) / 200)
    choose(page, figure, samples=10, confidence="99.9%", models="a million")
    assert pages.values(page)["reached"] > 1
    assert reached.text_content() == "± 100.0 points"


def test_the_exact_probability_is_below_the_bound_everywhere(page, figure):
    for tolerance in (2, 7, 15):
        for samples in figure.data["samples"]:
            choose(page, figure, samples=samples, tolerance=tolerance)
            shown = pages.values(page)
            assert shown["exact"] <= shown["bound"] * (1 + 1e-9)


def test_what_the_chapter_says_is_so(page, figure):
    """The sentence before the figure, and the answers to its questions."""
    start = pages.values(page)
    assert (start["samples"], start["tolerance"], start["confidence"]) == (100, 5, 0.95)
    assert (start["needed"], start["enough"]) == (738, False)
    choose(page, figure, tolerance=10)
    assert pages.values(page)["needed"] == 185
    choose(page, figure, tolerance=5, confidence="99.9%")
    assert pages.values(page)["needed"] == 1521
    choose(page, figure, confidence="95%", models="a million")
    assert pages.values(page)["needed"] == 3501


def test_the_point_stands_where_the_numbers_are(page, figure):
    """On logarithmic axes: the same factor is the same distance."""
    choose(page, figure, tolerance=5)
    places = {}
    for samples in (100, 1000):
        choose(page, figure, samples=samples)
        circle = page.locator("svg[role=img] circle")
        places[samples] = (float(circle.get_attribute("cx")), float(circle.get_attribute("cy")))
        shown = pages.values(page)
        places[samples] += (math.log10(shown["samples"]), math.log10(shown["bound"]))
    axis = page.locator("svg[role=img] .touch-axis").first.locator("text").all_text_contents()
    assert axis[:4] == ["10", "100", "1,000", "10,000"]
    (x1, y1, n1, p1), (x2, y2, n2, p2) = places.values()
    ticks = page.locator("svg[role=img] .touch-axis").first.locator("text")
    at = [float(ticks.nth(place).get_attribute("x")) for place in (1, 2)]
    assert [x1, x2] == pytest.approx(at, abs=0.01)
    assert (n1, n2) == (2, 3)
    assert y2 > y1
    assert p1 > p2


def test_keys_alone_do_everything(page, figure):
    page.keyboard.press("Tab")
    sliders = ["Home", "ArrowRight", "ArrowRight", "ArrowRight", "Tab", "Home", "ArrowRight"]
    for key in [*sliders, *["Tab", "ArrowRight"] * 3]:
        page.keyboard.press(key)
    shown = pages.values(page)
    assert {name: shown[name] for name in ("samples", "tolerance", "confidence", "models", "accuracy")} == {
        "samples": figure.data["samples"][3], "tolerance": 2,
        "confidence": 0.99, "models": 10, "accuracy": 0.9,
    }  # fmt: skip


def test_it_is_told_to_those_who_do_not_see_it(page, figure):
    choose(page, figure, samples=1000, tolerance=5)
    told = "With 1,000 examples the bound is 0.013, and 95% confidence allows 0.05: enough."
    assert told in page.locator("figure.touch svg[role='img']").get_attribute("aria-label")
    page.locator(".touch-said", has_text=told).wait_for(state="attached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(opened, figure, theme):
    page = opened(figure, theme=theme)
    assert not pages.faint_texts(page)


@pytest.mark.parametrize("width", [345, 360, 700, 1300])
def test_nothing_sticks_out(opened, figure, width):
    page = opened(figure, width=width)
    for samples in (10, 20_000):
        for tolerance in (1, 30):
            choose(page, figure, samples=samples, tolerance=tolerance, models="a million")
            assert not pages.what_sticks_out(page, of=".touch-stage")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_on_a_page_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    pages.slide(page, "Tolerance", 7, place=1)
    assert [pages.values(page, place)["tolerance"] for place in (0, 1)] == [5, 7]


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter):
    with in_its_chapter("sample_size") as page:
        pages.slide(page, "Tolerance", 3)
        assert pages.values(page)["needed"] == hoeffding_sample_size(0.03)
