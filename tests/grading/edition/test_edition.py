"""A class edition holds no answer, and its checks say what those of the full course say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.checking.report import MIME_TYPE
from course_utils.grading.edition.write import ClassEdition, write_class_edition
from course_utils.grading.judging.notebook import is_test
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.reading import grade_id
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.work import Terms, bench_for, make_unit
from tests.grading.edition.leaks import half_of_a_reference, leaks, lessons, secrets_of
from tests.grading.edition.working import (
    ROOT,
    differing_mistakes,
    learner_environment,
    solution_task,
    stub_task,
    work_in,
)

FAST = "transformers"
ATTENTION = Chapter("transformers", "attention")
PARTS = sorted({name.split("/")[0] for name in chapters_with_checks()})
ALL_PARTS = [pytest.param(part, marks=() if part == FAST else pytest.mark.slow, id=part) for part in PARTS]
EditionOf = Callable[..., ClassEdition]


@pytest.mark.parametrize("part", ALL_PARTS)
def test_no_file_holds_an_answer_a_mistake_or_a_hidden_case(edition_of: EditionOf, part: str):
    edition = edition_of(part)
    for chapter in edition.chapters:
        secrets = secrets_of(edition.folder, chapter)
        assert len(secrets) > 50
        assert list(leaks(edition.folder, secrets)) == []


@pytest.mark.parametrize("part", ALL_PARTS)
def test_right_answers_pass_and_untouched_ones_are_not_attempted(
    edition_of: EditionOf, tmp_path: Path, part: str
):
    edition = edition_of(part)
    # Later chapters call what the learner wrote in earlier ones, so those are worked first, in a copy.
    folder = shutil.copytree(edition.folder, tmp_path / "edition")
    edition = replace(edition, folder=folder)
    for chapter in edition.chapters:
        result = work_in(edition, [solution_task(chapter), stub_task(edition, chapter)], tmp_path)
        right, stubs = result["answers"]
        assert Path(result["package"]) == edition.folder / "course_utils"
        assert right["errors"] == []
        names = list(load_exercises(str(chapter)))
        assert [report["exercise"] for report in right["reports"]] == names
        for report in right["reports"]:
            assert (report["status"], report["points"]) == ("passed", report["max_points"]), report
        statuses = {report["exercise"]: report["status"] for report in stubs["reports"]}
        assert statuses == dict.fromkeys(names, "not attempted")
        path = folder / "exercises" / f"{chapter}.ipynb"
        nbformat.write(filled(nbformat.read(path, as_version=4), chapter, {}), path)


@pytest.mark.parametrize("part", ALL_PARTS)
def test_known_mistakes_are_explained_as_in_the_full_course(edition_of: EditionOf, tmp_path: Path, part: str):
    edition = edition_of(part)
    for chapter in edition.chapters:
        assert differing_mistakes(edition, chapter, tmp_path) == {}
        # Working in it leaves compiled files behind, which hold no more than their sources.
        assert list(edition.folder.rglob("*.pyc"))
        assert list(leaks(edition.folder, secrets_of(edition.folder, chapter))) == []


@pytest.mark.parametrize("part", ALL_PARTS)
def test_every_visible_case_is_recorded(edition_of: EditionOf, part: str):
    assert edition_of(part).left_out == {}


def worked(edition: ClassEdition, chapter: Chapter, wrong: dict[str, str]) -> NotebookNode:
    """Work the edition's notebook as in JupyterLab: with the right answers, and some wrong ones."""
    path = edition.folder / "exercises" / f"{chapter}.ipynb"
    notebook = filled(nbformat.read(path, as_version=4), chapter, wrong)
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(path.parent)}}
    )
    return client.execute(env=learner_environment(edition))


def filled(notebook: NotebookNode, chapter: Chapter, wrong: dict[str, str]) -> NotebookNode:
    """Write answers into a notebook: the right ones, and some wrong ones."""
    answers = solved(chapter)
    for cell in notebook.cells:
        name = grade_id(cell) or ""
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = wrong.get(name, answers[name])
    return notebook


def solved(chapter: Chapter) -> dict[str, str]:
    """Return the cells of the notebook with solutions, by name."""
    cells = nbformat.read(ROOT / "solutions" / f"{chapter}.ipynb", as_version=4).cells
    return {grade_id(cell) or "": cell.source for cell in cells}


