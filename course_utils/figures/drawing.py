"""A figure as SVG: the same bytes on every run, small, and complete in one file.

Letters are stored as outlines. So a figure looks the same on every machine, whatever fonts it has, and
nothing overlaps that did not overlap for its author. What a reader needs to know is in the alternative text
beside it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

LIMIT = 100_000
"""The most bytes that a figure may have: a page holds about ten, and a graded cell may show no more."""

MANY_MARKS = 1000
"""A cloud of more marks than this is stored as pixels: nobody looks at a single one."""

_PIXELS_PER_INCH = (200, 140, 100)
"""How fine a cloud is stored: as fine as the limit allows."""

_SETTINGS: Any = {"svg.fonttype": "path", "svg.hashsalt": "course", "svg.image_inline": True}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_SPACE = "http://www.w3.org/2000/svg"
_REFERENCE = re.compile(r"#([\w.-]+)")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
# What matplotlib calls the groups of a drawing: line2d_3, PathCollection_1, matplotlib.axis_2.
_GROUP = re.compile(r"(?:matplotlib\.)?(\w+?)_\d+")


class FigureTooLargeError(ValueError):
    """A figure takes more bytes than a page of the book can bear."""


def to_svg(figure: Figure) -> str:
    """Return a figure as a drawing in SVG, in the colors of a white page.

    Args:
        figure: What to draw. It is not changed.

    Returns:
        One ``<svg>`` element. Numbers are rounded to a hundredth of a point; ids are short, and only what is
        referred to has one; groups say by their class what they hold, texts by ``data-text`` what they read.

    Raises:
        FigureTooLargeError: If it takes more than `LIMIT` bytes.
    """
    with mpl.rc_context(_SETTINGS), _clouds_as_pixels(figure):
        for fineness in _PIXELS_PER_INCH:
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=_NO_METADATA, dpi=fineness)
            text = tidy(buffer.getvalue())
            size = len(text.encode())
            if size <= LIMIT:
                return text
            if "<image" not in text:
                break
    raise FigureTooLargeError(
        f"the figure takes {size / 1000:,.0f} KB as SVG, and {LIMIT / 1000:,.0f} KB are the limit. Most of "
        f"it is {_largest_part(text)}. Draw fewer points, or draw that part with rasterized=True"
    )


@contextmanager
def _clouds_as_pixels(figure: Figure) -> Iterator[None]:
    """Rasterize what consists of very many marks, for as long as the block runs."""
    clouds: list[Artist] = [artist for artist in figure.findobj() if _marks(artist) > MANY_MARKS]
    before = [artist.get_rasterized() for artist in clouds]
    for artist in clouds:
        artist.set_rasterized(True)
    try:
        yield
    finally:
        for artist, state in zip(clouds, before, strict=True):
            artist.set_rasterized(state)


def _marks(artist: Artist) -> int:
    """Return how many separate marks an artist draws."""
    if isinstance(artist, QuadMesh):
        values = artist.get_array()
        return 0 if values is None else int(values.size)
    if isinstance(artist, Collection):
        return max(len(np.asarray(artist.get_offsets())), len(artist.get_paths()))
    if isinstance(artist, Line2D) and artist.get_marker() not in ("None", "none", "", " ", None):
        return int(np.size(artist.get_xdata()))
    return 0


def tidy(text: str) -> str:
    """Return matplotlib's SVG without what means nothing, and safe to stand in a page.

    A style sheet inside the drawing would hold for the whole page that it stands in, so what it says is said
    by the root; ids are replaced by short ones in the order of the drawing.

    >>> print(tidy('<svg><g id="line2d_1"><path id="x" d="M 1.2345 2 L 3 4"/></g></svg>'))
    <svg xmlns="http://www.w3.org/2000/svg" stroke-linejoin="round">
    <g class="line2d">
    <path d="M1.23 2L3 4" />
    </g>
    </svg>
    """
    builder = ElementTree.TreeBuilder(insert_comments=True)
    root = ElementTree.fromstring(text, parser=ElementTree.XMLParser(target=builder))
    _drop_metadata_and_styles(root)
    used = _referred_to(root)
    short: dict[str, str] = {}
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
        attributes = {name.split("}")[-1]: value for name, value in element.attrib.items()}
        name = attributes.pop("id", "")
        if name in used:
            attributes["id"] = short.setdefault(name, f"i{len(short)}")
        if group := _GROUP.fullmatch(name):
            attributes["class"] = group[1]
        element.attrib = attributes
    for element in root.iter():
        element.attrib = {name: _shorter(name, value, short) for name, value in element.attrib.items()}
    _forget_ticks(root)
    _say_styles_once(root)
    _unwrap(root)
    root.attrib = {"xmlns": _SPACE, **root.attrib, "stroke-linejoin": "round"}
    root.attrib.pop("version", None)
    ElementTree.indent(root, space="")
    return ElementTree.tostring(root, encoding="unicode").strip()


def _drop_metadata_and_styles(root: ElementTree.Element) -> None:
    """Take out metadata and style sheets, and turn the comment of each text into an attribute."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag is ElementTree.Comment:
                # A comment holds no "<", so matplotlib writes it as it stands in XML.
                parent.set("data-text", unescape((child.text or "").strip()))
                parent.remove(child)
            elif str(child.tag).rsplit("}", 1)[-1] in ("metadata", "style"):
                parent.remove(child)


