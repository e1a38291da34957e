"""Pages for the tests of figures that can be touched: a figure as its chapter makes it, and its use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from course_utils.authoring.notebook_files import read_notebook
from course_utils.figures.touch import TouchFigure
from tests.browsing import served, watched

ROOT = Path(__file__).resolve().parents[3]
GROUND = {"light": "#ffffff", "dark": "#121417"}
CHAPTERS = {
    "attention": "transformers/attention",
    "backpropagation": "training/backpropagation",
    "broadcasting": "basics/arrays_and_tensors",
    "clustering": "basics/clustering_and_em",
    "imputation": "basics/data_with_pandas",
    "kv_cache": "deepseek/latent_attention",
    "sample_size": "basics/learning_from_data",
}
"""The chapter of each figure."""


def figure_of(name: str) -> TouchFigure:
    """Return the figure as its chapter makes it: its cell, run after the imports of the first code cell."""
    chapter = CHAPTERS[name]
    notebook = read_notebook(ROOT / "book" / f"{chapter}.ipynb")
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    made = [cell for cell in cells if "TouchFigure(" in cell and f'"{name}",' in cell]
    assert len(made) == 1, f"one cell of {chapter} is expected to make the figure {name!r}, found {len(made)}"
    imports = [line for line in ast.parse(cells[0]).body if isinstance(line, ast.Import | ast.ImportFrom)]
    *before, last = ast.parse(made[0]).body
    assert isinstance(last, ast.Expr), "the figure is the last expression of its cell"
    names: dict[str, object] = {}
    exec(compile(ast.Module([*imports, *before], []), name, "exec"), names)
    figure = eval(compile(ast.Expression(last.value), name, "eval"), names)
    assert isinstance(figure, TouchFigure)
    return figure


def opened(
    browser: Browser, *figures: TouchFigure, theme: str = "light", width: int = 900
) -> tuple[Page, list[str]]:
    """Open a page that holds nothing but the figures; what goes wrong on it is collected in the list."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: problems.append(f"asked for {request.url}"))
    body = "".join(figure._repr_html_() for figure in figures)
    page.set_content(
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        '<title>A figure</title><meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin:8px;background:{GROUND[theme]}"><main>{body}</main></body></html>'
    )
    settle(page)
    return page, problems


@contextmanager
def in_its_chapter(browser: Browser, html: Path, name: str) -> Iterator[Page]:
    """Open the figure's chapter of the built book on a phone.

    As the test leaves it, the figure must fit and be readable in both themes, and nothing have gone wrong.
    """
    with served(html) as address:
        page = browser.new_page(viewport={"width": 360, "height": 740})
        visit = watched(page, address)
        page.goto(f"{address}/book/{CHAPTERS[name]}.html")
        assert page.locator("figure.touch").count() == 1
        yield page
        for theme in GROUND:
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert not faint_texts(page)
        assert not what_sticks_out(page, of=".touch-stage")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert not visit.errors
        assert not visit.outside
        page.close()


def settle(page: Page) -> None:
    """Wait until the figures have been drawn for the width that they have."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def values(page: Page, place: int = 0) -> dict:
    """The numbers that a figure shows."""
    return page.evaluate("(place) => document.querySelectorAll('figure.touch')[place].touch.values()", place)


def slide(page: Page, label: str, value: float, place: int = 0) -> None:
    """Move a slider, found by the start of its label."""
    root = page.locator("figure.touch").nth(place)
    root.locator(f".touch-slider:has(label:text('{label}')) input").evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", {bubbles: true}));
        }""",
        value,
    )


def choose(page: Page, legend: str, option: str, place: int = 0) -> None:
    """Choose one of several."""
    group = page.locator("figure.touch").nth(place).get_by_role("group", name=legend, exact=True)
    group.get_by_role("radio", name=option, exact=True).check()


def what_sticks_out(page: Page, of: str = "figure.touch") -> list[str]:
    """Whatever is wider than the figure that it stands in, or than another part of it."""
    return page.evaluate(
        """(of) => [...document.querySelectorAll(of)].flatMap((root) => {
        const edge = root.getBoundingClientRect().right;
        return [...root.querySelectorAll("*:not(.touch-said)")]
            .filter((node) => node.getBoundingClientRect().right > edge + 0.5)
            .map((node) => `${node.tagName} ${node.textContent.slice(0, 40)}`);
    })""",
        of,
    )


def faint_texts(page: Page) -> list[str]:
    """Texts whose contrast with what lies behind them is below 4.5 (WCAG 2.2, 1.4.3)."""
    return page.evaluate("""() => {
        // A mixed color reads "color(srgb 0.9 0.9 1)", any other "rgb(230, 230, 255)".
        const numbers = (color) => color.match(/[0-9.]+/g).map(Number)
            .map((part, index) => (color.startsWith("color(") && index < 3 ? 255 * part : part));
        const light = (color) => numbers(color).slice(0, 3).map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
            .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
        function behind(node) {
            const box = node.tagName === "text" && node.parentNode.querySelector("rect");
            if (box) return getComputedStyle(box).fill;
            for (let at = node; at; at = at.parentElement) {
                const color = getComputedStyle(at).backgroundColor;
                if ((numbers(color)[3] ?? 1) === 1) return color;
            }
            return "rgb(255, 255, 255)";
        }
        const isText = (child) => child.nodeType === 3 && child.data.trim();
        const hasText = (node) => [...node.childNodes].some(isText);
        return [...document.querySelectorAll("figure.touch *")].filter(hasText).flatMap((node) => {
            const style = getComputedStyle(node);
            const ink = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
            const [high, low] = [light(ink), light(behind(node))].sort((one, other) => other - one);
            const contrast = (high + 0.05) / (low + 0.05);
            const seen = `${node.textContent.slice(0, 30)}: ${ink} on ${behind(node)}`;
            return contrast < 4.5 ? [`${seen}, ${contrast}`] : [];
        });
    }""")
