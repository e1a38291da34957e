"""Each chapter has its pieces, a missing one is noticed, and a new chapter has a place for each."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from course_utils.authoring import pieces
from course_utils.authoring.course_map import load_course
from course_utils.authoring.new_chapter import new_chapter, next_steps
from course_utils.authoring.notebook_files import read_notebook

ROOT = Path(__file__).resolve().parents[2]
COURSE = load_course(ROOT)
PATTERN = COURSE.chapter("transformers/attention")
# What stands in CONTRIBUTING.md after "From `file`:", up to the next text, is taken from that file.
EXAMPLE = re.compile(r"From\s`([^`]+)`:((?:\n\n(`{3,})\w*\n.*?\n\3(?=\n))+)", re.S)
BLOCK = re.compile(r"^(`{3,})\w*\n(.*?)\n\1$", re.S | re.M)


@pytest.mark.parametrize("chapter", COURSE.existing(ROOT), ids=lambda chapter: chapter.key)
def test_a_chapter_has_all_its_pieces(chapter):
    missing = pieces.missing_pieces(chapter, ROOT)
    assert not missing, "see 'The pieces of a chapter' in CONTRIBUTING.md:\n" + "\n".join(missing)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"What you will be able to do", "Aims", "no .What you will be able to do"),
        (r"Predict: ", "", "0 predict-then-reveal questions"),
        (r"literalinclude", "code", "reference is nowhere shown"),
        (r"\{term\}", "", "glossary"),
        (r"\{cite", "{", "no claim of the text has a source"),
        (r"## Common mistakes", "## Slips", "Common mistakes"),
        (
            r"exercises/transformers/attention",
            "exercises/attention",
            "names exercises/transformers/attention",
        ),
        (r"^5\. .*", "", "4 numbered lines, 5 are expected"),
        (r"\{cite:t\}`olsson2022context`", "Olsson", "5 entries, 4 of which"),
    ],
)
def test_a_missing_piece_of_a_chapter_is_noticed(pattern, replacement, message):
    notebook = read_notebook(PATTERN.book(ROOT))
    assert not list(pieces.missing_in_chapter(notebook, PATTERN.key))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(pattern, replacement, cell.source, flags=re.M)
    assert any(re.search(message, line) for line in pieces.missing_in_chapter(notebook, PATTERN.key))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("Rubric", "does not say how it is marked"), ("Going further", "no challenge")],
)
def test_a_missing_piece_of_an_exercise_is_noticed(pattern, message):
    notebook = read_notebook(PATTERN.files(ROOT)["solutions"])
    assert not list(pieces.missing_in_exercise(notebook))
    for cell in notebook.cells:
        cell.source = cell.source.replace(pattern, "")
    assert [line for line in pieces.missing_in_exercise(notebook) if message in line]


def test_an_item_without_a_hint_or_with_other_points_is_noticed(monkeypatch):
    notebook = read_notebook(PATTERN.files(ROOT)["solutions"])
    items = {name: copy.copy(item) for name, item in pieces.load_exercises(PATTERN.key).items()}
    monkeypatch.setattr(pieces, "load_exercises", lambda _key: items)
    assert not list(pieces.missing_in_checks(PATTERN.key, notebook))
    items["causal_mask"].hints = type(items["causal_mask"].hints)()
    items["merge_heads"].points = 7
    no_hint, points = pieces.missing_in_checks(PATTERN.key, notebook)
    assert no_hint.startswith("causal_mask has no hint")
    assert points == "merge_heads has 7 points in the checks and 1 in the notebook"


def test_an_answer_cell_of_another_name_is_noticed():
    notebook = read_notebook(PATTERN.files(ROOT)["solutions"])
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "causal_mask")
    cell.metadata.nbgrader.grade_id = "Causal_mask"
    (found,) = pieces.missing_in_checks(PATTERN.key, notebook)
    assert found.startswith("causal_mask needs an answer cell with the grade_id causal_mask")


def test_a_new_chapter_has_a_place_for_each_piece(tmp_path):
    for name in ("course.yml", "concepts.yml", "book/index.md", "book/glossary.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    chapter = COURSE.chapter("cnn_rnn/lstm")
    new_chapter(chapter.key, tmp_path)
    files = chapter.files(tmp_path)
    notebook = read_notebook(files["chapter"])
    titles = pieces.sections(notebook)
    assert {"Common mistakes", "Exercise", "Summary", "Further reading"} <= set(titles)
    source = "\n".join(cell.source for cell in notebook.cells)
    assert source.count("<summary>Predict: TODO") == pieces.PREDICTIONS
    assert "literalinclude" in source
    assert "TouchFigure" in source
    checks = files["checks"].read_text()
    assert checks.count(".hint(") == checks.count(", points=") > 0
    assert not list(pieces.missing_in_exercise(read_notebook(files["solutions"])))
    # Each place is listed until it is filled, the description of the figure too.
    assert all(list(pieces.unfilled(files[kind])) for kind in ("chapter", "solutions", "checks", "reference"))
    assert any(line.startswith("alt text: ") for line in pieces.unfilled(files["chapter"]))
    said = next_steps(tmp_path, chapter)
    assert all(name in said for name in ("LSTM", "glossary.md", "references.bib", "departures.md"))
    (tmp_path / "concepts.yml").unlink()
    assert f"- chapter: {chapter.key}\n      concepts:" in next_steps(tmp_path, chapter)


def test_the_examples_are_taken_from_the_chapters():
    found = EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(found) >= 8
    for name, examples, _ in found:
        path = ROOT / name
        cells = [cell.source for cell in read_notebook(path).cells] if path.suffix == ".ipynb" else []
        text = "\n".join(cells) or path.read_text()
        for _, example in BLOCK.findall(examples):
            assert example in text, f"{name} has no such lines:\n{example}"
