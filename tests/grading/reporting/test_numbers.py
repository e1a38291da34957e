"""The numbers of the report against numbers worked out by hand."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from course_utils.grading.journal import Record
from course_utils.grading.places import Chapter
from course_utils.grading.reporting import numbers
from course_utils.grading.reporting.drawing import round_steps
from course_utils.grading.reporting.numbers import ENOUGH, ClassData, Item
from course_utils.grading.standing import Standing

FIRST, SECOND = Item("check_f", "f", 4.0), Item("check_g", "g", 2.0)
WORDS = Item("words", "words", 3.0, written=True)


def outcome(status: str, *explanations: str, **cases: str) -> dict:
    return {"status": status, "cases": cases, "explanations": list(explanations), "reason": ""}


def small_class() -> ClassData:
    """Four students, of whom one is not graded and one waits for a mark."""
    records = {
        "ada": {
            "check_f": outcome("passed", a="passed", b="passed"),
            "check_g": outcome("passed", c="passed"),
        },
        "bob": {
            "check_f": outcome("failed", "no scaling", a="failed", b="passed"),
            "check_g": outcome("crashed", c="crashed"),
        },
        "eve": {
            "check_f": outcome("failed", "no scaling", "wrong axis", a="failed", b="timed out"),
            "check_g": outcome("not attempted", c="not attempted"),
        },
    }
    scores = {
        "ada": {"check_f": 4.0, "check_g": 2.0, "words": 3.0},
        "bob": {"check_f": 1.0, "check_g": 0.0, "words": 1.5},
        "eve": {"check_f": 0.0, "check_g": 0.0, "words": None},
        "kim": {},
    }
    waiting = {"eve": ("words",)}
    standings = [
        Standing(
            student,
            student in records,
            math.fsum(score or 0.0 for score in of.values()),
            9.0,
            waiting.get(student, ()),
            1.0 if student == "bob" else 0.0,
            Record("s", "r", records[student]) if student in records else None,
        )
        for student, of in scores.items()
    ]
    known = {"f": ["wrong axis", "no scaling"]}
    return ClassData(Chapter("a", "b"), standings, [FIRST, SECOND, WORDS], scores, known)


def test_marks_are_counted_after_the_late_penalty() -> None:
    found = numbers.marks(small_class())
    assert found.values == (9.0, 1.5, 0.0)
    assert (found.edges[0], found.edges[-1], len(found.edges)) == (0.0, 9.0, 19)
    # 0 lies in the first bin, 1.5 in the fourth (from 1.5 up to 2), 9 in the last, which includes its end.
    assert [place for place, count in enumerate(found.counts) if count] == [0, 3, 17]
    assert sum(found.counts) == 3
    assert found.mean == 3.5
    assert [found.quantile(share) for share in (0, 0.25, 0.5, 0.75, 1)] == [0.0, 0.75, 1.5, 5.25, 9.0]


def test_items_are_as_counted_by_hand() -> None:
    first, second, words = numbers.items(small_class())
    assert first.difficulty == pytest.approx(5 / 12)
    assert second.difficulty == pytest.approx(2 / 6)
    assert (words.difficulty, words.marked) == (pytest.approx(4.5 / 6), 2)
    assert first.outcomes == {"passed": 1, "failed": 2}
    assert second.outcomes == {"passed": 1, "crashed": 1, "not attempted": 1}
    assert words.outcomes == {}
    assert [(case.name, case.failed, case.tried, case.wrong) for case in first.cases] == [
        ("a", 2, 3, {"failed": 2}),
        ("b", 1, 3, {"timed out": 1}),
    ]
    # Eve did not attempt it, so that it was tried twice only.
    assert [(case.name, case.failed, case.tried) for case in second.cases] == [("c", 1, 2)]
    assert {item.silent for item in (first, second, words)} == {"too few submissions to say"}


def test_mistakes_are_counted_and_named() -> None:
    found = [(m.item.name, m.explanation, m.students) for m in numbers.mistakes(small_class())]
    assert found == [("f", "no scaling", ("bob", "eve")), ("f", "wrong axis", ("eve",))]
    assert numbers.by_hand(small_class()) == {"words": ["eve"]}


def class_of(count: int, *, same: bool = False) -> ClassData:
    draw = random.Random(count)
    students = [f"s{number}" for number in range(count)]
    scores = {
        who: {"check_f": 4.0 if same else draw.uniform(0, 4), "check_g": draw.uniform(0, 2), "words": None}
        for who in students
    }
    standings = [Standing(who, True, 1.0, 9.0, ("words",), 0.0, Record("s", "r", {})) for who in students]
    return ClassData(Chapter("a", "b"), standings, [FIRST, SECOND, WORDS], scores)


def test_discrimination_is_the_correlation_with_the_rest() -> None:
    data = class_of(40)
    first, second, words = numbers.items(data)
    columns = [[data.scores[who][cell] for who in data.scores] for cell in ("check_f", "check_g")]
    expected = np.corrcoef(np.array(columns, dtype=float))[0, 1]
    # The answer in words is not marked, so the rest of each item is the other one.
    assert first.discrimination == pytest.approx(expected)
    assert second.discrimination == pytest.approx(expected)
    assert words.discrimination is None
    reach = 1.96 / math.sqrt(37)
    low, high = math.tanh(math.atanh(expected) - reach), math.tanh(math.atanh(expected) + reach)
    assert first.interval == pytest.approx((low, high))


def test_discrimination_is_not_told_from_few_or_equal_marks() -> None:
    assert numbers.items(class_of(ENOUGH - 1))[0].silent == "too few submissions to say"
    assert numbers.items(class_of(ENOUGH))[0].silent == ""
    assert "all marks are alike" in numbers.items(class_of(ENOUGH, same=True))[0].silent


def test_the_least_number_is_what_its_reason_says() -> None:
    assert numbers.interval(0.4, ENOUGH)[0] > 0 > numbers.interval(0.4, ENOUGH - 1)[0]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_and_correlations_are_those_of_numpy(seed: int) -> None:
    draw = random.Random(seed)
    values = [draw.uniform(-3, 9) for _ in range(draw.randint(1, 30))]
    for share in (0.0, 0.25, 0.5, 0.9, 1.0):
        assert numbers.quantile(values, share) == pytest.approx(np.quantile(values, share))
    others = [draw.gauss(0, 1) for _ in values]
    found = numbers.correlation(values, others)
    if len(values) > 1:
        assert found == pytest.approx(np.corrcoef(values, others)[0, 1])


@pytest.mark.parametrize("most", [0.5, 1, 3, 7, 17, 19, 20, 21, 100, 333])
def test_every_mark_falls_into_one_bin(most: float) -> None:
    width = numbers.bin_width(most)
    assert most / width <= numbers.MOST_BINS + 1e-6
    values = [round(most * part / 97, 2) for part in range(98)]
    standings = [Standing(str(place), True, value, most) for place, value in enumerate(values)]
    found = numbers.marks(ClassData(Chapter("a", "b"), standings, [Item("c", "c", most)], {}))
    edges = found.edges
    bins = pairwise(edges)
    counts = [sum(low - 1e-7 <= value < high - 1e-7 for value in values) for low, high in bins]
    counts[-1] += sum(value >= edges[-1] - 1e-7 for value in values)
    assert list(found.counts) == counts
    assert sum(counts) == 98


def test_more_than_full_marks_have_a_bin() -> None:
    standings = [Standing("a", True, 12.5, 9.0)]
    found = numbers.marks(ClassData(Chapter("a", "b"), standings, [FIRST, SECOND, WORDS], {}))
    assert found.edges[-1] >= 12.5
    assert sum(found.counts) == 1


@pytest.mark.parametrize("most", [1, 2, 3, 7, 39, 250, 2000])
def test_steps_are_whole_and_reach_the_top(most: int) -> None:
    steps = round_steps(most, 4)
    assert steps[0] == 0
    assert steps[-1] >= most
    assert all(step == int(step) for step in steps)
    assert 2 <= len(steps) <= 6