def shown_points(notebook: NotebookNode) -> dict[str, float]:
    """Return the points that the checks in a notebook show, by exercise."""
    shown = [
        output.get("data", {}).get(MIME_TYPE) for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    return {report["exercise"]: report["points"] for report in shown if report}


def test_what_is_worked_in_it_gets_its_marks_from_the_full_engine(edition_of: EditionOf):
    edition, chapter = edition_of(FAST), ATTENTION
    wrong = {"causal_mask": "def causal_mask(query_length, key_length=None):\n    raise NotImplementedError"}
    notebook = worked(edition, chapter, wrong)
    full = {name: exercise.points for name, exercise in load_exercises(str(chapter)).items()}
    assert shown_points(notebook) == {**full, "causal_mask": 0.0}
    for cell in notebook.cells:
        if is_test(cell):  # put back as nbgrader does it, with what is not handed out
            cell.source = solved(chapter)[grade_id(cell) or ""]
    unit = make_unit(Places(ROOT), chapter, notebook, Terms("a seed for tests", Limits()))
    playing = bench_for(unit.terms).play(notebook, unit.stage)
    marks = {r.exercise: None if r.graded is None else r.graded.points for r in playing.records.values()}
    assert marks == {**full, "causal_mask": 0.0}


def test_it_says_how_it_is_started_and_handed_in(edition_of: EditionOf):
    folder = edition_of(FAST).folder
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "make start" in readme
    assert "exercises/transformers/attention.ipynb" in readme
    assert len(readme.splitlines()) < 60
    assert (folder / "requirements.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()
    for name in ("LICENSE", "NOTICE", "Makefile", "pyproject.toml", "tools/start.py", "tools/run.py"):
        assert (folder / name).is_file(), name


@pytest.mark.parametrize("form", ["source", "page", "notebook"])
def test_a_planted_answer_is_found(edition_of: EditionOf, tmp_path: Path, form: str):
    source = (ROOT / "course_utils" / "transformers" / "attention.py").read_text(encoding="utf-8")
    file = tmp_path / {"source": "a.py", "page": "a.html", "notebook": "a.ipynb"}[form]
    if form == "page":
        file.write_text(highlight(source, PythonLexer(), HtmlFormatter()), encoding="utf-8")
    elif form == "notebook":
        cell = nbformat.v4.new_code_cell(source)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    else:
        file.write_text(source, encoding="utf-8")
    found = list(leaks(tmp_path, secrets_of(edition_of(FAST).folder, ATTENTION)))
    assert any("scaled_dot_product_attention, the reference" in leak for leak in found)
    assert any("MultiHeadAttention, the reference" in leak for leak in found)
    assert form != "page" or len(list(half_of_a_reference(tmp_path, ATTENTION))) >= 3


def test_a_notebook_with_solutions_is_not_handed_out(tmp_path: Path):
    root = tmp_path / "course"
    notebook = root / "exercises" / f"{ATTENTION}.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_bytes((ROOT / "solutions" / f"{ATTENTION}.ipynb").read_bytes())
    with pytest.raises(GradingError, match="holds solutions"):
        write_class_edition(Places(root), [ATTENTION], tmp_path / "class")
    notebook.unlink()
    with pytest.raises(GradingError, match="run `course release transformers/attention` first"):
        write_class_edition(Places(root), [ATTENTION], tmp_path / "class")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    places = Places(ROOT)
    kept = tmp_path / "class" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(GradingError, match="there already"):
        write_class_edition(places, places.chapters(FAST), kept.parent)
    assert list(tmp_path.rglob("*")) == [kept.parent, kept]


def test_an_edition_that_fails_leaves_nothing(tmp_path: Path):
    places = Places(ROOT)
    with pytest.raises(GradingError, match="nothing to withhold in deepseek"):
        write_class_edition(places, places.chapters(FAST), tmp_path / "class", withhold=["deepseek"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_answers_of_earlier_parts_can_be_withheld_too(tmp_path: Path):
    places = Places(ROOT)
    edition = write_class_edition(
        places, places.chapters(FAST), tmp_path / "class", withhold=["training"], book=False
    )
    text = (edition.folder / "course_utils/training/backpropagation.py").read_text(encoding="utf-8")
    assert "given_function('unbroadcast')" in text
    assert (edition.folder / "course_utils/basics/data_with_pandas.py").read_bytes() == (
        ROOT / "course_utils/basics/data_with_pandas.py"
    ).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["transformers", "deepseek"])
def test_the_book_shows_no_reference_and_leads_nowhere_else(edition_of: EditionOf, part: str):
    edition = edition_of(part, book=True)
    pages = list((edition.folder / "book").rglob("*.html"))
    for chapter in edition.chapters:
        secrets = secrets_of(edition.folder, chapter, lessons(ROOT, edition.folder))
        assert list(leaks(edition.folder / "book", secrets)) == []
        assert list(half_of_a_reference(edition.folder / "book", chapter)) == []
        assert (edition.folder / "book" / "book" / f"{chapter}.html") in pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "mybinder.org" not in text
        assert "deep-learning-from-scratch/course" not in text
        assert str(edition.folder.parent) not in text
        # What the theme keeps for itself is no page.
        for target in [] if "_static" in page.parts else re.findall(r'(?:href|src)="([^"#?:]+)[#?"]', text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
