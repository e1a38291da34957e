"""The report: right numbers, a page that stands on its own, and nothing of a student's that could run."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from course_utils.checking.checker import load_exercises
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.problems import Problem
from course_utils.grading.reporting import make_report, write_reports
from tests.grading.reporting.html_checks import Page
from tests.grading.reporting.made_class import (
    CHAPTER,
    HOSTILE,
    Handed,
    Outcome,
    exercise_points,
    full_marks,
    make_class,
    many_students,
)

FIRST = next(iter(load_exercises(str(CHAPTER))))
UNSCALED = load_exercises(str(CHAPTER))[FIRST].mistakes[0].explanation
NOW = datetime(2026, 3, 2, 9, 5)


def report(root: Path, handed: list[Handed], *, honesty: bool = False) -> Page:
    """Make a class and return its report, held to what every report must be."""
    page = Page(make_report(make_class(root, handed), CHAPTER, honesty=honesty, now=NOW))
    assert page.faults == []
    assert page.dangers == []
    assert "url(" not in page.source
    assert "@import" not in page.source
    (policy,) = (meta["content"] for meta in page.named("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    assert "script" not in policy
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    # Every drawing says what it is, or is left to the text beside it.
    assert all(svg.get("aria-label") or svg.get("aria-hidden") == "true" for svg in page.named("svg"))
    return page


def failed(points: float, *explanations: str) -> Outcome:
    cases = {case.name: "failed" for case in load_exercises(str(CHAPTER))[FIRST].cases}
    return Outcome(points, "failed", cases, explanations)


def three() -> list[Handed]:
    """Three students: one right, one with a known mistake and a mark mended by hand, one to be marked."""
    return [
        Handed("ada", full_marks(), 2.0, seconds=1.0),
        Handed("bob", {**full_marks(), FIRST: failed(1.0, UNSCALED)}, 1.0, seconds=4.0, manual={FIRST: 2.0}),
        Handed("eve", {**full_marks(), FIRST: failed(0.0, UNSCALED)}, None, seconds=2.0),
    ]


def section(page: Page, name: str) -> str:
    """Return the text of one section."""
    (found,) = re.findall(rf'<section aria-labelledby="{name}">(.*?)</section>', page.source, re.S)
    return re.sub(r"\s+", " ", Page(found.replace("<", " <")).text)


def test_a_small_class_against_numbers_by_hand(tmp_path: Path) -> None:
    page = report(tmp_path, three())
    most, points = 19.0, exercise_points()
    assert sum(points.values()) + 2 == most
    assert "made on March 2, 2026, 09:05" in page.text
    # ada 19; bob 19 - (5 - 2) - (2 - 1) = 15; eve 19 - 5 - 2 = 12.
    marks = section(page, "marks")
    assert "Marks of 3 graded submissions, of 19 points" in marks
    assert "12 13.5 15 17 19 15.33" in marks
    assert "1 submission still has answers to be marked by hand" in marks
    teach = section(page, "teach")
    assert f"2 of 3 (67%) {FIRST} {UNSCALED}" in teach
    assert "bob eve" in teach
    items = section(page, "items")
    assert f"{FIRST} 1 2 3" in items  # passed, failed, of
    assert f"{FIRST} 5 3 of 3 47% too few submissions to say" in items  # (5 + 2 + 0) / 15
    assert "shuffled (in words) 2 2 of 3 75% too few" in items  # (2 + 1) / 4
    assert "2 of 3 67% 2 failed" in items
    assert "shuffled : 1 of 3 submissions Who eve" in section(page, "by-hand")
    assert "took 2.0 s in the middle (median) and 4.0 s at most; 3 submissions together 7.0 s" in section(
        page, "timing"
    )
    assert "Nothing is odd" in section(page, "odd")
    links = [link["href"] for link in page.named("a")]
    book = "https://github.com/deep-learning-from-scratch/course/blob/main/book/transformers/attention.ipynb"
    assert f"{book}#The-formula" in links


def test_odd_submissions_are_named_with_what_to_do(tmp_path: Path) -> None:
    handed = three()
    handed[0].problems = [Problem("the file cannot be read: it is empty", "Ask for it again.", urgent=True)]
    handed[1].problems = [Problem("a cell was moved", "Nothing to do: it was judged as released.")]
    handed[1].outcomes = {
        **handed[1].outcomes,
        FIRST: Outcome(0, "no record", reason="the cell ran too long"),
    }
    handed[0].source = "{"
    handed[2].graded = False
    page = report(tmp_path, handed, honesty=True)
    assert "2 submissions read" in section(page, "similar")
    odd = section(page, "odd")
    assert "Needs your attention (2)" in odd
    assert "ada/transformers/attention.ipynb The file cannot be read: it is empty. Ask for it again." in odd
    assert "eve/transformers/attention.ipynb Not graded yet. Run course grade transformers/attention ." in odd
    assert (
        "bob/transformers/attention.ipynb A cell was moved. Nothing to do: it was judged as released." in odd
    )
    assert f"No result for {FIRST} (the cell ran too long). Nothing to do: the marks stand." in odd
    assert "2 graded of 3 submissions" in re.sub(
        r"\s+", " ", page.source.replace("<b>", " ").replace("</b>", " ")
    )


def test_what_students_write_is_only_text(tmp_path: Path) -> None:
    outcomes = {**full_marks(), FIRST: failed(0.0, HOSTILE)}
    outcomes[FIRST].cases = {HOSTILE: "failed"}
    problems = [Problem(f"{HOSTILE} \u202eolleh\x1b[2J", HOSTILE, urgent=True)]
    handed = [Handed(HOSTILE, outcomes, None, problems=problems), Handed("a&b\"'", full_marks(), None)]
    page = report(tmp_path, handed, honesty=True)
    assert not page.named("img")
    assert page.text.count(HOSTILE) >= 6
    assert "a&b\"'" in page.text
    assert "\u202e" not in page.source
    assert "\x1b" not in page.source


def test_nothing_of_a_hidden_case_is_shown_but_its_name(tmp_path: Path) -> None:
    page = report(tmp_path, three())
    secret = (tmp_path / "grading" / "journal").rglob("*.json")
    # The journal holds names and statuses; there is nothing else of a case that a report could show.
    assert all('"message"' not in path.read_text() for path in secret)
    hidden = [case.name for case in load_exercises(str(CHAPTER))[FIRST].cases if case.hidden]
    assert hidden
    assert all(name in page.text for name in hidden[:1])


def test_an_empty_class(tmp_path: Path) -> None:
    page = report(tmp_path, [], honesty=True)
    assert page.text.count("No submission is graded yet.") == 4
    assert "nan" not in page.text


def test_a_class_of_which_nothing_is_graded(tmp_path: Path) -> None:
    page = report(tmp_path, [Handed("ada", {}, graded=False)])
    assert "Needs your attention (1)" in page.text
    assert "nan" not in page.text


def test_one_submission(tmp_path: Path) -> None:
    page = report(tmp_path, three()[:1])
    assert "Marks of 1 graded submission, of 19 points." in page.text
    assert "the two quartiles" not in page.text
    assert "No known mistake was recognized" in page.text


def test_a_class_with_full_marks(tmp_path: Path) -> None:
    page = report(tmp_path, [Handed(f"s{number}", full_marks(), 2.0) for number in range(30)])
    assert page.text.count("nothing to compare: all marks are alike") == 7
    assert "None: every answer that was given passed every case." in page.text
    assert "19 19 19 19 19 19" in section(page, "marks")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_thousand_submissions(tmp_path: Path) -> None:
    nbgrader = make_class(tmp_path, many_students(2000))
    began = time.process_time()
    text = make_report(nbgrader, CHAPTER, honesty=False)
    assert time.process_time() - began < 10
    assert len(text.encode()) < 2_000_000
    page = Page(text)
    assert page.faults == []
    assert "Marks of 2,000 graded submissions" in page.text


def test_where_reports_are_written(tmp_path: Path) -> None:
    make_class(tmp_path, three())
    places = Places(tmp_path)
    (path,) = write_reports(places, [CHAPTER], honesty=False)
    assert path == tmp_path / "grading" / "report" / "transformers" / "attention.html"
    (other,) = write_reports(places, [CHAPTER], tmp_path / "new" / "mine.html", honesty=False)
    assert Page(other.read_text()).faults == []
    assert "Left out of this report, as asked." in other.read_text()
    with pytest.raises(GradingError, match="several: transformers/attention, transformers/other"):
        write_reports(places, [CHAPTER, Chapter("transformers", "other")], tmp_path / "x.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(GradingError, match="cannot be written"):
        write_reports(places, [CHAPTER], tmp_path / "file" / "x.html", honesty=False)
    with pytest.raises(GradingError, match="run `course release transformers/other` first"):
        write_reports(places, [Chapter("transformers", "other")])
