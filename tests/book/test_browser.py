"""The pages work in a browser without a network: nothing is asked of another site, and formulas are shown."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import sync_playwright

pytestmark = [pytest.mark.built, pytest.mark.browser]

PHONE = 390
"""The width of a common phone, in CSS pixels."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that does not write down its requests."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(book):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(book.html))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "the browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """What happened when a page was opened."""

    outside: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    formulas: int = 0
    shown_formulas: int = 0
    wrong_formulas: int = 0
    width_on_a_phone: int = 0


def opened(page, address: str, path: str) -> Visit:
    """Open a page with every request to another site blocked and written down."""
    visit = Visit()

    def answer(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            visit.outside.add(route.request.url)
            route.abort()

    def note_status(response):
        if response.status >= 400:
            visit.errors.append(f"{response.status} {response.url}")

    def note_message(message):
        if message.type == "error":
            visit.errors.append(message.text)

    page.route("**/*", answer)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("console", note_message)
    page.on("response", note_status)
    page.goto(f"{address}/{path}", wait_until="networkidle")
    return visit


def measure(page, visit: Visit) -> None:
    """Count a page's formulas, and see how wide it is on a phone."""
    visit.formulas = page.locator(".math").count()
    if visit.formulas:
        page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.document")
        page.evaluate("MathJax.startup.promise")
    visit.shown_formulas = page.locator(".math mjx-container").count()
    visit.wrong_formulas = page.locator("mjx-merror, [data-mjx-error]").count()
    page.set_viewport_size({"width": PHONE, "height": 844})
    visit.width_on_a_phone = page.evaluate("document.documentElement.scrollWidth")


@pytest.fixture(scope="module")
def visits(book, browser, address):
    """Every page, opened once."""
    names = [page.relative_to(book.html).as_posix() for page in book.pages]
    found = {}
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    for name in names:
        page = context.new_page()
        found[name] = opened(page, address, name)
        measure(page, found[name])
        page.close()
    context.close()
    return found


def test_nothing_is_asked_of_another_site(visits):
    assert len(visits) > 3
    assert not {name: visit.outside for name, visit in visits.items() if visit.outside}


def test_pages_open_without_an_error(visits):
    assert not {name: visit.errors for name, visit in visits.items() if visit.errors}


def test_every_formula_is_shown(visits):
    assert any(visit.formulas for visit in visits.values())
    hidden = {name: visit for name, visit in visits.items() if visit.shown_formulas < visit.formulas}
    assert not hidden
    assert not {name: visit.wrong_formulas for name, visit in visits.items() if visit.wrong_formulas}


def test_no_page_is_wider_than_a_phone(visits):
    wide = {name: visit.width_on_a_phone for name, visit in visits.items() if visit.width_on_a_phone > PHONE}
    assert not wide


def test_the_search_finds_a_word(browser, address):
    page = browser.new_page()
    visit = opened(page, address, "search.html?q=gradient")
    page.wait_for_selector("#search-results li")
    assert not visit.outside
    assert not visit.errors
