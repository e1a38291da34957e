"""What must be done whole is not cut in two by a time limit or the stop button."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import numpy as np
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
    before = signal.signal(signal.SIGINT, lambda _number, frame: interrupt(KeyboardInterrupt(), frame))
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


@contextlib.contextmanager
def a_signal_at(method: str, number: signal.Signals) -> Iterator[list[str]]:
    """Have a signal come as a method of this name begins, the first time that one does."""
    came: list[str] = []

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name == method and not came:
            came.append(method)
            signal.raise_signal(number)

    sys.setprofile(watch)
    try:
        yield came
    finally:
        sys.setprofile(None)


@pytest.fixture
def timers_as_before() -> Iterator[None]:
    """See that a test leaves timers and handlers as they were: those of the test runner's own limit."""
    numbers, timers = (signal.SIGALRM, signal.SIGPROF), (signal.ITIMER_REAL, signal.ITIMER_PROF)
    handlers = [signal.getsignal(number) for number in numbers]
    before = [signal.getitimer(timer) for timer in timers]
    yield
    assert [signal.getsignal(number) for number in numbers] == handlers
    for timer, (left, interval) in zip(timers, before, strict=True):
        assert signal.getitimer(timer)[0] <= left + 1
        assert signal.getitimer(timer)[1] == interval


@pytest.mark.usefixtures("timers_as_before")
def test_a_time_limit_that_rings_as_its_body_ends_is_silent() -> None:
    with a_signal_at("__exit__", signal.SIGALRM) as came, time_limit(60):
        pass
    assert came == ["__exit__"]
    assert limits._waiting == []


@pytest.mark.usefixtures("timers_as_before")
def test_a_time_limit_ends_that_rings_again_as_it_ends() -> None:
    with pytest.raises(TimedOut), a_signal_at("__exit__", signal.SIGALRM) as came, time_limit(60):
        signal.raise_signal(signal.SIGALRM)
    assert came == ["__exit__"]


@pytest.mark.usefixtures("timers_as_before")
@pytest.mark.parametrize("method", ["__enter__", "__exit__"])
def test_a_time_limit_within_another_gives_it_back_whatever_comes(method: str) -> None:
    outer, inner = time_limit(60), time_limit(30)
    with outer:
        with contextlib.suppress(TimedOut), a_signal_at(method, signal.SIGALRM) as came, inner:
            pass
        assert came == [method]
        assert 30 < signal.getitimer(signal.ITIMER_PROF)[0] < 61
        with pytest.raises(TimedOut):
            signal.raise_signal(signal.SIGALRM)


@pytest.mark.usefixtures("stop_button")
@pytest.mark.parametrize("method", ["__enter__", "__exit__"])
@pytest.mark.parametrize("context", [undisturbed, interruptible])
def test_the_stop_button_as_something_begins_or_ends_is_neither_lost_nor_harmful(
    context: Any, method: str
) -> None:
    done = []

    def works() -> None:
        with undisturbed():
            body = context()
            with a_signal_at(method, signal.SIGINT), body:
                done.append("body")
            done.append("after it")

    with pytest.raises(KeyboardInterrupt):
        works()
    assert limits._undisturbed == [0]
    assert limits._waiting == []
    assert done in (["body", "after it"], [])


def test_a_time_limit_of_a_thread_ends_with_its_body() -> None:
    """The watchdog looks while the thread is about to leave: it must not be raised there."""
    left: list[str] = []

    def work() -> None:
        limit = time_limit(0.01 / limits.CLOCK_FACTOR)
        limit.__enter__()
        limit._lock.acquire()  # type: ignore[attr-defined]
        # It cannot end before this is released, and the watchdog wants to ring meanwhile.
        threading.Timer(0.1, limit._lock.release).start()  # type: ignore[attr-defined]
        limit.__exit__(None, None, None)
        time.sleep(0.3)
        left.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert left == ["whole"]


def test_a_time_limit_of_a_thread_is_silent_after_a_long_instruction() -> None:
    """A product of matrices is no call: its thread looks for what waits when the body has ended."""
    matrix = np.ones((1500, 1500))
    came: list[str] = []

    def work() -> None:
        for _ in range(3):
            with contextlib.suppress(TimedOut), time_limit(0.001):
                matrix @ matrix
            try:
                time.sleep(2.5 * limits.REPEAT_SECONDS)
            except TimedOut:
                came.append("late")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert came == []


@pytest.mark.usefixtures("timers_as_before")
@pytest.mark.parametrize("method", ["__enter__", "__exit__"])
def test_the_stop_button_of_a_notebook_leaves_no_timer(method: str) -> None:
    """There it raises at once, whatever is being done."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    setitimer, came = signal.setitimer, []

    def stop_as_a_timer_is_set(*args: Any) -> tuple[float, float]:
        earlier = setitimer(*args)
        if sys._getframe(1).f_code.co_name == method and not came:
            came.append(method)
            signal.raise_signal(signal.SIGINT)
        return earlier

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(signal, "setitimer", stop_as_a_timer_is_set)
            with pytest.raises(KeyboardInterrupt), time_limit(60):
                pass
        assert came == [method]
        assert limits._waiting == []
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("stop_button", "timers_as_before")
def test_a_time_limit_does_not_take_the_place_of_the_stop_button() -> None:
    def works() -> None:
        with undisturbed(), time_limit(60):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGALRM)

    with pytest.raises(KeyboardInterrupt):
        works()


def test_a_profiler_still_works_after_a_time_limit_of_a_thread() -> None:
    code = """
import sys, threading
from course_utils.checking.limits import time_limit

def limited():
    with time_limit(5):
        pass

thread = threading.Thread(target=limited)
thread.start()
thread.join()
sys.setprofile(lambda *_: None)
print(sum(map(abs, range(-4, 5))), (lambda: "profiled")())
"""
    played = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert played.stdout == "20 profiled\n"


def test_an_exception_of_the_body_itself_passes() -> None:
    def fails() -> NoReturn:
        with undisturbed():
            raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        fails()
