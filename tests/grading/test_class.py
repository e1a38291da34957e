"""A class goes through release, collect, grade, feedback and export with nbgrader; every mark is checked."""

from __future__ import annotations

import csv
import html
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from course_utils.checking.checker import load_exercises
from course_utils.checking.report import MIME_TYPE
from course_utils.grading.journal import Journal
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Places
from tests.grading.classroom import CHAPTER, LIMITS, WRITTEN, Classroom, as_bytes, exercises
from tests.grading.submissions import TEXT, Submission, odd, usual

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class GradedClass:
    """A class that was graded, what its members handed in, and what the commands printed."""

    classroom: Classroom
    submissions: dict[str, Submission]
    collecting: str
    grading: str
    report: str


def canvas_name(number: int, student: str, submission: Submission) -> str:
    """Return the name that Canvas gives to a student's file; every fifth one is late."""
    late = "_LATE" if number % 5 == 0 else ""
    return f"{student}{late}_{1000 + number}_{770000 + number}_{submission.file}"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, released_classroom: Classroom) -> GradedClass:
    """Grade a class: collected from Canvas's archive, autograded by two processes of plain nbgrader."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(released_classroom.root, root)  # other tests copy the released one, too
    classroom = Classroom(Places(root))
    submissions = {**usual(classroom.released()), **odd(classroom.released())}
    download = tmp_path_factory.mktemp("download") / "submissions.zip"
    with zipfile.ZipFile(download, "w") as archive:
        for number, (student, submission) in enumerate(submissions.items()):
            archive.writestr(canvas_name(number, student, submission), as_bytes(submission.content))
        archive.writestr("late_9_9_attention.py", "print('not a notebook')")
    collecting = classroom.run("course", "collect", str(CHAPTER), str(download), status=1)
    command = ["nbgrader", "autograde", CHAPTER.part, *LIMITS]
    halves = [classroom.start(*command, "--student", glob) for glob in ("usual*", "[!u]*")]
    ended = [half.finish() for half in halves]
    printed = "".join(output for output, _ in ended)
    assert [status for _, status in ended] == [0, 0], printed[-6000:]
    report = classroom.run("course", "grade", str(CHAPTER), status=1)
    named = {
        f"{student}_{1000 + n}": submission for n, (student, submission) in enumerate(submissions.items())
    }
    return GradedClass(classroom, named, collecting, printed, report)


def test_the_class_is_large_enough(graded: GradedClass) -> None:
    assert len(graded.submissions) >= 30


def test_every_mark_is_what_the_judge_gives(
    graded: GradedClass, expected_points: Callable[[str, str], float]
) -> None:
    wrong, marks = {}, graded.classroom.marks()
    assert set(marks) == set(graded.submissions)
    for student, submission in graded.submissions.items():
        found = marks[student]
        wanted = {
            f"check_{name}": expected_points(name, source) for name, source in submission.answers.items()
        }
        wanted[WRITTEN] = None if submission.written else 0.0
        if found != wanted:
            wrong[student] = {
                cell: (found[cell], wanted[cell]) for cell in wanted if found[cell] != wanted[cell]
            }
    assert wrong == {}


def test_the_marks_differ(graded: GradedClass) -> None:
    # A class in which everybody has the same mark would prove nothing.
    found = graded.classroom.marks().values()
    for name in exercises():
        assert {0.0, load_exercises(str(CHAPTER))[name].points} <= {marks[f"check_{name}"] for marks in found}


def test_every_odd_submission_is_reported_by_name(graded: GradedClass) -> None:
    lines = graded.report.splitlines()
    attention = lines.index("Needs your attention")
    end = lines.index("Good to know")
    for student, submission in graded.submissions.items():
        own = [number for number, line in enumerate(lines) if f"submitted/{student}/{CHAPTER}.ipynb" in line]
        said = " ".join(lines[number] for number in own)
        assert submission.finding in said, student
        assert any(attention < number < end for number in own) == submission.urgent, student
        if student.startswith("usual"):
            assert own == []


def test_plain_nbgrader_names_the_damaged_files_too(graded: GradedClass) -> None:
    errors = [line for line in graded.grading.splitlines() if "ERROR" in line]
    for student, submission in graded.submissions.items():
        if submission.urgent:
            assert any(f"{student}/{CHAPTER}.ipynb" in line for line in errors), student


def test_collecting_names_what_it_could_not_take_as_it_is(graded: GradedClass) -> None:
    urgent, notes = graded.collecting.split("Good to know")
    for student, submission in graded.submissions.items():
        line = next((line for line in urgent.splitlines() if f"_{student.rsplit('_')[-1]}_" in line), "")
        unreadable = submission.urgent and "missing" not in submission.finding
        assert bool(line) == unreadable, student
    assert "late_9_9_attention.py: it is not a notebook" in urgent
    assert "homework final (2).ipynb: it was taken as attention.ipynb" in notes


def test_grading_again_does_nothing(graded: GradedClass) -> None:
    # The report's own run came after nbgrader's: everything was graded already.
    assert not re.search(r"^\[\d+/\d+\]", graded.report, re.M)
    journal = Journal(graded.classroom.places.grading / "journal")
    records = [journal.read(CHAPTER, student) for student in graded.submissions]
    assert all(record is not None for record in records)
    assert not list((journal.folder / "running").rglob("*.json"))


def test_feedback_is_made_for_everyone_and_leaks_nothing(graded: GradedClass) -> None:
    graded.classroom.run("nbgrader", "generate_feedback", CHAPTER.part)
    seed = (graded.classroom.places.grading / "secret_seed").read_text().strip()
    solution = nbformat.read(graded.classroom.places.solution(CHAPTER), as_version=4)
    secrets = [seed, "BEGIN SOLUTION", *_lines_of_the_solution(solution)]
    for student, submission in graded.submissions.items():
        page = graded.classroom.places.feedback(CHAPTER, student).read_text(encoding="utf-8")
        text = html.unescape(re.sub(r"<[^>]+>", "", page))
        assert seed not in text
        notebook = graded.classroom.graded_notebook(student)
        own = "".join(cell.source for cell in notebook.cells)
        assert [line for line in secrets if line in text and line not in own] == [], student
        if submission.finding == "it is empty":
            assert "could not be read" in text


def _lines_of_the_solution(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the lines of the solutions that stand nowhere else in the notebook."""
    found = []
    for cell in notebook.cells:
        for block in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.S):
            found += [line.strip() for line in block.splitlines() if len(line.strip()) > 25]
    assert found
    return found


