"""An instructor's hour in JupyterLab: the formgrader's buttons, marks, comments and feedback, in a browser.

The fixtures are the steps of that hour, each of which needs the one before; the tests look at what came of
them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from playwright.sync_api import expect
from torch import Tensor

from course_utils.checking.checker import SECRET_SEED_VARIABLE, graded_seed, load_exercises
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Places
from course_utils.grading.secret import secret_seed
from course_utils.grading.standing import Standing, standings
from tests.grading.classroom import (
    CHAPTER,
    ROOT,
    WRITTEN,
    Classroom,
    Running,
    answered,
    exercises,
    solutions,
)
from tests.grading.instructor import Instructor, at_the_formgrader
from tests.grading.reporting.html_checks import Page as Source

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

RIGHT, WRONG, BLANK = "ada", "bob", "eve"
FIRST = exercises()[0]
UNSCALED = load_exercises(str(CHAPTER))[FIRST].mistakes[0].explanation
# Prints what it is called with: the inputs of a graded run are not to come out this way.
UNSCALED_AND_TELLING = f"""def {FIRST}(query, key, value, mask=None):
    print(query, key, value)
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)
    return weights @ value, weights
"""
COMMENT = "Say *why* the order is lost"
DIVIDE = "Divide the scores first"


def shown(standing: Standing) -> str:
    """Return a mark as the formgrader shows it."""
    return f"{round(standing.points, 2):g} / {standing.max_points:g}"


def standing_of(classroom: Classroom) -> dict[str, Standing]:
    """Return how the class stands: what reports, exports and feedback are made from."""
    return {one.student: one for one in standings(NbGrader(classroom.places), CHAPTER)}


def hand_in(classroom: Classroom) -> None:
    """Hand in a right notebook, a wrong one and a blank one."""
    released = classroom.released()
    wrong = {**solutions(), FIRST: UNSCALED_AND_TELLING}
    notebooks: dict[str, NotebookNode] = {
        RIGHT: answered(released, solutions(), "Shuffled words give shuffled outputs."),
        WRONG: answered(released, wrong, "I do not know."),
        BLANK: released,
    }
    for student, notebook in notebooks.items():
        classroom.hand_in(student, notebook)


@pytest.fixture(scope="module")
def classrooms(
    released_classroom: Classroom, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Classroom, Classroom, Running]:
    """A class for the formgrader, and its twin with the same secret seed, which `course grade` is at."""
    secret_seed(released_classroom.places.grading / "secret_seed")
    made = []
    for name in ("course", "twin"):
        root = tmp_path_factory.mktemp("formgrader") / name
        shutil.copytree(released_classroom.root, root)
        # The book, whose sections the feedback links to.
        chapter = Path("book", CHAPTER.part, f"{CHAPTER.name}.ipynb")
        (root / chapter).parent.mkdir(parents=True)
        shutil.copy(ROOT / chapter, root / chapter)
        made.append(Classroom(Places(root)))
        hand_in(made[-1])
    return made[0], made[1], made[1].start("course", "grade", str(CHAPTER))


@pytest.fixture(scope="module")
def twin(classrooms: tuple[Classroom, Classroom, Running]) -> Classroom:
    """The twin, graded."""
    _, twin, running = classrooms
    output, status = running.finish()
    assert status == 0, output
    return twin


@pytest.fixture(scope="module")
def instructor(classrooms: tuple[Classroom, Classroom, Running]) -> Iterator[Instructor]:
    """Somebody who has opened the formgrader from the menu of JupyterLab."""
    with at_the_formgrader(classrooms[0]) as someone:
        yield someone


@pytest.fixture(scope="module")
def pressed(instructor: Instructor) -> tuple[Instructor, str]:
    """The wrong submission, graded by the formgrader's lightning bolt."""
    counted = instructor.formgrader.locator("td.num-submissions")
    expect(counted).to_have_text("3")
    instructor.open_submissions()
    expect(instructor.formgrader.get_by_text("needs autograding")).to_have_count(3)
    said = instructor.press(WRONG, "autograde")
    expect(instructor.row(WRONG).locator("td.status")).to_have_text("needs manual grading")
    return instructor, said


