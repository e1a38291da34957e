"""The pages work in a browser without a network: nothing is asked of another site, and formulas are shown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.book.weights import LARGEST, WEIGHTS, Weight, weigh
from tests.browsing import Visit, served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser]

PHONE = 360
"""The width of a small phone, in CSS pixels."""


@dataclass
class Opened:
    """What a page showed, and what happened when it was opened."""

    visit: Visit
    formulas: int
    shown_formulas: int
    wrong_formulas: int
    width_on_a_phone: int
    weight: Weight


@pytest.fixture(scope="module")
def address(book):
    with served(book.html) as address:
        yield address


def looked_at(page, address: str, name: str, html) -> Opened:
    """Open a page, count its formulas, and see how wide it is on a phone with all that is folded open."""
    visit = watched(page, address)
    page.goto(f"{address}/{name}", wait_until="networkidle")
    formulas = page.locator(".math").count()
    if formulas:
        page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.document")
        page.evaluate("MathJax.startup.promise")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.set_viewport_size({"width": PHONE, "height": 740})
    return Opened(
        visit=visit,
        formulas=formulas,
        shown_formulas=page.locator(".math mjx-container").count(),
        wrong_formulas=page.locator("mjx-merror, [data-mjx-error]").count(),
        width_on_a_phone=page.evaluate("document.documentElement.scrollWidth"),
        weight=weigh(html, [url.removeprefix(address) for url in visit.sizes if url.startswith(address)]),
    )


@pytest.fixture(scope="module")
def visits(book, browser, address):
    """Every page, opened once."""
    found = {}
    # Each page is as heavy as for somebody who comes to it first: a context of its own has nothing stored.
    for name in book.names:
        context = browser.new_context(viewport={"width": 1300, "height": 900})
        found[name] = looked_at(context.new_page(), address, name, book.html)
        context.close()
    return found


def test_nothing_is_asked_of_another_site(visits):
    assert len(visits) > 3
    assert not {name: page.visit.outside for name, page in visits.items() if page.visit.outside}


def test_pages_open_without_an_error(visits):
    assert not {name: page.visit.errors for name, page in visits.items() if page.visit.errors}


def test_every_formula_is_shown(visits):
    assert any(page.formulas for page in visits.values())
    hidden = {name: page for name, page in visits.items() if page.shown_formulas < page.formulas}
    assert not hidden
    assert not {name: page.wrong_formulas for name, page in visits.items() if page.wrong_formulas}


def test_no_page_is_wider_than_a_phone(visits):
    wide = {name: page.width_on_a_phone for name, page in visits.items() if page.width_on_a_phone > PHONE}
    assert not wide


def test_no_page_is_heavy(visits, request):
    weights = {name: page.weight for name, page in visits.items()}
    request.config.stash[WEIGHTS] = weights
    assert not {name: weight for name, weight in weights.items() if weight.sent > LARGEST}
