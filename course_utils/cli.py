"""The `course` command: one verb for each thing that a learner, an instructor or an author does.

A verb is a line in VERBS. Its module is imported only when the verb is used, so that `course --help`
answers at once.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import typer


@dataclass(frozen=True)
class Verb:
    """Where a verb is implemented, for whom it is, and what it does in one sentence.

    `target` is `module:function`. The function is either a typer command (annotated parameters become
    arguments and options), or takes one parameter `arguments`, the words after the verb, and returns an
    exit status.
    """

    target: str
    panel: str
    help: str

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        module, _, function = self.target.partition(":")
        return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


LEARNER = "For learners"
AUTHOR = "For authors"
INSTRUCTOR = "For instructors"

VERBS: dict[str, Verb] = {
    "doctor": Verb(
        "course_utils.authoring.doctor:doctor",
        LEARNER,
        "Say what is wrong with this environment and how to mend it.",
    ),
    "notebooks": Verb(
        "course_utils.authoring.notebooks:main", AUTHOR, "Execute and normalize the book's chapters."
    ),
}
"""Every verb. Another one is another line; `course VERB --help` is then made from the function's own
signature.
"""


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
        function = verb.load() if name == chosen else _nothing
        if list(inspect.signature(function).parameters) == ["arguments"]:
            app.command(
                name,
                help=verb.help,
                rich_help_panel=verb.panel,
                add_help_option=False,
                context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
            )(_forwarded(function))
        else:
            app.command(name, help=verb.help, rich_help_panel=verb.panel)(function)
    return app


def _nothing() -> None:
    """Stand in for a verb that is not the one being used."""


def _forwarded(function: Callable[[Sequence[str]], int]) -> Callable[[typer.Context], None]:
    """Return a command that hands the words after the verb to a function that reads them itself."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(function(context.args))

    return command


def main() -> None:
    """Run the command line."""
    chosen = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    build(chosen)()


if __name__ == "__main__":
    main()
