"""The pages work in a browser without a network: nothing is asked of another site, formulas are shown, and
all is there for those who do not see it or do not use a mouse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.book import audit
from tests.book.axe import add_axe, violations, violations_of_every_look
from tests.book.weights import LARGEST, WEIGHTS, Weight, weigh
from tests.browsing import Visit, served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser, pytest.mark.timeout(2400)]

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
    violations: dict[str, list[str]]
    weight: Weight


@pytest.fixture(scope="module")
def address(book):
    with served(book.html) as address:
        yield address


def looked_at(page, address: str, name: str, html) -> Opened:
    """Open a page, count its formulas, ask axe-core, and see how wide it is on a phone, all of it open."""
    visit = watched(page, address)
    page.goto(f"{address}/{name}", wait_until="networkidle")
    formulas = page.locator(".math").count()
    if formulas:
        page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.document")
        page.evaluate("MathJax.startup.promise")
    sent = [url.removeprefix(address) for url in visit.sizes if url.startswith(address)]
    unfit = violations_of_every_look(page)
    page.set_viewport_size({"width": PHONE, "height": 740})
    return Opened(
        visit=visit,
        formulas=formulas,
        shown_formulas=page.locator(".math mjx-container").count(),
        wrong_formulas=page.locator("mjx-merror, [data-mjx-error]").count(),
        width_on_a_phone=page.evaluate("document.documentElement.scrollWidth"),
        violations=unfit,
        weight=weigh(html, sent),
    )


@pytest.fixture(scope="module")
def visits(book, browser, address):
    """Every page, opened once."""
    audit.install()
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


def test_axe_finds_nothing(visits):
    found = {name: page.violations for name, page in visits.items() if page.violations}
    assert not found, json.dumps(found, indent=1)


def test_axe_would_find_something(browser, visits):
    page = browser.new_page()
    page.set_content('<html><body style="background:#fff"><img src="data:,"><p style="color:#ccc">pale</p>')
    add_axe(page)
    assert {"image-alt", "color-contrast"} <= {violation.split(":")[0] for violation in violations(page)}
    assert [violation.split(":")[0] for violation in violations(page, "color-contrast")] == ["color-contrast"]
    page.close()


def test_no_page_is_heavy(visits, request):
    weights = {name: page.weight for name, page in visits.items()}
    request.config.stash[WEIGHTS] = weights
    assert not {name: weight for name, weight in weights.items() if weight.sent > LARGEST}
