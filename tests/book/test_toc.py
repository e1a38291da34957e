"""The course map and everything made from it are in step."""

import copy
import re

import nbformat
import pytest
import yaml

from course_utils.authoring.chapter_times import reading_minutes, stated_minutes, time_of
from course_utils.authoring.course_map import NOTES, CourseMapError, find_root, load_course, parse_course
from course_utils.authoring.new_chapter import new_chapter
from course_utils.authoring.part_map import in_words, needs_inside, part_map
from course_utils.authoring.part_pages import part_page
from course_utils.authoring.toc import made_from_course, toc_text, write_toc


def test_files_made_from_the_course_map_are_in_step(course, root):
    stale = [path.name for path, text in made_from_course(course, root).items() if path.read_text() != text]
    assert not stale, "run `make toc`"


def test_course_has_its_parts_and_chapters(course):
    assert [part.name for part in course.parts] == [
        "basics",
        "training",
        "cnn_rnn",
        "generative",
        "rl",
        "transformers",
        "deepseek",
    ]
    assert len(list(course.chapters)) == 55


def test_every_chapter_of_the_book_is_in_the_course_map(course, root):
    in_book = {
        path.relative_to(root / "book").with_suffix("").as_posix() for path in root.glob("book/*/*.ipynb")
    }
    in_book = {key for key in in_book if not key.startswith("_")}
    assert in_book <= {chapter.key for chapter in course.chapters}


def test_a_chapter_that_exists_has_all_six_files(course, root):
    missing = [
        path.relative_to(root).as_posix()
        for chapter in course.existing(root)
        for path in chapter.files(root).values()
        if not path.is_file()
    ]
    assert not missing


def test_every_chapter_that_exists_has_its_title(course, root):
    for chapter in course.existing(root):
        first = re.search(r'"# (.*?)(\\n)?"', chapter.book(root).read_text())
        assert first is not None, f"{chapter.key} has no title"
        assert first[1] == chapter.title, f"{chapter.key} has another title than in course.yml"


def test_home_page_says_what_is_there(course, root):
    page = (root / "book" / "index.md").read_text()
    total, existing = len(list(course.chapters)), course.existing(root)
    assert f"The map has {total} chapters. {len(existing)} are finished." in page
    assert f"The other {total - len(existing)} are planned" in page
    assert all(f"[{chapter.title}]({chapter.key}.ipynb)" in page for chapter in existing)


def test_every_note_is_used(course):
    assert {number for chapter in course.chapters for number in chapter.notes} == set(NOTES)


@pytest.fixture
def raw(root):
    return yaml.safe_load((root / "course.yml").read_text())


def test_a_circle_of_prerequisites_is_refused(raw):
    broken = copy.deepcopy(raw)
    broken["parts"][0]["chapters"][0]["needs"] = ["training/backpropagation"]
    with pytest.raises(CourseMapError, match="needs training/backpropagation, which does not come before it"):
        parse_course(broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.update(needs=["training/no_such"]), "needs 'training/no_such', which is no chapter"),
        (lambda row: row.update(delivers="Something"), "`delivers` must be a sentence"),
        (lambda row: row.update(chapter="Wrong Name"), "lower-case words"),
        (lambda row: row.pop("code"), "missing code"),
        (lambda row: row.update(colour="red"), "unknown colour"),
        (lambda row: row.update(code=[{"a": "b"}]), "`code` must be a list of texts"),
        (lambda row: row.update(notes={"007": ["x"]}), "no such note 007"),
        (lambda row: row.update(chapter="gradient_descent"), "is listed twice"),
    ],
)
def test_a_wrong_row_is_named(raw, change, message):
    change(raw["parts"][1]["chapters"][3])
    with pytest.raises(CourseMapError, match=re.escape(message)):
        parse_course(raw)


def test_an_unknown_chapter_names_its_neighbors(course):
    with pytest.raises(CourseMapError, match=r"rl/no_such.*rl/alphago"):
        course.chapter("rl/no_such")


def test_a_missing_course_map_is_said(tmp_path):
    with pytest.raises(CourseMapError, match=r"no course.yml"):
        load_course(tmp_path)


def test_the_root_is_found_from_below(root):
    assert find_root(root / "book" / "_static") == root


