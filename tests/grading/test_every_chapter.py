"""Every exercise is graded as an instructor would: right answers have all points, none has none."""

from __future__ import annotations

import nbformat
import pytest

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter
from tests.grading.classroom import answered, as_bytes, make_classroom, solutions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

KEYS = chapters_with_checks()
PARTS = sorted({key.split("/")[0] for key in KEYS})


def chapter_of(key: str) -> Chapter:
    return Chapter(*key.split("/"))


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, float]]]:
    """Grade one class in every chapter; return the marks by chapter, student and cell."""
    classroom = make_classroom(tmp_path_factory.mktemp("course"), map(chapter_of, KEYS))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for part in PARTS:
        keys = [key for key in KEYS if key.startswith(f"{part}/")]
        classroom.run("course", "release", part)
        for key in keys:
            chapter = chapter_of(key)
            released = nbformat.read(classroom.places.exercise(chapter), as_version=4)
            for student, answers in (("right", solutions(chapter)), ("blank", {})):
                path = classroom.places.submitted(chapter, student)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(as_bytes(answered(released, answers)))
        classroom.run("course", "grade", part)
        with NbGrader(classroom.places).gradebook() as gradebook:
            for key in keys:
                found[key] = {
                    notebook.student.id: {
                        grade.name: grade.auto_score
                        for grade in notebook.grades
                        if grade.name.startswith("check_")
                    }
                    for notebook in gradebook.find_notebook(chapter_of(key).name, part).submissions
                }
    return found


@pytest.mark.parametrize("key", KEYS)
def test_right_answers_have_all_points_and_none_has_none(key: str, marks) -> None:
    points = {f"check_{name}": exercise.points for name, exercise in load_exercises(key).items()}
    assert marks[key] == {"right": points, "blank": dict.fromkeys(points, 0)}
