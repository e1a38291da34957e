"""The figures that chapters store are drawings, small enough for a page, and say what is seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from course_utils.authoring.course_map import load_course
from course_utils.authoring.notebook_files import first_line, read_notebook
from course_utils.figures.drawing import LIMIT
from course_utils.figures.page import inline

ROOT = Path(__file__).parents[2]
CHAPTERS = [chapter.book(ROOT) for chapter in load_course(ROOT).existing(ROOT)]
MOST_ON_A_PAGE = 700_000


def figures(path: Path) -> list[tuple[NotebookNode, NotebookNode]]:
    """Return each output with a picture, and its cell."""
    return [
        (cell, output)
        for cell in read_notebook(path).cells
        for output in cell.get("outputs", [])
        if any(kind.startswith("image/") for kind in output.get("data", {}))
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
class TestChapter:
    def test_figures_are_drawings(self, path: Path) -> None:
        others = [
            first_line(cell.source) for cell, output in figures(path) if "image/svg+xml" not in output.data
        ]
        assert not others, (
            "these cells store a picture of pixels. Call use_course_style() in the first cell that plots, "
            f"draw fewer points than make {LIMIT // 1000} KB, and run "
            f"`course notebooks --fresh {path.relative_to(ROOT)}`"
        )

    def test_figures_are_small(self, path: Path) -> None:
        sizes = {
            first_line(cell.source): len(output.data["image/svg+xml"].encode())
            for cell, output in figures(path)
            if "image/svg+xml" in output.data
        }
        assert not {cell: size for cell, size in sizes.items() if size > LIMIT}, f"over {LIMIT} bytes"
        assert sum(sizes.values()) <= MOST_ON_A_PAGE, sizes

    def test_figures_have_names_and_ids_of_their_own_in_the_page(self, path: Path) -> None:
        page = ""
        for number, (cell, output) in enumerate(figures(path), start=1):
            if svg := output.data.get("image/svg+xml"):
                name = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(name.split()) >= 8, (
                    f"say what is seen in the metadata mystnb.image.alt of:\n{cell.source}"
                )
                page += inline(svg, name, f"figure{number}-")
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
