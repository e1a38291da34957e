"""Whatever stands in a submission, the report is made, and the others have theirs."""

from __future__ import annotations

import html.parser
import time

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.grading.honesty import HonestyReport, examine
from course_utils.grading.honesty.render import to_html, to_text
from tests.grading.honesty.answers import answered, released
from tests.grading.honesty.test_uses import ANSWER, CHAPTER, FORBIDDEN, HEAD, exercises

GUILTY = f"{HEAD}return {FORBIDDEN}(query, key, value)"
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "source",
    [
        "x = '\0'",
        "\0" * 1000,
        "x = '\ud800'",
        "def (:",
        "1" * 50_000,
        "x = 0x" + "f" * 50_000,
        "x = " + "9" * 4_000,
        "(" * 5_000,
        "(" * 150 + ")" * 150,
        "-" * 50_000 + "1",
        "not " * 20_000 + "x",
        "x = " + "[" * 180 + "]" * 180,
        "x = a" + ".b" * 20_000,
        "x = a" + ".get(b)" * 60,
        "x = a" + ".get(b)" * 10_000,
        "x = " + "+".join(["'a'"] * 20_000),
        "a = b\nb = a\na = a.b\n" * 200,
        "\n".join(f"from m{i} import *" for i in range(2_000)) + "\nprint(x)",
        "\n".join(" " * depth + "if x:" for depth in range(99)) + "\n" + " " * 99 + "pass",
        "x = f'" + "{x}" * 5_000 + "'",
        "exec(" * 50 + "'x'" + ")" * 50,
        "exec(\"exec('exec(1)')\")",
        "x" * 500_000,
        "x = 1\n" * 30_000,
        "\r\n\r" * 1000 + "x = '\x1b[2J'",
        "%%bash\nrm -rf /\n" + "!" * 90_000,
        "?" * 90_000,
        "a" * 90_000 + "??",
        "class X(X): pass\nX = X\ndef X(X=X): return X",
        "lambda: (yield)",
        "type X = int",
    ],
    ids=range(31),
)
def test_hostile_code_is_harmless_and_hides_nothing_of_others(source: str) -> None:
    base = released(CHAPTER)
    hostile = answered(base, **{ANSWER: source})
    hostile.cells += [new_code_cell(source), new_markdown_cell(source)]
    hostile.cells.append(new_code_cell(GUILTY))
    start = time.process_time()
    report = examine(CHAPTER, {"eve": hostile, "ada": answered(base, **{ANSWER: GUILTY})}, base, exercises())
    assert time.process_time() - start < 20
    assert FORBIDDEN in report.findings["ada"][0].what
    assert any(FORBIDDEN in finding.what for finding in report.findings["eve"])
    assert HonestyReport.from_data(report.to_data()) == report
    assert "\x1b" not in to_text(report)
    to_html(report).encode()


def test_what_is_too_large_to_be_read_is_said() -> None:
    base = released(CHAPTER)
    found = examine(CHAPTER, {"eve": answered(base, **{ANSWER: "x" * 500_000})}, base, exercises()).findings
    (finding,) = found["eve"]
    assert (finding.kind, finding.cell) == ("unread", ANSWER)
    assert "500,000 characters" in finding.what


def test_a_very_long_submission_is_read_in_part_and_that_is_said() -> None:
    base = released(CHAPTER)
    long = answered(base, **{ANSWER: "x = [1, 2]\n" * 4_500})
    (finding,) = examine(CHAPTER, {"eve": long}, base, exercises()).findings["eve"]
    assert finding.kind == "unread"
    assert "so long" in finding.what


def test_many_cells_are_read_up_to_a_limit() -> None:
    base = released(CHAPTER)
    for number in range(3_000):
        base.cells.append(new_code_cell(f"x = {number}"))
    assert examine(CHAPTER, {"eve": base}, released(CHAPTER), exercises()).students == 1


class Tags(html.parser.HTMLParser):
    """The tags and the attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_nothing_of_a_submission_becomes_markup() -> None:
    base = released(CHAPTER)
    lines = "\n".join(
        f"    r{i} = query.sum() * {i} + key.view({i}, -1).flip(0) @ '{SCRIPT}'" for i in range(9)
    )
    answer = f"{HEAD}pass\n{lines}\n    open('solutions/\" onload=\"{SCRIPT}')\n    return {FORBIDDEN}(query)"
    students = {f"<b>{name}</b>'\"": answered(base, **{ANSWER: answer}) for name in ("ada", "eve")}
    for notebook in students.values():
        notebook.cells[-1].metadata = {"nbgrader": {"grade_id": SCRIPT}}
        notebook.cells[-1].source = f"open('solutions/{SCRIPT}')"
    report = examine(CHAPTER, students, base, exercises())
    assert report.pairs
    page = to_html(report)
    assert "&lt;script&gt;" in page
    parser = Tags()
    parser.feed(page)
    ours = {"style", "section", "p", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
    ours |= {"div", "figure", "figcaption", "pre", "code", "mark"}
    assert {tag for tag, _ in parser.found} <= ours
    assert {name for _, attributes in parser.found for name, _ in attributes} <= {"class"}
