"""Hints in steps: where they come from, what they may not show, and how a card and a terminal show them."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import replace

import pytest

from course_utils.checking import Checker, Draw, function
from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import CaseResult, Report
from course_utils.checking.sections import Sections, read_sections
from course_utils.checking.steps import ROOT, completed, idea_of, nudge, page_of
from tests.checking import exercises, sample

SECTIONS = Sections({"Means": "see `softmax_attention`", "Later": "softmax_attention again"}, "A chapter")


def result(name: str, status: str = "passed") -> CaseResult:
    """Return the outcome of a case."""
    return CaseResult(name, status, 1.0)  # type: ignore[arg-type]


def wrong(query, key, value, mask=None):
    return sample.softmax_attention(query, key, value, mask) + 1


def report_of(answer, exercise: Exercise = exercises.attention, *, graded: bool = False) -> Report:
    """Judge an answer."""
    return judge("part/chapter", exercise, answer, Evidence(exercise, 1, graded=graded), graded=graded)


def test_the_nudge_says_which_cases_to_compare() -> None:
    said = nudge(
        [result("plain"), result("a mask", "failed"), result("large", "failed")], {}, explained=False
    )
    assert said == '"plain" passes, "a mask" does not: what does it have that they have not?'
    three = [result(name) for name in "abc"]
    assert nudge([*three, result("d", "failed")], {}, explained=False).startswith(
        '"a" and "b" and others pass, "d" does not'
    )


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([result("a", "failed"), result("b", "failed")], "No case passes yet"),
        ([result("a"), result("b", "crashed")], 'stops in the case "b"'),
        ([result("a", "timed out")], "What should end your loop"),
        ([result("a", "not attempted"), result("b", "not attempted")], "Begin with the small example"),
        ([result("a")], "in the note above"),
    ],
)
def test_the_nudge_fits_how_it_fails(results: list[CaseResult], words: str) -> None:
    assert words in nudge(results, {}, explained=False)


def test_the_nudge_says_what_a_case_asks_for_that_wants_an_error() -> None:
    said = nudge([result("plain"), result("odd", "failed")], {"odd": "ValueError"}, explained=False)
    assert said == 'In the case "odd" the task asks for `raise ValueError(...)`. Test for it first of all.'


def test_the_nudge_leads_to_the_reason_where_one_is_given() -> None:
    assert "names as the reason" in nudge([result("plain", "failed")], {}, explained=True)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("NameError: name 'sotfmax' is not defined", "missing or misspelled"),
        ("TypeError: softmax() missing 1 required argument: 'dim'", "missing or misspelled"),
        ("TypeError: unsupported operand types", "shapes and types"),
        ("RuntimeError: The size of tensor a (3) must match", "shapes and types"),
    ],
)
def test_the_nudge_reads_the_exception(message: str, words: str) -> None:
    crashed = replace(result("plain", "crashed"), message=message)
    assert words in nudge([crashed], {}, explained=False)


def test_a_part_that_is_not_written_says_which_line_to_delete() -> None:
    def half(query, key, value, mask=None):
        if query.ndim == 2:
            raise NotImplementedError()
        return sample.softmax_attention(query, key, value)

    assert "delete that line" in to_text(report_of(half))


def documented(text: str):
    """Return a function with a docstring."""

    def made() -> None: ...

    made.__doc__ = text
    return made


@pytest.mark.parametrize(
    ("docstring", "idea"),
    [
        ("Add one.\n\nMore.", "Add one."),
        ("Backward of `a @ b`: `g @ b^T` and `a^T @ g`.", "Backward of `a @ b`."),
        ("The gradient: (p - y) / batch, with y one-hot.", "The gradient."),
        (
            "Put them side by side: the inverse of\n    `split`.",
            "Put them side by side: the inverse of `split`.",
        ),
    ],
)
def test_the_idea_is_the_first_sentence_up_to_its_formula(docstring: str, idea: str) -> None:
    assert idea_of(documented(docstring)) == idea


def test_the_page_is_the_section_that_speaks_of_it() -> None:
    assert page_of(SECTIONS, "softmax_attention") == '"Means" in the chapter "A chapter".'
    assert page_of(SECTIONS, "other") == 'The chapter "A chapter".'
    assert page_of(Sections(), "other") == ""


@pytest.fixture
def made() -> Exercise:
    """An exercise that declares its hints."""
    made = function(sample.softmax_attention, points=1)

    @made.case("plain")
    def _(draw: Draw):
        return {"query": draw.normal(5, 7), "key": draw.normal(6, 7), "value": draw.normal(6, 4)}

    made.hint(nudges={"plain": "Look at the scale."}, idea="An average.", page="Section 2.")
    return made


def test_what_an_author_declares_comes_first(made: Exercise) -> None:
    shown = [hint.text for hint in report_of(wrong, made).hints]
    assert shown == ["Look at the scale.", "An average.", "Section 2."]
    with pytest.raises(ValueError, match="no case plane; it has: plain"):
        made.hint(nudges={"plane": "Look."})


def test_hints_are_there_until_the_answer_is_right_and_never_in_a_graded_run() -> None:
    assert report_of(wrong).hints
    assert report_of(sample.softmax_attention).hints == ()
    graded = report_of(wrong, graded=True)
    assert graded.hints == ()
    assert graded.to_data()["hints"] == []
    assert "<details" not in to_html(graded)


def test_a_graded_card_shows_no_hint_that_a_report_holds() -> None:
    planted = replace(report_of(wrong), graded=True)
    assert planted.hints
    assert planted.to_data()["hints"] == []
    assert "Hint" not in to_html(planted)
    assert "hint" not in to_text(planted)


def test_each_hint_is_folded_into_the_one_before(made: Exercise) -> None:
    page = to_html(report_of(wrong, made))
    opened = [m.start() for m in re.finditer("<details><summary>Hint", page)]
    closed = page.index("</details>")
    assert len(opened) == 3
    assert max(opened) < closed
    assert "<details open" not in page


def test_the_first_failing_case_is_told_in_full_in_its_place() -> None:
    def crashes(query, key, value, mask=None):
        raise RuntimeError("no")

    page = to_html(report_of(crashes))
    assert page.count('<li class="failed">') == 1
    item = page.partition('<li class="failed">')[2].partition("</li>")[0]
    assert "<pre>" in item
    assert "RuntimeError: no" in item


def test_hints_come_one_by_one_as_text(
    made: Exercise, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = sys.modules["course_utils.checking.checker"]
    monkeypatch.setattr(module, "load_exercises", lambda _: {"softmax_attention": made})
    check = Checker("part/chapter")
    check.hint()
    assert "run the check first" in capsys.readouterr().out
    check(wrong, "softmax_attention")
    assert "hints, one at a time: check.hint()" in capsys.readouterr().out
    for said in ("1 of 3, a nudge: Look", "2 of 3, the idea: An", "3 of 3, what to read: Section"):
        check.hint()
        assert f"Hint {said}" in capsys.readouterr().out
    check.hint()
    assert "no more hints" in capsys.readouterr().out
    check(wrong, "softmax_attention")
    capsys.readouterr()
    check.hint()
    assert capsys.readouterr().out.startswith("Hint 1 of 3")


def normal(text: str) -> str:
    """Take away what another way of writing the same code changes."""
    return re.sub(r"[\s`]+", "", text)


@pytest.mark.parametrize("chapter", chapters_with_checks())
def test_no_hint_of_the_course_shows_code_of_an_answer(chapter: str) -> None:
    for name, exercise in load_exercises(chapter).items():
        hints = completed(chapter, exercise)
        shown = normal(" ".join([*hints.nudges.values(), hints.idea, hints.page]))
        assert hints.idea, name
        assert hints.page, name
        if not callable(exercise.reference):
            continue
        source = inspect.getsource(exercise.reference)
        body = source.replace(exercise.reference.__doc__ or "\0", "")
        for line in body.splitlines():
            right_side = normal(line.partition(" = ")[2] or line.removeprefix("return "))
            if len(right_side) > 14 and not line.lstrip().startswith(("def ", "class ", "#", '"')):
                assert right_side not in shown, (name, line)


@pytest.mark.parametrize("chapter", chapters_with_checks())
def test_the_page_of_each_exercise_names_a_section_that_is_there(chapter: str) -> None:
    sections = read_sections(ROOT / "book" / f"{chapter}.ipynb")
    for name, exercise in load_exercises(chapter).items():
        named = re.match(r'"(.+?)" in the chapter', completed(chapter, exercise).page)
        assert named is None or named[1] in sections.texts, name
