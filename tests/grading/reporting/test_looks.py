"""The report can be read: enough contrast in light and dark, nothing cut off on a phone, nothing fetched."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from course_utils.grading.honesty.render import to_html
from course_utils.grading.honesty.report import Finding, HonestyReport, Pair, Passage, Side
from course_utils.grading.reporting.drawing import histogram
from course_utils.grading.reporting.gather import gather
from course_utils.grading.reporting.numbers import ClassData, Item, marks
from course_utils.grading.reporting.page import render
from course_utils.grading.reporting.reading import page as book_page
from course_utils.grading.reporting.style import STYLE
from course_utils.grading.standing import Standing
from tests.contrast import contrast
from tests.grading.reporting.made_class import CHAPTER, make_class, many_students

LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part))
    for part in STYLE.split("prefers-color-scheme: dark")
)
SEGMENTS = dict(re.findall(r"rect\.([a-z-]+), [^{]*\{ fill: (#[0-9a-f]{6})", STYLE))


def test_contrast_is_computed_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colors", [LIGHT, LIGHT | DARK], ids=["light", "dark"])
def test_letters_and_drawings_have_enough_contrast(colors: dict[str, str]) -> None:
    for text in ("text", "muted", "link"):
        for ground in ("page", "soft"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    assert contrast(colors["text"], colors["honesty-mark"]) >= 4.5
    assert contrast(colors["median"], colors["page"]) >= 4.5
    assert contrast(colors["bar"], colors["page"]) >= 3
    assert contrast(colors["median"], colors["bar"]) >= 2
    assert contrast("#10151a", colors["none"]) >= 4.5


def test_numbers_in_segments_have_enough_contrast() -> None:
    assert set(SEGMENTS) == {"passed", "failed", "crashed", "timed-out", "no-record"}
    for status, color in SEGMENTS.items():
        letters = "#ffffff" if status in ("passed", "no-record") else "#10151a"
        assert contrast(letters, color) >= 4.5, status


def honesty() -> str:
    """Return a fragment with a finding and a pair, and lines that are longer than a phone is wide."""
    lines = ("def attention(query, key, value):", "    return value  # " + "long " * 30)
    side = Side("scaled_dot_product_attention", 3, lines, (4,))
    pair = Pair("ada-0001", "li-0002", 0.9, 8.0, (Passage("code", "attention", 0.9, side, side),))
    what = "calls torch.nn.functional.scaled_dot_product_attention, which the exercise asks to build"
    finding = Finding("forbidden", "MultiHeadAttention", "MultiHeadAttention", 4, what)
    return to_html(HonestyReport(str(CHAPTER), 40, {"a" * 60: (finding,)}, (pair,)))


# No letter of a drawing lies outside of it.
OUTSIDE = """() => [...document.querySelectorAll('svg text')].filter(text => {
    const box = text.getBoundingClientRect();
    const frame = text.ownerSVGElement.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
}).map(text => text.textContent)"""
OVERLAPPING = """() => {
    const texts = [...document.querySelectorAll('.histogram .label, .histogram .tick')];
    const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], place) => boxes.slice(place + 1).filter(([_, b]) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top + 4 < b.bottom && b.top + 4 < a.bottom
    ).map(([other]) => name + ' on ' + other));
}"""
WIDTHS = (340, 760, 1400)


def look(browser: Browser, path: Path) -> None:
    """Look at a page in light and dark, on a phone and on wide screens."""
    seen: list[str] = []
    for scheme, width in itertools.product(("light", "dark"), WIDTHS):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(message.text))
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(OVERLAPPING) == []
        page.close()
    assert set(seen) == {path.as_uri()}


@pytest.mark.browser
@pytest.mark.timeout(200)
def test_a_report_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "course"
    root.mkdir()
    nbgrader = make_class(root, many_students(40))
    path = tmp_path / "report.html"
    book = book_page(nbgrader.places, CHAPTER)
    path.write_text(render(gather(nbgrader, CHAPTER), book, honesty(), datetime(2026, 3, 2)))
    look(browser, path)


@pytest.mark.browser
@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("points", "values"),
    [
        (19.0, [0.0] * 2000),
        (19.0, [19.0] * 1999 + [18.5]),
        (0.7, [0.1, 0.35, 0.7]),
        (1000.0, [3.0, 500.0, 998.0] * 50),
        (1.0, [1.0]),
    ],
)
def test_extreme_histograms_in_a_browser(
    browser: Browser, tmp_path: Path, points: float, values: list[float]
) -> None:
    standings = [Standing(str(place), True, value, points) for place, value in enumerate(values)]
    drawn = histogram(marks(ClassData(CHAPTER, standings, [Item("c", "c", points)], {})))
    path = tmp_path / "histogram.html"
    path.write_text(f"<!DOCTYPE html><html><head><style>{STYLE}</style></head><body>{drawn}</body></html>")
    look(browser, path)
