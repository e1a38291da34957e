"""Definitions at hand: each page holds those of the glossary's terms that it links, for terms.js to show."""

from __future__ import annotations

import copy
import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
_LINK = re.compile(r'href="[^"]*glossary\.html#(term-[^"]+)"')


def definitions(app: Sphinx) -> dict[str, str]:
    """Return the definition of each term as HTML, by the id of the term on the glossary's page.

    Links between terms are left out: what is shown for a moment should not lead on.
    """
    if GLOSSARY not in app.env.found_docs:
        return {}
    cached = getattr(app, "course_definitions", None)
    if cached is None:
        cached = {}
        for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
            body = next((child for child in item if isinstance(child, nodes.definition)), None)
            if body is not None:
                shown = _inline_html(app, body)
                for term in item.findall(nodes.term):
                    cached |= dict.fromkeys(term["ids"], shown)
        app.course_definitions = cached  # type: ignore[attr-defined]
    return cached


def _inline_html(app: Sphinx, definition: nodes.definition) -> str:
    """Return a definition as HTML without links."""
    body = copy.deepcopy(definition)
    for link in list(body.findall(addnodes.pending_xref)):
        link.replace_self(nodes.inline(link.astext(), link.astext()))
    pieces = [
        app.builder.render_partial(paragraph)["fragment"]
        for paragraph in body
        if isinstance(paragraph, nodes.paragraph)
    ]
    return "".join(pieces).strip()


def linked_definitions(app: Sphinx, page: str, body: str) -> dict[str, str]:
    """Return the definitions of the terms that a page links, by the id of the term."""
    if page == GLOSSARY:
        return {}
    known = definitions(app)
    return {name: known[name] for name in dict.fromkeys(_LINK.findall(body)) if name in known}


def load_formulas(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Load MathJax on pages that have formulas in their definitions alone."""
    linked = linked_definitions(app, page, context.get("body") or "")
    if any('class="math' in definition for definition in linked.values()):
        app.env.get_domain("math").data["has_equations"][page] = True


def add_definitions(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Put the definitions of the terms that a page links at its end, hidden."""
    body = context.get("body") or ""
    cards = "".join(
        f'<div class="term-card" role="tooltip" id="definition-{name}" hidden>{definition}</div>'
        for name, definition in linked_definitions(app, page, body).items()
    )
    if cards:
        context["body"] = f"{body}{cards}"


def setup(app: Sphinx) -> None:
    """Register what is in this module."""
    app.connect("html-page-context", load_formulas, priority=400)  # before Sphinx asks whether a page has any
    app.connect("html-page-context", add_definitions, priority=700)
