"""The page about a learner's progress: what it says, that it stands alone, and how it looks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from course_utils.grading import learner
from course_utils.grading.learner_progress import ChapterProgress, CourseProgress, ExerciseProgress
from course_utils.grading.places import GradingError
from course_utils.grading.progress_page import render, write_page
from tests.grading.reporting.html_checks import Page as Source
from tests.grading.test_learner_browser import CONTRAST, READABLE

NOW = datetime(2025, 3, 1, 9, 5)
DONE = ExerciseProgress("clean", 3.0, 3.0, "passed")
PROGRESS = CourseProgress(
    (
        ChapterProgress("basics/data", "From a messy table", (DONE,)),
        ChapterProgress(
            "training/gradients",
            "Gradients <by hand>",
            (DONE, ExerciseProgress("a_rather_long_name_of_a_task", 0.5, 2.0, "failed")),
            needs=("basics/data",),
        ),
        ChapterProgress(
            "transformers/attention",
            "Attention",
            (ExerciseProgress("mask", 0, 4),),
            needs=("training/gradients",),
        ),
        ChapterProgress("deepseek/latents", "Latents", fault="is not a notebook", needs=("basics/data",)),
    ),
    {"basics": "Basics", "training": "Training", "transformers": "Transformers", "deepseek": "DeepSeek"},
    ("exercises/deepseek/latents.ipynb is not a notebook",),
)


def test_the_page_says_how_it_stands() -> None:
    page = Source(render(PROGRESS, NOW))
    text = " ".join(page.text.split())
    assert "6.5of 12 points" in text
    assert "1of 4 chapters done" in text
    assert "Next: Gradients <by hand>, task a_rather_long_name_of_a_task" in text
    assert "after Gradients <by hand>" in text
    assert "exercises/deepseek/latents.ipynb is not a notebook" in text
    assert "March 1, 2025, 09:05" in text
    assert page.dangers == []
    assert page.named("script") == page.named("link") == page.named("img") == []


def test_what_is_next_is_said_with_its_reason() -> None:
    first = ChapterProgress("basics/data", "Data", (ExerciseProgress("one", 0, 1),))
    assert "No other exercise needs to be done before it." in render(CourseProgress((first,)), NOW)
    done = ChapterProgress("basics/data", "Data", (DONE,))
    second = ChapterProgress("training/x", "X", (ExerciseProgress("one", 0, 1),), needs=("basics/data",))
    assert "You have done what it needs: Data." in render(CourseProgress((done, second)), NOW)
    assert "All checks pass." in render(CourseProgress((done,)), NOW)
    assert "make exercises" in render(CourseProgress(()), NOW)


def test_only_the_page_itself_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "progress.html"
    write_page(PROGRESS, path, NOW)
    assert write_page(PROGRESS, path, datetime(2026, 1, 1)) == path
    assert "January 1, 2026" in path.read_text(encoding="utf-8")
    mine = tmp_path / "mine.html"
    mine.write_text("my own notes")
    with pytest.raises(
        GradingError, match=r"mine.html is there already, and is no page of `course progress`"
    ):
        write_page(PROGRESS, mine)
    assert mine.read_text() == "my own notes"
    assert sorted(one.name for one in tmp_path.rglob("*.*")) == ["mine.html", "progress.html"]
    with pytest.raises(GradingError, match="cannot be written"):
        write_page(PROGRESS, mine / "below.html")


def test_the_command_writes_it_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.chdir(tmp_path)
    assert learner.progress(page=True) == 0
    assert (tmp_path / "_build" / "progress.html").is_file()
    assert learner.progress(page=True, file=Path("here.html")) == 0
    assert (tmp_path / "here.html").is_file()
    capsys.readouterr()
    assert learner.progress(file=Path("other.html")) == 2
    assert "course progress --page other.html" in capsys.readouterr().err
    assert not (tmp_path / "other.html").exists()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_quiet_fits_a_phone_and_is_readable(browser: Browser, tmp_path: Path, scheme: str) -> None:
    address = write_page(PROGRESS, tmp_path / "progress.html", NOW).as_uri()
    seen: list[str] = []
    page = browser.new_page(viewport={"width": 360, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert seen == [address]
    for kind in ("p", "h2", "h3", ".state", ".points", "summary", "td", "th", ".next code", "footer code"):
        ratios = [one.evaluate(CONTRAST) for one in page.locator(kind).all() if one.is_visible()]
        assert ratios, kind
        assert min(ratios) >= READABLE, (kind, ratios)
    page.emulate_media(media="print")
    assert not page.locator("details:not([open])").first.is_visible()
    page.close()
