"""What students write is shown, and runs nowhere: in the feedback and in the formgrader."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.api import Comment
from playwright.sync_api import Browser
from traitlets.config import Config

from course_utils.checking.checker import load_exercises
from course_utils.checking.render import MARKS, to_html
from course_utils.checking.report import CaseResult, Report
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.reporting import shown
from course_utils.grading.reporting.feedback_exporter import NBGRADER_TEMPLATES
from course_utils.grading.reporting.formulas import formula
from course_utils.grading.reporting.shown import (
    CLASSES,
    FILTERS,
    ShowSafely,
    clean_html,
    latex2html,
    render_markdown,
)
from tests.grading.reporting.hostile_notebook import ALERT, ATTACKS, FORMULA, MARKDOWN, hostile_notebook
from tests.grading.reporting.html_checks import Page
from tests.grading.reporting.made_class import CHAPTER, ROOT, WRITTEN, Handed, Outcome, full_marks, make_class

EXPORTER = "course_utils.grading.reporting.feedback_exporter.FeedbackExporter"
FIRST = "scaled_dot_product_attention"
UNSCALED = load_exercises(str(CHAPTER))[FIRST].mistakes[0].explanation


def feedback_on(root: Path, notebook: NotebookNode) -> str:
    """Return the feedback that nbgrader makes of a notebook with our settings."""
    outcomes = {**full_marks(), FIRST: Outcome(1.25, "failed", explanations=[UNSCALED])}
    nbgrader = make_class(root, [Handed("ada", outcomes, 1.5, penalty=0.5)])
    with (root / "nbgrader_config.py").open("a") as settings:
        settings.write(f"\nc.GenerateFeedback.exporter_class = {EXPORTER!r}\n")
    nbgrader = NbGrader(nbgrader.places)
    nbformat.write(notebook, nbgrader.places.autograded(CHAPTER, "ada"))
    with nbgrader.gradebook() as gradebook:
        submitted = gradebook.find_submission_notebook(CHAPTER.name, CHAPTER.part, "ada")
        cell = next(cell for cell in submitted.notebook.solution_cells if cell.name == WRITTEN)
        text = f"Good, but say *why* of $d_k$ <script>{ALERT}</script>"
        gradebook.db.add(Comment(cell=cell, notebook=submitted, manual_comment=text))
        gradebook.db.commit()
    outcome = nbgrader.feedback(CHAPTER, "ada")
    assert outcome.ok, outcome.complaints
    return nbgrader.places.feedback(CHAPTER, "ada").read_text()


@pytest.fixture(scope="module")
def feedback(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The feedback on the hostile notebook."""
    return Page(feedback_on(tmp_path_factory.mktemp("feedback"), hostile_notebook()))


def test_a_card_says_no_more_and_no_less_than_in_the_notebook() -> None:
    cases = tuple(CaseResult(f"case {number}", status, 1.0) for number, status in enumerate(MARKS))
    for status in MARKS:
        report = Report(str(CHAPTER), FIRST, 5.0, 1.0, status, cases, explanations=("Why.",), printed="text")
        card = to_html(report)
        here, there = (BeautifulSoup(text, "html.parser") for text in (card, clean_html(card)))
        for style in here.select("style"):
            style.decompose()
        assert there.get_text() == here.get_text()
        used = {name for found in here.select("[class]") for name in found["class"]}
        assert used <= CLASSES  # a class that is lost could be one that hides something


def test_nothing_runs_in_the_feedback(feedback: Page) -> None:
    assert feedback.faults == []
    assert feedback.dangers == []
    (policy,) = (meta["content"] for meta in feedback.named("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    assert all(
        attributes.get("content") == policy
        for tag, attributes in feedback.tags
        if tag == "meta" and "http-equiv" in attributes
    )
    assert len(feedback.named("style")) == 2  # the page's own and the card's
    assert "display:none" not in feedback.source


def test_the_feedback_says_what_came_of_each_item(feedback: Page) -> None:
    assert "14.25 of 19 points, after 0.5 taken off for handing in late" in feedback.text
    assert "1.25 of 5" in feedback.text
    assert "1 of 9 cases" in feedback.text
    assert "1.5 of 2" in feedback.text
    assert "marked by a person" in feedback.text
    assert feedback.text.count("Good, but say") == 2
    assert f"Why: {UNSCALED}" in feedback.text
    assert "scores of 1e4 stay finite" in feedback.text
    anchors = {
        attributes[key] for _, attributes in feedback.tags for key in ("id", "name") if key in attributes
    }
    links = [link["href"] for link in feedback.named("a") if "href" in link]
    # What stands where a student's link to a script stood.
    links = [link for link in links if link != "#harmful-link"]
    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    assert any(link.endswith("/book/transformers/attention.ipynb#The-formula") for link in links)


def test_what_is_harmless_survives(feedback: Page) -> None:
    assert any("course-check" in section.get("class", "") for section in feedback.named("section"))
    assert "Adelie" in feedback.text
    assert "mass <g>" in feedback.text
    assert len(feedback.named("thead")) >= 3
    pictures = [picture["src"] for picture in feedback.named("img")]
    assert len(pictures) == 3  # a plot, an attached plot, a drawing
    assert sum(source.startswith("data:image/png;base64,") for source in pictures) == 2
    assert len(feedback.named("mfrac")) == 2
    assert len(feedback.named("math")) >= 5
    assert "bold" in feedback.text


def test_a_blank_notebook_has_feedback(tmp_path: Path) -> None:
    page = Page(feedback_on(tmp_path, nbformat.v4.new_notebook()))
    assert page.faults == page.dangers == []


def formgrader_page(notebook: NotebookNode, *, safely: bool = True) -> Page:
    """Return the page on which a person marks a notebook."""
    settings = Config()
    settings.HTMLExporter.template_name = "formgrade"
    settings.HTMLExporter.extra_template_basedirs = [str(NBGRADER_TEMPLATES)]
    settings.HTMLExporter.sanitize_html = True
    if safely:
        settings.HTMLExporter.filters = FILTERS
        settings.HTMLExporter.preprocessors = [ShowSafely]
    names = (
        "assignment_id",
        "notebook_id",
        "submission_id",
        "base_url",
        "last_name",
        "first_name",
        "student",
    )
    resources = dict.fromkeys(names, "x") | {
        "index": 0,
        "total": 1,
        "mathjax_url": "",
        "notebook_path": "",
    }
    return Page(HTMLExporter(config=settings).from_notebook_node(notebook, resources)[0])


def test_nothing_of_a_student_runs_in_the_formgrader() -> None:
    # The page has its own scripts and buttons: whatever it holds more of than with a blank notebook is the
    # student's.
    own = formgrader_page(nbformat.v4.new_notebook()).dangers
    notebook = hostile_notebook()
    text = '<b class="full-credit btn modal">read on</b><i id="shuffled-comment" class="score">x</i>'
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text))
    page = formgrader_page(notebook)
    assert page.dangers == own
    assert [attributes["class"] for attributes in page.named("b") if attributes.get("class")] == []
    assert len([1 for _, attributes in page.tags if attributes.get("id") == "shuffled-comment"]) == 1
    assert "Adelie" in page.text
    assert len(page.named("mfrac")) == 2
    assert any("course-check" in section.get("class", "") for section in page.named("section"))


