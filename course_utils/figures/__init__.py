"""Plotting helpers shared by the chapters."""

from .drawing import to_svg
from .palette import COLORS
from .plots import heatmap, smooth
from .style import DIVERGING, SEQUENTIAL, course_style, use_course_style

__all__ = [
    "COLORS",
    "DIVERGING",
    "SEQUENTIAL",
    "course_style",
    "heatmap",
    "smooth",
    "to_svg",
    "use_course_style",
]
