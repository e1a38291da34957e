"""The scripts that made the data files do what they say, on a small input."""

import gzip
import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "data"


@pytest.fixture
def load(monkeypatch):
    """Load an extraction script by name without leaving its folder on the path."""

    def load_script(name):
        monkeypatch.syspath_prepend(str(TOOLS))
        spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load_script


def test_markdown_becomes_plain_text(load):
    script = load("extract_shakespeare")
    play = (
        "# Title\n\n\n\n## ACT I\n\n_Enter ONE,\nand TWO_\n\n**ONE**  \nHark,'\\--a sound!  \nNo more — go."
        "\n\n_\\[Aside]_  \n*Exit*\n__\\[ ]_\n"
    )
    assert script.plain_text(play) == (
        "Title\n\nACT I\n\n[Enter ONE, and TWO]\n\n"
        "ONE:\nHark,'--a sound!\nNo more -- go.\n\n[Aside]\n[Exit]\n"
    )


def test_only_the_play_without_a_title_gets_one(load):
    script = load("extract_shakespeare")
    assert script.titled("ACT I\nx") == "Measure for Measure\n\nACT I\nx"
    assert script.titled("Hamlet\n\nACT I\n") == "Hamlet\n\nACT I\n"


def test_compression_is_deterministic_and_lossless(load):
    vendoring = load("vendoring")
    content = b"to be or not to be " * 37
    assert vendoring.compress(content) == vendoring.compress(content)
    assert vendoring.compress(content)[4:8] == bytes(4)  # no time of day
    assert gzip.decompress(vendoring.compress(content)) == content


def test_writing_a_file_keeps_the_other_checksums(load, monkeypatch, tmp_path):
    vendoring = load("vendoring")
    monkeypatch.setattr(vendoring, "FILES", tmp_path)
    vendoring.write_file("b.csv", b"2")
    vendoring.write_file("a.csv", b"1")
    vendoring.write_file("b.csv", b"3")
    listing = (tmp_path / "checksums.txt").read_text().splitlines()
    assert [line[64:] for line in listing] == ["  a.csv", "  b.csv"]
    assert listing[1].startswith("4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce")


def test_a_wheel_that_is_not_the_published_one_is_refused(load, monkeypatch, tmp_path):
    vendoring = load("vendoring")
    wheel = tmp_path / "thing-1.0.whl"
    wheel.write_bytes(b"something else")
    monkeypatch.setattr(sys, "argv", ["extract.py", str(wheel)])
    with pytest.raises(SystemExit, match=r"it is not thing 1\.0"):
        vendoring.open_package("thing", "1.0", "0" * 64)
