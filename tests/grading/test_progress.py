"""How far a learner is, from saved outputs; and the learner's check in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.checking.report import MIME_TYPE as REPORT_TYPE
from course_utils.grading import learner, progress
from course_utils.grading.progress import checks_of, course_progress, next_step
from tests.grading.classroom import CHAPTER, ROOT, Classroom, answered, solutions

COURSE = """
parts:
- part: basics
  chapters:
  - {chapter: tensors, title: Tensors}
  - {chapter: data, title: Data}
"""


def check_cell(source: str, points: float, *reports: dict[str, Any]) -> NotebookNode:
    """Return a check cell with saved outcomes."""
    outputs = [
        nbformat.v4.new_output("display_data", data={progress.MIME_TYPE: report}) for report in reports
    ]
    settings = {"nbgrader": {"grade": True, "points": points}}
    return nbformat.v4.new_code_cell(source, metadata=settings, outputs=outputs)


def report(exercise: str, points: float, most: float, status: str, **more: Any) -> dict[str, Any]:
    """Return the data of a saved outcome."""
    return {"exercise": exercise, "points": points, "max_points": most, "status": status, **more}


def write(root: Path, chapter: str, *cells: NotebookNode) -> None:
    """Write an exercise."""
    path = root / "exercises" / f"{chapter}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with three exercises, the first begun, the second untouched."""
    (tmp_path / "course.yml").write_text(COURSE)
    write(
        tmp_path,
        "basics/data",
        check_cell("check(clean)", 4, report("clean", 1, 4, "failed"), report("clean", 2, 4, "failed")),
        check_cell("check(8.5, 'ratio')", 1, report("ratio", 1, 1, "passed")),
        check_cell("check(join)", 3),
        check_cell("check(group)", 2, report("group", 2, 2, "passed", graded=True)),
        nbformat.v4.new_code_cell("check(mine)"),
    )
    write(tmp_path, "basics/tensors", check_cell("check(shape)", 2, report("shape", 0, 2, "not attempted")))
    write(tmp_path, "unlisted/extra", check_cell("check(one)", 1, report("one", 1, 1, "passed")))
    return tmp_path


def test_points_are_those_of_the_last_saved_check(root: Path) -> None:
    tensors, data, extra = course_progress(root)
    assert (data.title, data.points, data.max_points) == ("Data", 3.0, 10.0)
    assert [(one.name, one.points, one.status) for one in data.exercises] == [
        ("clean", 2.0, "failed"),
        ("ratio", 1.0, "passed"),
        ("join", 0.0, "not run"),
        # What an instructor's run left is not the learner's own.
        ("group", 0.0, "not run"),
    ]
    assert (data.begun, data.done, data.next_exercise) == (True, False, "clean")
    assert (tensors.begun, tensors.done) == (False, False)
    assert (extra.begun, extra.done, extra.chapter) == (True, True, "unlisted/extra")


def test_what_is_next(root: Path) -> None:
    found = course_progress(root)
    assert next_step(found) == "Next: clean in exercises/basics/data.ipynb"
    assert next_step(found[:1]) == "Next: begin exercises/basics/tensors.ipynb"
    assert next_step(found[2:]) == "All checks pass."
    assert "make exercises" in next_step([])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cells": 3}', '{"cells": [{"cell_type": "code"}], "nbformat": 4}']
)
def test_a_damaged_notebook_hides_no_other(root: Path, text: str) -> None:
    (root / "exercises" / "basics" / "tensors.ipynb").write_text(text)
    tensors, data, _ = course_progress(root)
    assert "tensors.ipynb cannot be read" in tensors.fault or tensors == ChapterProgress(
        "basics/tensors", "Tensors"
    )
    assert data.points == 3.0


def test_the_points_of_a_chapter_without_a_course_map(root: Path) -> None:
    (root / "course.yml").unlink()
    assert [chapter.chapter for chapter in course_progress(root)] == [
        "basics/data",
        "basics/tensors",
        "unlisted/extra",
    ]


def test_progress_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress.show_progress(root, 100)
    shown = capsys.readouterr().out
    assert "4 of 13 points; 1 of 3 chapters done" in shown
    assert "Next: clean in exercises/basics/data.ipynb" in shown


def test_the_type_of_an_outcome_is_the_checker_s() -> None:
    assert progress.MIME_TYPE == REPORT_TYPE


def test_the_exercises_that_are_released_all_have_checks() -> None:
    for path in (ROOT / "exercises").glob("*/*.ipynb"):
        found = checks_of(nbformat.read(path, as_version=4))
        assert found, path
        assert all(points > 0 for points in found.values())


@pytest.mark.slow
def test_check_runs_a_notebook_in_the_terminal(classroom: Classroom) -> None:
    path = classroom.places.exercise(CHAPTER)
    first, second, *_ = solutions()
    answers = {**solutions(), first: "import os\n1 / 0", second: ""}
    del answers[second]
    nbformat.write(answered(classroom.released(), answers), path)
    before = path.read_bytes()
    shown = classroom.run("course", "check", str(CHAPTER), status=1)
    assert "ends in ZeroDivisionError: division by zero" in shown
    assert f"{first}: the check showed nothing" in shown
    assert f"{second}: not attempted yet" in shown
    assert "all cases pass" in shown
    assert path.read_bytes() == before
    nbformat.write(answered(classroom.released(), {}), path)
    nbformat.write(answered(nbformat.read(path, as_version=4), solutions()), path)
    assert f"in {len(solutions())} of {len(solutions())} checks" in classroom.run(
        "course", "check", str(CHAPTER)
    )


def test_check_says_what_it_cannot_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert learner.check("attention") == 2
    assert "PART/CHAPTER" in capsys.readouterr().err
    assert learner.check("transformers/nothing") == 2
    assert "there is no" in capsys.readouterr().err
    (tmp_path / "broken.ipynb").write_text("{")
    assert learner.check(str(CHAPTER), tmp_path / "broken.ipynb") == 2
    assert "not valid JSON" in capsys.readouterr().err
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "empty.ipynb")
    assert learner.check(str(CHAPTER), tmp_path / "empty.ipynb") == 2
    assert "has no checks" in capsys.readouterr().err
