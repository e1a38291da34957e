"""Putting a submission's graded cells back as they were released."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from course_utils.grading.problems import STANDS, Problem, restored
from course_utils.grading.reading import NOTES, grade_id
from course_utils.grading.released import ReleasedCell, released_cells

SKIP_TAG = "skip-execution"


def restore(
    cells: Sequence[NotebookNode], released: Sequence[ReleasedCell]
) -> tuple[list[NotebookNode], list[Problem]]:
    """Return a submission's cells with every released cell once and as released, and what had to be mended.

    A test, task or set-up cell that was changed, removed, moved before its answer or copied is as released
    again. The student's own text and code is kept: of a copied answer cell the last one counts, the others
    are ordinary cells that run where they stand. Settings of nbgrader that a cell claims for itself count for
    nothing.
    """
    mender = _Mender(list(cells), released)
    mender.choose()
    if not mender.recognized:
        return list(cells), [
            Problem(
                "it is not this chapter's notebook: it has none of its cells. It earns nothing",
                "Ask the student to hand in the right notebook, then collect and grade it.",
                urgent=True,
            )
        ]
    mender.place()
    return mender.cells, mender.problems


class _Mender:
    """The steps of `restore`."""

    def __init__(self, cells: list[NotebookNode], released: Sequence[ReleasedCell]) -> None:
        self.cells = cells
        self.released = released
        self.problems: list[Problem] = []
        self.chosen: dict[str, NotebookNode] = {}
        self.recognized = False

    def choose(self) -> None:
        """Choose one cell for each name and make it as released; every other cell becomes an ordinary one."""
        claims: dict[str, list[NotebookNode]] = {}
        for cell in self.cells:
            name = grade_id(cell)
            if name is not None:
                claims.setdefault(name, []).append(cell)
            self._make_ordinary(cell)
        self._claim_by_text(claims)
        unknown = sorted(set(claims) - {cell.name for cell in self.released})
        if unknown:
            what = f"cells that the exercise does not have claim to be graded: {_names(unknown)}"
            self.problems.append(Problem(what, "Nothing to do: they count as ordinary cells."))
        for released in self.released:
            found = claims.get(released.name, [])
            if len(found) > 1:
                self.problems.append(self._copied(released, len(found)))
            if found:
                self.chosen[released.name] = self._as_released(found[-1], released)

    def _claim_by_text(self, claims: dict[str, list[NotebookNode]]) -> None:
        """Recognize by their text the locked cells of a notebook whose cells have lost their names."""
        taken = {id(cell) for cells in claims.values() for cell in cells}
        for released in self.released:
            if released.locked and released.name not in claims:
                free = [cell for cell in self.cells if id(cell) not in taken]
                same = [cell for cell in free if _same_but_hidden(cell.source, released.source)]
                if same:
                    claims[released.name] = same[-1:]
                    taken.add(id(same[-1]))
        self.recognized = any(cell.name in claims for cell in self.released)

    def _make_ordinary(self, cell: NotebookNode) -> None:
        cell.metadata.pop("nbgrader", None)
        tags = cell.metadata.get("tags")
        if isinstance(tags, list) and SKIP_TAG in tags:
            cell.metadata["tags"] = [tag for tag in tags if tag != SKIP_TAG]
            self.problems.append(
                Problem(
                    f"a cell carries the tag {SKIP_TAG}", "Nothing to do: every cell was run all the same."
                )
            )

    @staticmethod
    def _copied(released: ReleasedCell, times: int) -> Problem:
        what = f"the cell {released.name} is there {times} times"
        if released.locked:
            return restored(f"{what}; one was kept, as released")
        return Problem(f"{what}; the last one counts as the answer, all of them were run", STANDS)

    def _as_released(self, cell: NotebookNode, released: ReleasedCell) -> NotebookNode:
        """Give a cell its released type and settings, and its text unless the student writes there."""
        place = next(index for index, other in enumerate(self.cells) if other is cell)
        if released.locked:
            if cell.source != released.source and not _same_but_hidden(cell.source, released.source):
                self.problems.append(restored(f"the cell {released.name} was changed"))
            fresh = released.make()
        else:
            if cell.cell_type != released.cell_type:
                self.problems.append(
                    restored(
                        f"the cell {released.name} was turned from {released.cell_type} into {cell.cell_type}"
                    )
                )
            fresh = released.make()
            fresh.source = cell.source
            if "attachments" in cell and fresh.cell_type == "markdown":
                fresh.attachments = cell.attachments
        fresh.id = cell.id
        self.cells[place] = fresh
        return fresh

    def place(self) -> None:
        """Put back what is missing, and what stands where it cannot work."""
        anchor: NotebookNode | None = None
        answer: NotebookNode | None = None
        needed: list[NotebookNode] = []
        missing: list[str] = []
        for released in self.released:
            cell = self.chosen.get(released.name)
            if cell is None:
                # Without its cell an answer may still stand in another one; only what is graded must be
                # there.
                if released.solution and not released.grade:
                    continue
                if released.is_written:
                    self.problems.append(_written_missing(released.name))
                else:
                    missing.append(released.name)
                cell = released.make()
                self._insert(released, cell, [anchor, answer, *needed])
                self.chosen[released.name] = cell
            elif released.is_test and answer is not None and self._index(cell) < self._index(answer):
                self.problems.append(restored(f"the cell {released.name} stood before the answer it tests"))
                del self.cells[self._index(cell)]
                self._insert(released, cell, [answer])
            if released.is_setup:
                self._put_first(released, cell)
                needed.append(cell)
            if released.solution and not released.grade:
                answer = cell
            anchor = cell
        if missing:
            self.problems.append(restored(f"these cells were missing: {_names(missing)}"))

    def _put_first(self, released: ReleasedCell, cell: NotebookNode) -> None:
        """Put a cell that later cells need before the first of them."""
        later = self.released[self.released.index(released) + 1 :]
        code = [self.chosen[other.name] for other in later if other.name in self.chosen and other.is_code]
        first = min((self._index(other) for other in code), default=len(self.cells))
        if first < self._index(cell):
            self.problems.append(restored(f"the cell {released.name} stood behind cells that need it"))
            del self.cells[self._index(cell)]
            self.cells.insert(first, cell)

    def _index(self, cell: NotebookNode) -> int:
        return next(index for index, other in enumerate(self.cells) if other is cell)

    def _insert(self, released: ReleasedCell, cell: NotebookNode, behind: list[NotebookNode | None]) -> None:
        """Insert a cell behind other ones; a graded one also behind the student's own cells that follow."""
        place = max((self._index(other) + 1 for other in behind if other is not None), default=0)
        known = {id(other) for other in self.chosen.values()}
        while released.grade and place < len(self.cells) and id(self.cells[place]) not in known:
            place += 1
        self.cells.insert(place, cell)


