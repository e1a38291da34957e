"""The `check` of a notebook that is graded: it asks the judge, who alone knows what is right.

In a player's copy of the package this stands where `course_utils.checking.checker` is.
"""

from __future__ import annotations

from typing import Any

from course_utils.checking.perform import Failure, Observation, perform_once
from course_utils.checking.show import Score, show
from course_utils.checking.surroundings import random_numbers_kept
from course_utils.grading.channel.frames import ChannelClosedError
from course_utils.grading.channel.messages import observation_to_data, script_from_data

# The module, not what is in it: whichever of the two is imported first imports the other.
from course_utils.grading.player import link as player_link

RECORDED = "The answer was judged; the outcome is in the feedback."


class Checker:
    """Has answers of one chapter checked by the judge; used like the checker of a learner's notebook."""

    def __init__(self, chapter: str) -> None:
        self.chapter = chapter

    def __call__(self, answer: Any, exercise: str | None = None) -> Score | None:
        """Have an answer checked on the visible cases and show the outcome."""
        return self._ask(answer, exercise, graded=False)

    def graded(self, answer: Any, exercise: str | None = None) -> Score | None:
        """Have an answer judged on all cases; the outcome is not shown here."""
        return self._ask(answer, exercise, graded=True)

    def hint(self) -> None:
        """Show nothing: hints are for who works on an answer, and that is done."""

    def _ask(self, answer: Any, exercise: str | None, *, graded: bool) -> Score | None:
        name = exercise if exercise is not None else getattr(answer, "__name__", None)
        link = player_link.the_link()
        with link.conversation, random_numbers_kept():
            link.say(
                "check", chapter=self.chapter, exercise=None if name is None else str(name), graded=graded
            )
            while True:
                wanted = link.hear()
                match wanted["do"]:
                    case "perform":
                        _perform(answer, wanted)
                    case "refuse":
                        raise ValueError(wanted["reason"])
                    case "show":
                        show(wanted["text"], wanted["html"], wanted["data"])
                        return Score(wanted["points"], wanted["max_points"])
                    case "recorded":
                        print(RECORDED)
                        return None


def _perform(answer: Any, wanted: dict[str, Any]) -> None:
    """Run a script on the answer and send what was seen."""
    script = script_from_data(wanted["script"])
    seen = perform_once(answer, script, seconds=wanted["seconds"], seed=wanted["seed"])
    try:
        player_link.the_link().say("seen", observation=observation_to_data(seen))
    except ChannelClosedError:
        raise
    except Exception as error:
        # It is too large, or its own methods raise when it is looked at.
        failure = Failure("MemoryError", ("MemoryError",), f"the result cannot be handed over: {error}", ())
        player_link.the_link().say("seen", observation=observation_to_data(Observation(failure=failure)))


def checker(chapter: str) -> Checker:
    """Return the checker of a chapter, as in `check = checker("transformers/attention")`."""
    return Checker(chapter)
