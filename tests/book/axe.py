"""A page as axe-core sees it: what a screen reader, a keyboard or weak eyes need is there."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.book import audit

# What is folded away on a phone is there on a wide screen, and the other way. A theme changes only colors, so
# every rule is asked once at each width, and the contrast in both themes.
LOOKS = [
    ("light", 1300, None),
    ("dark", 1300, "color-contrast"),
    ("dark", 360, None),
    ("light", 360, "color-contrast"),
]
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
STILL = "Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))"
# A third of a second after a change of width, the theme makes what scrolls reachable by keyboard.
SETTLED = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 400)))"
THEME = "theme => (document.documentElement.dataset.theme ?? theme) === theme"
AXE = """async (rule) => {
    const options = { resultTypes: ["violations"], ...(rule && { runOnly: rule }) };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(" ")}`));
}"""


def add_axe(page: Page) -> None:
    """Bring axe-core into an open page."""
    page.add_script_tag(path=str(audit.AXE))


def violations(page: Page, rule: str | None = None) -> list[str]:
    """Return what axe-core holds against a page as it is: by all of its rules, or by one."""
    return page.evaluate(AXE, rule)


def violations_of_every_look(page: Page) -> dict[str, list[str]]:
    """Return what axe-core holds against an open page with all that folds open, by theme and width."""
    add_axe(page)
    page.evaluate(OPEN)
    found = {}
    for theme, width, rule in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(THEME, arg=theme)
        page.evaluate(SETTLED)
        page.evaluate(STILL)
        found[f"{theme}, {width}"] = violations(page, rule)
    return {look: found[look] for look in found if found[look]}
