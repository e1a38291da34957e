"""Colors stand out from both pages, and from each other for those who see fewer colors."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from course_utils.figures.palette import COLORS, DARK, DARK_TEXT, LIGHT_TEXT, NAMES, PAGE
from tests.contrast import contrast

STYLES = (Path(__file__).parents[2] / "book" / "_static" / "figures.css").read_text(encoding="utf-8")
LIGHT_PAGE, DARK_PAGE = "#FFFFFF", "#1E242B"  # the dark one is lighter than any that the book has

# Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", table 1, severity 1: what is seen, from linear red, green and blue.
SEEN_BY = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Ottosson (2020), "A perceptual color space for image processing": Oklab from linear red, green and blue.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# The closest pair of Okabe and Ito's own eight colors, for those who see no green, is 0.076 apart.
FAR_ENOUGH = {"all": 0.12, "no red": 0.076, "no green": 0.076, "no blue": 0.06}


def linear(color: str) -> NDArray[np.float64]:
    """Return linear red, green and blue of a color such as ``#005CA8``."""
    values = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def distance(first: str, second: str, seen_by: str) -> float:
    """Return how far two colors are apart in Oklab, for somebody who sees so much of them."""
    seen = [np.clip(SEEN_BY[seen_by] @ linear(color), 0, 1) for color in (first, second)]
    lab = [TO_LAB @ np.cbrt(TO_CONES @ color) for color in seen]
    return float(np.linalg.norm(lab[0] - lab[1]))


def test_the_measure_of_contrast_is_the_known_one() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", COLORS)
def test_a_color_stands_out_from_both_pages(name: str) -> None:
    assert contrast(COLORS[name], LIGHT_PAGE) >= 3
    assert contrast(DARK[name], DARK_PAGE) >= 3


@pytest.mark.parametrize("name", ["blue", "orange", "green", "gray", "black"])
def test_letters_can_have_the_color(name: str) -> None:
    assert contrast(COLORS[name], LIGHT_PAGE) >= 4.5
    assert contrast(DARK[name], DARK_PAGE) >= 4.5
    # Letters on a box of that color are as the page: white on it, or nearly black.
    assert contrast(COLORS[name], PAGE["ground"]) >= 4.5


@pytest.mark.parametrize("seen_by", SEEN_BY)
@pytest.mark.parametrize("palette", [COLORS, DARK], ids=["light", "dark"])
def test_any_two_colors_can_be_told_apart(palette: dict[str, str], seen_by: str) -> None:
    apart = {
        pair: distance(palette[pair[0]], palette[pair[1]], seen_by)
        for pair in itertools.combinations(palette, 2)
    }
    assert min(apart.values()) >= FAR_ENOUGH[seen_by], min(apart, key=lambda pair: apart[pair])


def test_a_color_has_one_name_and_letters_on_cells_have_none() -> None:
    assert len(NAMES) == len(PAGE) + len(COLORS)
    assert list(COLORS) == list(DARK)
    assert not {DARK_TEXT.lower(), LIGHT_TEXT.lower()} & set(NAMES)


def properties(block: str) -> dict[str, str]:
    """Return what a block of the style sheet says of figures."""
    return dict(re.findall(r"--figure-(\w+):\s*(.+?);", block))


def test_the_style_sheet_holds_the_same_colors() -> None:
    light, dark = (properties(block) for block in STYLES.split("@media screen")[:2])
    dark = {
        name: value for name, value in dark.items() if name in properties(STYLES.split("@media print")[0])
    }
    for name, color in COLORS.items():
        assert light[name] == color.lower()
        assert dark[name] == DARK[name].lower()
    for name in ("axis", "grid", "blank"):
        assert light[name] == PAGE[name].lower()
        assert re.fullmatch(r"#[0-9a-f]{6}", dark[name])
    # The page gives its own ground and text; where it has none, they are those of the drawing.
    assert light["ground"].startswith("var(--pst-color-background")
    assert light["ink"] == f"var(--pst-color-text-base, {PAGE['ink'].lower()})"
