"""The unit of work: one notebook, played and judged.

It needs nothing but the locked environment and its own bytes. So it can be done by any process, on this
machine or another, and again after it was cut off.
"""

from __future__ import annotations

from dataclasses import dataclass

from nbformat import NotebookNode

from course_utils.grading.cells import decode_notebook, encode_notebook
from course_utils.grading.judging.bench import Bench, open_bench
from course_utils.grading.judging.stage import Stage, stage_of
from course_utils.grading.places import Chapter, Places
from course_utils.grading.results import Result, encode_result, result_key
from course_utils.grading.terms import Terms
from course_utils.grading.walls import find_tier


@dataclass(frozen=True)
class Unit:
    """A notebook to be played: its graded cells are as released.

    `key` is the hash of all that the result depends on.
    """

    stage: Stage
    notebook: str
    terms: Terms
    key: str


def make_unit(places: Places, chapter: Chapter, notebook: NotebookNode, terms: Terms) -> Unit:
    """Return the work that a restored notebook is."""
    stage = stage_of(places, chapter)
    key = result_key(notebook, stage, terms.secret_seed, terms.limits)
    return Unit(stage, encode_notebook(notebook), terms, key)


_benches: dict[Terms, Bench] = {}


def bench_for(terms: Terms) -> Bench:
    """Return this process's bench; every unit with the same terms is played on it.

    Raises:
        GradingError: no walls hold here, and the submissions are not trusted.
    """
    if terms not in _benches:
        tier = find_tier(trusted=terms.trusted)
        _benches[terms] = open_bench(terms.secret_seed, terms.limits, tier)
    return _benches[terms]


def play_unit(unit: Unit) -> bytes:
    """Play a notebook and return the result as bytes, to be kept under the unit's key."""
    notebook = decode_notebook(unit.notebook)
    playing = bench_for(unit.terms).play(notebook, unit.stage)
    return encode_result(Result.of(notebook, playing))
