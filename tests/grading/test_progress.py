"""How far a learner is, from saved outputs; and the learner's check in the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.checking.report import MIME_TYPE as REPORT_TYPE
from course_utils.grading import learner, learner_progress
from course_utils.grading.learner_progress import checks_of, course_progress
from course_utils.grading.progress_table import print_table
from tests.grading.classroom import CHAPTER, ROOT, Classroom, answered, solutions

COURSE = """
parts:
- part: basics
  title: Basics
  chapters:
  - {chapter: tensors, title: Tensors}
  - {chapter: data, title: Data}
- part: later
  title: Later
  chapters:
  - {chapter: bridge, title: Bridge, needs: [basics/data]}
  - {chapter: end, title: End & all, needs: [later/bridge, basics/tensors]}
"""


def check_cell(source: str, points: float, *reports: dict[str, Any]) -> NotebookNode:
    """Return a check cell with saved outcomes."""
    outputs = [
        nbformat.v4.new_output("display_data", data={learner_progress.MIME_TYPE: report})
        for report in reports
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
    write(tmp_path, "later/end", check_cell("check(one)", 1))
    return tmp_path


def test_points_are_those_of_the_last_saved_check(root: Path) -> None:
    tensors, data, end = course_progress(root).chapters
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
    # The chapter between has no exercise: what it needs is needed instead.
    assert end.needs == ("basics/tensors", "basics/data")


def solve(root: Path, chapter: str, name: str, points: float) -> None:
    """Replace an exercise by one that is done."""
    write(root, chapter, check_cell(f"check({name})", points, report(name, points, points, "passed")))


def test_what_is_next_follows_what_chapters_need(root: Path) -> None:
    found = course_progress(root)
    assert found.next_step == "Next: clean in exercises/basics/data.ipynb"
    assert [found.state(one) for one in found.chapters] == ["ready", "begun", "later"]
    solve(root, "basics/data", "clean", 10)
    found = course_progress(root)
    assert found.next_step == "Next: begin exercises/basics/tensors.ipynb"
    assert [one.chapter for one in found.missing(found.chapters[2])] == ["basics/tensors"]
    solve(root, "basics/tensors", "shape", 2)
    found = course_progress(root)
    assert found.next_step == (
        "Next: begin exercises/later/end.ipynb (you have done what it needs: basics/tensors, basics/data)"
    )
    solve(root, "later/end", "one", 1)
    assert course_progress(root).next_step == "All checks pass."


def test_a_course_without_exercises_says_what_to_do(tmp_path: Path) -> None:
    assert "make exercises" in course_progress(tmp_path).next_step


def test_of_chapters_that_are_missing_those_behind_others_are_not_named(root: Path) -> None:
    text = COURSE.replace("title: Data}", "title: Data, needs: [basics/tensors]}")
    (root / "course.yml").write_text(text)
    found = course_progress(root)
    assert [one.chapter for one in found.missing(found.chapters[2])] == ["basics/data"]


BROKEN = ["", "{", "[]", '{"cells": 3}', '{"cells": [{"cell_type": "code"}], "nbformat": 4}', "[" * 100_000]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_damaged_notebook_hides_no_other(root: Path, text: str) -> None:
    (root / "exercises" / "basics" / "tensors.ipynb").write_text(text)
    found = course_progress(root)
    assert found.chapters[1].points == 3.0
    (fault,) = found.faults
    assert fault.startswith("exercises/basics/tensors.ipynb is not a notebook, or a damaged one: ")
    assert "basics/tensors" not in found.to_data()


def test_foreign_notebooks_are_named_and_not_counted(root: Path) -> None:
    write(root, "basics/data-Copy1", check_cell("check(clean)", 4, report("clean", 4, 4, "passed")))
    write(root, "basics/tensors", nbformat.v4.new_code_cell("1 + 1"))
    other = report("one", 1, 1, "passed", chapter="basics/data")
    write(root, "later/end", check_cell("check(one)", 1, other))
    found = course_progress(root)
    assert (found.points, found.max_points) == (3.0, 10.0)
    assert found.faults == (
        "exercises/basics/tensors.ipynb has no checks of the course",
        "exercises/later/end.ipynb holds results of basics/data: is it another exercise under this name?",
        "exercises/basics/data-Copy1.ipynb is no exercise of the course: not counted",
    )


def test_the_points_of_a_chapter_without_a_course_map(root: Path) -> None:
    (root / "course.yml").unlink()
    found = course_progress(root)
    assert [one.chapter for one in found.chapters] == ["basics/data", "basics/tensors", "later/end"]
    assert found.faults == ()


def test_progress_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(course_progress(root), 100)
    shown = capsys.readouterr().out
    assert "3 of 13 points; 0 of 3 chapters done" in shown
    assert "after basics/tensors, basics/data" in shown
    assert "Next: clean in exercises/basics/data.ipynb" in shown


def at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the folder of the course."""
    (root / "nbgrader_config.py").touch()
    monkeypatch.chdir(root)


def test_the_points_as_json(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(root, monkeypatch)
    (root / "exercises" / "basics" / "tensors.ipynb").write_text("{")
    assert learner.progress(as_json=True) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "basics/data": {"points": 3.0, "max_points": 10.0},
        "later/end": {"points": 0.0, "max_points": 1.0},
    }
    assert "tensors.ipynb is not a notebook" in shown.err


def test_nothing_is_run_and_nothing_heavy_is_loaded(root: Path) -> None:
    (root / "nbgrader_config.py").touch()
    script = (
        "import sys\nfrom course_utils.grading import learner\nlearner.progress(page=True)\n"
        "heavy = ('torch', 'numpy', 'nbformat', 'nbgrader', 'jupyter_client')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_type_of_an_outcome_is_the_checker_s() -> None:
    assert learner_progress.MIME_TYPE == REPORT_TYPE


def test_the_exercises_that_are_released_all_have_checks() -> None:
    for path in (ROOT / "exercises").glob("*/*.ipynb"):
        found = checks_of(json.loads(path.read_text(encoding="utf-8")))
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
    assert "WARNING" not in shown
    assert path.read_bytes() == before
    hinted = classroom.run("course", "check", str(CHAPTER), "--hints", "2", status=1)
    assert "  Hint 1 of 3, a nudge: Begin with the small example" in hinted
    assert "  Hint 2 of 3, the idea: Number the queries and the keys" in hinted
    assert "Hint 3 of 3" not in hinted
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


@pytest.mark.slow
def test_check_says_in_which_cell_a_kernel_died(classroom: Classroom) -> None:
    path = classroom.places.exercise(CHAPTER)
    first = next(iter(solutions()))
    nbformat.write(answered(classroom.released(), {first: "import os\nos._exit(1)"}), path)
    shown = classroom.run("course", "check", str(CHAPTER), status=2)
    assert "died in the cell 'import os'" in shown
    assert "Traceback" not in shown


def test_check_loads_no_torch_beside_the_kernels() -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom course_utils.grading import learner, learner_run\n"
        "import nbformat\n"
        "learner_run.run_file = lambda path: nbformat.read(path, 4)\n"
        f"learner.check('{CHAPTER}')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
