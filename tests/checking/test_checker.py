"""What a notebook sees: finding the exercise, showing the outcome, the score."""

from __future__ import annotations

import html.parser
import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils.checking import Checker
from course_utils.checking.checker import SECRET_SEED_VARIABLE, graded_seed, load_exercises
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.limits import TimedOut, time_limit
from course_utils.checking.render import to_html, to_text
from course_utils.checking.report import MIME_TYPE
from course_utils.checking.show import Score
from tests.checking import exercises, sample


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Checker:
    declared = {"softmax_attention": exercises.attention, "ratio": exercises.ratio}
    # The package exports a function of the same name as this module.
    module = sys.modules["course_utils.checking.checker"]
    monkeypatch.setattr(module, "load_exercises", lambda chapter: declared)
    return Checker("part/chapter")


def test_answer_is_found_by_its_name(check: Checker) -> None:
    assert check.report(sample.softmax_attention).exercise == "softmax_attention"
    assert check.report(8.6, "ratio").points == 1


def test_unknown_answers_get_a_clear_error(check: Checker) -> None:
    with pytest.raises(ValueError, match="has no exercise named 'helper'; it has: softmax_attention, ratio"):
        check.report(sample.helper)
    with pytest.raises(ValueError, match="which exercise is this"):
        check.report(8.6)


@pytest.mark.parametrize("chapter", ["nothing", "no/such", "basics/../x", "basics", "", "a/b/c"])
def test_unknown_chapter_names_those_that_exist(chapter: str) -> None:
    with pytest.raises(ValueError, match="no checks for the chapter"):
        load_exercises(chapter)


def test_score_reads_as_the_bare_number() -> None:
    score = Score(2.5, 4)
    assert repr(score) == "2.5"
    assert score == 2.5
    shell = InteractiveShell.instance()
    assert shell.display_formatter.format(score)[0]["text/plain"] == "2.5"
    InteractiveShell.clear_instance()


def test_without_a_notebook_the_text_is_printed(check: Checker, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(sample.softmax_attention) == 4
    assert "softmax_attention: all cases pass  [4 of 4 points]" in capsys.readouterr().out


def test_in_a_notebook_the_card_and_its_data_are_displayed(check: Checker, monkeypatch) -> None:
    shown: list[dict] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    check(sample.softmax_attention)
    (bundle,) = shown
    assert set(bundle) == {"text/plain", "text/html", MIME_TYPE}
    data = json.loads(json.dumps(bundle[MIME_TYPE]))
    assert (data["exercise"], data["points"], data["graded"]) == ("softmax_attention", 4, False)


def test_graded_seed_follows_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_SEED_VARIABLE, "one")
    first = graded_seed()
    monkeypatch.setenv(SECRET_SEED_VARIABLE, "two")
    assert graded_seed() != first


def test_graded_report_shows_nothing_of_its_inputs(check: Checker) -> None:
    def leaky(query, key, value, mask=None):
        raise RuntimeError(f"secret {query.flatten()[0]}")

    def wrong(query, key, value, mask=None):
        return sample.softmax_attention(query, key, value, mask) + 1

    def printing(query, key, value, mask=None):
        print("secret", query)
        return wrong(query, key, value, mask)

    for answer in (leaky, wrong, printing):
        report = check.report(answer, "softmax_attention", graded=True)
        for text in (to_text(report), to_html(report), json.dumps(report.to_data())):
            assert "secret" not in text
            assert "expected 0." not in text
            assert "got 0." not in text


class Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


@pytest.mark.parametrize("graded", [False, True])
def test_html_is_well_formed_and_escaped(graded: bool) -> None:
    def hostile(query, key, value, mask=None):
        print("<script>alert(1)</script>")
        raise RuntimeError("<img src=x onerror=alert(1)> & more")

    evidence = Evidence(exercises.attention, 1, graded=graded)
    for answer in (hostile, sample.softmax_attention, *(m.answer for m in exercises.attention.mistakes)):
        page = to_html(judge("part/chapter", exercises.attention, answer, evidence, graded=graded))
        reader = Reader()
        reader.feed(page)
        assert reader.open == []
        assert "<script" not in page
        assert "<img" not in page
        assert "softmax_attention" in reader.words


def test_time_limit_works_outside_the_main_thread() -> None:
    outcome: list[str] = []

    def run() -> None:
        try:
            with time_limit(0.2):
                while True:
                    time.sleep(0.01)
        except TimedOut:
            outcome.append("timed out")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert outcome == ["timed out"]


def test_time_limit_leaves_quick_work_and_its_timer_alone() -> None:
    with time_limit(0.05):
        done = True
    time.sleep(0.1)
    assert done
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_time_limit_gives_an_earlier_timer_back() -> None:
    fired: list[int] = []
    previous = signal.signal(signal.SIGALRM, lambda number, frame: fired.append(number))
    earlier = signal.setitimer(signal.ITIMER_REAL, 30)
    try:
        with time_limit(1):
            pass
        assert 20 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
    finally:
        signal.setitimer(signal.ITIMER_REAL, *earlier)
        signal.signal(signal.SIGALRM, previous)
    assert fired == []


def test_busy_loop_ends_by_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a very busy machine the clock would be first.
    monkeypatch.setattr("course_utils.checking.limits.CLOCK_FACTOR", 100)

    def spin() -> None:
        with time_limit(0.3):
            while True:
                pass

    start = time.process_time()
    with pytest.raises(TimedOut):
        spin()
    assert 0.3 <= time.process_time() - start < 2


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import course_utils, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
