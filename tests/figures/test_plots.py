"""What the shared kinds of figure compute."""

from __future__ import annotations

import math

import pytest

from course_utils.figures import smooth


def test_a_loss_that_is_infinite_once_does_not_spoil_the_rest_of_the_curve() -> None:
    assert smooth([1.0, math.inf, 3.0, 4.0, 5.0], window=2).tolist() == [1.0, math.inf, math.inf, 3.5, 4.5]
    missing = smooth([1.0, math.nan, 3.0, 5.0], window=2).tolist()
    assert missing == pytest.approx([1.0, math.nan, math.nan, 4.0], nan_ok=True)


def test_a_window_longer_than_the_curve_and_a_curve_without_steps() -> None:
    assert smooth([2.0, 4.0], window=9).tolist() == [2.0, 3.0]
    assert smooth([], window=2).shape == (0,)