def test_nbconverts_own_cleaning_would_not_do() -> None:
    # If this fails, nbgrader has mended its templates, and less is needed here.
    cells = [nbformat.v4.new_markdown_cell(attack) for attack in ATTACKS]
    page = formgrader_page(nbformat.v4.new_notebook(cells=cells), safely=False)
    assert any("onerror" in danger for danger in page.dangers)


@pytest.mark.parametrize("attack", [*ATTACKS, *MARKDOWN])
def test_each_attack_is_harmless_by_itself(attack: str) -> None:
    for made in (
        render_markdown(attack),
        clean_html(attack),
        render_markdown(f"> - {attack}\n\n| a |\n|-|\n| {attack} |"),
    ):
        page = Page(made)
        assert page.dangers == []
        assert page.faults == []
        # What is left of an attack is text or stands between quotation marks.
        assert f"<script>{ALERT}" not in made


def test_formulas_come_back_to_where_they_stood() -> None:
    made = render_markdown("a $x$ b $$y$$ `$z$` c\n\n\\begin{align}u &= v\\end{align}")
    assert made.count("<math") == 3
    assert "<code>$z$</code>" in made
    assert made.index("<mi>x</mi>") < made.index("<mi>y</mi>") < made.index("<mi>u</mi>")
    page = Page(render_markdown('<b title="> $x$">t</b> &#xe000;0&#xe001; &#xe000;7&#xe001; ![$y$](a "$z$")'))
    assert page.faults == page.dangers == []
    assert all("<" not in value for _, attributes in page.tags for value in attributes.values())


@pytest.mark.parametrize(
    "source", ["$$x^2$$", "$x^2$", "\\[x^2\\]", "\\(x^2\\)", "\\begin{equation}x^2\\end{equation}", " x^2 "]
)
def test_outputs_of_latex_are_shown_as_formulas(source: str) -> None:
    assert "<msup>" in latex2html(source)


@pytest.mark.parametrize("source", ["\\nonsense{x}", "}{", "x & y", "\\frac", "", "x" * 5000, "\\text{<b>}"])
def test_what_is_no_formula_is_shown_as_written(source: str) -> None:
    page = Page(formula(source))
    assert page.faults == []
    assert page.text.strip() in (source, "<b>")
    assert not page.named("b")


def test_formulas_that_students_write_are_understood() -> None:
    assert "<mfrac>" in formula(FORMULA)
    for source in (
        r"\lVert x \rVert_2",
        r"\dfrac{1}{n}\sum_{i=1}^n x_i",
        r"\mathbb{R}^{n \times d}",
        r"c_1, \dots",
    ):
        assert formula(source).startswith("<math")


@pytest.mark.parametrize("path", sorted((ROOT / "exercises").glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_all_formulas_of_the_exercises_are_understood(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = []

    def made(text: str, *, block: bool = False) -> str:
        found = formula(text, block=block)
        if "<math" not in found:
            odd.append(text)
        return found

    monkeypatch.setattr(shown, "formula", made)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            page = Page(render_markdown(cell.source))
            assert page.faults == page.dangers == []
    assert odd == []


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_browser_runs_nothing_of_it(browser: Browser, feedback: Page, tmp_path: Path) -> None:
    path = tmp_path / "feedback.html"
    path.write_text(feedback.source)
    seen: list[str] = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme, viewport={"width": 375, "height": 800})
        page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(message.text))
        page.goto(path.as_uri())
        page.evaluate("() => document.querySelectorAll('main *').forEach(one => one.click && one.click())")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
    # Links of the hostile cells lead nowhere, so that clicking everything opens and asks for nothing.
    assert [one for one in seen if not one.startswith(("file:", "data:image/"))] == []
