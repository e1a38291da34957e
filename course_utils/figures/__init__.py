"""Plotting helpers shared by the chapters."""

from .plots import heatmap, smooth
from .style import COLORS, DIVERGING, SEQUENTIAL, course_style, use_course_style

__all__ = ["COLORS", "DIVERGING", "SEQUENTIAL", "course_style", "heatmap", "smooth", "use_course_style"]
