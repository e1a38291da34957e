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
    """A page that was opened, and what happened."""

    page: object
    outside: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser, address):
    """Open a page with every request to another site blocked and written down."""
    contexts = []

    def open_page(path, *, theme="light", width=1300) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        visit = Visit(context.new_page())

        def answer(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                visit.outside.add(route.request.url)
                route.abort()

        visit.page.route("**/*", answer)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on(
            "console",
            lambda message: visit.errors.append(message.text) if message.type == "error" else None,
        )
        visit.page.on(
            "response",
            lambda response: (
                visit.errors.append(f"{response.status} {response.url}") if response.status >= 400 else None
            ),
        )
        visit.page.goto(f"{address}/{path}", wait_until="networkidle")
        return visit

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_opens_without_an_error_and_asks_nothing_of_another_site(book, visit, theme):
    faults = {}
    for path in book.pages:
        name = path.relative_to(book.html).as_posix()
        seen = visit(name, theme=theme)
        if seen.outside or seen.errors:
            faults[name] = (seen.outside, seen.errors)
    assert not faults


def test_formulas_are_shown(book, visit):
    with_formulas = [path for path in book.pages if 'class="math' in path.read_text(encoding="utf-8")]
    assert with_formulas
    for path in with_formulas:
        name = path.relative_to(book.html).as_posix()
        page = visit(name).page
        page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.document")
        page.evaluate("MathJax.startup.promise")
        assert page.locator("mjx-container").count() == page.locator(".math").count(), name
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, (
            f"{name} has a formula with a mistake"
        )


def test_no_page_is_wider_than_a_phone(book, visit):
    wide = {}
    for path in book.pages:
        name = path.relative_to(book.html).as_posix()
        width = visit(name, width=390).page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[name] = width
    assert not wide


def test_the_search_finds_a_word(visit):
    seen = visit("search.html?q=gradient")
    seen.page.wait_for_selector("#search-results li")
    assert not seen.outside
    assert not seen.errors
