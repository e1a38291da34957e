"""A learner's hour in JupyterLab: open an exercise, fail and read why, take hints, mend it, pass.

The fixtures are the steps of that hour, each of which needs the one before; the tests look at what came of
them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from course_utils.checking.checker import load_exercises
from course_utils.grading.places import Places
from tests.grading.classroom import CHAPTER, ROOT, Classroom, exercises, solutions
from tests.grading.student import Student, at_jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

FIRST = exercises()[0]
LATE_MASK = f"""def {FIRST}(query, key, value, mask=None):
    weights = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]), dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ value, weights
"""
WHY = "The mask is applied after the softmax"
READABLE = 4.5

CONTRAST = """element => {
  const channels = color => color.match(/[\\d.]+/g).map(Number)
    .map((c, i) => color.startsWith('color(') && i < 3 ? 255 * c : c);  // what color-mix() gives is in shares
  const layers = [];
  for (let at = element; at; at = at.parentElement)
    layers.unshift(channels(getComputedStyle(at).backgroundColor));
  const over = (below, [r, g, b, a = 1]) => below.map((c, i) => a * [r, g, b][i] + (1 - a) * c);
  const ground = layers.reduce(over, [255, 255, 255]);
  const light = color => color.slice(0, 3).map(c => c / 255)
    .map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const [high, low] = [light(ground), light(channels(getComputedStyle(element).color))].sort((a, b) => b - a);
  return (high + .05) / (low + .05);
}"""


def points(classroom: Classroom) -> float:
    """Return the points of the exercise as `course progress` counts them."""
    data = json.loads(classroom.run("course", "progress", "--json"))
    return float(data[str(CHAPTER)]["points"])


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A learner's copy of the course with one exercise."""
    root = tmp_path_factory.mktemp("learner") / "course"
    (root / "exercises" / CHAPTER.part).mkdir(parents=True)
    for name in ("course.yml", "nbgrader_config.py", f"exercises/{CHAPTER}.ipynb"):
        shutil.copy(ROOT / name, root / name)
    return Classroom(Places(root))


@pytest.fixture(scope="module")
def student(classroom: Classroom) -> Iterator[Student]:
    """Somebody who has opened the exercise and run its first cell."""
    with at_jupyterlab(classroom.root, classroom.root.parent / "jupyter") as someone:
        someone.open(f"exercises/{CHAPTER}.ipynb")
        someone.run(someone.cell("import math"))
        yield someone


@pytest.fixture(scope="module")
def failed(student: Student, classroom: Classroom) -> tuple[Locator, float]:
    """The card of a wrong answer, and the points that it earned."""
    assert points(classroom) == 0
    answer = student.cell(f"def {FIRST}")
    student.write(answer, LATE_MASK)
    student.run(answer)
    check = student.cell(f"check({FIRST})")
    student.run(check)
    student.save()
    card = check.locator(".course-check")
    expect(card).to_have_count(1)
    return card, points(classroom)


@pytest.fixture(scope="module")
def passed(student: Student, failed: tuple[Locator, float]) -> Locator:
    """The card of the same answer, mended."""
    answer = student.cell(f"def {FIRST}")
    student.write(answer, solutions()[FIRST])
    student.run(answer)
    check = student.cell(f"check({FIRST})")
    student.run(check)
    student.save()
    return check.locator(".course-check")


def test_the_card_tells_the_first_failure_and_why(failed: tuple[Locator, float]) -> None:
    card, earned = failed
    visible = [case.name for case in load_exercises(str(CHAPTER))[FIRST].cases if not case.hidden]
    text = card.inner_text()
    assert f"{earned:g} of 5 points" in text
    assert [name for name in visible if name not in text] == []
    first = card.locator("li.failed")
    expect(first).to_have_count(1)
    assert "heads and a mask" in first.inner_text()
    assert re.search(r"expected -?\d\.\d+, got -?\d\.\d+", first.inner_text())
    assert f"Why: {WHY}" in text


def test_hints_open_one_after_the_other_by_keyboard(failed: tuple[Locator, float], student: Student) -> None:
    card, _ = failed
    nudge, idea, page = (card.locator("summary", has_text=f"Hint {number} of 3") for number in (1, 2, 3))
    expect(nudge).to_be_visible()
    expect(idea).to_be_hidden()
    nudge.focus()
    student.page.keyboard.press("Enter")
    expect(card.get_by_text("what does it have that they have not?")).to_be_visible()
    expect(page).to_be_hidden()
    idea.focus()
    student.page.keyboard.press("Enter")
    page.focus()
    student.page.keyboard.press("Space")
    expect(card.get_by_text('"The formula" in the chapter "Attention"')).to_be_visible()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_card_can_be_read_in_each_theme(
    failed: tuple[Locator, float], student: Student, theme: str
) -> None:
    card, _ = failed
    student.choose("Settings", "Theme", theme)
    expect(student.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    student.page.wait_for_timeout(500)
    # for who wants to see it
    if folder := os.environ.get("PICTURES"):
        card.screenshot(path=f"{folder}/card-{theme.split()[1]}.png")
    for kind in ("header span", "li", "li.failed p", ".why p", "summary", "code"):
        ratio = card.locator(kind).first.evaluate(CONTRAST)
        assert ratio >= READABLE, (kind, ratio)


def test_a_narrow_window_scrolls_nothing_sideways(failed: tuple[Locator, float], student: Student) -> None:
    card, _ = failed
    card.evaluate("card => card.style.width = '300px'")
    wide = card.evaluate(
        "card => [card, ...card.querySelectorAll('*')].filter(e => e.scrollWidth > card.clientWidth).length"
    )
    card.evaluate("card => card.style.width = ''")
    assert wide == 0


def test_the_mended_answer_passes_and_progress_grows(
    failed: tuple[Locator, float], passed: Locator, classroom: Classroom
) -> None:
    _, before = failed
    assert 0 < before < 5
    expect(passed).to_have_count(1)
    assert "all cases pass" in passed.inner_text()
    assert "5 of 5 points" in passed.inner_text()
    expect(passed.locator("summary")).to_have_count(0)
    assert points(classroom) == 5
    assert "causal_mask in exercises/transformers/attention.ipynb" in classroom.run("course", "progress")


def test_the_saved_card_is_there_when_the_notebook_is_opened_again(passed: Locator, student: Student) -> None:
    assert passed.count() == 1
    student.open(f"exercises/{CHAPTER}.ipynb")
    card = student.cell(f"check({FIRST})").locator(".course-check")
    expect(card).to_be_visible()
    assert card.evaluate("card => getComputedStyle(card).borderLeftColor") == "rgb(27, 138, 90)"


def test_it_asks_nothing_of_another_site(passed: Locator, student: Student) -> None:
    assert passed.count() == 1
    assert student.outside == []
    assert student.errors == []
