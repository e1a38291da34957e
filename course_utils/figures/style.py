"""One look for every figure of the course: colors that color-blind readers can tell apart, readable sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler

# The palette of Okabe and Ito (2008), "Color Universal Design", in an order that keeps neighbors apart.
# Their yellow is left out, since a thin yellow line cannot be seen on white; gray takes its place.
COLORS: dict[str, str] = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "amber": "#E69F00",
    "sky": "#56B4E9",
    "gray": "#5F6B76",
    "black": "#000000",
}

SEQUENTIAL = "viridis"
"""Colormap for values from small to large."""

DIVERGING = "PuOr"
"""Colormap for values on both sides of zero; give it limits that are symmetric about zero."""

_INK = "#1F2933"
_GRID = "#D9DEE3"

# Any, since matplotlib types its parameters by a list of names that differs between versions.
_STYLE: Any = {
    # A white card: the figure carries its own background, so it reads the same on a light and on a dark page.
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.figsize": (7.0, 3.8),
    "figure.dpi": 110,
    "savefig.dpi": "figure",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    # It ships with matplotlib, so text has the same shape and size on every machine.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 11,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.edgecolor": "#8A949E",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.5,
    "axes.prop_cycle": cycler(color=list(COLORS.values())),
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
    # Vector output names its elements from a fixed salt, so that the same figure is the same file.
    "svg.hashsalt": "course",
}


def use_course_style() -> None:
    """Make every later figure look like a figure of the course.

    Call it once, in the first cell of a chapter that plots.

    >>> use_course_style()
    >>> mpl.rcParams["axes.grid"], mpl.rcParams["figure.facecolor"]
    (True, 'white')
    """
    mpl.rcParams.update(_STYLE)


@contextmanager
def course_style() -> Iterator[None]:
    """Give the course's look to the figures made inside a ``with`` block, and to no other.

    Yields:
        Nothing; on leaving, matplotlib's settings are what they were before.

    >>> before = mpl.rcParams["axes.grid"]
    >>> with course_style():
    ...     mpl.rcParams["axes.grid"]
    True
    >>> mpl.rcParams["axes.grid"] == before
    True
    """
    with mpl.rc_context(_STYLE):
        yield
