"""What stays the same when another machine draws the same figure.

Another machine's last digits move a curve by a hair and a tick label by a place. So figures are not compared
by their bytes, but by what they are made of: their axes, what is drawn in each and how often, and what is
written.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

_NUMBER = re.compile(r"[+−-]?\d(?:[\d.,]*\d)?")
# A power of ten on a logarithmic axis, as matplotlib writes it.
_POWER = re.compile(r"\$\\mathdefault\{.*\}\$")


def outline(svg: str) -> str:
    r"""Return what a figure consists of, one line for each of its axes and for what stands outside of them.

    Args:
        svg: A drawing as `to_svg` makes it.

    Returns:
        A text to compare. Numbers are left out of what is written: that a chapter's numbers hold is seen in
        what its cells print.

    >>> print(outline('<svg><g class="axes"><g class="line2d"/><g class="line2d"/>'
    ...               '<g class="text" data-text="seed 3"/></g></svg>'))
    axes: 2 line2d, 1 text; "seed #"
    """
    root = ElementTree.fromstring(svg)
    lines, beside = [], []
    for part in root.findall(".//{*}g[@class='figure']/*") or list(root):
        if part.get("class") == "axes":
            kinds = Counter(_kind(child) for child in part if _kind(child) not in ("axis", "defs"))
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            lines.append(f"axes: {counts}; {_words(part)}")
        elif part.get("class") in ("text", "legend"):
            beside.append(_words(part))
    return "\n".join(lines + [f"beside: {words}" for words in beside if words])


def _kind(element: ElementTree.Element) -> str:
    """Return the kind of an artist; a picture has no group of its own, or one that only clips it."""
    return element.get("class") or (
        "image" if element.find("{*}image") is not None else element.tag.split("}")[-1]
    )


def _words(part: ElementTree.Element) -> str:
    """Return the texts of a part that hold words, numbers replaced by #."""
    texts = (element.get("data-text", "") for element in part.iter())
    shown = (_NUMBER.sub("#", text) for text in texts if not _POWER.fullmatch(text))
    return ", ".join(f'"{text}"' for text in shown if re.search(r"[^\W\d_]", text))
