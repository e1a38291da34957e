"""What each page says beside its text: its part, how long it takes, how to try it, which version it is."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx

from course_utils.authoring.chapter_times import time_of
from course_utils.authoring.course_map import Chapter, Course, CourseMapError, load_course
from course_utils.authoring.versions import PageVersion, page_version

EXERCISE_TITLES = {"exercise", "the exercise"}
"""How the section of a chapter that leads to its exercise is called."""

_DESCRIPTION = 200
_cached_course = cache(load_course)


def course_of(app: Sphinx) -> Course:
    """Return the course map of the book that is built."""
    return _cached_course(Path(app.srcdir))


def chapter_of(app: Sphinx, page: str) -> Chapter | None:
    """Return the chapter that a page shows; nothing for other pages."""
    try:
        return course_of(app).chapter(page.removeprefix("book/"))
    except CourseMapError:
        return None


def part_of(app: Sphinx, page: str) -> tuple[int, str] | None:
    """Return the number and the name of the part that a page belongs to."""
    folders = page.split("/")
    for number, part in enumerate(course_of(app).parts, start=1):
        if len(folders) == 3 and folders[1] == part.name:
            return number, part.name
    return None


def launch_links(app: Sphinx, chapter: Chapter) -> list[tuple[str, str]]:
    """Return where the exercise of a chapter can be opened without installing anything: name and address.

    The addresses follow from the repository in ``course.yml``. A book without `launch_buttons` in its
    settings, such as that of a class, and one whose repository is not on GitHub has none.
    """
    course, settings = course_of(app), app.config.html_theme_options.get("launch_buttons") or {}
    address = urlsplit(course.repository)
    if address.netloc != "github.com":
        return []
    project, branch, path = (
        address.path.strip("/"),
        quote(course.branch, safe=""),
        f"exercises/{chapter.key}.ipynb",
    )
    links = []
    if settings.get("colab_url"):
        links.append(("Colab", f"{settings['colab_url']}/github/{project}/blob/{branch}/{path}"))
    if settings.get("binderhub_url"):
        links.append(
            ("Binder", f"{settings['binderhub_url']}/v2/gh/{project}/{branch}?urlpath=lab/tree/{path}")
        )
    return links


def add_try_it(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Say at the end of a chapter's exercise section how to open the exercise, here or elsewhere."""
    chapter = chapter_of(app, page)
    if chapter is None or not chapter.files(Path(app.srcdir))["exercises"].is_file():
        return
    sections = list(doctree.findall(nodes.section))
    named = [section for section in sections if section[0].astext().strip().lower() in EXERCISE_TITLES]
    place = (named or sections[:1] or [doctree])[0]
    # Sections inside it come last; the block belongs to its own text.
    inner = [index for index, child in enumerate(place.children) if isinstance(child, nodes.section)]
    place[(inner[0] if named and inner else len(place)) : 0] = _try_it(app, chapter)


def _try_it(app: Sphinx, chapter: Chapter) -> list[nodes.Node]:
    """Return the block as nodes; its commands are code, so that they get a button for copying."""
    start = nodes.literal_block(
        "", f"make start\n.venv/bin/jupyter lab exercises/{chapter.key}.ipynb", language="bash"
    )
    links = launch_links(app, chapter)
    elsewhere = ""
    if links:
        buttons = "".join(
            f'<a class="try-button" href="{html.escape(address)}">Open in {name}</a>'
            for name, address in links
        )
        elsewhere = (
            f'<p class="try-buttons">{buttons}</p><p class="try-note">Colab and Binder run on the machines '
            "of others and need a network. On Colab, the first cell installs the course.</p>"
        )
    opening = (
        '<section class="course-try" aria-label="Try it"><p class="try-title">Try it</p><p>On this computer, '
        "in the folder of the course. The first line sets everything up, once:</p>"
    )
    return [
        nodes.raw("", opening, format="html"),
        start,
        nodes.raw("", f"{elsewhere}</section>", format="html"),
    ]


def files_of(app: Sphinx, page: str) -> list[Path]:
    """Return the files that a page's version is about: a chapter's six, or the page's own."""
    chapter = chapter_of(app, page)
    if chapter:
        return list(chapter.files(Path(app.srcdir)).values())
    return [Path(app.env.doc2path(page))] if page in app.env.found_docs else []


