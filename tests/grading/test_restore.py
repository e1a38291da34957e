"""Whatever happened to a submission's cells, what is graded is as released."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.grading.reading import grade_id
from course_utils.grading.released import ReleasedCell, release_hash
from course_utils.grading.restore import restore


def released_cell(name: str, source: str, kind: str) -> ReleasedCell:
    """Return a released cell of a kind."""
    test, answer, written = kind == "test", kind == "answer", kind == "written"
    return ReleasedCell(
        name,
        "markdown" if kind in ("written", "text") else "code",
        source,
        f"checksum of {name}",
        locked=kind in ("test", "setup", "text"),
        grade=test or written,
        solution=answer or written,
        task=False,
        points=2.0 if test or written else None,
    )


HIDDEN = "\n### BEGIN HIDDEN TESTS\ncheck.graded({0})\n### END HIDDEN TESTS"
RELEASED = [
    released_cell("intro", "# Exercise", "text"),
    released_cell("setup", "import torch", "setup"),
    released_cell("one", "def one(): raise NotImplementedError", "answer"),
    released_cell("check_one", "check(one)" + HIDDEN.format("one"), "test"),
    released_cell("two", "def two(): raise NotImplementedError", "answer"),
    released_cell("check_two", "check(two)" + HIDDEN.format("two"), "test"),
    released_cell("why", "Your answer.", "written"),
]


def handed_out() -> list[NotebookNode]:
    """Return the notebook's cells as a student gets them, answered."""
    cells = []
    for number, released in enumerate(RELEASED):
        cell = released.make()
        cell.id = f"id-{number}"
        cell.source = cell.source.split("\n### BEGIN")[0]
        if released.solution:
            cell.source = f"answer of {released.name}"
        cells.append(cell)
    cells.insert(3, nbformat.v4.new_code_cell("my own experiment"))
    return cells


def find(cells: list[NotebookNode], name: str) -> NotebookNode:
    """Return the first cell of a name."""
    return next(cell for cell in cells if grade_id(cell) == name)


def place(cells: list[NotebookNode], name: str) -> int:
    """Return where a cell is."""
    return [grade_id(cell) for cell in cells].index(name)


def assert_as_released(cells: list[NotebookNode], *, without: tuple[str, ...] = ()) -> None:
    """Assert that every graded and locked cell is there once, as released, where it works."""
    names = [grade_id(cell) for cell in cells if grade_id(cell)]
    assert sorted(names) == sorted(cell.name for cell in RELEASED if cell.name not in without)
    for released in RELEASED:
        if released.name in without:
            continue
        cell = find(cells, released.name)
        assert cell.metadata.nbgrader == released.metadata
        assert cell.cell_type == released.cell_type
        assert not released.locked or cell.source == released.source
    for name in ("one", "two"):
        if name not in without:
            assert place(cells, name) < place(cells, f"check_{name}")
        assert place(cells, "setup") < place(cells, f"check_{name}")
    assert len({cell.id for cell in cells}) == len(cells)


def test_an_untouched_notebook_stays_as_it_is() -> None:
    before = handed_out()
    cells, problems = restore(copy.deepcopy(before), RELEASED)
    assert problems == []
    assert_as_released(cells)
    assert [cell.id for cell in cells] == [cell.id for cell in before]
    assert find(cells, "one").source == "answer of one"
    assert cells[3].source == "my own experiment"


def drop(name: str) -> Callable[[list[NotebookNode]], None]:
    """Return a damage: the cell is gone."""
    return lambda cells: cells.remove(find(cells, name))


def change(name: str) -> Callable[[list[NotebookNode]], None]:
    """Return a damage: the cell has other text."""
    return lambda cells: find(cells, name).update(source="print(100)")


def move(name: str, to: int) -> Callable[[list[NotebookNode]], None]:
    """Return a damage: the cell stands elsewhere."""

    def damage(cells: list[NotebookNode]) -> None:
        cell = find(cells, name)
        cells.remove(cell)
        cells.insert(to, cell)

    return damage


@pytest.mark.parametrize("name", ["intro", "setup", "check_one", "check_two"])
def test_missing_changed_and_copied_locked_cells(name: str) -> None:
    copied = find(handed_out(), name)
    damages = {
        "missing": drop(name),
        "was changed": change(name),
        "2 times": lambda cells: cells.append(nbformat.from_dict({**copied, "id": "copy"})),
    }
    for words, damage in damages.items():
        cells = handed_out()
        damage(cells)
        cells, problems = restore(cells, RELEASED)
        assert_as_released(cells)
        assert any(words in problem.what and name in problem.what for problem in problems), words
        assert not any(problem.urgent for problem in problems)


