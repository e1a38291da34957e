"""Every page as axe-core sees it: what a screen reader, a keyboard or weak eyes need is there."""

from __future__ import annotations

import json

import pytest

from tests.book import audit
from tests.browsing import served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser, pytest.mark.timeout(1200)]

# What is folded away on a phone is there on a wide screen, and the other way. A theme changes only colors.
LOOKS = [
    ("light", 1300, None),
    ("dark", 1300, "color-contrast"),
    ("dark", 360, None),
    ("light", 360, "color-contrast"),
]
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
STILL = "Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))"
AXE = """async (rule) => {
    const options = { resultTypes: ["violations"], ...(rule && { runOnly: rule }) };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(" ")}`));
}"""


@pytest.fixture(scope="module", autouse=True)
def tools():
    audit.install()


@pytest.fixture(scope="module")
def address(book):
    with served(book.html) as address:
        yield address


def looked_at(page, theme: str, width: int) -> None:
    """Give an open page a theme and a width, and wait until it has them."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    page.evaluate(STILL)


def found_by_axe(page, rule: str | None = None) -> list[str]:
    """Return what axe-core holds against an open page: by all of its rules, or by one."""
    return page.evaluate(AXE, rule)


def test_axe_finds_nothing(browser, address, book):
    found = {}
    for name in book.names:
        page = browser.new_page()
        watched(page, address)
        page.goto(f"{address}/{name}", wait_until="networkidle")
        page.add_script_tag(path=str(audit.AXE))
        page.evaluate(OPEN)
        for theme, width, rule in LOOKS:
            looked_at(page, theme, width)
            found |= {f"{name}, {theme}, {width}": found_by_axe(page, rule)}
        page.close()
    found = {look: violations for look, violations in found.items() if violations}
    assert not found, json.dumps(found, indent=1)


def test_axe_would_find_something(browser):
    page = browser.new_page()
    page.set_content('<html><body style="background:#fff"><img src="data:,"><p style="color:#ccc">pale</p>')
    page.add_script_tag(path=str(audit.AXE))
    rules = {violation.split(":")[0] for violation in found_by_axe(page)}
    contrast = found_by_axe(page, "color-contrast")
    page.close()
    assert {"image-alt", "color-contrast"} <= rules
    assert [violation.split(":")[0] for violation in contrast] == ["color-contrast"]