def version_text(course: Course, version: PageVersion, path: str, what: str) -> str:
    """Return the line that says a page's version, as HTML; a commit links to the page's history."""
    if not version.date:
        return f'<p class="page-version">This {what}: version {html.escape(version.name)}.</p>'
    history = f"{course.repository}/commits/{quote(course.branch, safe='')}/{path}"
    changed = ", and changed since" if version.changed else ""
    return (
        f'<p class="page-version">This {what}: version <a href="{history}">{version.name}</a> of '
        f'<time datetime="{version.date}">{version.date}</time>{changed}.</p>'
    )


def _facts(app: Sphinx, chapter: Chapter, page: str) -> str:
    """Return the line under a chapter's title: its part, its place in it, how long it takes."""
    number, name = part_of(app, page) or (0, "")
    part = course_of(app).parts[number - 1]
    place = [other.key for other in part.chapters].index(chapter.key) + 1
    shown = f"Part {number}: {html.escape(part.title)}"
    if f"book/{name}/index" in app.env.found_docs:
        shown = f'<a href="index.html">{shown}</a>'
    return (
        f'<p class="chapter-facts"><span>{shown}</span> <span>chapter {place} of {len(part.chapters)}</span> '
        f"<span>{time_of(chapter, Path(app.srcdir))}</span></p>"
    )


def _description(app: Sphinx, page: str, doctree: nodes.document | None) -> str:
    """Return what a page is about, in a sentence: what a chapter delivers, or a page's first paragraph."""
    chapter = chapter_of(app, page)
    if chapter:
        return chapter.delivers
    first = next(iter(doctree.findall(nodes.paragraph)), None) if doctree else None
    text = " ".join(first.astext().split()) if first else course_of(app).title
    return text if len(text) <= _DESCRIPTION else text[:_DESCRIPTION].rsplit(" ", 1)[0] + " ..."


def add_to_page(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the templates what they say about a page, and put the lines on part, time and version into it."""
    course, part, chapter = course_of(app), part_of(app, page), chapter_of(app, page)
    kind = "chapter" if chapter else "part" if part else "home" if page == app.config.root_doc else "page"
    base = (app.config.html_baseurl or "").rstrip("/")
    picture = "_static/social.png"
    context["course"] = {
        "title": course.title,
        "kind": kind,
        "part": part[1] if part else "",
        "description": _description(app, page, doctree),
        # Previews want whole addresses; they are known where the settings say where the book is published.
        "address": f"{base}/{page}.html" if base else "",
        "picture": f"{base}/{picture}" if base else context["pathto"](picture, 1),
    }
    body = context.get("body")
    if not body or doctree is None:
        return
    if chapter:
        body = body.replace("</h1>", "</h1>" + _facts(app, chapter, page), 1)
    files = files_of(app, page)
    if files:
        root = Path(app.srcdir)
        own = Path(app.env.doc2path(page)).relative_to(root).as_posix()
        version = page_version(files, root)
        body += version_text(course, version, own, "chapter" if chapter else "page")
    context["body"] = body


def replace_launch_buttons(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Let the rocket at the top of a chapter open its exercise: the theme's own opens the page."""
    buttons = context.get("header_buttons", [])
    group = next((button for button in buttons if button.get("label") == "launch-buttons"), None)
    if group is None:
        return
    chapter = chapter_of(app, page)
    links = launch_links(app, chapter) if chapter else []
    if not links:
        buttons.remove(group)
        return
    group["tooltip"] = "Open the exercise"
    pictures = {"Colab": "logo_colab.png", "Binder": "logo_binder.svg"}
    group["buttons"] = [
        {
            "type": "link",
            "text": f"Exercise in {name}",
            "tooltip": f"Open the exercise in {name}",
            "icon": f"_static/images/{pictures[name]}",
            "url": address,
        }
        for name, address in links
    ]


def setup(app: Sphinx) -> None:
    """Register what is in this module."""
    app.connect("doctree-resolved", add_try_it)
    app.connect("html-page-context", add_to_page, priority=600)
    # The theme adds its group late; this comes after it.
    app.connect("html-page-context", replace_launch_buttons, priority=901)