@pytest.mark.parametrize(("name", "to"), [("check_one", 0), ("check_two", 1), ("setup", 7), ("check_one", 7)])
def test_moved_cells_work_where_they_are(name: str, to: int) -> None:
    cells = handed_out()
    move(name, to)(cells)
    assert_as_released(restore(cells, RELEASED)[0])


def test_the_last_copy_of_an_answer_counts_and_the_first_still_runs() -> None:
    cells = handed_out()
    first = nbformat.from_dict({**find(cells, "one"), "id": "first", "source": "a first try"})
    cells.insert(place(cells, "one"), first)
    cells, problems = restore(cells, RELEASED)
    assert_as_released(cells)
    assert find(cells, "one").source == "answer of one"
    assert "a first try" in [cell.source for cell in cells if not grade_id(cell)]
    assert "the last one counts" in problems[0].what


def test_a_test_that_is_put_back_stands_behind_the_code_that_was_typed_anew() -> None:
    cells = handed_out()
    for name in ("two", "check_two"):
        drop(name)(cells)
    cells.insert(place(cells, "why"), nbformat.v4.new_code_cell("def two(): return 2"))
    cells, _ = restore(cells, RELEASED)
    assert_as_released(cells, without=("two",))
    typed = next(index for index, cell in enumerate(cells) if cell.source == "def two(): return 2")
    assert typed < place(cells, "check_two") < place(cells, "why")


def test_a_missing_written_answer_needs_the_instructor() -> None:
    cells = handed_out()
    drop("why")(cells)
    cells, problems = restore(cells, RELEASED)
    assert_as_released(cells)
    assert find(cells, "why").source == "Your answer."
    assert [problem.urgent for problem in problems] == [True]


def test_claims_of_cells_count_for_nothing() -> None:
    cells = handed_out()
    for cell in cells:
        cell.metadata["tags"] = ["skip-execution", "mine"]
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, grade="no", solution=7, schema_version=99, extra=[])
    cells[3].metadata["nbgrader"] = {"grade_id": "check_nine", "grade": True, "points": 50}
    find(cells, "why").cell_type = "code"
    cells, problems = restore(cells, RELEASED)
    assert_as_released(cells)
    assert "skip-execution" not in str([cell.metadata for cell in cells])
    words = " ".join(problem.what for problem in problems)
    assert "check_nine" in words
    assert "from markdown into code" in words


@pytest.mark.parametrize(
    "settings", [None, 7, [], "check_one", {"grade_id": 3}, {"grade_id": ""}, {"grade": True}]
)
def test_settings_that_are_no_settings(settings: object) -> None:
    cells = handed_out()
    find(cells, "check_one").metadata["nbgrader"] = settings
    cells, _ = restore(cells, RELEASED)
    assert_as_released(cells)


def test_a_notebook_whose_cells_lost_their_names_is_recognized_by_their_text() -> None:
    cells = handed_out()
    for cell in cells:
        cell.metadata = nbformat.from_dict({})
    cells, problems = restore(cells, RELEASED)
    assert_as_released(cells, without=("one", "two"))
    assert [problem.urgent for problem in problems] == [True]
    assert "answer of why" in [cell.source for cell in cells]


def test_another_notebook_is_not_taken_for_this_one() -> None:
    cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_markdown_cell("# Other")]
    found, problems = restore(cells, RELEASED)
    assert found == cells
    assert [problem.urgent for problem in problems] == [True]


@pytest.mark.parametrize("seed", range(30))
def test_any_mixture_of_damages_is_mended(seed: int) -> None:
    chance = random.Random(seed)
    cells = handed_out()
    settings = [{}, {"grade_id": "two"}, None, {"grade_id": "check_one"}]
    for step in range(12):
        cell = chance.choice(cells)
        damage = chance.randrange(5)
        if damage == 0 and len(cells) > 3:
            cells.remove(cell)
        elif damage == 1:
            copied = nbformat.from_dict(copy.deepcopy({**cell, "id": f"copy-{step}"}))
            cells.insert(chance.randrange(len(cells)), copied)
        elif damage == 2:
            cell.source = "changed"
        elif damage == 3:
            chance.shuffle(cells)
        else:
            cell.metadata["nbgrader"] = copy.deepcopy(chance.choice(settings))
    if not any(grade_id(cell) in {released.name for released in RELEASED} for cell in cells):
        cells.append(RELEASED[0].make())
    mended, _ = restore(cells, RELEASED)
    names = [grade_id(cell) for cell in mended if grade_id(cell)]
    assert_as_released(mended, without=tuple({"one", "two"} - set(names)))
    again, problems = restore(copy.deepcopy(mended), RELEASED)
    assert again == mended
    assert problems == []


def test_the_hash_of_a_release_is_of_its_cells() -> None:
    assert release_hash(RELEASED) == release_hash(RELEASED[::-1])
    assert release_hash(RELEASED) != release_hash(RELEASED[1:])
