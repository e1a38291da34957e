"""Limits on an answer: how long it may run and how much it may print."""

from __future__ import annotations

import contextlib
import ctypes
import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import CodeType, FrameType
from typing import Any, TypeVar

REPEAT_SECONDS = 0.2
SHORTEST_SECONDS = 0.01
CLOCK_FACTOR = 4
PRINT_LIMIT = 10_000
Function = TypeVar("Function", bound=Callable[..., object])


class TimedOut(BaseException):
    """Raised inside an answer that runs too long.

    A BaseException, so that `except Exception` in the answer does not swallow it. An answer that
    catches everything gets it again every 0.2 seconds.
    """


_undisturbed = [0]
_waiting: list[BaseException] = []
_whole: set[CodeType] = set()
"""Code that `interrupt` and the watchdog never cut in two: what it begins would stay, or be ended in part."""


def _at_once(method: Function) -> Function:
    """Have an interrupt wait that comes within a method, also before its first line."""
    _whole.add(method.__code__)
    return method


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


# These are classes, not generators with `contextlib.contextmanager`: that one calls the generator from code
# of its own, and an interrupt there would leave the generator where it stands.


class undisturbed:  # noqa: N801
    """Put off what would interrupt the body until it has ended: half a message is worse than a late one.

    It holds for the main thread, the only one in which signals interrupt.
    """

    @_at_once
    def __enter__(self) -> None:
        self._counts = _in_main_thread()
        _undisturbed[0] += self._counts

    @_at_once
    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        _undisturbed[0] -= self._counts
        if self._counts:
            _raise_what_waits(error)


class interruptible:  # noqa: N801
    """Let the body be interrupted also within `undisturbed`; what waits already comes before it."""

    @_at_once
    def __enter__(self) -> None:
        self._counts = _in_main_thread()
        if self._counts:
            self._before, _undisturbed[0] = _undisturbed[0], 0
            try:
                _raise_what_waits()
            except BaseException:
                _undisturbed[0] = self._before
                raise

    @_at_once
    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._counts:
            _undisturbed[0] = self._before
            _raise_what_waits(error)


def _raise_what_waits(cause: BaseException | None = None) -> None:
    if _waiting and not _undisturbed[0]:
        raise _waiting.pop() from cause


def forget_interrupts() -> None:
    """Drop what waits: it was meant for what has ended."""
    _waiting.clear()


def interrupt(error: BaseException, frame: FrameType | None) -> None:
    """Raise an exception from the handler of a signal: at once, or at the end of what is undisturbed.

    Args:
        error: The exception.
        frame: Where the signal came, as the handler was told; None outside of a handler.
    """
    if not (_undisturbed[0] or _is_whole(frame)):
        raise error
    # A time limit rings again, the stop button does not.
    if not _waiting or not isinstance(error, TimedOut):
        _waiting[:] = [error]


