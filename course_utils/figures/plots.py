"""The few kinds of figure that many chapters draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from .palette import DARK_TEXT, LIGHT_TEXT, PAGE
from .style import DIVERGING, SEQUENTIAL


def heatmap(
    ax: Axes,
    matrix: ArrayLike,
    rows: Sequence[object] | None = None,
    columns: Sequence[object] | None = None,
    *,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    values: bool = True,
    decimals: int = 2,
    diverging: bool = False,
    limits: tuple[float, float] | None = None,
    colorbar: str | None = None,
) -> AxesImage:
    """Draw a matrix as colored cells, the number written in each.

    Args:
        ax: Where to draw.
        matrix: Values of shape (rows, columns); an array, a list of lists or a tensor without gradient.
            A cell that is NaN or infinite is left gray.
        rows: One name per row; left out, no names are drawn.
        columns: One name per column, likewise.
        title: Title of the axes.
        row_label: What the rows are.
        column_label: What the columns are.
        values: Whether to write the number in each cell.
        decimals: Digits after the point.
        diverging: Use colors for both signs, symmetric about zero.
        limits: Smallest and largest value of the color scale; by default, those of the matrix.
        colorbar: What the color means (with its unit); draws a color bar when given.

    Returns:
        The drawn image, for a caller that wants one color bar for several heatmaps.

    Raises:
        ValueError: If the matrix does not have two dimensions, or the names do not match its size.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> image = heatmap(ax, [[0.0, 1.0], [0.25, 0.5]], rows=["a", "b"])
    >>> [text.get_text() for text in ax.texts]
    ['0.00', '1.00', '0.25', '0.50']
    >>> plt.close(figure)
    """
    cells = np.asarray(matrix, dtype=float)
    if cells.ndim != 2:
        raise ValueError(f"heatmap draws a matrix with two dimensions, and this one has shape {cells.shape}")
    for kind, names, size in (("rows", rows, cells.shape[0]), ("columns", columns, cells.shape[1])):
        if names is not None and len(names) != size:
            raise ValueError(f"the matrix has {size} {kind}, and {len(names)} names were given for them")

    shown = np.ma.masked_invalid(cells)
    low, high = limits if limits is not None else _limits(shown, diverging)
    image = ax.imshow(shown, cmap=DIVERGING if diverging else SEQUENTIAL, vmin=low, vmax=high, aspect="auto")
    ax.set_facecolor(PAGE["blank"])  # what shows through a masked cell
    _name_ticks(ax, rows, columns)
    ax.set(title=title, xlabel=column_label, ylabel=row_label)
    if values:
        _write_values(ax, image, shown, decimals)
    if colorbar is not None:
        bar = ax.figure.colorbar(image, ax=ax, label=colorbar)
        bar.outline.set_visible(False)
    return image


def _limits(shown: np.ma.MaskedArray, diverging: bool) -> tuple[float, float]:
    """Return the ends of the color scale for ``shown``."""
    if shown.count() == 0:
        return (-1.0, 1.0) if diverging else (0.0, 1.0)
    low, high = float(shown.min()), float(shown.max())
    if diverging:
        reach = max(abs(low), abs(high)) or 1.0
        return -reach, reach
    return low, high


def _name_ticks(ax: Axes, rows: Sequence[object] | None, columns: Sequence[object] | None) -> None:
    """Write the names beside the cells, or no tick at all."""
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_yticks([] if rows is None else range(len(rows)), [] if rows is None else [str(r) for r in rows])
    names = [] if columns is None else [str(column) for column in columns]
    ax.set_xticks(range(len(names)), names)
    # Long names would run into one another, so they are turned.
    if names and len(names) * max(map(len, names)) > 60:
        ax.tick_params(axis="x", rotation=90)


def _write_values(ax: Axes, image: AxesImage, shown: np.ma.MaskedArray, decimals: int) -> None:
    """Write each value in black or white, whichever reads better on the cell's color."""
    size = 10 if max(shown.shape) <= 8 else 8 if max(shown.shape) <= 14 else 6
    colors: NDArray[Any] = np.asarray(image.cmap(image.norm(shown)))
    for (row, column), value in np.ndenumerate(shown):
        if np.ma.is_masked(shown[row, column]):
            continue
        red, green, blue, _ = colors[row, column]
        bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        text = f"{value:.{decimals}f}"
        # Minus zero says nothing but "minus".
        text = text.lstrip("-") if float(text) == 0 else text
        ax.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=DARK_TEXT if bright else LIGHT_TEXT,
        )


def smooth(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """Return the running mean of a noisy curve, such as a training loss.

    Args:
        values: The curve, of shape (steps,).
        window: How many of the latest values each mean is over; fewer at the start of the curve.

    Returns:
        An array of shape (steps,).

    Raises:
        ValueError: If ``window`` is less than 1 or ``values`` does not have one dimension.

    >>> smooth([2.0, 4.0, 6.0, 8.0], window=2).tolist()
    [2.0, 3.0, 5.0, 7.0]
    """
    curve = np.asarray(values, dtype=float)
    if curve.ndim != 1 or window < 1:
        raise ValueError(
            f"smooth needs a curve of shape (steps,) and a window of at least 1, got {curve.shape}, {window}"
        )
    # Each window by itself: with running sums, one infinite loss would spoil all that follow.
    return np.array([curve[max(end - window, 0) : end].mean() for end in range(1, len(curve) + 1)])
