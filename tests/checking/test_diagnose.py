"""Known mistakes are named where they are made, and nowhere else."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch

from course_utils.checking import Exercise, Script
from course_utils.checking.diagnose import distance
from course_utils.checking.difference import Tolerance
from tests.checking import exercises, sample
from tests.checking.judging import check


@pytest.mark.parametrize("size", [1e-4, 3e-3])
def test_mistake_is_recognized_with_a_small_numerical_difference(size: float) -> None:
    def unscaled_and_rough(query, key, value, mask=None):
        scores = query @ key.transpose(-2, -1) + size
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        weights = torch.exp(scores) / (torch.exp(scores).sum(-1, keepdim=True) + size)
        return weights @ value

    def plain_crash(query, key, value, mask=None):
        if key.shape[-1] != query.shape[-1]:
            raise ValueError("no")
        return unscaled_and_rough(query, key, value, mask)

    assert check(exercises.attention, plain_crash).explanations == (exercises.UNSCALED,)


def test_an_answer_wrong_in_its_own_way_gets_no_explanation() -> None:
    def own_way(query, key, value, mask=None):
        return sample.softmax_attention(query, key, value, mask) ** 2

    assert check(exercises.attention, own_way).explanations == ()


def test_half_recognized_mistake_is_a_note() -> None:
    def unscaled_and_refuses_nothing(query, key, value, mask=None):
        if key.shape[-1] != query.shape[-1]:
            return query
        scores = query @ key.transpose(-2, -1)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return torch.softmax(scores, dim=-1) @ value

    report = check(exercises.attention, unscaled_and_refuses_nothing)
    assert report.explanations == ()
    assert any(exercises.UNSCALED in note for note in report.notes)


def test_two_mistakes_in_one_answer_are_both_named() -> None:
    class Doubled(sample.RunningMean):
        def update(self, values):
            self.total = float(values.sum())
            self.count = self.count + values.numel()
            return self.total / self.count

    two = Exercise("RunningMean", "stateful", sample.RunningMean, 2, exercises.mean.tolerance)
    two.case("the mean")(
        lambda draw: Script.build().call("update", draw.normal(5)).call("update", draw.normal(3))
    )
    two.case("the start")(lambda draw: Script.build(4.0).get("total"))
    two.mistake("Only the last counts.", edit=("self.total += float", "self.total = float"))
    two.mistake("The start is ignored.", edit=("self.total = start", "self.total = 0.0"))

    class Both(Doubled):
        def __init__(self, start=0.0):
            super().__init__(0.0)

    report = check(two, Both)
    assert report.explanations == ()
    assert [note.split(": ")[1] for note in report.notes] == [
        "Only the last counts.",
        "The start is ignored.",
    ]


def test_same_exception_for_another_reason_is_not_explained() -> None:
    fails = Exercise("double_all", "function", sample.double_all, 1, exercises.doubled.tolerance)
    fails.case("values")(lambda draw: {"values": draw.normal(3, 5)})
    fails.mistake("The shapes do not fit.", edit=("* 2", "* values[:, :2]"))
    assert check(fails, fails.mistakes[0].answer).explanations == ("The shapes do not fit.",)

    def typo(values):
        raise RuntimeError("something else")

    assert check(fails, typo).explanations == ()


def test_own_small_error_is_not_taken_for_a_small_mistake() -> None:
    exact = Exercise("double_all", "function", sample.double_all, 1, Tolerance(1e-6, 1e-7))
    exact.case("values")(lambda draw: {"values": draw.uniform(3, 5)})
    exact.mistake("A millesimal is added.", edit=("* 2", "* 2 + 0.001"))
    assert check(exact, lambda values: values * 2 + 2.0011).explanations == ("A millesimal is added.",)
    assert check(exact, lambda values: values * 2 + 1.9995).explanations == ()


def test_attempt_that_fails_is_not_called_unattempted() -> None:
    def half_done(query, key, value, mask=None):
        if mask is not None:
            raise NotImplementedError
        return query

    assert check(exercises.attention, half_done).status == "failed"


def test_missing_gradient_is_a_gradient_of_zeros() -> None:
    class Constant(sample.Affine):
        def forward(self, x):
            return super().forward(x.detach()) + 0 * self.bias

    message = check(exercises.affine, Constant, graded=False).cases[0].message
    assert message.startswith("gradient of ")
    assert "all values are zero" in message


def test_graded_crash_and_wrong_type_show_no_value() -> None:
    def number(query, key, value, mask=None):
        return float(query.flatten()[0])

    report = check(exercises.attention, number)
    assert "expected a torch tensor, got a float" in report.cases[0].public_message
    assert not re.search(r"\d", report.cases[0].public_message)


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_slow_answer_is_not_timed_again_and_again() -> None:
    calls = []

    def slow(matrix):
        calls.append(len(matrix))
        burn(1.5 * (len(matrix) > 100))
        return matrix.sum(1)

    assert check(exercises.sums, slow, seed=5).points == 1
    assert calls.count(3000) == 1


def test_wrong_values_are_not_taken_for_a_loop() -> None:
    def wrong_where_it_is_timed(matrix):
        return matrix.sum(1) + (len(matrix) > 100)

    report = check(exercises.sums, wrong_where_it_is_timed, seed=5)
    assert report.points == 1
    assert exercises.SLOW not in " ".join([*report.explanations, *report.notes])
    assert check(exercises.sums, exercises.looped, seed=5).explanations == (exercises.SLOW,)


def test_answer_that_waits_and_is_slow_does_not_keep_its_learner_waiting() -> None:
    def waiting_and_slow(matrix):
        time.sleep(0.5 * (len(matrix) > 100))
        burn(0.01 * (len(matrix) > 100))
        return matrix.sum(1)

    began = time.monotonic()
    assert check(exercises.sums, waiting_and_slow, seed=5).points == 1
    assert time.monotonic() - began < 8


def test_time_of_threads_is_the_answers() -> None:
    def with_threads(matrix):
        thread = threading.Thread(target=burn, args=(0.5 * (len(matrix) > 100),))
        thread.start()
        thread.join()
        return matrix.sum(1)

    assert check(exercises.sums, with_threads, seed=5).points == 1


def test_time_that_others_have_the_processor_is_not_the_answers() -> None:
    def waiting(matrix):
        time.sleep(0.05 * (len(matrix) > 100))
        return matrix.sum(1)

    assert check(exercises.sums, waiting, seed=5).points == 2


def test_mistake_is_recognized_in_an_answer_that_also_edits_its_input() -> None:
    def unscaled_in_place(query, key, value, mask=None):
        result = exercises.attention.mistakes[0].answer(query, key, value, mask)
        query.zero_()
        return result

    report = check(exercises.attention, unscaled_in_place)
    assert report.explanations == (exercises.UNSCALED,)
    assert "`query`" in report.notes[0]


def test_right_values_with_an_edit_in_place_are_no_known_mistake() -> None:
    def right_in_place(query, key, value, mask=None):
        result = sample.softmax_attention(query, key, value, mask)
        query.zero_()
        return result

    assert check(exercises.attention, right_in_place).explanations == ()


def test_the_order_of_the_keys_of_a_dictionary_tells_nothing() -> None:
    wrong, right = {"mean": 2.0, "median": 3.0}, {"mean": 1.0, "median": 3.0}
    assert distance(dict(reversed(wrong.items())), wrong, right) <= 1
    assert distance(dict(reversed(right.items())), wrong, right) > 1


@pytest.mark.parametrize("same", [12, 12.0, 12.2, np.int64(12), np.float32(12)])
def test_an_integer_and_a_float_can_be_the_same_mistake(same: Any) -> None:
    assert distance(same, 12.0, 24.0) <= 1
    assert distance([same], [12.0], [24]) <= 1


@pytest.mark.parametrize("other", [13, 12.9, True, "12", 12.0 + 1j])
def test_another_number_is_another_mistake(other: Any) -> None:
    assert distance(other, 12, 24) > 1


@pytest.mark.parametrize("large", [120, 2**53 - 1, 2**80, 10**400])
def test_integers_are_compared_exactly(large: int) -> None:
    assert distance(large, large, 1) <= 1
    assert distance(large + 1, large, 1) > 1
    assert distance(-large, large, 1) > 1