def _referred_to(root: ElementTree.Element) -> set[str]:
    """Return the ids that something in the drawing refers to."""
    found: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href") or "url(" in value:
                found.update(_REFERENCE.findall(value))
    return found


def _shorter(name: str, value: str, short: dict[str, str]) -> str:
    """Return an attribute's value with new ids and fewer digits."""
    if name == "href" and value.startswith("data:"):
        return "".join(value.split())
    if name == "href" or "url(" in value:
        value = _REFERENCE.sub(lambda found: f"#{short.get(found[1], found[1])}", value)
    if name == "d":
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(" ".join(value.split())))
    if name == "transform":
        return re.sub(r"translate\([^)]*\)", lambda found: _rounded(found[0]), value)
    if name in ("x", "y", "width", "height", "viewBox", "points", "x1", "x2", "y1", "y2"):
        return _rounded(value)
    return re.sub(r"([:;]) ", r"\1", value) if name == "style" else value


def _rounded(numbers: str) -> str:
    """Return a text with each of its numbers rounded to two digits after the point."""

    def fewer(found: re.Match[str]) -> str:
        digits = f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
        return "0" if digits == "-0" else digits

    return _NUMBER.sub(fewer, numbers)


def _forget_ticks(root: ElementTree.Element) -> None:
    """Leave out the kinds of the parts of an axis and a legend, and what numbers beside an axis read."""
    for group in root.iter("g"):
        if group.get("class") in ("axis", "legend"):
            for part in list(group.iter())[1:]:
                part.attrib.pop("class", None)
                if not re.search(r"[^\W\d_]", part.get("data-text", "x")):
                    del part.attrib["data-text"]


def _say_styles_once(root: ElementTree.Element) -> None:
    """Give a group of marks the style that all of them have."""
    for group in root.iter("g"):
        styles = {mark.get("style", "") for mark in group}
        if len(group) < 2 or len(styles) > 1 or {mark.tag for mark in group} != {"use"}:
            continue
        style = styles.pop()
        # Opacity of a group is another thing: it would hold for all marks together.
        if style and ";opacity" not in f";{style}":
            group.set("style", style)
            for mark in group:
                del mark.attrib["style"]


def _unwrap(element: ElementTree.Element) -> None:
    """Replace each group that says nothing by what it holds, and drop the empty ones."""
    kept: list[ElementTree.Element] = []
    for child in element:
        _unwrap(child)
        if child.tag in ("g", "defs") and len(child) == 0:
            continue
        kept += list(child) if child.tag == "g" and not child.attrib else [child]
    element[:] = kept


def _largest_part(text: str) -> str:
    """Name the kind of artist that takes most of a drawing."""
    sizes: dict[str, int] = {}
    for axes in ElementTree.fromstring(text).iter(f"{{{_SPACE}}}g"):
        if axes.get("class") == "axes":
            for part in axes:
                kind = part.get("class") or part.tag.split("}")[-1]
                sizes[kind] = sizes.get(kind, 0) + len(ElementTree.tostring(part))
    return max(sizes, key=lambda kind: sizes[kind], default="outside the axes")