def _is_whole(frame: FrameType | None) -> bool:
    """Whether a frame, or one that called it, runs such code: the frame of a handler lies on top of it."""
    while frame is not None and frame.f_code not in _whole:
        frame = frame.f_back
    return frame is not None


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Interrupt the body after so many seconds of processor time, or four times as many on the clock.

    Processor time, so that a busy machine takes no marks away; the clock as well, because a body
    that sleeps or waits uses no processor. In the main thread of a Unix process timer signals do
    it, which also end a blocking call such as `time.sleep`. Elsewhere a watchdog thread raises the
    exception by the clock, which takes effect at the next Python instruction.

    In a `with` of several things this one comes last: where the others end, nothing may interrupt them.

    Raises:
        TimedOut: the body ran longer.
    """
    if hasattr(signal, "setitimer") and _in_main_thread():
        return _Timers(seconds)
    return _Watchdog(seconds * CLOCK_FACTOR)


class _Timers(AbstractContextManager[None]):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = TimedOut()
        self._armed = True
        self._handlers: list[tuple[int, Any]] = []
        self._earlier: list[tuple[int, tuple[float, float]]] = []
        self._stop = signal.getsignal(signal.SIGINT)

    @_at_once
    def __enter__(self) -> None:
        timers = (
            (signal.SIGPROF, signal.ITIMER_PROF, self._seconds),
            (signal.SIGALRM, signal.ITIMER_REAL, self._seconds * CLOCK_FACTOR),
        )
        if callable(self._stop):
            signal.signal(signal.SIGINT, self._stop_whole)
        self._began = time.process_time()
        for number, _, _ in timers:
            self._handlers.append((number, signal.signal(number, self._ring)))
        # Whoever set such a timer before (a test runner's own limit) gets what is left of it back.
        for _, timer, limit in timers:
            self._earlier.append((timer, signal.setitimer(timer, limit, REPEAT_SECONDS)))

    def _stop_whole(self, number: int, frame: FrameType | None) -> None:
        """Handle the stop button as before, but for the moments in which timers are set and given back."""
        if _is_whole(frame):
            interrupt(KeyboardInterrupt(), frame)
        elif callable(self._stop):
            self._stop(number, frame)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        # A signal that is already on its way when the body ends must not hit the caller.
        if not self._armed:
            return
        # The kernel's timer counts in whole ticks, and may ring much too early where processors are shared.
        left = self._seconds - (time.process_time() - self._began)
        if number == signal.SIGPROF and left > 0:
            signal.setitimer(signal.ITIMER_PROF, max(left, SHORTEST_SECONDS), REPEAT_SECONDS)
        else:
            interrupt(self._end, frame)

    @_at_once
    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._armed = False
        if self._end in _waiting:
            _waiting.remove(self._end)
        for timer, _ in self._earlier:
            signal.setitimer(timer, 0)
        for number, handler in self._handlers:
            signal.signal(number, handler)
        for timer, earlier in self._earlier:
            signal.setitimer(timer, *earlier)
        if callable(self._stop):
            signal.signal(signal.SIGINT, self._stop)
        _raise_what_waits(error)


def _watch(seconds: float, watched: int, finished: threading.Event, lock: threading.Lock) -> None:
    """Raise `TimedOut` in a thread, again and again until it has finished."""
    while not finished.wait(seconds):
        with lock:
            if not finished.is_set() and not _is_whole(sys._current_frames().get(watched)):
                thread, error = ctypes.c_ulong(watched), ctypes.py_object(TimedOut)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)
        seconds = REPEAT_SECONDS


class _Watchdog(AbstractContextManager[None]):
    def __init__(self, seconds: float) -> None:
        self._finished, self._lock = threading.Event(), threading.Lock()
        # The thread does not know this object, so that it ends with it whatever happens.
        about = (seconds, threading.get_ident(), self._finished, self._lock)
        self._thread = threading.Thread(target=_watch, args=about, daemon=True)

    @_at_once
    def __enter__(self) -> None:
        self._thread.start()

    @_at_once
    def __exit__(self, *_: object) -> None:
        # One that is on its way is awaited here. To take it back would leave CPython looking for it for ever:
        # the thread gets slower, and in Python 3.11 a debugger or profiler then hangs.
        try:
            with self._lock:
                self._finished.set()
        except TimedOut:
            pass
        finally:
            self._finished.set()

    def __del__(self) -> None:
        # What an instruction without a call has delayed may be raised before the first line of `__exit__`.
        self._finished.set()


def bounded_text(text: str, limit: int) -> str:
    """Return the start of a text, in characters that every notebook can store.

    >>> bounded_text("seven characters", 5)
    'seven ...'
    """
    storable = text[:limit].encode("utf-8", "replace").decode("utf-8")
    return storable + (" ..." if len(text) > limit else "")


class BoundedText(io.TextIOBase):
    """A text stream that keeps the first characters and counts the rest.

    >>> stream = BoundedText(5)
    >>> stream.write("seven characters")
    16
    >>> stream.text()
    'seven\\n... (11 more characters not kept)'
    """

    def __init__(self, limit: int = PRINT_LIMIT) -> None:
        self.limit = limit
        self.kept: list[str] = []
        self.size = 0

    def writable(self) -> bool:
        """Say that the stream can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep what still fits."""
        room = self.limit - min(self.size, self.limit)
        if room:
            self.kept.append(text[:room])
        self.size += len(text)
        return len(text)

    def text(self) -> str:
        """Return what was kept, and how much was not."""
        rest = self.size - self.limit
        return "".join(self.kept) + (f"\n... ({rest:,} more characters not kept)" if rest > 0 else "")


@contextlib.contextmanager
def captured_output() -> Iterator[BoundedText]:
    """Collect what the body prints to stdout and stderr, up to a limit."""
    stream = BoundedText()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield stream