@pytest.fixture(scope="module")
def graded(pressed: tuple[Instructor, str]) -> Instructor:
    """All submissions, the others graded by `course grade`, and the table loaded anew."""
    instructor, _ = pressed
    before = instructor.classroom.places.autograded(CHAPTER, WRONG).stat().st_mtime_ns
    instructor.classroom.run("course", "grade", str(CHAPTER))
    # What the button graded is graded.
    assert instructor.classroom.places.autograded(CHAPTER, WRONG).stat().st_mtime_ns == before
    instructor.open_submissions()
    return instructor


@pytest.fixture(scope="module")
def marked(graded: Instructor) -> Instructor:
    """The wrong submission with a comment and a mark given by hand, before and while all are graded again."""
    graded.open_submission(f"{round(standing_of(graded.classroom)[WRONG].points, 2):g}")
    graded.type(f"{WRITTEN}-comment", COMMENT)
    graded.type(WRITTEN, "1.5")
    running = graded.classroom.start("course", "grade", str(CHAPTER), "--force")
    drafts = 0
    while running.process.poll() is None:
        drafts += 1
        graded.type(f"{FIRST}-comment", f"draft {drafts}")
        graded.page.wait_for_timeout(300)
    output, status = running.finish()
    assert status == 0, output
    assert drafts > 1
    graded.type(f"{FIRST}-comment", DIVIDE)
    return graded


@pytest.fixture(scope="module")
def feedback(marked: Instructor) -> str:
    """The page of feedback on the wrong submission, made by the formgrader's button."""
    marked.open_submissions()
    said = marked.press(WRONG, "generate-feedback")
    assert "Successfully generated feedback" in said, said
    return marked.classroom.places.feedback(CHAPTER, WRONG).read_text(encoding="utf-8")


def test_the_button_gives_the_marks_of_course_grade(pressed: tuple[Instructor, str], twin: Classroom) -> None:
    instructor, said = pressed
    assert "Successfully autograded" in said
    assert "PlayNotebook" in said
    assert instructor.classroom.marks()[WRONG] == twin.marks()[WRONG]
    wanted = standing_of(twin)[WRONG]
    assert 0 < wanted.points < wanted.max_points
    assert instructor.scores()[WRONG] == shown(wanted)


def test_the_table_shows_the_marks_of_the_gradebook(graded: Instructor, twin: Classroom) -> None:
    assert graded.classroom.marks() == twin.marks()
    standing = standing_of(graded.classroom)
    assert [shown(standing[name]) for name in (RIGHT, BLANK)] == ["17 / 20", "0 / 20"]
    graded.open_submissions()
    assert graded.scores() == {name: shown(one) for name, one in standing.items()}


def test_marks_and_comments_by_hand_outlive_runs(marked: Instructor) -> None:
    automatic = sum(points or 0 for points in marked.classroom.marks()[WRONG].values())
    standing = standing_of(marked.classroom)[WRONG]
    assert standing.points == pytest.approx(automatic + 1.5)
    marked.open_submissions()
    assert marked.scores()[WRONG] == shown(standing)
    marked.open_submission(f"{round(standing.points, 2):g}")
    expect(marked.field(WRITTEN)).to_have_value("1.5")
    expect(marked.field(f"{WRITTEN}-comment")).to_have_value(COMMENT)
    expect(marked.field(f"{FIRST}-comment")).to_have_value(DIVIDE)


