"""Limits on an answer: how long it may run and how much it may print."""

from __future__ import annotations

import contextlib
import ctypes
import io
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

REPEAT_SECONDS = 0.2
SHORTEST_SECONDS = 0.01
CLOCK_FACTOR = 4
PRINT_LIMIT = 10_000


class TimedOut(BaseException):
    """Raised inside an answer that runs too long.

    A BaseException, so that `except Exception` in the answer does not swallow it. An answer that
    catches everything gets it again every 0.2 seconds.
    """


_undisturbed = [0]
_waiting: list[BaseException] = []


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off what would interrupt the body until it has ended: half a message is worse than a late one.

    It holds for the main thread, the only one in which signals interrupt.
    """
    if not _in_main_thread():
        yield
        return
    cause = None
    _undisturbed[0] += 1
    try:
        yield
    except BaseException as error:
        cause = error
        raise
    finally:
        _undisturbed[0] -= 1
        _raise_what_waits(cause)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let the body be interrupted also within `undisturbed`; what waits already comes before it."""
    if not _in_main_thread():
        yield
        return
    before, _undisturbed[0] = _undisturbed[0], 0
    try:
        _raise_what_waits()
        yield
    finally:
        _undisturbed[0] = before


def _raise_what_waits(cause: BaseException | None = None) -> None:
    if _waiting and not _undisturbed[0]:
        raise _waiting.pop() from cause


def forget_interrupts() -> None:
    """Drop what waits: it was meant for what has ended."""
    _waiting.clear()


def interrupt(error: BaseException) -> None:
    """Raise an exception from the handler of a signal: at once, or at the end of what is undisturbed."""
    if not _undisturbed[0]:
        raise error
    _waiting[:] = [error]


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the body after so many seconds of processor time, or four times as many on the clock.

    Processor time, so that a busy machine takes no marks away; the clock as well, because a body
    that sleeps or waits uses no processor. In the main thread of a Unix process timer signals do
    it, which also end a blocking call such as `time.sleep`. Elsewhere a watchdog thread raises the
    exception by the clock, which takes effect at the next Python instruction.

    Raises:
        TimedOut: the body ran longer.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        yield from _with_timers(seconds)
    else:
        yield from _with_watchdog(seconds * CLOCK_FACTOR)


def _with_timers(seconds: float) -> Iterator[None]:
    armed = True
    end = TimedOut()
    began = time.process_time()

    def ring(number: int, _frame: FrameType | None) -> None:
        # A signal that is already on its way when the body ends must not hit the caller.
        if not armed:
            return
        # The kernel's timer counts in whole ticks, and may ring much too early where processors are shared.
        left = seconds - (time.process_time() - began)
        if number == signal.SIGPROF and left > 0:
            signal.setitimer(signal.ITIMER_PROF, max(left, SHORTEST_SECONDS), REPEAT_SECONDS)
        else:
            interrupt(end)

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, seconds * CLOCK_FACTOR),
    )
    handlers = [(number, signal.signal(number, ring)) for number, _, _ in timers]
    # Whoever set such a timer before (a test runner's own limit) gets what is left of it back.
    earlier = [(timer, signal.setitimer(timer, limit, REPEAT_SECONDS)) for _, timer, limit in timers]
    try:
        yield
    finally:
        armed = False
        if end in _waiting:
            _waiting.remove(end)
        for timer, (left, interval) in earlier:
            signal.setitimer(timer, left, interval)
        for number, handler in handlers:
            signal.signal(number, handler)


def _with_watchdog(seconds: float) -> Iterator[None]:
    finished = threading.Event()
    lock = threading.Lock()
    thread_id = ctypes.c_ulong(threading.get_ident())

    def watch() -> None:
        delay = seconds
        while not finished.wait(delay):
            with lock:
                if not finished.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, ctypes.py_object(TimedOut))
            delay = REPEAT_SECONDS

    watchdog = threading.Thread(target=watch, daemon=True)
    watchdog.start()
    try:
        yield
    finally:
        with lock:
            finished.set()
            # Takes back an exception that was set but not yet raised.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, None)


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
