"""What must be done whole is not cut in two by a time limit or the stop button."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import pytest

from course_utils.checking import limits
from course_utils.checking.limits import (
    TimedOut,
    forget_interrupts,
    interrupt,
    interruptible,
    time_limit,
    undisturbed,
)


def spin(seconds: float) -> None:
    """Use processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.fixture
def stop_button() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: interrupt(KeyboardInterrupt()))
    yield
    signal.signal(signal.SIGINT, before)


def test_a_time_limit_waits_for_what_must_be_whole() -> None:
    done = []

    def works() -> None:
        with time_limit(0.05):
            with undisturbed():
                spin(0.15)
                done.append("whole")
            done.append("too much")

    with pytest.raises(TimedOut):
        works()
    assert done == ["whole"]


def test_nothing_comes_late_when_nothing_interrupted() -> None:
    with time_limit(5.0), undisturbed():
        pass
    with undisturbed(), undisturbed():
        pass
    assert limits._waiting == []
    assert limits._undisturbed == [0]


@pytest.mark.usefixtures("stop_button")
def test_the_stop_button_waits_for_the_outermost() -> None:
    done = []

    def works() -> None:
        with undisturbed():
            with undisturbed():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        works()
    assert done == ["inner", "outer"]


@pytest.mark.usefixtures("stop_button")
def test_what_waits_comes_before_what_is_interruptible() -> None:
    with undisturbed():
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interruptible():
            pytest.fail("it waited, and comes first")
        signal.raise_signal(signal.SIGINT)  # pressed when the cell had ended: not meant for the next one
        forget_interrupts()
        with interruptible():
            pass


def test_a_time_limit_takes_its_end_with_it() -> None:
    def fails() -> None:
        with undisturbed():
            spin(0.15)
            raise ValueError("its own")

    with undisturbed(), contextlib.suppress(ValueError), time_limit(0.05):
        fails()
    with undisturbed():
        pass
    with pytest.raises(TimedOut) as caught, time_limit(0.05):
        fails()
    assert isinstance(caught.value.__cause__, ValueError)
    with undisturbed():
        pass


def test_other_threads_are_not_held_up() -> None:
    seen = []

    def work() -> None:
        with undisturbed(), interruptible():
            seen.append(threading.current_thread().name)

    thread = threading.Thread(target=work, name="other")
    thread.start()
    thread.join()
    with pytest.raises(TimedOut), time_limit(0.05):
        spin(1.0)
    assert seen == ["other"]


def test_an_exception_of_the_body_itself_passes() -> None:
    def fails() -> NoReturn:
        with undisturbed():
            raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        fails()
