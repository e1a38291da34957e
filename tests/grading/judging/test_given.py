"""The course's own functions are given to later items, and to no answer to themselves."""

from __future__ import annotations

import resource
from typing import Any

import pytest
import torch

from course_utils.checking.checker import load_exercises
from course_utils.grading.channel.tags import UnreadableDataError
from course_utils.grading.judging.given import GivenFunctions, memory_limit
from course_utils.transformers.attention import causal_mask, scaled_dot_product_attention
from tests.grading.classroom import CHAPTER, exercises

FIRST, SECOND, THIRD, *_ = exercises()


@pytest.fixture(scope="module")
def given() -> GivenFunctions:
    return GivenFunctions(load_exercises(str(CHAPTER)))


def request(name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"say": "given", "name": name, "args": args, "kwargs": kwargs}


def test_a_later_item_is_given_an_earlier_one(given: GivenFunctions) -> None:
    answer = given.answer(request(SECOND, 4), THIRD, set())
    assert torch.equal(answer["value"], causal_mask(4))


@pytest.mark.parametrize("asking", [FIRST, SECOND])
def test_an_item_is_not_given_itself_nor_what_comes_after(given: GivenFunctions, asking: str) -> None:
    for marked in (set(), set(exercises())):
        answer = given.answer(request(SECOND, 4), asking, marked)
        assert answer["kind"] == "RuntimeError"
        assert "write it yourself" in answer["error"]


def test_outside_of_tests_it_is_given_once_its_own_mark_stands(given: GivenFunctions) -> None:
    refused = given.answer(request(SECOND, 4), None, {FIRST})
    assert refused["error"] == f"{SECOND} is given after its own test: write it yourself"
    assert torch.equal(given.answer(request(SECOND, 4), None, {SECOND})["value"], causal_mask(4))


def test_unknown_names_classes_and_malformed_requests(given: GivenFunctions) -> None:
    for name in ("__import__", "MultiHeadAttention", "x" * 5000):
        answer = given.answer(request(name), THIRD, set())
        assert "there is no function" in answer["error"]
        assert len(answer["error"]) <= 300
    for wrong in ({"name": 5}, {"args": [4]}, {"kwargs": None}):
        with pytest.raises(UnreadableDataError, match="that there is not"):
            given.answer({**request(SECOND, 4), **wrong}, THIRD, set())


def test_what_a_call_raises_is_told_as_it_is(given: GivenFunctions) -> None:
    answer = given.answer(request(SECOND, "four"), THIRD, set())
    assert set(answer) == {"error", "kind"}


def test_gradients_are_those_of_the_reference(given: GivenFunctions) -> None:
    chance = torch.Generator().manual_seed(2)
    inputs = [torch.randn(shape, generator=chance, requires_grad=True) for shape in ((5, 7), (6, 7), (6, 4))]
    outputs = scaled_dot_product_attention(*inputs)
    arriving = [torch.randn(output.shape, generator=chance) for output in outputs]
    expected = torch.autograd.grad(outputs, inputs, arriving)
    asked = {**request(FIRST, *inputs), "say": "given gradients", "gradients": arriving}
    found = given.answer(asked, SECOND, set())["value"]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    plain = given.answer(request(FIRST, *inputs), SECOND, set())["value"]
    assert [tensor.requires_grad for tensor in plain] == [False, False]


def test_a_call_that_asks_for_too_much_memory_is_refused(given: GivenFunctions) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    answer = given.answer(request(SECOND, 200_000), THIRD, set())
    assert answer["kind"] in ("RuntimeError", "MemoryError")
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with pytest.raises(MemoryError), memory_limit(1 << 20):
        bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
