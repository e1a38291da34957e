"""The concept map of the book, and "Before this" and "After this" on the chapters' pages.

All of it is made from ``concepts.yml`` and ``course.yml`` when the book is built. The page of the map holds a
list of every concept, complete without a script; the map is drawn from that list.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from course_utils.authoring import concepts as concept_data
from course_utils.authoring.chapter_times import chapter_time
from course_utils.authoring.concept_layout import NARROW_TILE, TILE, Layout, lay_out
from course_utils.authoring.concepts import Concept, ConceptError, ConceptMap, load_concepts
from course_utils.authoring.course_map import FILE_NAME, Chapter, Course, load_course

MAP_PAGE = "book/concept_map"
AIMS = "what you will be able to do"
"""What a chapter's list of aims is headed by; "Before this" follows the list."""
SCRIPTS = ("concepts_model.js", "concepts_search.js", "concepts_map.js", "concepts_views.js", "concepts.js")


class MapNode(nodes.General, nodes.Element):
    """Where the concept map stands on its page."""


class NeighborsNode(nodes.General, nodes.Element):
    """Where a chapter says what comes before it, or after it."""


class Pages:
    """What is known about the pages: which exist, and how one leads to another."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.builder: Builder = app.builder
        self.environment: BuildEnvironment = app.env
        self.docname = docname
        self.course: Course = app.course_map  # type: ignore[attr-defined]
        self.concepts: ConceptMap = app.concept_map  # type: ignore[attr-defined]
        self.chapters = {chapter.key: chapter for chapter in self.course.chapters}

    def address(self, docname: str) -> str:
        """Return the way from this page to another."""
        return "" if docname == self.docname else self.builder.get_relative_uri(self.docname, docname)

    def chapter_address(self, key: str) -> str | None:
        """Return the address of a chapter's page; None when it is not written."""
        return self.address(f"book/{key}") if f"book/{key}" in self.environment.found_docs else None

    def chapter_link(self, key: str) -> str:
        """Return a chapter's title: a link when the chapter is written, else marked as planned."""
        title, address = escape(self.chapters[key].title), self.chapter_address(key)
        if address is None:
            return f'{title} <span class="concept-planned">planned</span>'
        return f'<a href="{address}">{title}</a>'

    def concept_link(self, concept: Concept) -> str:
        """Return a concept's name, as a link to its place on the map."""
        return f'<a href="{self.address(MAP_PAGE)}#concept-{concept.slug}">{escape(concept.name)}</a>'

    def term_address(self, term: str) -> str | None:
        """Return the address of a term of the glossary."""
        for name, _shown, kind, docname, anchor, _priority in self.environment.domains["std"].get_objects():
            if kind == "term" and name.lower() == term.lower():
                return f"{self.address(docname)}#{anchor}"
        return None

    def minutes(self, chapter: Chapter) -> int | None:
        """Return how long a written chapter takes to read; None for a planned one."""
        if self.chapter_address(chapter.key) is None:
            return None
        return chapter_time(chapter, Path(self.environment.srcdir)).reading


# The page of the map


class ConceptMapDirective(SphinxDirective):
    """``concept-map``: the map, with the list that it is drawn from."""

    def run(self) -> list[nodes.Node]:
        """Leave a mark; what stands there is written when all pages are known."""
        return [MapNode()]


def map_html(pages: Pages) -> str:
    """Return the concept map: a frame for the drawing, and the list of all concepts."""
    layout = lay_out(pages.course)
    sizes = " ".join(
        f'data-{name}="{value[0]} {value[1]}"'
        for name, value in (
            ("wide-size", layout.wide_size),
            ("narrow-size", layout.narrow_size),
            ("wide-tile", TILE),
            ("narrow-tile", NARROW_TILE),
        )
    )
    parts = "".join(_part_html(pages, part, layout) for part in pages.course.parts)
    return (
        f'<div class="concept-map" {sizes}></div>\n<div class="concept-list">\n'
        f'<p class="concept-list-title">All concepts as a list</p>\n{parts}</div>\n'
    )


def _part_html(pages: Pages, part: Any, layout: Layout) -> str:
    """Return the list of one part."""
    chapters = "".join(_chapter_html(pages, chapter, layout) for chapter in part.chapters)
    concepts = sum(len(pages.concepts.of(chapter.key)) for chapter in part.chapters)
    wide, narrow = (" ".join(map(str, at[part.name])) for at in (layout.wide_parts, layout.narrow_parts))
    return (
        f'<details class="concept-list-part hide" data-part="{part.name}" data-title="{escape(part.title)}" '
        f'data-wide="{wide}" data-narrow="{narrow}">\n'
        f"<summary>{escape(part.title)}"
        f"<span>{len(part.chapters)} chapters, {concepts} concepts</span></summary>\n"
        f"{chapters}</details>\n"
    )


def _chapter_html(pages: Pages, chapter: Chapter, layout: Layout) -> str:
    """Return the list of one chapter."""
    place = layout.chapters[chapter.key]
    minutes = pages.minutes(chapter)
    entries = "".join(_concept_html(pages, concept) for concept in pages.concepts.of(chapter.key))
    return (
        f'<div class="concept-list-chapter" data-chapter="{chapter.key}" '
        f'data-title="{escape(chapter.title)}" '
        f'data-needs="{" ".join(chapter.needs)}" data-href="{pages.chapter_address(chapter.key) or ""}" '
        f'data-minutes="{minutes or ""}" data-column="{place.column}" data-row="{place.row}" '
        f'data-wide="{place.wide[0]} {place.wide[1]}" data-narrow="{place.narrow[0]} {place.narrow[1]}">\n'
        f'<p class="concept-list-chapter-title">{pages.chapter_link(chapter.key)}</p>\n'
        f"<ul>{entries}</ul>\n</div>\n"
    )


