"""Playing a submission's notebook in players, and keeping the judge's record of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution

from course_utils.grading.cells import make_error
from course_utils.grading.channel.frames import ChannelTimeoutError
from course_utils.grading.judging.judge import CellRecord, Judge
from course_utils.grading.judging.outputs import Shown
from course_utils.grading.judging.players import PlayerEndedError, PlayerLostError, RunningPlayer
from course_utils.grading.judging.remote import INTERRUPT_SECONDS, RemoteAnswer
from course_utils.grading.marks import expected_exercise
from course_utils.grading.reading import grade_id
from course_utils.grading.sandbox.limits import Limits

MOST_LOST = 4
MOST_SECOND_TRIES = 4
SENDING_SECONDS = 10.0
DEAD = "DeadKernel"
NOT_RUN = "was not run: the notebook had used up its time or its kernels"


@dataclass
class Playing:
    """What came of a notebook: the judge's records by cell name, and by cell number what was lost and why."""

    records: dict[str, CellRecord] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0


class NotebookRun:
    """Plays one notebook from its first cell to its last.

    A cell that brings its player down is lost alone: a new player runs the cells before it again, without the
    graded ones and without those that were lost, and goes on behind it. Where a player ends and nobody knows
    why, its cell is played a second time before it is lost: the machine may have run out of memory, or
    somebody may have ended the wrong process.

    Args:
        notebook: The notebook; the outputs of its cells are replaced.
        judge: Who decides.
        start: Starts a player.
        limits: What it may use.
    """

    def __init__(
        self, notebook: NotebookNode, judge: Judge, start: Callable[[], RunningPlayer], limits: Limits
    ) -> None:
        self.notebook = notebook
        self.judge = judge
        self.limits = limits
        self.playing = Playing()
        self.shown = Shown(limits)
        self._start = start
        self._player: RunningPlayer | None = None
        self._losses = 0
        self._ended: dict[int, str] = {}
        self._marked: set[str] = set()

    def run(self) -> Playing:
        """Play all cells."""
        began = time.monotonic()
        self._deadline = began + self.limits.notebook_seconds
        try:
            for number, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code":
                    self._run_cell(number, cell)
        finally:
            if self._player is not None:
                self._player.close()
        self.playing.seconds = time.monotonic() - began
        return self.playing

    def _run_cell(self, number: int, cell: NotebookNode) -> None:
        exercise = expected_exercise(cell.source) if is_test(cell) else None
        name = grade_id(cell)
        cell.execution_count = None
        self.shown.begin()
        while True:
            record = CellRecord(exercise)
            if is_test(cell) and name is not None:
                self.playing.records[name] = record
            if not self._try_cell(number, cell, record):
                break
            self.shown.forget()
        if exercise is not None:
            self._marked.add(exercise)

    def _try_cell(self, number: int, cell: NotebookNode, record: CellRecord) -> bool:
        """Play a cell; say whether it is to be played again, which takes no time from the other cells."""
        began = time.monotonic()
        player = self._ready_player(number)
        if number in self._ended:
            self._deadline += time.monotonic() - began
        if player is None:
            why, name = (self._ended[number], DEAD) if number in self._ended else (NOT_RUN, "NotRun")
            self._lose(number, cell, record, why, name)
            return False
        try:
            interrupted = self._play(player, cell.source, record)
        except PlayerLostError as error:
            self._player = None
            if self._count_loss(number, error):
                self._lose(number, cell, record, str(error), DEAD)
                return False
            self._deadline += time.monotonic() - began
            return True
        cell.outputs = self.shown.finished()
        if interrupted:
            self.playing.lost[number] = "ran too long and was interrupted"
        return False

    def _count_loss(self, number: int, error: PlayerLostError) -> bool:
        """Say whether a cell is to blame for the loss of its player, and count the loss if it is."""
        first = number not in self._ended and len(self._ended) < MOST_SECOND_TRIES
        if isinstance(error, PlayerEndedError) and first:
            self._ended[number] = str(error)
            return False
        self._losses += 1
        return True

    def _lose(self, number: int, cell: NotebookNode, record: CellRecord, why: str, name: str) -> None:
        """Take away whatever a cell had earned: one that brings its player down earns nothing."""
        self.playing.lost[number] = why
        record.graded = None
        cell.outputs = [make_error(name, why, [f"{name}: the cell {why}"])]

    def _ready_player(self, number: int) -> RunningPlayer | None:
        """Return a player that has run all cells before; None if there is neither time nor another player."""
        while self._player is None:
            if self._losses >= MOST_LOST or time.monotonic() > self._deadline:
                return None
            self._player = self._start()
            for earlier in range(number):
                if not self._repeat(earlier):
                    break
        return self._player if time.monotonic() < self._deadline else None

    def _repeat(self, number: int) -> bool:
        """Run a cell again for what it defines, not for what it shows; say whether the player lives."""
        cell = self.notebook.cells[number]
        if cell.cell_type != "code" or number in self.playing.lost or is_grade(cell):
            return True
        assert self._player is not None
        kept, self.shown = self.shown, Shown(self.limits)
        try:
            self._play(self._player, cell.source, CellRecord())
        except PlayerLostError as error:
            self._player = None
            if self._count_loss(number, error):
                self.playing.lost[number] = "brought the kernel down when it was run again"
            return False
        finally:
            self.shown = kept
        return True

    def _play(self, player: RunningPlayer, source: str, record: CellRecord) -> bool:
        """Run one cell and answer what it asks; say whether it had to be interrupted.

        Time that the judge itself needs is not the cell's.
        """
        player.on_output = self._keep_output
        player.on_given = lambda message: self.judge.given.answer(message, record.exercise, self._marked)
        player.say({"source": source}, seconds=SENDING_SECONDS)
        deadline = min(time.monotonic() + self.limits.cell_seconds, self._deadline)
        interrupted = False
        while True:
            try:
                message = player.hear(deadline)
            except ChannelTimeoutError:
                if interrupted:
                    player.lose("ran too long and could not be interrupted")
                interrupted = True
                deadline = time.monotonic() + INTERRUPT_SECONDS
                player.interrupt()
                continue
            match message["say"]:
                case "done":
                    player.require_limits()
                    return interrupted
                case "check":
                    began = time.monotonic()
                    answer = self.judge.decide(message, RemoteAnswer(player), record)
                    player.say(answer, seconds=SENDING_SECONDS)
                    deadline = min(deadline + time.monotonic() - began, self._deadline)
                case _:
                    player.attend(message)

    def _keep_output(self, message: dict[str, Any]) -> None:
        self.shown.add(message.get("kind"), message.get("content"))


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell is graded by running it."""
    return is_grade(cell) and not is_solution(cell) and cell.cell_type == "code"
