"""What the course adds to Sphinx: settings from ``course.yml``, and repairs of what the theme emits.

What pages say beside their text is in the modules next to this one: `course_pages` (which part, which
version, how to try it), `course_home` (what the home page shows), `course_terms` (definitions),
`course_citations` (the way back from the bibliography), `course_missing` (the page for addresses that lead
nowhere) and `course_look` (when all pages are made anew).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import course_citations
import course_home
import course_look
import course_math
import course_missing
import course_pages
import course_terms
from sphinx.application import Sphinx
from sphinx.config import Config

from course_utils.authoring.course_map import load_course

MODULES = (
    *(course_pages, course_home, course_terms, course_citations, course_math),
    *(course_missing, course_look),
)


def settings_from_course(app: Sphinx, config: Config) -> None:
    """Take the book's title, author and repository from ``course.yml``."""
    course = load_course(Path(app.srcdir))
    config.project = config.html_title = course.title
    config.author = course.author
    config.html_theme_options |= {
        "repository_url": course.repository,
        "repository_branch": course.branch,
        "use_repository_button": True,
        "use_issues_button": True,
        "use_edit_page_button": True,
        "extra_footer": (
            "<p>Text and figures: CC BY 4.0. Code: MIT. "
            f'<a href="{course.repository}">Source of this book</a>.</p>'
        ),
    }


def scripts_once(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Keep one of each script: the theme's extensions add some twice, and the second one fails."""
    kept: dict[str, Any] = {}
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        kept.setdefault(body or str(getattr(script, "filename", script)), script)
    context["script_files"] = list(kept.values())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", settings_from_course, priority=100)
    app.connect("html-page-context", scripts_once, priority=900)
    for module in MODULES:
        module.setup(app)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
