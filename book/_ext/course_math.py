"""Formulas in the text: no line begins with the comma after one, and none ends with the bracket before one.

MathJax sets a formula as a box of its own, and a browser may break the line on either side of such a box.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

OPENING = re.compile(r"[(\[“‘]+$")
CLOSING = re.compile(r"^[)\]”’.,;:!?]+")


def keep_together(_app: Sphinx, document: nodes.document, _name: str) -> None:
    """Put each formula and the marks that touch it into one element, which is not broken."""
    for formula in list(document.findall(nodes.math)):
        parent = formula.parent
        place = parent.index(formula)
        before, after = parent[:place][-1:], parent[place + 1 :][:1]
        opening = OPENING.search(before[0]) if before and isinstance(before[0], nodes.Text) else None
        closing = CLOSING.search(after[0]) if after and isinstance(after[0], nodes.Text) else None
        if not opening and not closing:
            continue
        whole = nodes.inline("", classes=["kept-together"])
        parent[place] = whole
        if opening:
            parent[place - 1] = nodes.Text(before[0][: opening.start()])
            whole += nodes.Text(opening[0])
        whole += formula
        if closing:
            parent[place + 1] = nodes.Text(after[0][closing.end() :])
            whole += nodes.Text(closing[0])


def setup(app: Sphinx) -> None:
    """Register what this module does."""
    app.connect("doctree-resolved", keep_together)
