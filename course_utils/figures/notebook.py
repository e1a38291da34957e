"""How a notebook shows a figure: as SVG, or as PNG where that would be too large."""

from __future__ import annotations

import io
import sys
from typing import Any

from matplotlib.figure import Figure

from .drawing import FigureTooLargeError, to_svg

_FORMATS = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")


def show_as_vector() -> None:
    """Show every later figure of this notebook as SVG; outside of IPython there is nothing to do."""
    # Where IPython is not loaded, no notebook runs; it takes too long to load it only to ask.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        Shown(shell.display_formatter).register()


class Shown:
    """Shows figures through one display formatter of IPython."""

    def __init__(self, display_formatter: Any) -> None:
        self.formatter = display_formatter

    def register(self) -> None:
        """Answer for figures; a formatter for a whole bundle is asked before those for one format."""
        self.formatter.mimebundle_formatter.for_type(Figure, self.bundle)

    def bundle(self, figure: Figure, **_options: object) -> dict[str, Any]:
        """Return what a notebook stores of a figure."""
        # The inline backend registers its own formats when the first figure is drawn, which may be after the
        # call of use_course_style, and again for %matplotlib inline: the figure would be shown twice.
        for kind in _FORMATS:
            self.formatter.formatters[kind].pop(Figure, None)
        if not figure.axes and not figure.texts:
            return {}
        try:
            return {"image/svg+xml": to_svg(figure)}
        except FigureTooLargeError:
            # A learner sees the picture all the same. In a chapter, a test asks for a smaller one.
            return {"image/png": _to_png(figure)}


def _to_png(figure: Figure) -> bytes:
    """Return a figure as PNG, on its own ground."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()
