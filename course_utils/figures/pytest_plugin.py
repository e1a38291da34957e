"""Figures of notebooks are compared by what they consist of, see `comparing`.

pytest -p course_utils.figures.pytest_plugin --nbval book/basics/data_with_pandas.ipynb
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparing import outline


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Let each cell that nbval collected compare outlines where a drawing was stored."""
    for item in items:
        # nbval passes each stored and each new output through this method before it compares them.
        if hasattr(item, "compare_outputs") and hasattr(item, "sanitize"):
            item.sanitize = _by_outline(item.sanitize)


def _by_outline(sanitize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return nbval's function, with figures of the course replaced by their outlines."""

    def sanitized(output: Any) -> Any:
        is_figure = isinstance(output, str) and output.startswith("<svg") and '<g class="figure">' in output
        return outline(output) if is_figure else sanitize(output)

    return sanitized
