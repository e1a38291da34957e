"""An attack as data: what a student hands in, what it must earn, and what must be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode

if TYPE_CHECKING:
    from tests.grading.attacks.arena import Scene

RIGHT = "@right"
"""In a source: the right answer to the exercise."""
ATTACKED = "causal_mask"
WRONG = f"def {ATTACKED}(*_, **__):\n    return torch.zeros(1)"


def nothing(_scene: Scene) -> None:
    """Look at nothing beside what is looked at after every attack."""


@dataclass(frozen=True)
class Attack:
    """An attack in one cell of an otherwise right notebook.

    Attributes:
        name: Its name in the list of tests.
        answer: The source of the answer to `exercise`; "@right" stands for the right one.
        exercise: Whose cell it is in.
        earns: The points of that exercise, None for all of them.
        costs: Points of other exercises that the attack spoils for its own author.
        before, after: Ordinary cells before the answer and behind its test.
        edit: Changes the whole notebook that is handed in.
        limits: Limits that differ from the suite's own.
        seconds: How long it may take.
        lost: Words that say why a cell was lost; "" where none may be.
        seen: Looks at what the attack left outside.
    """

    name: str
    answer: str = RIGHT
    exercise: str = ATTACKED
    earns: float | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    before: str = ""
    after: str = ""
    edit: Callable[[NotebookNode], None] | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 45.0
    lost: str = ""
    seen: Callable[[Scene], None] = nothing


def says(**expected: str) -> Callable[[Scene], None]:
    """Look that what the attack tried ended as expected; several endings are separated by |.

    An attempt that is not said to have ended did not take place, which fails too.
    """

    def look(scene: Scene) -> None:
        for name, endings in expected.items():
            assert scene.said.get(name) in endings.split("|"), (name, scene.said, scene.text[-2000:])

    return look


def without(*words: str) -> Callable[[Scene], None]:
    """Look that no output holds any of these words."""

    def look(scene: Scene) -> None:
        for word in words:
            assert word not in scene.everything, word

    return look


def both(*looks: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Look at several things."""

    def look(scene: Scene) -> None:
        for one in looks:
            one(scene)

    return look
