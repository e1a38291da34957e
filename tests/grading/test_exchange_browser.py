"""A class on one machine: nbgrader's exchange folder, and its Assignments and Validate in JupyterLab.

The instructor releases and collects in a terminal; a student fetches, works, validates and submits in a
browser. The fixtures are these steps, each of which needs the one before.
"""

from __future__ import annotations

import getpass
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from course_utils.grading.places import Places
from tests.grading.classroom import CHAPTER, WRITTEN, Classroom, answered, exercises, solutions
from tests.grading.instructor import SECONDS
from tests.grading.student import Student, at_jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = """
c = get_config()
c.CourseDirectory.course_id = "course"
c.Exchange.root = {exchange!r}
"""
LAST = exercises()[-1]


@pytest.fixture(scope="module")
def classroom(released_classroom: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A class whose chapter lies in the exchange folder, as the page for instructors says."""
    folder = tmp_path_factory.mktemp("exchange")
    shutil.copytree(released_classroom.root, folder / "course")
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    made = Classroom(Places(folder / "course"))
    with (made.root / "nbgrader_config.py").open("a") as settings:
        settings.write(f"c.Exchange.root = {str(exchange)!r}\n")
    said = made.run("nbgrader", "release_assignment", CHAPTER.part)
    assert "Released as: course transformers" in said
    return made


@pytest.fixture(scope="module")
def student(classroom: Classroom) -> Iterator[Student]:
    """A student who has opened the list of assignments from the menu of JupyterLab."""
    folder = classroom.root.parent
    home, root = folder / "jupyter", folder / "student"
    home.mkdir()
    root.mkdir()
    (home / "nbgrader_config.py").write_text(SETTINGS.format(exchange=str(folder / "exchange")))
    with at_jupyterlab(root, home) as someone:
        someone.page.goto(someone.address)
        someone.choose("Nbgrader", "Assignment List")
        yield someone


def listed(student: Student, kind: str) -> Locator:
    """Return one of the three lists: released, fetched or submitted."""
    return student.page.locator(f"#{kind}_assignments_list")


@pytest.fixture(scope="module")
def fetched(student: Student) -> Path:
    """The student's copy, fetched by the button."""
    listed(student, "released").get_by_role("button", name="Fetch").click()
    listed(student, "fetched").locator("a", has_text=CHAPTER.part).click()
    expect(listed(student, "fetched").locator("a", has_text=CHAPTER.name)).to_be_visible()
    return student.root / f"{CHAPTER}.ipynb"


def validated(student: Student) -> str:
    """Press Validate beside the notebook in the list; return what it says."""
    listed(student, "fetched").get_by_role("button", name="Validate").click()
    dialog = student.page.locator(".jp-Dialog")
    dialog.wait_for(timeout=6 * SECONDS)
    expect(dialog).to_contain_text("Validation Results")
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok", exact=False).last.click()
    dialog.wait_for(state="hidden")
    return said


@pytest.fixture(scope="module")
def first_validation(student: Student, fetched: Path) -> str:
    """What Validate says when all but the last task are answered."""
    answers = {name: source for name, source in solutions().items() if name != LAST}
    notebook = nbformat.read(fetched, as_version=4)
    nbformat.write(answered(notebook, answers, "Attention has no order."), fetched)
    return validated(student)


@pytest.fixture(scope="module")
def worked(student: Student, first_validation: str) -> str:
    """What Validate says when the last task is answered too, in JupyterLab, from the list."""
    assert first_validation
    listed(student, "fetched").locator("a", has_text=CHAPTER.name).click()
    student.wait_for_kernel()
    cell = student.cell("from course_utils.transformers import attention as given")
    student.write(cell, solutions()[LAST])
    student.save()
    student.notebook.get_by_role("button", name="Validate").click()
    dialog = student.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Validation Results", timeout=6 * SECONDS)
    said = dialog.inner_text()
    dialog.get_by_role("button").last.click()
    return said


@pytest.fixture(scope="module")
def submitted(student: Student, worked: str) -> Student:
    """The student, who has submitted."""
    assert worked
    student.page.get_by_role("tab", name="Assignments").click()
    listed(student, "fetched").get_by_role("button", name="Submit").click()
    expect(listed(student, "submitted").get_by_role("button", name="Fetch Feedback")).to_be_visible()
    return student


def test_fetch_gives_the_exercise_as_released(fetched: Path, classroom: Classroom) -> None:
    assert fetched.read_bytes() == classroom.places.exercise(CHAPTER).read_bytes()


def test_validate_names_what_is_not_right(first_validation: str) -> None:
    assert f"check({LAST})" in first_validation
    assert [name for name in exercises() if name != LAST and f"check({name})" in first_validation] == []


def test_validate_in_the_notebook_says_when_all_is_right(worked: str) -> None:
    assert "Success! Your notebook passes all the tests." in worked


def test_what_was_submitted_is_collected_and_graded(submitted: Student, classroom: Classroom) -> None:
    said = classroom.run("nbgrader", "collect", CHAPTER.part)
    assert re.search(r"Collecting submission: \S+ transformers", said)
    me = getpass.getuser()
    cells = nbformat.read(classroom.places.submitted(CHAPTER, me), as_version=4).cells
    assert "Attention has no order." in [cell.source for cell in cells]
    classroom.run("course", "grade", CHAPTER.part)
    marks = classroom.marks()[me]
    assert sum(points or 0 for name, points in marks.items() if name != WRITTEN) == 17


def test_the_feedback_comes_back_into_the_list(submitted: Student, classroom: Classroom) -> None:
    classroom.run("course", "feedback", CHAPTER.part)
    classroom.run("nbgrader", "release_feedback", CHAPTER.part)
    submitted.page.get_by_role("tab", name="Assignments").click()
    submitted.page.locator("#refresh_assignments_list").click()
    row = listed(submitted, "submitted")
    row.get_by_role("button", name="Fetch Feedback").click()
    expect(row.get_by_text("(view feedback)")).to_have_count(1, timeout=2 * SECONDS)
    (page,) = submitted.root.glob(f"{CHAPTER.part}/feedback/*/{CHAPTER.name}.html")
    assert "still to come" in page.read_text(encoding="utf-8")  # the answer in words is not marked yet


def test_it_asks_nothing_of_another_site(submitted: Student) -> None:
    assert submitted.outside == []
    assert submitted.errors == []
