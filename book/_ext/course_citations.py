"""The way back from the bibliography: under each source, the pages that cite it."""

from __future__ import annotations

from course_pages import course_of
from docutils import nodes
from sphinx.application import Sphinx


def citing_pages(app: Sphinx) -> dict[str, list[str]]:
    """Return the pages that cite each source, by the source's key, chapters first."""
    order = {f"book/{chapter.key}": place for place, chapter in enumerate(course_of(app).chapters)}
    found: dict[str, set[str]] = {}
    for reference in app.env.get_domain("cite").citation_refs:  # type: ignore[attr-defined]
        for target in reference.targets:
            found.setdefault(target.key, set()).add(reference.docname)
    return {
        key: sorted(pages, key=lambda page: (order.get(page, len(order)), page))
        for key, pages in found.items()
    }


def add_ways_back(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Say under each source of a bibliography where it is cited, with links."""
    domain = app.env.get_domain("cite")
    here = {
        citation.citation_id: citation.key
        for citation in domain.citations  # type: ignore[attr-defined]
        if citation.bibliography_key.docname == page
    }
    if not here:
        return
    pages = citing_pages(app)
    for node in doctree.findall(nodes.citation):
        keys = [here[name] for name in node["ids"] if name in here]
        links = [other for key in keys for other in pages.get(key, []) if other != page]
        if not links:
            continue
        line = nodes.paragraph(classes=["cited-in"])
        line += nodes.Text("Cited in: ")
        for place, other in enumerate(links):
            title = app.env.titles[other].astext()
            address = app.builder.get_relative_uri(page, other)
            line += [nodes.Text(", ")] if place else []
            line += nodes.reference("", title, internal=True, refuri=address)
        node += line


def setup(app: Sphinx) -> None:
    """Register what is in this module."""
    app.connect("doctree-resolved", add_ways_back)
