"""Outcomes, marks and explanations of a check, for every kind of exercise."""

from __future__ import annotations

import itertools
import logging
import os
import random
import re
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.checking import Exercise, Script
from course_utils.checking.difference import Tolerance
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.report import Report
from tests.checking import exercises, sample

DECLARED = [value for value in vars(exercises).values() if isinstance(value, Exercise)]


def check(exercise: Exercise, answer: object, seed: int = 3, graded: bool = True) -> Report:
    return judge("part/chapter", exercise, answer, Evidence(exercise, seed, graded=graded), graded=graded)


@pytest.mark.parametrize("exercise", DECLARED, ids=lambda exercise: exercise.name)
@pytest.mark.parametrize("seed", [0, 1, 17])
def test_reference_gets_full_marks(exercise: Exercise, seed: int) -> None:
    report = check(exercise, exercise.reference_answer, seed)
    assert (report.status, report.points) == ("passed", exercise.points)
    assert report.explanations == ()
    assert report.notes == ()


@pytest.mark.parametrize(
    ("exercise", "mistake"),
    [(exercise, mistake) for exercise in DECLARED for mistake in exercise.mistakes],
    ids=lambda value: getattr(value, "name", None) or value.explanation[:30],
)
@pytest.mark.parametrize("seed", [0, 1, 17])
def test_known_mistake_loses_marks_with_its_own_message(exercise: Exercise, mistake, seed: int) -> None:
    report = check(exercise, mistake.answer, seed)
    assert report.points < exercise.points
    assert report.explanations == (mistake.explanation,)


def attention_stub(query, key, value, mask=None):
    raise NotImplementedError


def test_stub_is_not_attempted() -> None:
    report = check(exercises.attention, attention_stub)
    assert (report.status, report.points) == ("not attempted", 0)
    assert {case.status for case in report.cases} == {"not attempted"}


@pytest.mark.parametrize("value", [None, ...])
def test_empty_value_is_not_attempted(value) -> None:
    assert check(exercises.ratio, value).status == "not attempted"


def test_not_implemented_inside_a_library_is_a_crash() -> None:
    class NoForward(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(outputs, inputs))
            self.bias = nn.Parameter(torch.zeros(outputs))

    assert check(exercises.affine, NoForward).status == "crashed"


def test_crash_shows_the_answers_own_frames_only() -> None:
    def wrong_product(query, key, value, mask=None):
        return query @ key

    report = check(exercises.attention, wrong_product, graded=False)
    assert report.status == "crashed"
    assert report.first_failure is not None
    assert report.first_failure.message.startswith("RuntimeError:")
    (line,) = report.first_failure.trace
    assert "wrong_product" in line
    assert "query @ key" in line


def test_exit_is_a_crash() -> None:
    def leave(query, key, value, mask=None):
        raise SystemExit(0)

    assert check(exercises.attention, leave).status == "crashed"


def test_endless_loop_is_interrupted_even_when_it_catches_everything() -> None:
    case = exercises.attention.cases[0]
    quick = Exercise("softmax_attention", "function", sample.softmax_attention, 1, case.tolerance)
    quick.case("plain", seconds=0.3)(case.draw)

    def endless(query, key, value, mask=None):
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                if time.monotonic() > deadline:
                    raise

    deadline = time.monotonic() + 0.6
    start = time.monotonic()
    report = check(quick, endless)
    assert report.status == "timed out"
    assert report.points == 0
    assert time.monotonic() - start < 5


def test_two_timeouts_end_the_check() -> None:
    calls = []

    def sleepy(query, key, value, mask=None):
        calls.append(1)
        time.sleep(60)

    tolerance = exercises.attention.tolerance
    slow = Exercise("softmax_attention", "function", sample.softmax_attention, 1, tolerance)
    for name in ("one", "two", "three", "four"):
        slow.case(name, seconds=0.1)(exercises.attention.cases[0].draw)
    report = check(slow, sleepy)
    assert [case.status for case in report.cases] == ["timed out"] * 4
    assert len(calls) == 2
    assert "not run" in report.cases[3].message


def test_partial_credit_follows_the_weights() -> None:
    def ignores_the_mask(query, key, value, mask=None):
        return sample.softmax_attention(query, key, value)

    report = check(exercises.attention, ignores_the_mask)
    assert [case.passed for case in report.cases] == [True, False, True]
    assert report.points == pytest.approx(4 * 2 / 4)


