"""A notebook as it was released: what nbgrader keeps of it in the gradebook."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from course_utils.grading.cells import make_cell


@dataclass(frozen=True)
class ReleasedCell:
    """A cell that nbgrader knows, as released.

    `locked` cells (tests, tasks, set-up) are put back as they were; in a `solution` cell the student writes.
    """

    name: str
    cell_type: str
    source: str
    checksum: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None

    @property
    def is_test(self) -> bool:
        """Whether the cell is graded by running it."""
        return self.grade and not self.solution and self.cell_type == "code"

    @property
    def is_written(self) -> bool:
        """Whether a person gives the mark."""
        return (self.grade and self.solution) or self.task

    @property
    def is_code(self) -> bool:
        """Whether the cell is run."""
        return self.cell_type == "code"

    @property
    def is_setup(self) -> bool:
        """Whether the cell holds code that later cells need."""
        return self.locked and not self.grade and self.cell_type == "code"

    @property
    def metadata(self) -> dict[str, Any]:
        """The settings that nbgrader keeps in the cell."""
        settings: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": self.name,
            "grade": self.grade,
            "solution": self.solution,
            "locked": self.locked,
            "task": self.task,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            settings["points"] = self.points
        return settings

    def make(self) -> NotebookNode:
        """Return the cell as released."""
        kind = "code" if self.is_code else "markdown"
        cell = make_cell(kind, self.source, hashlib.sha256(self.name.encode()).hexdigest()[:16])
        cell.metadata = nbformat.from_dict(
            {"nbgrader": self.metadata, "deletable": False, "editable": self.solution}
        )
        return cell


def released_cells(gradebook: Gradebook, assignment: str, notebook: str, source: Path) -> list[ReleasedCell]:
    """Return the cells of a released notebook in their order.

    The gradebook keeps the cells without an order; that is the order of the notebook they were released from.

    Args:
        gradebook: An open gradebook.
        assignment: The part.
        notebook: The chapter.
        source: The notebook with solutions.

    Raises:
        nbgrader.api.MissingEntry: the notebook is not in the gradebook.
    """
    known = gradebook.find_notebook(notebook, assignment)
    points = {cell.name: float(cell.max_score) for cell in [*known.grade_cells, *known.task_cells]}
    graded = {cell.name for cell in known.grade_cells}
    solutions = {cell.name for cell in known.solution_cells}
    tasks = {cell.name for cell in known.task_cells}
    cells = [
        ReleasedCell(
            cell.name,
            cell.cell_type,
            cell.source or "",
            cell.checksum or "",
            bool(cell.locked),
            cell.name in graded,
            cell.name in solutions,
            cell.name in tasks,
            points.get(cell.name),
        )
        for cell in known.source_cells
    ]
    order = {name: place for place, name in enumerate(_order(source))}
    return sorted(cells, key=lambda cell: order.get(cell.name, len(order)))


def _order(source: Path) -> list[str]:
    try:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
        return [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def release_hash(cells: list[ReleasedCell]) -> str:
    """Return a hash that changes when the released cells do."""
    parts = sorted(f"{cell.name} {cell.checksum} {cell.points}" for cell in cells)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
