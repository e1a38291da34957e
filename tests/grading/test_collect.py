"""Collecting from folders and archives: who is found, what is taken, what is named and not taken."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_utils.grading.collect import Collection, collect, read_sender
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.unpack import find_files

FIRST, SECOND = Chapter("transformers", "attention"), Chapter("training", "backpropagation")


def notebook(*names: str, text: str = "") -> bytes:
    """Return a notebook with test cells of these names."""
    cells = [nbformat.v4.new_markdown_cell(text)]
    for name in names:
        settings = {"grade_id": name, "grade": True, "solution": False, "locked": True, "points": 1}
        cells.append(nbformat.v4.new_code_cell(f"check({name})", metadata={"nbgrader": settings}))
    return json.dumps(nbformat.v4.new_notebook(cells=cells)).encode()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A course of two released chapters."""
    root = tmp_path / "course"
    for chapter, names in ((FIRST, ("softmax", "mask")), (SECOND, ("relu", "walk"))):
        path = Places(root).exercise(chapter)
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook("intro", *names))
    return Places(root)


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w") as stream:
        for name, content in files.items():
            stream.writestr(name, content)
    return path


def remarks(result: Collection, *, urgent: bool) -> dict[str, str]:
    """Return what is said about each file."""
    return {remark.file: f"{remark.what} {remark.do}" for remark in result.remarks if remark.urgent == urgent}


