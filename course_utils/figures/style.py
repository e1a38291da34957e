"""One look for every figure of the course: colors that color-blind readers can tell apart, readable sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler

from .notebook import show_as_vector
from .palette import COLORS, PAGE

SEQUENTIAL = "viridis"
"""Colormap for values from small to large."""

DIVERGING = "PuOr"
"""Colormap for values on both sides of zero; give it limits that are symmetric about zero."""

# Any, since matplotlib types its parameters by a list of names that differs between versions.
_STYLE: Any = {
    # A white sheet: where a figure is shown as a picture, as in JupyterLab, it reads the same on a dark page.
    # The book takes the sheet away.
    "figure.facecolor": PAGE["ground"],
    "axes.facecolor": "none",
    "savefig.facecolor": PAGE["ground"],
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
    "text.color": PAGE["ink"],
    "axes.labelcolor": PAGE["ink"],
    "axes.titlecolor": PAGE["ink"],
    "axes.edgecolor": PAGE["axis"],
    "xtick.color": PAGE["ink"],
    "ytick.color": PAGE["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": PAGE["grid"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.5,
    "axes.prop_cycle": cycler(color=list(COLORS.values())),
    "image.cmap": SEQUENTIAL,
    # One pixel is stored for each cell, and enlarged without a blur wherever it is shown.
    "image.interpolation": "none",
    "hatch.color": PAGE["ground"],
}


def use_course_style() -> None:
    """Make every later figure look like a figure of the course, and store it as SVG.

    Call it once, in the first cell of a chapter that plots.

    >>> use_course_style()
    >>> mpl.rcParams["axes.grid"], mpl.rcParams["figure.facecolor"]
    (True, '#FFFFFF')
    """
    mpl.rcParams.update(_STYLE)
    show_as_vector()


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
