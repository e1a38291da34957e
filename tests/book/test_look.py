"""The book's look: it is made anew when it changes, and its icons need no script."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browsing import served

CONF = """
import sys
sys.path.insert(0, "book/_ext")
extensions = ["course_look"]
html_theme = "basic"
html_static_path = ["book/_static"]
html_css_files = ["look.css"]
templates_path = ["book/_templates"]
"""


@pytest.mark.parametrize("changed", ["_static/look.css", "_templates/part.html", "_ext/more.py"])
def test_a_change_of_the_look_alone_is_seen(tmp_path: Path, root: Path, changed: str):
    files = {"_static/look.css": "a {}", "_templates/part.html": "", "_ext/more.py": ""}
    for name, text in files.items():
        (tmp_path / "book" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "book" / name).write_text(text)
    shutil.copy(root / "book" / "_ext" / "course_look.py", tmp_path / "book" / "_ext")
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.rst").write_text("Title\n=====\n")

    def build() -> str:
        command = [sys.executable, "-m", "sphinx", "-b", "html", ".", "out"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    assert "1 added" in build()
    assert "no targets are out of date" in build()
    (tmp_path / "book" / changed).write_text("# changed {}")
    assert "no targets are out of date" not in build()
    assert (tmp_path / "out" / "_static" / "look.css").read_text() == (
        tmp_path / "book" / "_static" / "look.css"
    ).read_text()


@pytest.mark.built
@pytest.mark.browser
@pytest.mark.parametrize("width", [1300, 360])
def test_icons_are_shown_without_the_themes_script(book, browser, width: int):
    with served(book.html) as address:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(f"{address}/book/transformers/attention.html", wait_until="networkidle")
        loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert not [name for name in loaded if "fontawesome.js" in name]
        icons = page.evaluate("""() => [...document.querySelectorAll("[class*='fa-']")]
            .filter((icon) => icon.checkVisibility({ visibilityProperty: true }))
            .map((icon) => {
                const drawn = getComputedStyle(icon, "::before");
                return {
                    name: icon.className,
                    wide: icon.getBoundingClientRect().width,
                    there: drawn.content.length === 3,
                    font: document.fonts.check(`${drawn.fontWeight} 16px ${drawn.fontFamily}`),
                };
            })""")
        page.close()
    assert len(icons) > 4
    assert not [icon for icon in icons if icon["wide"] < 8 or not icon["there"] or not icon["font"]], icons