def test_canvas_moodle_and_folders_are_collected(places: Places, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as stream:
        stream.writestr("work/attention.ipynb", notebook("softmax", text="inner"))
        stream.writestr("__MACOSX/part/._attention.ipynb", b"junk")
    source = archive(
        tmp_path / "all.zip",
        {
            "smithjane_LATE_12_34_attention-1.ipynb": notebook("softmax", text="canvas"),
            "Ann Lee_99_assignsubmission_file_/whatever.ipynb": notebook("softmax", text="moodle"),
            "bob/attention.ipynb": notebook("softmax", text="folder"),
            "eve_attention.ipynb": notebook("softmax", text="flat"),
            "kim_5_6_work.zip": inner.getvalue(),
        },
    )
    result = collect(places, [FIRST], source)
    texts = {"smithjane_12": "canvas", "ann-lee": "moodle", "bob": "folder", "eve": "flat", "kim_5": "inner"}
    assert sorted(result.collected) == sorted(f"{student}/{FIRST}" for student in texts)
    for student, text in texts.items():
        path = places.submitted(FIRST, student)
        assert text in path.read_text()
        assert path.with_name("timestamp.txt").read_text().endswith(" UTC\n")
    assert remarks(result, urgent=True) == {}
    assert read_sender(places, FIRST, "smithjane_12").late
    assert read_sender(places, FIRST, "ann-lee").number == "99"
    assert read_sender(places, FIRST, "nobody").system == "folder"


def test_collecting_again_takes_what_changed(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for student in ("ada", "bob"):
        (folder / student).mkdir(parents=True)
        (folder / student / "attention.ipynb").write_bytes(notebook("softmax", text="old"))
    collect(places, [FIRST], folder)
    stamps = {s: places.submitted(FIRST, s).with_name("timestamp.txt").read_text() for s in ("ada", "bob")}
    (folder / "bob" / "attention.ipynb").write_bytes(notebook("softmax", text="new"))
    result = collect(places, [FIRST], folder)
    assert (result.collected, result.unchanged) == ([f"bob/{FIRST}"], [f"ada/{FIRST}"])
    assert places.submitted(FIRST, "ada").with_name("timestamp.txt").read_text() == stamps["ada"]
    assert places.submitted(FIRST, "bob").with_name("timestamp.txt").read_text() > stamps["bob"]


def test_a_part_is_collected_by_what_the_notebooks_hold(places: Places, tmp_path: Path) -> None:
    files = {
        "ada/one.ipynb": notebook("softmax", "mask"),
        "ada/two.ipynb": notebook("relu"),
        "bob/attention.ipynb": notebook("walk"),
    }
    result = collect(places, [FIRST, SECOND], archive(tmp_path / "a.zip", files))
    assert sorted(result.collected) == [f"ada/{SECOND}", f"ada/{FIRST}", f"bob/{SECOND}"]
    result = collect(places, [FIRST], archive(tmp_path / "b.zip", {"eve/attention.ipynb": notebook("walk")}))
    assert result.collected == []
    assert (
        "it is the notebook of training/backpropagation"
        in remarks(result, urgent=True)["eve/attention.ipynb"]
    )


def test_wrong_files_are_named_with_what_to_do(places: Places, tmp_path: Path) -> None:
    files = {
        "ada/attention.py": b"print()",
        "bob/attention.ipynb": b'{"cells": [',
        "eve/notes.ipynb": notebook("unknown"),
        "kim/report.pdf": b"%PDF",
        "kim/attention.ipynb": notebook("softmax"),
        "lee/work.zip": b"not a zip",
        "attention.ipynb": notebook("softmax"),
        "zoe/attention.ipynb.txt": notebook("mask"),
    }
    result = collect(places, [FIRST], archive(tmp_path / "a.zip", files))
    assert sorted(result.collected) == [f"bob/{FIRST}", f"kim/{FIRST}", f"zoe/{FIRST}"]
    urgent, notes = remarks(result, urgent=True), remarks(result, urgent=False)
    assert "it is not a notebook (.ipynb) Ask the student" in urgent["ada/attention.py"]
    assert "not valid JSON" in urgent["bob/attention.ipynb"]
    assert "will earn nothing" in urgent["bob/attention.ipynb"]
    assert "none of its cells" in urgent["eve/notes.ipynb"]
    assert "damaged" in urgent["lee/work.zip"]
    assert "does not say whose" in urgent["attention.ipynb"]
    assert set(notes) == {"kim/report.pdf", "zoe/attention.ipynb.txt"}
    assert "taken as attention.ipynb" in notes["zoe/attention.ipynb.txt"]


def test_of_several_notebooks_the_newest_readable_one_counts(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "ada"
    folder.mkdir(parents=True)
    for age, (name, content) in enumerate(
        [("b.ipynb", b"broken"), ("new.ipynb", notebook("mask", text="new")), ("old.ipynb", notebook("mask"))]
    ):
        (folder / name).write_bytes(content)
        os.utime(folder / name, (1_700_000_000 - age, 1_700_000_000 - age))
    result = collect(places, [FIRST], folder.parent)
    assert "new" in places.submitted(FIRST, "ada").read_text()
    notes = remarks(result, urgent=False)
    assert "ada/new.ipynb was taken" in notes["ada/b.ipynb"]
    assert "several notebooks; ada/new.ipynb was taken" in notes["ada/old.ipynb"]


def test_namesakes_are_not_mixed_up(places: Places, tmp_path: Path) -> None:
    files = {
        "Ann Lee_1_assignsubmission_file_/attention.ipynb": notebook("mask", text="one"),
        "Ann Lee_2_assignsubmission_file_/attention.ipynb": notebook("mask", text="two"),
    }
    result = collect(places, [FIRST], archive(tmp_path / "a.zip", files))
    assert result.collected == []
    assert set(remarks(result, urgent=True)) == set(files)


def test_what_cannot_be_collected_is_refused(places: Places, tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="does not exist"):
        collect(places, [FIRST], tmp_path / "none.zip")
    (tmp_path / "a.tar").write_bytes(b"")
    with pytest.raises(GradingError, match="neither a folder nor a zip archive"):
        collect(places, [FIRST], tmp_path / "a.tar")
    with pytest.raises(GradingError, match="is not released"):
        collect(places, [Chapter("transformers", "other")], tmp_path)


def test_nothing_outside_is_read_or_written(places: Places, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(notebook("mask"))
    folder = tmp_path / "in" / "ada"
    folder.mkdir(parents=True)
    (folder / "attention.ipynb").symlink_to(tmp_path / "secret")
    assert list(find_files(tmp_path / "in")) == []
    source = archive(tmp_path / "a.zip", {"../../bob/attention.ipynb": notebook("mask")})
    assert collect(places, [FIRST], source).collected == [f"bob/{FIRST}"]
    assert not (tmp_path.parent / "bob").exists()


def test_archives_in_archives_have_an_end(tmp_path: Path) -> None:
    content = notebook("mask")
    for _ in range(6):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as inner:
            inner.writestr("a.zip" if content[:2] == b"PK" else "a.ipynb", content)
        content = stream.getvalue()
    (tmp_path / "a.zip").write_bytes(content)
    found = list(find_files(tmp_path / "a.zip"))
    assert [file.name for file in found] == ["a.zip/a.zip/a.zip/a.zip"]
