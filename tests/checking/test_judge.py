"""Outcomes, marks and explanations of a check, for every kind of exercise."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.checking import Exercise, function
from course_utils.checking.judge import Evidence
from course_utils.checking.limits import TimedOut
from course_utils.checking.perform import perform
from course_utils.checking.script import Script
from course_utils.checking.surroundings import random_numbers_kept
from tests.checking import exercises, sample
from tests.checking.judging import DECLARED, check


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


def test_what_fit_returns_is_not_looked_at() -> None:
    class Chained(sample.Scale):
        def fit(self, values: Any) -> Any:
            super().fit(values)
            return self

    assert check(exercises.fitted, Chained).points == 1


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


def test_random_numbers_are_put_back_once_for_many_answers() -> None:
    def drawing() -> float:
        return float(torch.rand(())) + float(np.random.rand()) + random.random()

    def observed(seed: int) -> Any:
        return perform(drawing, Script.apply({}, {}), seconds=1.0, seed=seed).value

    apart = [observed(seed) for seed in (1, 2, 1)]
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(5)
    expected = torch.randn(3), np.random.randn(3), random.random()
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(5)
    with random_numbers_kept():
        assert [observed(seed) for seed in (1, 2, 1)] == apart
    assert torch.equal(torch.randn(3), expected[0])
    assert (np.random.randn(3) == expected[1]).all()
    assert random.random() == expected[2]
    # Afterwards each answer puts them back by itself again.
    state = torch.get_rng_state()
    assert observed(7) != apart[0]
    assert torch.equal(torch.get_rng_state(), state)


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


def test_what_one_instance_has_learned_is_none_of_the_others() -> None:
    class Shared(sample.RunningMean):
        def __init__(self, start: float = 0.0) -> None:
            type(self).total, type(self).count = start, 0

        def update(self, values):
            type(self).total += float(values.sum())
            type(self).count += values.numel()
            return self.total / self.count

    marks = [case.passed for case in check(exercises.mean, Shared).cases]
    assert marks == [True, False]
    assert all(case.passed for case in check(exercises.mean, sample.RunningMean).cases)


def test_a_predictor_may_train_when_it_is_asked() -> None:
    def trains_first(inputs):
        model = torch.nn.Linear(2, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        points = exercises.MEANS.repeat(20, 1) + torch.randn(40, 2)
        for _ in range(60):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(points), torch.arange(40) % 2).backward()
            optimizer.step()
        return model(inputs).argmax(1)

    assert check(exercises.classifier, trains_first).points == 3


def test_a_module_predicts_without_gradients_and_without_dropout() -> None:
    class Module(torch.nn.Module):
        def forward(self, inputs):
            assert not self.training
            assert not torch.is_grad_enabled()
            return torch.cdist(inputs, exercises.MEANS).argmin(dim=1)

    assert check(exercises.classifier, Module()).points == 3


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


def test_two_mistakes_of_one_explanation_are_refused() -> None:
    twice = Exercise("double_all", "function", sample.double_all, 1, exercises.doubled.tolerance)
    twice.mistake("It is tripled.", edit=("* 2", "* 3"))
    with pytest.raises(ValueError, match=r"two mistakes explained by 'It is tripled\.'"):
        twice.mistake("It is tripled.", edit=("* 2", "* 4"))


def unlucky(fails: Callable[[int], bool]) -> Exercise:
    """Return an exercise whose reference refuses some draws, with a case that draws blindly."""

    def halve(number):
        if fails(number):
            raise ArithmeticError("no such half")
        return number / 2

    exercise = function(halve, points=1)
    exercise.case("any number")(lambda draw: {"number": draw.integer(0, 9)})
    return exercise


def test_numbers_that_the_reference_refuses_are_drawn_again() -> None:
    exercise = unlucky(lambda number: number % 2 == 1)
    for seed in range(20):
        evidence = Evidence(exercise, seed, graded=True)
        assert evidence.trials[0].script.steps[0].args[0] % 2 == 0
        again = Evidence(exercise, seed, graded=True)
        assert again.trials[0].script.steps[0].args == evidence.trials[0].script.steps[0].args
        assert check(exercise, lambda number: number / 2, seed).points == 1


def test_what_is_drawn_again_is_none_of_the_other_numbers() -> None:
    exercise = unlucky(lambda number: number % 2 == 1)
    evidence = next(e for e in (Evidence(exercise, seed, graded=True) for seed in range(50)) if e.redrawn)
    assert set(evidence.redrawn) == {"any number"}
    trial = evidence.trials[0]
    seeds = {exercise.trial(trial.case, evidence.seed, other=number).seed for number in range(30)}
    assert trial.seed not in seeds


@pytest.mark.parametrize("error", [TimedOut(), MemoryError()])
def test_a_machine_that_is_too_small_or_busy_changes_no_draw(error: BaseException) -> None:
    calls = []

    def fails(number: int) -> bool:
        calls.append(number)
        if len(calls) == 1:
            raise error
        return False

    with pytest.raises(ValueError, match="the reference raised"):
        Evidence(unlucky(fails), 3, graded=True)
    assert len(calls) == 1


def test_a_reference_that_always_fails_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"case 'any number': the reference raised ArithmeticError"):
        Evidence(unlucky(lambda _: True), 3, graded=True)
