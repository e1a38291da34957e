"""What an exercise builds on: the learner's own answers to its earlier items.

In a class edition these stand in the modules of the chapters under test, in place of what is graded there.
No answer of the course is on the learner's disk, so a call goes to the function of that name in the notebook.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from course_utils.checking.perform import is_library_file
from course_utils.checking.released import released_names

ROOT = Path(__file__).resolve().parents[3]


class NotWrittenYetError(Exception):
    """An item was run that builds on one without an answer; the message says which."""


class _Used:
    """Which chapter is being worked on, and which own answers were used since the last check began."""

    chapter: str | None = None
    names: dict[str, None]

    def __init__(self) -> None:
        self.names = {}


used = _Used()


def given_function(name: str, chapter: str) -> Callable:
    """Return a function that calls the learner's own function of that name.

    Args:
        name: The function's name.
        chapter: The chapter that asks for it, as part/chapter.
    """

    def function(*args: Any, **kwargs: Any) -> Any:
        return _call(name, chapter, function, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Your own `{name}`, from the notebook of {chapter}."
    return function


def given_class(name: str, chapter: str) -> type:
    """Return a class whose instances are those of the learner's own class of that name."""

    class Own(type):
        """Hands what is asked of a class on to the learner's own."""

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return _call(name, chapter, cls, args, kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, _own(name, chapter, cls))

    return Own(name, (), {"__doc__": f"Your own `{name}`, from the notebook of {chapter}."})


def _call(name: str, chapter: str, stand_in: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    answer = _own(name, chapter, stand_in)
    used.names[name] = None
    try:
        return answer(*args, **kwargs)
    except NotImplementedError as error:
        if _raised_by_answer(error.__traceback__):
            _refuse(name, chapter)
        raise


def _own(name: str, chapter: str, stand_in: Any) -> Any:
    found = getattr(sys.modules["__main__"], name, None)
    # The stand-in itself is imported into the notebook, and not written there.
    if (found is None or found is stand_in) and used.chapter != chapter:
        found = _saved(chapter).get(name)
    if found is None or found is stand_in:
        _refuse(name, chapter)
    return found


@functools.cache
def _saved(chapter: str) -> dict[str, Any]:
    """Return what the learner's notebook of another chapter defines, as it is saved."""
    working_on = used.chapter
    try:
        # A cell that fails, since it builds on what is not written yet, does not take the others with it.
        return released_names(chapter, ROOT, passing_over=Exception)
    except (OSError, ValueError, KeyError):
        return {}  # without a notebook that can be read nothing is written
    finally:
        used.chapter = working_on  # that notebook has made a check of its own


def _refuse(name: str, chapter: str) -> NoReturn:
    where = "" if used.chapter in (chapter, None) else f" (in exercises/{chapter}.ipynb)"
    raise NotWrittenYetError(f"write {name} first{where}: this item builds on it") from None


def _raised_by_answer(trace: TracebackType | None) -> bool:
    """Whether an exception comes from the learner's own code: a stub, and nothing that torch cannot do."""
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
    return not is_library_file(last)
