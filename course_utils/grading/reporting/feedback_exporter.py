"""The page of feedback on one notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbgrader
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from course_utils.checking.report import MIME_TYPE
from course_utils.grading.marks import expected_exercise
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.reporting.reading import Page, page
from course_utils.grading.reporting.shown import FILTERS, ShowSafely

TEMPLATES = Path(__file__).parent / "templates"
NBGRADER_TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"


class FeedbackExporter(HTMLExporter):
    """nbgrader's page of feedback with a table of the points at the top and links into the book.

    For `GenerateFeedback.exporter_class`. The page runs no script and asks no other machine for anything.
    """

    @property
    def default_config(self) -> Config:
        """Settings that hold whatever is set for HTML in general: the formgrader has its own template."""
        own = Config()
        own.FeedbackExporter.template_name = "course_feedback"
        own.FeedbackExporter.template_file = "course_feedback.html.j2"
        own.FeedbackExporter.extra_template_basedirs = [str(TEMPLATES), str(NBGRADER_TEMPLATES)]
        own.FeedbackExporter.sanitize_html = True
        own.FeedbackExporter.filters = FILTERS
        own.FeedbackExporter.preprocessors = [ShowSafely]
        merged: Config = super().default_config.copy()
        merged.merge(own)
        return merged

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Make the page of a notebook."""
        resources = dict(resources or {})
        names = resources.get("nbgrader", {})
        withhold_later_outputs(nb)
        book = self._book(names)
        resources["course"] = {
            "title": book.title,
            "link": book.link(),
            "reading": {name: link for name in exercises(nb).values() if (link := book.link(name))},
            "exercises": exercises(nb),
            "cases": passed_cases(nb),
            "waiting": waiting(names),
            "dark_code": HtmlFormatter(style="github-dark").get_style_defs(".highlight"),
        }
        return super().from_notebook_node(nb, resources, **kw)

    def _book(self, names: Mapping[str, str]) -> Page:
        """Return the chapter's page in the book of the course that nbgrader is at."""
        part, name = names.get("assignment", ""), names.get("notebook", "")
        course = getattr(self.parent, "coursedir", None)
        try:
            return page(Places.find(Path(course.root) if course else None), Chapter(part, name))
        except GradingError:
            return Page(f"{part}/{name}")


WITHHELD = "(What your own cells show after the first graded check is not part of the feedback.)\n"


def withhold_later_outputs(notebook: NotebookNode) -> None:
    """Take away what ordinary cells show once graded inputs were seen: a notebook may have kept them."""
    seen = False
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and not settings.get("solution"):
            seen = True
        elif seen and cell.get("outputs"):
            cell.outputs = [new_output("stream", name="stdout", text=WITHHELD)]


def waiting(names: Mapping[str, str]) -> list[str]:
    """Return the cells that a person has not marked yet."""
    if "db_url" not in names:
        return []
    with Gradebook(names["db_url"]) as gradebook:
        found = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
        to_be_seen = [grade for grade in found.grades if grade.needs_manual_grade]
        return [grade.name for grade in to_be_seen if grade.manual_score is None]


def exercises(notebook: NotebookNode) -> dict[str, str]:
    """Return what each test cell is about, by the cell's name."""
    settings = ((cell, cell.metadata.get("nbgrader", {})) for cell in notebook.cells)
    named = {
        options["grade_id"]: expected_exercise(cell.source)
        for cell, options in settings
        if cell.cell_type == "code" and options.get("grade") and not options.get("solution")
    }
    return {cell: name for cell, name in named.items() if name}


def passed_cases(notebook: NotebookNode) -> dict[str, str]:
    """Return how many cases of each test cell passed, in words, by the cell's name."""
    found = {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        for output in cell.get("outputs", []):
            report = output.get("data", {}).get(MIME_TYPE)
            if name and isinstance(report, dict) and report.get("graded") is True:
                statuses = [case["status"] for case in report["cases"]]
                found[name] = f"{statuses.count('passed')} of {len(statuses)} cases"
                if report["status"] == "not attempted":
                    found[name] = "not attempted"
    return found