@pytest.fixture
def small_project(tmp_path, root):
    (tmp_path / "book").mkdir()
    for name in ("course.yml", "book/index.md"):
        text = (root / name).read_text() if (root / name).is_file() else "# Home\n"
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_table_of_contents_shows_what_exists(small_project):
    course = load_course(small_project)
    assert "book/rl/alphago" not in toc_text(course, small_project)
    (small_project / "book" / "rl").mkdir()
    (small_project / "book" / "rl" / "alphago.ipynb").write_text('{"cells": [], "nbformat": 4}')
    (small_project / "book" / "glossary.md").write_text("# Glossary\n")
    toc = yaml.safe_load(toc_text(course, small_project))
    files = {part["caption"]: [page["file"] for page in part["chapters"]] for part in toc["parts"]}
    assert list(files) == [*(part.title for part in course.parts), "Reference"]
    assert files["Reinforcement learning"] == ["book/rl/index", "book/rl/alphago"]
    assert files["Generative models"] == ["book/generative/index"]
    assert files["Reference"] == ["book/glossary", "book/from_notes_to_book"]
    pages = [f"book/{part.name}/index.md" for part in course.parts]
    assert write_toc(small_project, check=True) == ["_toc.yml", "book/from_notes_to_book.md", *pages]
    assert not (small_project / "_toc.yml").exists(), "a check writes nothing"
    write_toc(small_project)
    assert write_toc(small_project) == []
    assert "(rl/alphago.ipynb)" in (small_project / "book" / "from_notes_to_book.md").read_text()


@pytest.mark.parametrize("key", ["cnn_rnn/lstm", "transformers/model_zoo", "rl/value_learning"])
def test_a_new_chapter_has_six_files_that_are_valid(small_project, key):
    course = load_course(small_project)
    made = new_chapter(key, small_project)
    files = course.chapter(key).files(small_project)
    assert set(files.values()) <= set(made)
    assert all(path.is_file() for path in made)
    for path in made:
        if path.suffix == ".py":
            compile(path.read_text(), path.name, "exec")
    exercise = files["exercises"].read_text()
    assert "SOLUTION" not in exercise
    assert "check.graded" not in exercise
    assert f"book/{key}" in (small_project / "_toc.yml").read_text()

    before = {path: path.read_bytes() for path in made}
    with pytest.raises(CourseMapError, match="nothing is overwritten"):
        new_chapter(key, small_project)
    assert {path: path.read_bytes() for path in made} == before


def test_the_page_of_a_part_says_what_the_course_map_says(course, root):
    written = {chapter.key for chapter in course.existing(root)}
    for part in course.parts:
        page = part_page(course, part, root)
        places = [page.index(chapter.delivers) for chapter in part.chapters]
        assert places == sorted(places), f"{part.name}: the chapters are out of order"
        for chapter in part.chapters:
            assert (f"[{chapter.title}]({chapter.name}.ipynb)" in page) == (chapter.key in written)
        assert page.count("[planned]") == len(part.chapters) - page.count("[written]")


def test_the_map_of_a_part_draws_each_need_and_says_it_in_words(course):
    part = next(part for part in course.parts if part.name == "rl")
    assert needs_inside(part) == [(0, 1), (1, 2), (2, 3)]
    drawn = part_map(part, {"rl/alphago"})
    assert drawn.count('class="need"') == 3
    assert drawn.count('<circle class="written"') == 1
    assert drawn.count('<circle class="planned"') == 3
    first, second = part.chapters[:2]
    assert f"{first.title}: needs none of this part." in in_words(part)
    assert f"{second.title}: needs {first.title}." in in_words(part)
    assert "\n" not in drawn, "an empty line would end the picture in Markdown"


def test_reading_time_counts_words_and_the_code_that_is_shown():
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_markdown_cell("word " * 1800),
        nbformat.v4.new_code_cell("x = 1\n\n" * 150),
    ]
    assert reading_minutes(notebook) == 20  # ten for the words, ten for the lines
    notebook.cells[1].metadata["tags"] = ["hide-input"]
    assert reading_minutes(notebook) == 10
    notebook.cells = []
    assert reading_minutes(notebook) == 5


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("**Time:** 60 to 90 minutes. **Points:** 20.", (60, 90)),
        ("**Time:** about 75 minutes.", (75, 75)),
        ("Take your time: 5 minutes.", None),
    ],
)
def test_the_time_of_an_exercise_is_what_it_states(text, minutes):
    assert stated_minutes(text) == minutes


def test_every_written_chapter_says_how_long_it_takes(course, root):
    for chapter in course.existing(root):
        assert re.fullmatch(r"\d+ minutes to read, .*minutes for the exercise", time_of(chapter, root)), (
            chapter.key
        )
