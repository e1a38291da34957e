"""Playing a notebook: a cell is lost for what it does, not for what becomes of its player."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.grading.channel.frames import ChannelTimeoutError
from course_utils.grading.judging import notebook as playing_notebook
from course_utils.grading.judging.bench import Bench
from course_utils.grading.judging.notebook import Playing
from course_utils.grading.judging.players import RunningPlayer
from course_utils.grading.judging.stage import stage_of
from course_utils.grading.places import Chapter, Places
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.processes import tree
from course_utils.grading.walls import find_tier
from tests.grading.classroom import CHAPTER, ROOT, cell, solutions

FIRST, TEST, LATER = "scaled_dot_product_attention", "check_scaled_dot_product_attention", "causal_mask"
ENDED = "ended its kernel (an exit, or a crash)"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with contextlib.closing(Bench("a seed of these tests", tier=find_tier(trusted=False))) as bench:
        yield bench


def play(bench: Bench, notebook: NotebookNode, chapter: Chapter = CHAPTER) -> Playing:
    return bench.play(notebook, stage_of(Places(ROOT), chapter))


def points(playing: Playing) -> dict[str, float | None]:
    return {name: record.graded and record.graded.points for name, record in playing.records.items()}


def kill_before(source: str, times: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Have so many players killed from outside, each as it is about to run a cell; return which were."""
    killed: list[int] = []
    say = RunningPlayer.say

    @functools.wraps(say)
    def say_to_the_dead(self: RunningPlayer, message: dict, *, seconds: float) -> None:
        if message.get("source") == source and len(killed) < times:
            killed.append(self.pid)
            for process in tree(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        say(self, message, seconds=seconds)

    patch.setattr(RunningPlayer, "say", say_to_the_dead)
    return killed


@pytest.fixture
def right() -> NotebookNode:
    """Return the notebook with the solutions, and the graded checks as the grading puts them back."""
    return nbformat.read(Places(ROOT).solution(CHAPTER), as_version=4)


@pytest.mark.parametrize("name", [FIRST, TEST, LATER])
def test_a_player_that_is_killed_from_outside_costs_nothing(
    name: str, bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, disturbed = copy.deepcopy(right), copy.deepcopy(right)
    expected = points(play(bench, undisturbed))
    assert expected["check_causal_mask"] == 2.0
    killed = kill_before(cell(right, name).source, 1, monkeypatch)
    playing = play(bench, disturbed)
    assert len(killed) == 1
    assert playing.lost == {}
    assert points(playing) == expected
    assert disturbed == undisturbed


def test_a_player_that_is_killed_as_it_repeats_cells_costs_nothing(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell(right, "split_heads").source = "import os\nos._exit(1)"
    expected = points(play(bench, copy.deepcopy(right)))
    assert expected["check_split_heads"] is None
    source = cell(right, LATER).source
    repeat = playing_notebook.NotebookRun._repeat
    killed: list[int] = []

    def repeat_in_danger(self: playing_notebook.NotebookRun, number: int) -> bool:
        if self.notebook.cells[number].source == source and not killed:
            assert self._player is not None
            killed.append(self._player.pid)
            os.kill(self._player.pid, signal.SIGKILL)
        return repeat(self, number)

    monkeypatch.setattr(playing_notebook.NotebookRun, "_repeat", repeat_in_danger)
    playing = play(bench, right)
    assert len(killed) == 1
    assert points(playing) == expected
    assert len(playing.lost) == 1


def test_a_cell_whose_player_ends_twice_is_lost_alone(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = points(play(bench, copy.deepcopy(right)))
    killed = kill_before(cell(right, TEST).source, 2, monkeypatch)
    playing = play(bench, right)
    assert len(killed) == 2
    assert list(playing.lost.values()) == [ENDED]
    assert points(playing) == {**expected, TEST: None}


def test_as_many_cells_as_players_may_be_lost(bench: Bench, right: NotebookNode) -> None:
    """The fourth loss ends the notebook, and a second try counts for none."""
    names = list(solutions())
    for name in names[: playing_notebook.MOST_LOST]:
        cell(right, name).source = "import os\nos._exit(1)"
    playing = play(bench, right)
    earned = points(playing)
    assert not any(earned.values())
    reasons = [playing.lost[place] for place in sorted(playing.lost)]
    assert reasons.count(ENDED) == playing_notebook.MOST_LOST
    assert set(reasons[playing_notebook.MOST_LOST :]) == {playing_notebook.NOT_RUN}


BAD = """
import os
import numpy as np
from course_utils.grading.player.link import the_link
from course_utils.training.backpropagation import numerical_gradient

def bad(_point):
    {does}

numerical_gradient(bad, np.ones(3))
"""
SPOILS = "the_link().channel.connection.sendall(b'something that is no message at all')"


@pytest.mark.parametrize(("does", "why"), [("os._exit(1)", ENDED), (SPOILS, "broke its connection")])
def test_a_player_lost_while_it_answers_its_judge_costs_its_cell_alone(
    does: str, why: str, bench: Bench
) -> None:
    """The judge calls a function of the cell: what becomes of it there is no error of the judge's."""
    chapter = Chapter("training", "backpropagation")
    content = nbformat.read(Places(ROOT).solution(chapter), as_version=4)
    expected = points(play(bench, copy.deepcopy(content), chapter))
    content.cells.append(nbformat.v4.new_code_cell(BAD.format(does=does)))
    playing = play(bench, content, chapter)
    assert points(playing) == expected
    assert list(playing.lost) == [len(content.cells) - 1]
    assert playing.lost[len(content.cells) - 1].startswith(why)


def take_long(cells: dict[str, float], patch: pytest.MonkeyPatch) -> None:
    """Have the clock of the notebook go ahead by so many seconds each time that one of these cells is run."""
    passed = 0.0
    say = RunningPlayer.say

    @functools.wraps(say)
    def say_and_go_ahead(self: RunningPlayer, message: dict, *, seconds: float) -> None:
        nonlocal passed
        say(self, message, seconds=seconds)
        passed += cells.get(message.get("source", ""), 0.0)

    patch.setattr(RunningPlayer, "say", say_and_go_ahead)
    patch.setattr(playing_notebook, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed))


def test_a_second_try_takes_no_time_from_other_cells(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell(right, "split_heads").source = "import os\nos._exit(1)"
    # The first cell is run three times: also for the second try, and for the cells behind.
    take_long(dict.fromkeys([cell(right, name).source for name in (FIRST, "split_heads")], 2000), monkeypatch)
    limits = Limits(notebook_seconds=7000)  # of 10,000; the second try takes 4,000 of them
    with contextlib.closing(Bench(bench.secret_seed, limits, bench.tier)) as short:
        playing = play(short, right)
    assert list(playing.lost.values()) == [ENDED]
    assert points(playing)["check_MultiHeadAttention"] == 5.0


def test_a_notebook_ends_when_its_time_is_used_up(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_long({cell(right, FIRST).source: 2000}, monkeypatch)
    with contextlib.closing(Bench(bench.secret_seed, Limits(notebook_seconds=1500), bench.tier)) as short:
        playing = play(short, right)
    assert set(playing.lost.values()) == {playing_notebook.NOT_RUN}
    assert not any(points(playing).values())


def test_a_kernel_that_an_interrupt_ends_is_not_played_again(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_by_interrupts = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    cell(right, LATER).source = ended_by_interrupts + "print('ready', flush=True)\nwhile True:\n    pass"
    ready: list[bool] = []
    hear = RunningPlayer.hear

    def hear_no_longer_than_it_shows(self: RunningPlayer, deadline: float) -> dict:
        if ready == [True]:
            ready.append(False)
            raise ChannelTimeoutError("its time is up")
        message = hear(self, deadline)
        if "ready" in str(message):
            ready.append(True)
        return message

    monkeypatch.setattr(RunningPlayer, "hear", hear_no_longer_than_it_shows)
    playing = play(bench, right)
    assert list(playing.lost.values()) == ["ran too long, and ended when it was interrupted"]
    assert len(ready) == 2


def test_what_a_first_try_has_shown_counts_for_nothing(
    bench: Bench, right: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    much, more = (nbformat.v4.new_code_cell(source) for source in ("print('x' * 600)", "print('y' * 350)"))
    place = right.cells.index(cell(right, FIRST))
    right.cells[place:place] = [much, more]
    attend = RunningPlayer.attend
    killed: list[int] = []

    def kill_when_it_has_shown(self: RunningPlayer, message: dict) -> None:
        attend(self, message)
        if "x" * 600 in str(message) and not killed:
            killed.append(self.pid)
            # Before it can say that the cell is done.
            self._channel.connection.close()

    monkeypatch.setattr(RunningPlayer, "attend", kill_when_it_has_shown)
    with contextlib.closing(Bench(bench.secret_seed, Limits(output_characters=1000), bench.tier)) as small:
        playing = play(small, right)
    assert len(killed) == 1
    assert playing.lost == {}
    assert more.outputs[0].text == "y" * 350 + "\n"
