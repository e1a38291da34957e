"""The colors of the course's figures: on a white page, and their counterparts on a dark one.

A figure is drawn, stored and shown in JupyterLab in the colors of the white page. In the book, each color
below becomes a property of the page's style sheet (`book/_static/figures.css`), so that it follows the theme.
"""

from __future__ import annotations

# After the palette of Okabe and Ito (2008), "Color Universal Design". Their hues are kept. Lightness is moved
# so that each color has a contrast of 3 to the page, and so that those who see no red, no green or no blue
# still tell any two apart. A test works both out.
COLORS: dict[str, str] = {
    "blue": "#005CA8",
    "orange": "#BF4000",
    "green": "#008763",
    "purple": "#D85BAB",
    "amber": "#AF8800",
    "sky": "#2191DE",
    "gray": "#49525E",
    "black": "#000000",
}
"""Colors for data, by name, in the order in which a plot uses them."""

DARK: dict[str, str] = {
    "blue": "#4A8FF2",
    "orange": "#EE6C2C",
    "green": "#2CC68C",
    "purple": "#E488CC",
    "amber": "#FAD53C",
    "sky": "#A6DCFF",
    "gray": "#858C98",
    "black": "#FFFFFF",
}
"""The same colors on a dark page; "black" stands for the strongest contrast."""

PAGE: dict[str, str] = {
    "ground": "#FFFFFF",
    "ink": "#1F2933",
    "axis": "#808A94",
    "grid": "#D9DEE3",
    "blank": "#E4E7EB",
}
"""What is no data: the page, text, axes, grid, and cells without a value."""

# Text on a cell of a heatmap, whose color is the same in both themes: so these two are no color of the page.
DARK_TEXT, LIGHT_TEXT = "#111111", "#FEFEFE"

NAMES: dict[str, str] = {color.lower(): name for name, color in (*PAGE.items(), *COLORS.items())}
"""The name of each color that follows the theme."""