def test_who_marks_by_hand_sees_the_checks(marked: Instructor) -> None:
    standing = standing_of(marked.classroom)[WRONG]
    marked.open_submission(f"{round(standing.points, 2):g}")
    cards = marked.formgrader.locator(".course-check")
    # Of the wrong answer, what the student saw and what was judged; of the others one that says both.
    expect(cards).to_have_count(len(exercises()) + 1)
    own, judged = cards.nth(0), cards.nth(1)
    assert f"Why: {UNSCALED}" in own.inner_text()
    assert f"Why: {UNSCALED}" in judged.inner_text()
    for case in load_exercises(str(CHAPTER))[FIRST].cases:
        expect(judged.get_by_text(case.name)).to_be_visible()
    box = judged.bounding_box()
    assert box is not None
    assert box["width"] > 400
    formulas = marked.formgrader.locator("math")
    assert formulas.count() > 3
    # The shortcuts come last when the page is set up.
    marked.field(WRITTEN).press("Tab")
    expect(marked.field(f"{WRITTEN}_extra_credit")).to_be_focused()


def test_the_feedback_says_what_to_learn(feedback: str) -> None:
    page = Source(feedback)
    text = " ".join(page.text.split())
    for name, exercise in load_exercises(str(CHAPTER)).items():
        assert name in text
        assert [case.name for case in exercise.cases if case.name not in text] == []
    assert f"Why: {UNSCALED}" in text
    assert "1.5 of 3" in text
    assert COMMENT.replace("*", "") in text
    assert DIVIDE in text
    links = [link.get("href", "") for link in page.named("a")]
    assert any(f"/book/{CHAPTER}.ipynb#" in link for link in links)


def test_the_feedback_says_what_is_not_marked_yet(feedback: str, marked: Instructor) -> None:
    assert "marked by a person" in feedback
    assert "still to come" not in feedback
    marked.open_submissions()
    assert "Successfully generated feedback" in marked.press(RIGHT, "generate-feedback")
    page = marked.classroom.places.feedback(CHAPTER, RIGHT).read_text(encoding="utf-8")
    assert "not marked yet" in page
    assert "still to come" in page


NUMBER = re.compile(r"-?\d+\.\d{4}(?:e[+-]\d+)?(?!\d)")


def neighbors(numbers: list[str]) -> set[tuple[str, ...]]:
    """Return each four numbers in a row."""
    return set(zip(*(numbers[start:] for start in range(4)), strict=False))


def test_the_feedback_holds_no_hidden_inputs(
    feedback: str, instructor: Instructor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = secret_seed(instructor.classroom.places.grading / "secret_seed")
    monkeypatch.setenv(SECRET_SEED_VARIABLE, seed)
    trials = load_exercises(str(CHAPTER))[FIRST].trials(graded_seed(), hidden=True)
    inputs = [value for trial in trials for step in trial.script.steps for _, value in step.named_inputs]
    tensors = [value for value in inputs if isinstance(value, Tensor) and value.is_floating_point()]
    secret = set()
    for tensor in tensors:
        secret |= neighbors([f"{number:.4f}" for number in tensor.flatten().tolist()])
        secret |= neighbors(NUMBER.findall(str(tensor)))  # with exponents, where torch chooses so
    assert len(secret) > 1000
    # Printed, they would be found.
    assert neighbors(NUMBER.findall(str(tensors[0]))) & secret
    assert NUMBER.findall(feedback)
    assert not neighbors(NUMBER.findall(feedback)) & secret


def test_the_feedback_runs_and_asks_for_nothing(feedback: str, instructor: Instructor) -> None:
    assert Source(feedback).dangers == []
    address = instructor.classroom.places.feedback(CHAPTER, WRONG).as_uri()
    seen: list[str] = []
    for scheme in ("light", "dark"):
        page = instructor.browser.new_page(color_scheme=scheme)
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(message.text))
        page.goto(address)
        assert page.locator("script").count() == 0
        assert page.get_by_text(UNSCALED).first.is_visible()
        page.close()
    assert seen == [address, address]


def test_the_formgrader_asks_nothing_of_another_site(feedback: str, instructor: Instructor) -> None:
    assert feedback
    assert instructor.outside == []
    assert instructor.errors == []