def _written_missing(name: str) -> Problem:
    return Problem(
        f"the cell {name}, which a person marks, was missing; without an answer it earns nothing",
        "See in the formgrader whether the answer stands in another cell, and mark it there.",
        urgent=True,
    )


def _same_but_hidden(submitted: str, released: str) -> bool:
    """Say whether a cell is as the student got it: the released one without its hidden tests."""
    kept, hidden = [], False
    for line in released.split("\n"):
        if "BEGIN HIDDEN TESTS" in line:
            hidden = True
        elif "END HIDDEN TESTS" in line:
            hidden = False
        elif not hidden:
            kept.append(line)
    return submitted.strip() == "\n".join(kept).strip()


def _names(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


class RestoreCells(NbGraderPreprocessor):
    """The first step of grading: a submission becomes a notebook whose graded cells can be relied on."""

    def preprocess(self, notebook: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Restore the graded cells and note what was mended in the notebook's metadata."""
        names = resources["nbgrader"]
        course = self.parent.parent.coursedir
        source = Path(course.format_path(course.source_directory, ".", names["assignment"]))
        with Gradebook(names["db_url"]) as gradebook:
            released = released_cells(
                gradebook, names["assignment"], names["notebook"], source / f"{names['notebook']}.ipynb"
            )
        restore_notebook(notebook, released)
        return notebook, resources


def restore_notebook(notebook: NotebookNode, released: Sequence[ReleasedCell]) -> None:
    """Restore the graded cells of a submission, and note what was mended in the notebook's metadata."""
    notes = notebook.metadata.setdefault(NOTES, nbformat.from_dict({"submission": "", "problems": []}))
    if not notes.get("unreadable"):
        notebook.cells, problems = restore(notebook.cells, released)
        notes["problems"] = [*notes["problems"], *(problem.to_data() for problem in problems)]
    if not any(grade_id(cell) for cell in notebook.cells):
        # Nothing of it is run: what it would show has nothing to do with this chapter.
        notebook.cells += [cell.make() for cell in released if cell.grade]
        notes["unreadable"] = True
