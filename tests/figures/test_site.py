"""Drawings in a built page: named, without a card, in the page's colors, and scrolled by keyboard where wide.

The page is built here from two figures, so that these tests need no other chapter.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.authoring.notebook_files import normalize
from course_utils.figures import COLORS, course_style, to_svg
from course_utils.figures.palette import DARK
from tests.browsing import served
from tests.figures.conftest import draw

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.built
NAMES = ['Two panels: "loss" & weights.', "One black bar on the page."]
CONFIGURATION = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "figures_ext"]
html_theme = "sphinx_book_theme"
html_theme_options = {{"navbar_persistent": []}}
nb_execution_mode = "off"
html_static_path = [{static!r}]
"""


def page_with(svgs: list[str], names: list[str]) -> NotebookNode:
    """Return a notebook whose cells store these drawings."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Figures")])
    for number, (svg, name) in enumerate(zip(svgs, names, strict=True), start=1):
        cell = nbformat.v4.new_code_cell("plt.show()", execution_count=number)
        cell.outputs = [nbformat.v4.new_output("display_data", data={"image/svg+xml": svg})]
        if name:
            cell.metadata["mystnb"] = {"image": {"alt": name}}
        notebook.cells.append(cell)
    return normalize(notebook)


def build(folder: Path, pages: dict[str, NotebookNode]) -> subprocess.CompletedProcess[str]:
    """Build a site with these pages, in two processes, every warning an error."""
    source = folder / "source"
    source.mkdir()
    book = ROOT / "book"
    configuration = CONFIGURATION.format(extensions=str(book / "_ext"), static=str(book / "_static"))
    (source / "conf.py").write_text(configuration)
    (source / "index.md").write_text("# Site\n\n```{toctree}\n" + "\n".join(pages) + "\n```\n")
    for name, notebook in pages.items():
        nbformat.write(notebook, source / f"{name}.ipynb")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "--keep-going", "-j", "2"]
    return subprocess.run(
        [*command, str(source), str(folder / "html")],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("site")
    with course_style():
        bar, ax = plt.subplots(figsize=(5, 3))
        ax.bar([1], [1], color=COLORS["black"])
        svgs = [to_svg(draw(title="gain")), to_svg(bar)]
    # Sphinx reads in two processes from six pages on.
    done = build(folder, {f"page{number}": page_with(svgs, NAMES) for number in range(6)})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_drawings_stand_in_the_page_with_their_names(site: Path) -> None:
    html = (site / "page0.html").read_text(encoding="utf-8")
    assert html.count('<div class="course-figure"><svg') == 2
    assert html.count('role="img"') == 2
    assert 'aria-label="Two panels: &quot;loss&quot; &amp; weights."' in html
    assert ".svg" not in re.sub(r'(src|href)="_static[^"]*"', "", html), "the page asks for no file"
    assert not list(site.glob("_images/*"))


def test_no_id_is_on_a_page_twice(site: Path) -> None:
    ids = re.findall(r'\sid="([^"]+)"', (site / "page3.html").read_text(encoding="utf-8"))
    assert len(ids) > 20
    assert not {name for name in ids if ids.count(name) > 1}


def test_what_is_too_large_or_has_no_name_is_a_warning(tmp_path: Path) -> None:
    svg = to_svg(draw())
    large = svg.replace("</svg>", f"<desc>{'x' * 100_000}</desc></svg>")
    done = build(tmp_path, {"page": page_with([svg, large], ["", "A figure that is too large."])})
    assert done.returncode != 0
    assert "figure 1 says nothing to those who do not see it" in done.stderr
    assert re.search(r"figure 2 takes \d+ KB, and 100 KB are the limit: draw fewer points", done.stderr)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with served(site) as address:
        yield address


def opened(browser: Any, address: str, *, scheme: str = "light", width: int = 1300) -> Any:
    """Open a page with both figures."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/page0.html", wait_until="networkidle")
    return page


def rgb(color: str) -> str:
    """Return a color as a browser says it."""
    return f"rgb({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))})"


def painted(page: Any, which: str, figure: int = 0) -> set[str]:
    """Return all colors that the parts of a figure are filled or drawn with."""
    shapes = f"[...document.querySelectorAll('.course-figure')[{figure}].querySelectorAll('path, use, rect')]"
    return set(page.evaluate(f"{shapes}.map((shape) => getComputedStyle(shape).{which})"))


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "palette"), [("light", COLORS), ("dark", DARK)])
def test_data_ink_and_ground_follow_the_theme(browser, address, scheme, palette) -> None:
    page = opened(browser, address, scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    fills = painted(page, "fill")
    assert {ink, rgb(palette["orange"])} <= fills
    assert rgb(palette["blue"]) in painted(page, "stroke")
    assert rgb(palette["black"]) in painted(page, "fill", figure=1)
    if scheme == "dark":
        assert ground != rgb("#FFFFFF")
        assert rgb("#1F2933") not in fills, "some ink stays dark on dark"
    sheet = (
        "[...document.querySelectorAll('.course-figure path')].filter((path) =>"
        " getComputedStyle(path).fill !== 'none' && path.getBoundingClientRect().width"
        " > 0.98 * path.ownerSVGElement.getBoundingClientRect().width).length"
    )
    assert page.evaluate(sheet) == 0, "the sheet that the figure was drawn on is left"
    # No card: neither the box nor the drawing has a ground, a frame or a filter of its own.
    for part in (".course-figure", ".course-figure > svg"):
        style = f"getComputedStyle(document.querySelector('{part}'))"
        assert page.evaluate(f"{style}.backgroundColor") == "rgba(0, 0, 0, 0)"
        assert page.evaluate(f"{style}.filter") == "none"
        assert page.evaluate(f"{style}.boxShadow") == "none"
        assert page.evaluate(f"{style}.borderTopWidth") == "0px"
    page.context.close()


@pytest.mark.browser
def test_print_is_on_white_though_the_screen_is_dark(browser, address) -> None:
    page = opened(browser, address, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert rgb("#1F2933") in painted(page, "fill")
    assert rgb(COLORS["orange"]) in painted(page, "fill")
    page.context.close()


@pytest.mark.browser
def test_a_wide_figure_scrolls_in_its_own_box_by_keyboard(browser, address) -> None:
    page = opened(browser, address, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    wide, narrow = page.locator(".course-figure").all()
    page.wait_for_selector(".course-figure[tabindex='0']")
    assert wide.get_attribute("aria-label") == "Wide figure: scroll sideways with the arrow keys"
    wide.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.course-figure').scrollLeft > 0")
    assert narrow.get_attribute("tabindex") is None
    page.set_viewport_size({"width": 1300, "height": 900})
    page.wait_for_selector(".course-figure:not([tabindex])")
    page.context.close()


@pytest.mark.browser
def test_a_screen_reader_hears_the_name_and_not_the_letters(browser, address) -> None:
    page = opened(browser, address)
    assert page.get_by_role("img", name=NAMES[0], exact=True).count() == 1
    assert page.get_by_role("img", name=NAMES[1], exact=True).count() == 1
    page.context.close()
