"""Answers that meddle, raise oddly or return oddities: each is judged, and nothing of it stays behind."""

from __future__ import annotations

import itertools
import logging
import os
import random
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.checking import Exercise
from tests.checking import exercises, sample
from tests.checking.judging import DECLARED, check


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
        assert torch.get_num_threads() == 1
        result = sample.softmax_attention(query, key, value, mask)
        change_everything()
        return result

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        before = settings()
        assert check(exercises.attention, meddles).points == 4
        assert settings() == before
    finally:
        torch.set_num_threads(threads)


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
