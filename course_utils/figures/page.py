"""A stored figure as a part of a page: in the page's colors, with a name for those who do not see it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from .palette import NAMES

_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_PIXELS_PER_POINT = 96 / 72
# A figure narrower than this fits on a phone. A wider one, with several panels side by side, would lose its
# letters there: it keeps a part of its width and scrolls in its own box.
_NARROW = 700.0
_SMALLEST_SCALE = 0.62
_COLUMN = 640.0


def inline(svg: str, name: str, prefix: str) -> str:
    """Return HTML that shows a stored figure in a page of the book.

    Args:
        svg: A drawing as `to_svg` makes it, in the colors of a white page.
        name: What is seen in the figure; screen readers read it.
        prefix: Put before each id, so that no two figures of a page share one.

    Returns:
        A box with the drawing. Each color of the palette is a property ``--figure-NAME`` of the page.
    """
    root = ElementTree.fromstring(svg)
    natural = round(float(root.attrib["width"].removesuffix("pt")) * _PIXELS_PER_POINT)
    smallest = 0 if natural <= _NARROW else round(min(natural * _SMALLEST_SCALE, _COLUMN))
    _drop_ground(root)
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
        for unneeded in ("class", "data-text"):
            element.attrib.pop(unneeded, None)
        element.attrib = {key: _for_page(key, value, prefix) for key, value in element.attrib.items()}
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "stroke-linejoin": "round",
        # A drawing does not say that something is black: it is so where nothing is said.
        "fill": f"var(--figure-{NAMES['#000000']})",
        "role": "img",
        "aria-label": name,
        "style": f"--figure-width:{natural}px;--figure-smallest:{smallest}px",
    }
    drawing = ElementTree.tostring(root, encoding="unicode")
    return f'<div class="course-figure">{drawing}</div>'


def _drop_ground(root: ElementTree.Element) -> None:
    """Take out the white sheet that the figure is drawn on: the page is its ground."""
    for parent in root.iter():
        for child in list(parent):
            if child.get("class") == "patch" and parent.get("class") == "figure":
                parent.remove(child)
                return


def _for_page(key: str, value: str, prefix: str) -> str:
    """Return an attribute's value with the page's ids and colors."""
    if key == "id":
        return prefix + value
    if key == "href":
        return f"#{prefix}{value[1:]}" if value.startswith("#") else value
    if "url(#" in value:
        value = value.replace("url(#", f"url(#{prefix}")
    if key in ("fill", "stroke") and value in NAMES:
        return f"var(--figure-{NAMES[value]})"
    if key == "style":
        return _COLOR.sub(
            lambda found: f"var(--figure-{NAMES[found[0]]})" if found[0] in NAMES else found[0], value
        )
    return value
