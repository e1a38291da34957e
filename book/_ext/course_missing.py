"""The page that a server shows for an address that leads nowhere: 404.html."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course_pages import course_of
from sphinx.application import Sphinx


def missing_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make the page. It stands alone: nobody knows how deep the address is for which it is shown."""
    course = course_of(app)
    parts = [part for part in course.parts if f"book/{part.name}/index" in app.env.found_docs]
    yield "404", {"course_title": course.title, "course_parts": parts}, "missing.html"


def setup(app: Sphinx) -> None:
    """Register what is in this module."""
    app.connect("html-collect-pages", missing_page)
