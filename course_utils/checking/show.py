"""Showing the outcome of a check where it is asked for: in a notebook or in a terminal."""

from __future__ import annotations

from typing import Any

from course_utils.checking.render import hint_text, points_text
from course_utils.checking.report import MIME_TYPE, Report


class Score(float):
    """The points a check gave. Its text is the bare number, which is what nbgrader reads as the mark."""

    max_points: float

    def __new__(cls, points: float, max_points: float) -> Score:
        """Make a score that remembers its maximum."""
        score = super().__new__(cls, points)
        score.max_points = max_points
        return score

    def __repr__(self) -> str:
        return f"{float(self):g}"

    def _repr_html_(self) -> str:
        return f"<small>{points_text(self, self.max_points)}</small>"


def show(text: str, html: str, data: dict[str, Any]) -> None:
    """Show an outcome: as a card with its data in a notebook, as text elsewhere."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(text)
        return
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, "text/html": html, MIME_TYPE: data}, raw=True)


def show_hint(report: Report | None, shown: int) -> int:
    """Print the hint that comes after those that were shown; return how many were printed."""
    if report is None:
        print("Nothing was checked yet: run the check first, and then ask for a hint.")
        return 0
    if shown < len(report.hints):
        print(hint_text(report.hints, shown))
        return 1
    print(f"{report.exercise}: {'there are no more hints' if shown else 'there is nothing to hint at'}.")
    return 0