def _concept_html(pages: Pages, concept: Concept) -> str:
    """Return the entry of one concept."""
    needs = [pages.concepts.concepts[need] for need in concept.needs]
    after = f" Needs {', '.join(map(pages.concept_link, needs))}." if needs else ""
    glossary = ""
    if concept.term and (address := pages.term_address(concept.term)):
        glossary = f' <a class="concept-term" href="{address}">Glossary: {escape(concept.term)}</a>'
    return (
        f'<li id="concept-{concept.slug}" data-needs="{" ".join(need.slug for need in needs)}">'
        f"<strong>{escape(concept.name)}</strong>. <span>{escape(concept.means)}</span>"
        f"{after}{glossary}</li>\n"
    )


# The chapters' pages


def before_html(pages: Pages, chapter: Chapter) -> str:
    """Return "Before this": the chapters that a chapter builds on, and what it uses of each."""
    groups = pages.concepts.chapter_needs(chapter.key)
    assumed = pages.concepts.assumes.get(chapter.key)
    lines = [_group_html(pages, key, found) for key, found in groups.items()]
    intro = f"<p>{_code(assumed)}</p>" if assumed else ""
    if not lines and not intro:
        intro = "<p>Nothing. One can begin here.</p>"
    return _neighbors_html("before", "Before this", intro, lines)


def after_html(pages: Pages, chapter: Chapter) -> str:
    """Return "After this": the chapters that build on a chapter, and what they make of it."""
    groups = pages.concepts.chapter_opens(chapter.key)
    near = [other.key for other in pages.course.chapters if chapter.key in other.needs]
    lines = [_group_html(pages, key, groups.pop(key)) for key in near if key in groups]
    rest = f"<p>Also used in {_counted(len(groups), 'other chapter')}.</p>" if groups and lines else ""
    intro = "" if lines else "<p>No other chapter needs this one.</p>"
    return _neighbors_html("after", "After this", intro, lines, rest)


def _code(text: str) -> str:
    """Return text as HTML, with what stands in backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _counted(number: int, noun: str) -> str:
    """Return ``1 chapter`` or ``2 chapters``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _group_html(pages: Pages, key: str, found: list[Concept]) -> str:
    """Return one chapter with some of its concepts."""
    links = ", ".join(map(pages.concept_link, found))
    return (
        f'<li data-part="{key.partition("/")[0]}">'
        f'<span class="concept-chapter">{pages.chapter_link(key)}</span> '
        f'<span class="concept-names">{links}</span></li>'
    )


def _neighbors_html(kind: str, title: str, intro: str, lines: list[str], rest: str = "") -> str:
    """Return the box of a chapter's neighbors."""
    listed = f"<ul>{''.join(lines)}</ul>" if lines else ""
    return (
        f'<section class="concept-neighbors" data-kind="{kind}" aria-label="{title}">'
        f'<p class="concept-neighbors-title">{title}</p>{intro}{listed}{rest}</section>'
    )


def add_neighbors(app: Sphinx, doctree: nodes.document) -> None:
    """Mark where a chapter's page says what comes before it and after it."""
    environment = app.env
    docname = environment.docname
    key = docname.removeprefix("book/")
    if docname != MAP_PAGE and key not in {chapter.key for chapter in app.course_map.chapters}:  # type: ignore[attr-defined]
        return
    for name in (FILE_NAME, concept_data.FILE_NAME):
        environment.note_dependency(str(Path(app.srcdir) / name))
    if docname == MAP_PAGE:
        return
    top = next(iter(doctree.findall(nodes.section)), None)
    if top is None:
        return
    parent, place = _after_aims(top)
    parent.insert(place, NeighborsNode(kind="before", chapter=key))
    top.append(NeighborsNode(kind="after", chapter=key))


def _after_aims(top: nodes.section) -> tuple[nodes.Element, int]:
    """Return where "Before this" belongs: after the list of aims, else before the first section."""
    for node in top.findall(lambda node: isinstance(node, (nodes.title, nodes.paragraph))):
        if node.astext().strip().lower() == AIMS:
            parent = node.parent
            place = parent.index(node) + 1
            while place < len(parent) and not isinstance(parent[place], nodes.section):
                place += 1
                if isinstance(parent[place - 1], nodes.bullet_list):
                    break
            return parent, place
    return top, next((at for at, node in enumerate(top) if isinstance(node, nodes.section)), len(top))


# Sphinx


def load(app: Sphinx) -> None:
    """Read the course and its concepts, once for a build."""
    root = Path(app.srcdir)
    app.course_map = load_course(root)  # type: ignore[attr-defined]
    try:
        app.concept_map = load_concepts(root, app.course_map)  # type: ignore[attr-defined]
    except ConceptError as error:
        raise ExtensionError(str(error)) from error


def write_html(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the map and the neighbors where their marks are; by now all pages are known."""
    for mark in [*doctree.findall(MapNode), *doctree.findall(NeighborsNode)]:
        pages = Pages(app, docname)
        if isinstance(mark, MapNode):
            html = map_html(pages)
        else:
            make = before_html if mark["kind"] == "before" else after_html
            html = make(pages, pages.chapters[mark["chapter"]])
        mark.replace_self(nodes.raw("", html, format="html"))


def add_scripts(app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doctree: object) -> None:
    """Load the map's scripts on its page only."""
    if page == MAP_PAGE:
        for name in SCRIPTS:
            app.add_js_file(name, loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(MapNode)
    app.add_node(NeighborsNode)
    app.add_directive("concept-map", ConceptMapDirective)
    app.add_css_file("concepts.css")
    app.connect("builder-inited", load)
    app.connect("doctree-read", add_neighbors)
    app.connect("doctree-resolved", write_html)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
