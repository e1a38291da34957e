"""The `course` command: one verb for each thing that a learner, an instructor or an author does.

A verb is a line in VERBS. Its module is imported only when the verb is used, so that `course --help`
answers at once.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer


@dataclass(frozen=True)
class Verb:
    """Where a verb is implemented, for whom it is, and what it does in one sentence.

    `target` is `module:function`. The function is either a typer command, whose annotated parameters
    become arguments and options, or it takes one parameter `arguments`, the words after the verb. What
    it returns is the exit status; None is 0.
    """

    target: str
    panel: str
    help: str

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        module, _, function = self.target.partition(":")
        return getattr(importlib.import_module(module), function)


OUTPUT_LOST = 120
"""The status with which Python ends where nobody reads its output."""
LEARNER = "For learners"
INSTRUCTOR = "For instructors"
AUTHOR = "For authors"

_AUTHORING = "course_utils.authoring"
_GRADING = "course_utils.grading"

VERBS: dict[str, Verb] = {
    "check": Verb(
        f"{_GRADING}.learner:check", LEARNER, "Run the checks of an exercise and print what they say."
    ),
    "progress": Verb(f"{_GRADING}.learner:progress", LEARNER, "Show how far each exercise is."),
    "doctor": Verb(f"{_AUTHORING}.doctor:doctor", LEARNER, "Say what is wrong with this environment."),
    "release": Verb(
        f"{_GRADING}.verbs:release", INSTRUCTOR, "Put exercises into the gradebook, ready for a class."
    ),
    "collect": Verb(f"{_GRADING}.verbs:collect", INSTRUCTOR, "Take submissions from a folder or an archive."),
    "grade": Verb(f"{_GRADING}.verbs:grade", INSTRUCTOR, "Mark the submissions that were collected."),
    "regrade": Verb(f"{_GRADING}.verbs:regrade", INSTRUCTOR, "Mark again after an exercise was mended."),
    "feedback": Verb(f"{_GRADING}.verbs:feedback", INSTRUCTOR, "Write each student's feedback as a page."),
    "report": Verb(f"{_GRADING}.verbs:report", INSTRUCTOR, "Make a page about how a class did."),
    "export": Verb(f"{_GRADING}.verbs:export", INSTRUCTOR, "Write the marks as CSV for Canvas or Moodle."),
    "new": Verb(f"{_AUTHORING}.new_chapter:main", AUTHOR, "Lay out the six files of a new chapter."),
    "toc": Verb(f"{_AUTHORING}.toc:main", AUTHOR, "Make the table of contents and other lists."),
    "notebooks": Verb(f"{_AUTHORING}.notebooks:main", AUTHOR, "Execute and normalize the chapters."),
    "exercises": Verb(f"{_AUTHORING}.exercises:main", AUTHOR, "Make exercises/ from solutions/."),
    "teeth": Verb("course_utils.cli:teeth", AUTHOR, "Prove the checks of exercises."),
}
"""Every verb, in the order in which `course --help` lists them."""


def teeth(
    chapters: Annotated[
        list[str] | None, typer.Argument(metavar="PART/CHAPTER", help="All chapters when left out.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="On how many draws of its inputs each exercise is proved.")
    ] = None,
) -> int:
    """Prove the checks: right answers pass, known mistakes and mutants are caught.

    Prints a table, the mutants that survive with the reason why each is equivalent, and every problem. Ends
    with 0 if the bar is met, else 1.

    Example: course teeth transformers/attention --seeds 500
    """
    from course_utils.checking.teeth import SEEDS
    from course_utils.checking.teeth import main as prove

    return prove(chapters or [], seeds or SEEDS)


def build(chosen: str | None) -> typer.Typer:
    """Return the application, with the chosen verb loaded and the others known by name and help only."""
    app = typer.Typer(
        name="course",
        help="Work with the course: exercises, grading and authoring.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # With a single command typer would make that command the whole application.
    app.callback()(_nothing)
    for name, verb in VERBS.items():
        function: Callable[..., Any] = verb.load() if name == chosen else _nothing
        if list(inspect.signature(function).parameters) == ["arguments"]:
            app.command(
                name,
                help=verb.help,
                rich_help_panel=verb.panel,
                add_help_option=False,
                context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
            )(_with_words(function))
        else:
            app.command(name, help=_help(verb, function), rich_help_panel=verb.panel)(_with_status(function))
    return app


def _help(verb: Verb, function: Callable[..., Any]) -> str:
    """Return a verb's sentence, and the rest of its function's docstring where that gives an example."""
    _, _, more = (inspect.getdoc(function) or "").partition("\n\n")
    if "Example:" not in more:
        return verb.help
    paragraphs = [" ".join(paragraph.split()) for paragraph in more.split("\n\n")]
    return "\n\n".join([verb.help, *paragraphs])


def _nothing() -> None:
    """Stand in for a verb that is not the one being used."""


def _with_words(function: Callable[[Sequence[str]], int]) -> Callable[[typer.Context], None]:
    """Return a command that hands the words after the verb to a function that reads them itself."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(function(context.args))

    return command


def _with_status(function: Callable[..., int | None]) -> Callable[..., None]:
    """Return a command that ends with what the function returns as the exit status."""

    @functools.wraps(function)
    def command(*positional: Any, **named: Any) -> None:
        raise typer.Exit(function(*positional, **named) or 0)

    return command


def _leave(statuses: list[int]) -> None:
    """End the process at once: to take down an interpreter that has loaded torch takes a second."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            statuses.append(OUTPUT_LOST)
    if statuses:
        os._exit(statuses[-1])


def main() -> None:
    """Run the command line."""
    chosen = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    statuses: list[int] = []
    # The first that is registered comes last, when everybody else has cleared up.
    atexit.register(_leave, statuses)
    try:
        build(chosen)(prog_name="course")
    except SystemExit as end:
        statuses.append(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise


if __name__ == "__main__":
    main()
