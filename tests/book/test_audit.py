"""Every page as axe-core and Lighthouse see it: what a screen reader or a keyboard needs is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.book import audit
from tests.browsing import chromium_path, served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser, pytest.mark.timeout(1200)]

# What is folded away on a phone is there on a wide screen, and the other way.
LOOKS = [("light", 1300), ("dark", 1300), ("light", 360), ("dark", 360)]
LOWEST = {"accessibility": 1.0, "best-practices": 0.95}
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


@pytest.fixture(scope="module")
def names(book):
    # index.html of the root leads on at once; without a body there is nothing to judge.
    return [page.relative_to(book.html).as_posix() for page in book.pages]


def found_by_axe(page) -> list[str]:
    page.add_script_tag(path=str(audit.AXE))
    return page.evaluate(AXE)


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_axe_finds_nothing(browser, address, names, theme, width):
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900})
    found = {}
    for name in names:
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


def test_lighthouse_gives_full_marks(address, names):
    pages = [f"{address}/{name}" for name in names]
    done = subprocess.run(
        [shutil.which("node"), str(audit.LIGHTHOUSE), *pages],
        env={**os.environ, "CHROME_PATH": chromium_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    judged = json.loads(done.stdout)
    assert set(judged) == set(pages)
    low = {
        page: result
        for page, result in judged.items()
        if result["error"]
        or any(not result["scores"][name] or result["scores"][name] < least for name, least in LOWEST.items())
    }
    assert not low, json.dumps(low, indent=1)
