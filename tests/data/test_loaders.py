"""The loaders give what their docstrings promise."""

import itertools
import re

import pytest

from course_utils.data import DataFileError, load_penguins, load_plays, load_shakespeare, storage


def test_penguins():
    penguins = load_penguins()
    assert penguins.shape == (344, 8)
    assert int(penguins.isna().sum().sum()) == 19
    assert penguins["species"].value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert penguins["body_mass_g"].between(2700, 6300).sum() == 342


def test_penguins_raw():
    raw = load_penguins(raw=True)
    assert raw.shape == (344, 17)
    assert int(raw.isna().sum().sum()) == 336
    assert raw["Comments"].notna().sum() == 54


def test_both_penguin_tables_hold_the_same_birds():
    tidy, raw = load_penguins(), load_penguins(raw=True)
    assert tidy["body_mass_g"].equals(raw["Body Mass (g)"])
    assert (tidy["species"] == raw["Species"].str.split().str[0]).all()


def test_a_change_to_a_loaded_table_stays_with_the_caller():
    mine = load_penguins()
    mine["species"] = "Emperor"
    assert "Emperor" not in set(load_penguins()["species"])


def test_shakespeare():
    text = load_shakespeare()
    assert len(text) == 4_998_185
    assert len(set(text)) == 78
    assert text.isascii()
    assert "<<<" not in text
    assert len(text.split()) == 902_296


def test_shakespeare_has_no_marks_of_markdown():
    text = load_shakespeare()
    assert not set(text) & set("*_#\\$<>")
    assert text.count("[") == text.count("]")
    assert not re.search(r"[ \t]\n|\n{3}", text)


def test_plays():
    plays = load_plays()
    assert len(plays) == len({play.title for play in plays}) == 38
    sizes = {genre: len(list(group)) for genre, group in itertools.groupby(plays, lambda play: play.genre)}
    assert sizes == {"comedies": 8, "histories": 11, "problems": 5, "roman": 4, "romances": 4, "tragedies": 6}
    for play in plays:
        assert play.text.startswith(play.title + "\n")
        assert "ACT I\n" in play.text
        assert 85_000 < len(play.text) < 180_000
    assert "Measure for Measure" in {play.title for play in plays}


@pytest.mark.parametrize(
    ("load", "name"), [(load_penguins, "penguins.csv"), (load_shakespeare, "shakespeare.txt.gz")]
)
def test_a_loader_names_the_missing_file(monkeypatch, tmp_path, load, name):
    (tmp_path / storage.CHECKSUMS).write_bytes((storage.FOLDER / storage.CHECKSUMS).read_bytes())
    monkeypatch.setattr(storage, "FOLDER", tmp_path)
    with pytest.raises(DataFileError, match=f"data file {name} is missing"):
        load()
