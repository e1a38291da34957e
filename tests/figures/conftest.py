"""Figures that the tests of this folder draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.figures import COLORS, course_style, heatmap

mpl.use("agg")

Draw = Callable[..., Figure]


def draw(noise: float = 0.0, points: int = 40, title: str = "loss of run 3") -> Figure:
    """Draw a figure with most of what chapters draw: lines, marks, bars, a heatmap, formulas, a legend."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    x = np.linspace(0, 1, points) + noise
    left.plot(x, x**2, label="training, $d_k$ = 4")
    left.scatter(x, rng.random(points), color=COLORS["orange"], alpha=0.6, s=14)
    left.bar([0.2, 0.4], [0.5, 0.7], 0.1, color=COLORS["black"], hatch="//")
    left.text(0.5, 0.5, "a & b < c", color="white", bbox={"fc": COLORS["green"]})
    left.set(title=title, xlabel="step", ylabel="loss (nats)")
    left.legend()
    heatmap(right, [[0.0, 1.0 + noise], [np.nan, 0.5]], ["a", "b"], title="weights", colorbar="weight")
    return figure


@pytest.fixture(autouse=True)
def in_the_course_style() -> Iterator[None]:
    """Draw in the course's style, and leave no figure behind."""
    import matplotlib.pyplot as plt

    with course_style():
        yield
    plt.close("all")


@pytest.fixture(name="draw")
def draw_fixture() -> Draw:
    """The function that draws."""
    return draw