def test_in_place_edit_costs_a_quarter_and_is_named() -> None:
    def edits_key(query, key, value, mask=None):
        result = sample.softmax_attention(query, key, value, mask)
        key.zero_()
        return result

    report = check(exercises.attention, edits_key)
    assert report.points == pytest.approx(3)
    assert report.status == "failed"
    assert "`key`" in report.notes[0]


def test_random_answer_is_called_random() -> None:
    def random_answer(query, key, value, mask=None):
        return torch.randn(*query.shape[:-1], value.shape[-1])

    assert any("different results" in note for note in check(exercises.attention, random_answer).notes)


def test_check_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.randn(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    check(exercises.attention, lambda query, key, value, mask=None: torch.randn(3) + np.random.rand())
    assert torch.equal(torch.randn(3), expected[0])
    assert (np.random.rand(3) == expected[1]).all()


def test_warnings_and_prints_cost_nothing_and_are_bounded() -> None:
    def chatty(query, key, value, mask=None):
        warnings.warn("careful", stacklevel=1)
        print("x" * 10_000_000)
        return sample.softmax_attention(query, key, value, mask)

    report = check(exercises.attention, chatty)
    assert report.points == 4
    assert len(report.printed) <= 2000


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


def test_hidden_cases_run_only_when_graded() -> None:
    shown = check(exercises.attention, exercises.attention.reference_answer, graded=False)
    assert [case.name for case in shown.cases] == ["plain", "sizes that do not fit are refused"]


def test_weights_with_other_names_say_which() -> None:
    class Renamed(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(outputs, inputs))
            self.bias = nn.Parameter(torch.zeros(outputs))

    report = check(exercises.affine, Renamed, graded=False)
    assert "missing ['weight'], not expected ['w']" in report.cases[0].message


def test_detached_output_is_explained() -> None:
    class Detached(sample.Affine):
        def forward(self, x):
            return super().forward(x).detach()

    assert "carries gradients" in check(exercises.affine, Detached, graded=False).cases[0].message


def test_gradients_are_compared() -> None:
    class HalfGradient(sample.Affine):
        def forward(self, x):
            right = super().forward(x)
            return right * 0.5 + (right * 0.5).detach()

    report = check(exercises.affine, HalfGradient, graded=False)
    assert "gradient of" in report.cases[0].message


def test_predictions_of_another_form_are_explained() -> None:
    class Scores(sample.NearestMean):
        def predict(self, inputs):
            return -torch.cdist(inputs, self.means)

    message = check(exercises.classifier, Scores(exercises.MEANS), graded=False).cases[0].message
    assert "(60,)" in message
    assert "(60, 2)" in message


def test_property_must_hold_again_with_other_global_random_numbers() -> None:
    def by_global_numbers(count, share, seed):
        order = np.random.permutation(count)
        cut = round(count * share)
        return order[:cut], order[cut:]

    report = check(exercises.split, by_global_numbers)
    assert report.points == 0
    assert "different results for the same inputs" in report.cases[0].message


def test_property_of_several_calls() -> None:
    def ignores_the_seed(count, share, seed):
        return sample.split_rows(count, share, 0)

    report = check(exercises.split, ignores_the_seed)
    assert [case.passed for case in report.cases] == [True, False]
    assert report.cases[1].message == "two seeds give the same parts"


@pytest.mark.parametrize("wrong", [None, 3, "text", (1,), [[1], [2], [3]]])
def test_property_check_survives_any_result(wrong) -> None:
    report = check(exercises.split, lambda count, share, seed: wrong)
    assert report.points == 0
    assert report.cases[0].message


def test_reference_that_contradicts_its_case_is_refused() -> None:
    broken = Exercise("double_all", "function", sample.double_all, 1, exercises.doubled.tolerance)
    broken.case("must raise", raises=ValueError)(lambda draw: {"values": draw.normal(3)})
    with pytest.raises(ValueError, match="raised nothing; expected ValueError"):
        Evidence(broken, 1, graded=True)


def test_edit_that_no_longer_applies_fails_loudly() -> None:
    stale = Exercise("double_all", "function", sample.double_all, 1, exercises.doubled.tolerance)
    stale.mistake("gone", edit=("* 3", "* 4"))
    with pytest.raises(ValueError, match="must apply exactly once"):
        _ = stale.mistakes[0].answer


def test_two_cases_of_one_name_are_refused() -> None:
    twice = Exercise("double_all", "function", sample.double_all, 1, exercises.doubled.tolerance)
    twice.case("a")(lambda draw: {"values": draw.normal(3)})
    with pytest.raises(ValueError, match="two cases named 'a'"):
        twice.case("a")


def change_everything() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(torch.get_num_threads() + 1)
    np.seterr(all="raise")
    random.seed(1)
    sys.setrecursionlimit(sys.getrecursionlimit() + 7)
    warnings.simplefilter("error")
    logging.warning("careful")
    os.chdir("/")


def settings() -> list:
    functions = (torch.get_default_dtype, torch.is_grad_enabled, torch.get_num_threads, np.geterr)
    more = (random.getstate, sys.getrecursionlimit, os.getcwd, lambda: list(logging.root.handlers))
    return [read() for read in (*functions, *more)] + [list(warnings.filters)]


def test_global_settings_that_an_answer_changes_are_put_back() -> None:
    def meddles(query, key, value, mask=None):
        assert torch.zeros(1).dtype == torch.float32
        assert torch.is_grad_enabled()
        result = sample.softmax_attention(query, key, value, mask)
        change_everything()
        return result

    before = settings()
    assert check(exercises.attention, meddles).points == 4
    assert settings() == before


def test_settings_of_the_notebook_decide_nothing() -> None:
    dtype, folder = torch.get_default_dtype(), os.getcwd()
    try:
        torch.set_default_dtype(torch.float64)
        with torch.no_grad(), np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            for exercise in DECLARED:
                assert check(exercise, exercise.reference_answer).points == exercise.points
    finally:
        torch.set_default_dtype(dtype)
        os.chdir(folder)


def test_check_of_a_module_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    check(exercises.affine, nn.Linear)
    assert torch.equal(torch.randn(3), expected)


class HostileError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class EndlessError(Exception):
    def __str__(self) -> str:
        while True:
            pass


@pytest.mark.parametrize(("error", "status"), [(HostileError, "crashed"), (EndlessError, "timed out")])
def test_exception_with_a_hostile_text(error: type[Exception], status: str) -> None:
    case = exercises.attention.cases[0]
    quick = Exercise("softmax_attention", "function", sample.softmax_attention, 1, case.tolerance)
    quick.case("plain", seconds=0.3)(case.draw)

    def hostile(query, key, value, mask=None):
        raise error

    assert check(quick, hostile).status == status


def test_texts_can_be_stored_in_a_notebook() -> None:
    def surrogates(query, key, value, mask=None):
        print("\ud800")
        raise RuntimeError("\ud800" + "x" * 10**6)

    report = check(exercises.attention, surrogates, graded=False)
    message = report.cases[0].message
    assert (message + report.printed).encode()
    assert len(message) < 500


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(2, 3).to_sparse(),
        torch.zeros(2, 3).to_sparse_csr(),
        torch.zeros(2, 3, device="meta"),
        torch.zeros(2, 3).to(torch.float8_e4m3fn),
        torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        np.datetime64("2020-01-01"),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        10**30,
        torch.zeros(1).expand(10**6, 10**6),
        object(),
    ],
)
@pytest.mark.parametrize("name", ["attention", "doubled", "sums", "classifier"])
def test_odd_results_are_judged_and_never_crash_the_check(name: str, odd: object) -> None:
    exercise = getattr(exercises, name)
    report = check(exercise, lambda *args, **kwargs: odd)
    assert report.points == 0
    assert report.status in ("failed", "crashed")
    assert report.explanations == ()


def test_endless_generator_is_judged_within_the_limit() -> None:
    listed = Exercise("split_rows", "function", sample.split_rows, 1, exercises.split.tolerance)

    @listed.property("it ends", seconds=0.3)
    def _(draw):
        return {"count": 5, "share": 0.5, "seed": 1}, lambda result: None if list(result) else "empty"

    report = check(listed, lambda count, share, seed: (n for n in itertools.count()))
    assert report.points == 0


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


def test_slow_answer_is_not_timed_again_and_again() -> None:
    calls = []

    def slow(matrix):
        calls.append(len(matrix))
        time.sleep(1.5 if len(matrix) > 100 else 0)
        return matrix.sum(1)

    assert check(exercises.sums, slow, seed=5).points == 1
    assert calls.count(3000) == 1


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
