"""What a cell shows is kept up to its limits, and without what could run when somebody looks at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from course_utils.grading.judging.clean import CLEANERS, clean
from course_utils.grading.judging.outputs import CUT, MOST_OUTPUTS, Shown
from course_utils.grading.sandbox.limits import Limits

LIMITS = replace(Limits(), output_characters_per_cell=100, output_characters=250)


@pytest.fixture
def shown() -> Shown:
    cell = Shown(LIMITS)
    cell.begin()
    return cell


def stream(text: Any, name: str = "stdout") -> dict[str, Any]:
    return {"name": name, "text": text}


def test_what_follows_on_one_stream_is_one_output(shown: Shown) -> None:
    for text, name in [("a", "stdout"), ("b", "stdout"), ("c", "stderr"), ("d", "elsewhere")]:
        shown.add("stream", stream(text, name))
    assert [(output.name, output.text) for output in shown.finished()] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_a_cell_and_a_notebook_show_so_much_and_no_more(shown: Shown) -> None:
    shown.add("stream", stream("x" * 60))
    shown.add("stream", stream("y" * 60))
    shown.add("stream", stream("z" * 60))
    (output,) = shown.finished()
    assert output.text == "x" * 60 + "y" * 40 + CUT
    for size, kept in ((100, 70), (50, 0)):  # 180 of the notebook's 250 are spent already
        shown.begin()
        shown.add("stream", stream("n" * size))
        text = "".join(output.text for output in shown.finished())
        assert text == ("n" * kept + CUT if kept else "")


def test_a_cell_has_so_many_outputs_and_no_more() -> None:
    many = Shown(Limits())
    many.begin()
    for number in range(MOST_OUTPUTS + 50):
        many.add("stream", stream("a", "stderr" if number % 2 else "stdout"))
        many.add("display_data", {"data": {"text/plain": "b"}})
        many.add("error", {"ename": "E", "evalue": "", "traceback": []})
    assert len(many.finished()) == MOST_OUTPUTS


def test_clearing_waits_for_what_comes_next_where_it_is_told_to(shown: Shown) -> None:
    shown.add("stream", stream("old"))
    shown.add("clear_output", {"wait": True})
    assert [output.text for output in shown.outputs] == ["old"]
    shown.add("stream", stream("new"))
    assert [output.text for output in shown.outputs] == ["new"]
    shown.add("clear_output", {})
    assert shown.finished() == []


def test_an_output_that_has_a_name_is_replaced(shown: Shown) -> None:
    named = {"transient": {"display_id": "one"}}
    shown.add("display_data", {"data": {"text/plain": "first"}, **named})
    shown.add("update_display_data", {"data": {"text/plain": "second"}, **named})
    shown.add("update_display_data", {"data": {"text/plain": "third"}, "transient": {"display_id": "two"}})
    (output,) = shown.finished()
    assert output.data == {"text/plain": "second"}
    assert output.metadata == {}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", None), ("stream", "text"), ("stream", stream(5)), ("display_data", {"data": [1]}),
        ("display_data", {}), ("display_data", {"data": {"application/javascript": "alert(1)"}}),
        ("display_data", {"data": {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}}),
        ("comm_open", {"data": {"text/plain": "x"}}), (None, {}), (["stream"], stream("a")),
        ("update_display_data", {"data": {"text/plain": "x"}, "transient": 5}),
    ],
)  # fmt: skip
def test_what_is_malformed_or_not_known_is_dropped(shown: Shown, kind: Any, content: Any) -> None:
    shown.add(kind, content)
    assert "".join(output.get("text", "x") for output in shown.finished()) == ""


def test_an_exception_is_kept_in_words_that_can_be_stored(shown: Shown) -> None:
    lines = ["line \ud800", 5, "y" * 300]
    shown.add("error", {"ename": "E" * 999, "evalue": "v" * 9999, "traceback": lines})
    (error,) = shown.finished()
    assert (len(error.ename), len(error.evalue)) == (200, 2000)
    assert error.traceback[0].startswith("line ?\n")
    assert error.traceback[0].endswith(CUT)
    shown.add("error", {"ename": 5, "evalue": None, "traceback": "no list"})
    shown.add("stream", stream("half \udfff"))
    for output in shown.finished():
        str(output).encode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<b onclick='x()'>bold</b>", "<b>bold</b>"),
        ("<script>x()</script>text", "text"),
        ("<style>body{display:none}</style>text", "text"),
        ("<a href='javascript:x()'>link</a>", "<a>link</a>"),
        ("<a href='https://a.example/'>link</a>", '<a href="https://a.example/">link</a>'),
        ("<img src='https://a.example/pixel.png'>", "<img>"),
        ("<img src='data:image/png;base64,AAAA' onerror='x()'>", '<img src="data:image/png;base64,AAAA">'),
        ("<iframe src='https://a.example'></iframe>text", "text"),
        (
            "<table><tr><td class='a'>1</td></tr></table>",
            '<table><tbody><tr><td class="a">1</td></tr></tbody></table>',
        ),
    ],
)
def test_html_keeps_what_is_read_and_loses_what_runs(text: str, kept: str) -> None:
    assert clean("text/html", text) in ({"text/html": kept}, {"text/html": kept.replace("tbody", "")})


def test_other_kinds_are_cleaned_too() -> None:
    assert clean("text/markdown", "a <b onclick=x> $\\href{javascript:x}{y}$")["text/markdown"] == (
        "a < b onclick=x> $href{javascript:x}{y}$"
    )
    assert clean("image/png", "AAAA") == {"image/png": "AAAA"}
    assert clean("image/jpeg", 'A" onerror="x') == {}
    drawing = clean("image/svg+xml", "<svg><script>x()</script></svg>")["text/html"]
    assert "script" not in drawing
    assert drawing.startswith("<img ")
    assert set(CLEANERS) == {
        "text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml",
    }  # fmt: skip