def test_a_graded_test_cell_shows_public_messages_only(graded: GradedClass) -> None:
    seen = set()
    for student in graded.submissions:
        for cell in graded.classroom.graded_notebook(student).cells:
            if not cell.metadata.get("nbgrader", {}).get("grade") or cell.cell_type != "code":
                continue
            kinds = [output.output_type for output in cell.outputs]
            records = [
                output["data"][MIME_TYPE] for output in cell.outputs if output.output_type == "display_data"
            ]
            assert kinds in (["display_data"] * len(records), [*["display_data"] * len(records), "stream"])
            for record in records:
                if record["graded"]:
                    seen.add(record["status"])
                    # Numbers of a graded run would be numbers of its inputs.
                    messages = " ".join(case["message"] for case in record["cases"])
                    assert not re.search(r"\d\.\d{3}|\de[+-]?\d", messages), messages
    assert {"passed", "failed", "not attempted"} <= seen


def test_marking_by_hand_completes_the_marks(graded: GradedClass, tmp_path: Path) -> None:
    classroom, table = graded.classroom, tmp_path / "marks.csv"
    words = ["course", "export", str(CHAPTER), "--to", str(table)]
    before = classroom.run(*words, status=1)
    waiting = [student for student, submission in graded.submissions.items() if submission.written]
    assert all(student in before for student in waiting)
    # What the formgrader's Manual Grading page does.
    with NbGrader(classroom.places).gradebook() as gradebook:
        for student in waiting:
            grade = gradebook.find_grade(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            grade.manual_score, grade.needs_manual_grade = 2.5, False
            comment = gradebook.find_comment(WRITTEN, CHAPTER.name, CHAPTER.part, student)
            comment.manual_comment = "Well seen, and the order?"
        gradebook.db.commit()
    classroom.run(*words)
    rows = list(csv.reader(table.open(encoding="utf-8")))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Attention"]
    assert rows[1][0].strip() == "Points Possible"
    assert float(rows[1][5]) == sum(e.points for e in load_exercises(str(CHAPTER)).values()) + 3
    by_number = {row[1]: row for row in rows[2:]}
    totals = {
        student: sum(filter(None, marks.values())) + (2.5 if graded.submissions[student].written else 0)
        for student, marks in classroom.marks().items()
    }
    for student, total in totals.items():
        assert float(by_number[student.rsplit("_")[-1]][5]) == pytest.approx(total, abs=0.006), student
    student = waiting[0]
    classroom.run("course", "feedback", str(CHAPTER), "--student", student)
    page = classroom.places.feedback(CHAPTER, student).read_text(encoding="utf-8")
    assert "Well seen, and the order?" in page
    assert TEXT in page
    classroom.run("nbgrader", "export", "--to", str(tmp_path / "plain.csv"))
    plain = {
        row["student_id"]: row for row in csv.DictReader((tmp_path / "plain.csv").open(encoding="utf-8"))
    }
    for student, total in totals.items():
        assert float(plain[student]["score"]) == pytest.approx(total, abs=0.006)
