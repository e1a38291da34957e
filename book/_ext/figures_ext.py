"""Figures of the notebooks stand in their page as drawings, in the page's colors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from course_utils.figures.drawing import LIMIT
from course_utils.figures.page import inline

LOGGER = logging.getLogger(__name__)
STORED_OUTPUTS = "jupyter_execute"
"""The folder in which myst-nb puts the pictures that it takes out of notebooks."""


class InlineFigures(SphinxPostTransform):
    """Put each SVG that a notebook stores into its page, in place of a link to a file."""

    # After myst-nb has chosen one form of each output (4), before pictures are converted for a builder (100).
    default_priority = 20
    formats = ("html",)

    def run(self, **_options: Any) -> None:
        """Replace the images of one page."""
        pictures = [node for node in self.document.findall(nodes.image) if self._is_stored_drawing(node)]
        for number, node in enumerate(pictures, start=1):
            svg = self._file(node).read_text(encoding="utf-8")
            if (size := len(svg.encode())) > LIMIT:
                LOGGER.warning(
                    "figure %d takes %d KB, and %d KB are the limit: draw fewer points, or draw them with "
                    "rasterized=True",
                    *(number, size // 1000, LIMIT // 1000),
                    location=node,
                )
            if not (name := node.get("alt", "").strip()):
                LOGGER.warning(
                    "figure %d says nothing to those who do not see it: give its cell the metadata "
                    "mystnb.image.alt",
                    number,
                    location=node,
                )
            html = inline(svg, name, prefix=f"figure{number}-")
            node.replace_self(nodes.raw("", html, format="html"))

    def _is_stored_drawing(self, node: nodes.image) -> bool:
        """Return whether an image is an SVG from a notebook's output."""
        file = self._file(node)
        return file.suffix == ".svg" and file.parent.name == STORED_OUTPUTS

    def _file(self, node: nodes.image) -> Path:
        """Return the file that an image shows."""
        return Path(self.env.srcdir, node["uri"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_post_transform(InlineFigures)
    app.add_css_file("figures.css")
    app.add_js_file("figures.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
