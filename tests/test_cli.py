"""The `course` command: it answers at once, and every verb can be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import cli
from course_utils.checking.teeth import SEEDS

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def course(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "course_utils.cli", *words], capture_output=True, text=True, check=False
    )


def test_help_lists_every_verb():
    done = course("--help")
    assert done.returncode == 0
    for name, verb in cli.VERBS.items():
        assert f" {name} " in done.stdout
        assert verb.panel in done.stdout


def test_it_ends_with_the_verbs_status_and_nothing_of_its_output_or_cleaning_up_is_lost(tmp_path: Path):
    left = tmp_path / "left"
    script = (
        "import atexit, sys\n"
        "from course_utils import cli\n"
        "def verb(arguments):\n"
        f"    atexit.register(lambda: open({str(left)!r}, 'w').close())\n"
        "    print('x' * 300_000, end='')\n"
        "    return int(arguments[0])\n"
        "cli.Verb.load = lambda self: verb\n"
        "sys.argv = ['course', 'teeth', '3']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "x" * 300_000)
    assert left.exists()


def test_help_loads_nothing_heavy():
    # Time depends on the machine; what takes the time are these imports.
    script = (
        "import sys\nfrom course_utils import cli\ncli.build(None)\n"
        "heavy = ('torch', 'numpy', 'nbformat', 'nbgrader', 'jupyter_client')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_can_be_loaded_and_is_in_the_readme(name: str):
    assert callable(cli.VERBS[name].load())
    assert cli.VERBS[name].help.endswith(".")
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize(
    ("name", "word"),
    [("new", "PART/CHAPTER"), ("teeth", "PART/CHAPTER"), ("check", "--notebook"), ("collect", "SOURCE")],
)
def test_the_help_of_a_verb_is_its_own(name: str, word: str):
    done = course(name, "--help")
    assert done.returncode == 0
    assert word in done.stdout


def test_an_unknown_verb_is_refused():
    done = course("docter")
    assert done.returncode == 2
    assert "No such command 'docter'" in done.stdout + done.stderr


def test_the_status_is_what_the_verb_returns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli, "teeth", lambda: 3)
    monkeypatch.setattr(cli.sys, "argv", ["course", "teeth"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 3


@pytest.mark.parametrize(("words", "seeds"), [(["--seeds", "3"], 3), ([], SEEDS)])
def test_teeth_are_proved_on_as_many_seeds_as_asked(
    words: list[str], seeds: int, monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[list[str], int]] = []
    monkeypatch.setattr("course_utils.checking.teeth.main", lambda *given: seen.append(given) or 0)
    monkeypatch.setattr(cli.sys, "argv", ["course", "teeth", "part/chapter", *words])
    with pytest.raises(SystemExit):
        cli.main()
    assert seen == [(["part/chapter"], seeds)]


def test_words_are_handed_on_untouched(monkeypatch: pytest.MonkeyPatch):
    seen: list[list[str]] = []

    def verb(arguments: list[str]) -> int:
        seen.append(list(arguments))
        return 0

    monkeypatch.setattr(cli, "teeth", verb)
    monkeypatch.setattr(cli.sys, "argv", ["course", "teeth", "--check", "-x", "a b"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert seen == [["--check", "-x", "a b"]]
