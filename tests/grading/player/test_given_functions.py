"""In a player, a function that is given is worked out elsewhere; gradients flow through it all the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from course_utils.checking.checker import load_exercises
from course_utils.grading.judging.given import GivenFunctions
from course_utils.grading.player import given
from course_utils.grading.player.given import given_class, given_function
from course_utils.transformers.attention import scaled_dot_product_attention
from tests.grading.channel.alike import through
from tests.grading.classroom import CHAPTER, exercises

FIRST, SECOND, *_ = exercises()


class FakeLink:
    """Asks the judge's side in this process; everything goes through the codec, both ways."""

    def __init__(self) -> None:
        self.judge = GivenFunctions(load_exercises(str(CHAPTER)))
        self.asked: list[str] = []

    def ask(self, what: str, **content: Any) -> Any:
        self.asked.append(what)
        # The judge is another process, in which gradients are not switched off by whoever asks.
        with torch.enable_grad():
            answer = self.judge.answer(through({"say": what, **content}), SECOND, set())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return through(answer["value"])


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> FakeLink:
    made = FakeLink()
    monkeypatch.setattr(given, "the_link", lambda: made)
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_the_function(link: FakeLink, dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(4)
    shapes = ((2, 5, 7), (2, 6, 7), (2, 6, 4))
    inputs = [torch.randn(shape, generator=chance, dtype=dtype) for shape in shapes]
    mine = [tensor.clone().requires_grad_() for tensor in inputs]
    theirs = [tensor.clone().requires_grad_() for tensor in inputs]
    function = given_function(FIRST)
    found = function(mine[0] * 2, mine[1], value=mine[2])
    expected = scaled_dot_product_attention(theirs[0] * 2, theirs[1], value=theirs[2])
    assert type(found) is tuple
    torch.testing.assert_close(found, expected)
    (found[0].square().sum() + found[1].sum()).backward()
    (expected[0].square().sum() + expected[1].sum()).backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    assert link.asked == ["given", "given gradients"]


def test_without_gradients_there_is_one_question(link: FakeLink) -> None:
    function = given_function(FIRST)
    inputs = [torch.ones(2, 3)] * 3
    assert not function(*inputs)[0].requires_grad
    with torch.no_grad():
        function(*[tensor.clone().requires_grad_() for tensor in inputs])
    assert link.asked == ["given", "given"]


def test_what_is_refused_is_raised(link: FakeLink) -> None:
    with pytest.raises(RuntimeError, match="write it yourself"):
        given_function(SECOND)(4)


def test_a_function_and_a_class_say_what_they_are() -> None:
    function = given_function("softmax")
    assert (function.__name__, function.__qualname__) == ("softmax", "softmax")
    assert function.__doc__
    withheld = given_class("MultiHeadAttention")
    assert withheld.__name__ == "MultiHeadAttention"
    with pytest.raises(RuntimeError, match="MultiHeadAttention is what this chapter asks you to write"):
        withheld(12, heads=3)


def test_nested_results_are_taken_apart_and_put_together() -> None:
    tensors = [torch.tensor(float(number)) for number in range(3)]
    whole = torch.tensor(3)
    value = {"a": [tensors[0], (tensors[1], whole, "text")], "b": tensors[2], "c": None}
    empty, taken = given._emptied(value)
    assert taken == tensors
    assert given._filled(empty, iter(taken)) == value
