"""Every attack of the tables: what it earns, and what is seen of it from outside."""

from __future__ import annotations

import pytest

from tests.grading.attacks import (
    asking,
    files,
    forging,
    leaving,
    lying,
    notebooks,
    processes,
    resources,
    results,
    showing,
)
from tests.grading.attacks.arena import MARKS, Arena
from tests.grading.attacks.attack import Attack

TABLES = (
    files,
    processes,
    resources,
    leaving,
    asking,
    lying,
    showing,
    results,
    forging,
    notebooks,
)
ATTACKS = [attack for table in TABLES for attack in table.ATTACKS]
FEWEST_ATTACKS = 60


def test_there_are_enough_attacks() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= FEWEST_ATTACKS


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_earns_what_its_answer_is_worth(attack: Attack, arena: Arena) -> None:
    scene = arena.play(attack)
    expected = {**MARKS, **attack.costs}
    if attack.earns is not None:
        expected[attack.exercise] = attack.earns
    assert scene.points == expected, (scene.why_lost, scene.text[-3000:])
    if attack.lost:
        assert any(words in scene.why_lost for words in attack.lost.split("|")), scene.why_lost
    else:
        assert not scene.why_lost
    assert scene.seconds < attack.seconds
    attack.seen(scene)
    arena.require_untouched(scene)
    honest = arena.play(Attack("honest"))
    assert honest.points == MARKS, honest.why_lost
    assert not honest.playing.lost
