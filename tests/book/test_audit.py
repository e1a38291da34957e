"""Every page as axe-core sees it: what a screen reader, a keyboard or weak eyes need is there."""

from __future__ import annotations

import json

import pytest

from tests.book import audit
from tests.browsing import served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser, pytest.mark.timeout(1200)]

# What is folded away on a phone is there on a wide screen, and the other way.
LOOKS = [("light", 1300), ("dark", 1300), ("light", 360), ("dark", 360)]
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
STILL = "Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))"
AXE = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(" ")}`));
}"""


@pytest.fixture(scope="module", autouse=True)
def tools():
    audit.install()


@pytest.fixture(scope="module")
def address(book):
    with served(book.html) as address:
        yield address


def found_by_axe(page) -> list[str]:
    page.add_script_tag(path=str(audit.AXE))
    return page.evaluate(AXE)


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_axe_finds_nothing(browser, address, book, theme, width):
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900})
    found = {}
    for name in book.names:
        page = context.new_page()
        watched(page, address)
        page.goto(f"{address}/{name}", wait_until="networkidle")
        page.evaluate(OPEN)
        page.evaluate(STILL)
        if violations := found_by_axe(page):
            found[name] = violations
        page.close()
    context.close()
    assert not found, json.dumps(found, indent=1)


def test_axe_would_find_something(browser):
    page = browser.new_page()
    page.set_content('<html><body style="background:#fff"><img src="data:,"><p style="color:#ccc">pale</p>')
    rules = {violation.split(":")[0] for violation in found_by_axe(page)}
    page.close()
    assert {"image-alt", "color-contrast"} <= rules
