"""The step of nbgrader's pipeline in which a submission is run: in a player, before a judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Dict, Unicode

from course_utils.grading.judging.notebook import Playing
from course_utils.grading.places import Chapter, Places
from course_utils.grading.problems import STANDS, Problem
from course_utils.grading.reading import NOTES
from course_utils.grading.results import Results, decode_result
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.secret import secret_seed
from course_utils.grading.terms import Terms
from course_utils.grading.work import make_unit, play_unit

RECORDS = "course_records"
"""The key of nbconvert's resources under which the judge's records go from this step to the next."""


class PlayNotebook(NbGraderPreprocessor):
    """Runs a submission in nbgrader's place for it.

    The marks come from the judge's own records. What was played before, with the same seed and the same
    package, is not played again.
    """

    course_root = Unicode("", help="The course's folder.").tag(config=True)
    trust_submissions = Bool(False, help="Run submissions without walls where none hold.").tag(config=True)
    limits = Dict(help="Limits other than those of course_utils/grading/sandbox/limits.py.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Run all cells; hand on the records, and note what went wrong in the notebook's metadata."""
        notes = nb.metadata.setdefault(NOTES, nbformat.from_dict({"submission": "", "problems": []}))
        if notes.get("unreadable"):
            resources[RECORDS] = Playing()
            return nb, resources
        names = resources["nbgrader"]
        chapter = Chapter(names["assignment"], names["notebook"])
        playing = self._play(nb, chapter)
        note_playing(nb, playing)
        resources[RECORDS] = playing
        return nb, resources

    def _play(self, nb: NotebookNode, chapter: Chapter) -> Playing:
        places = Places(Path(self.course_root))
        seed = secret_seed(places.grading / "secret_seed")
        terms = Terms(seed, Limits(**self.limits), self.trust_submissions)
        unit = make_unit(places, chapter, nb, terms)
        results = Results(places.grading / "results")
        result = results.read(unit.key)
        if result is None:
            content = play_unit(unit)
            results.write(unit.key, content)
            result = decode_result(content)
        return result.apply(nb)


def note_playing(nb: NotebookNode, playing: Playing) -> None:
    """Note in the notebook's metadata how long it took, and which cells were lost."""
    notes = nb.metadata[NOTES]
    notes["seconds"] = playing.seconds
    found = [Problem(f"cell {place + 1} {why}", STANDS) for place, why in sorted(playing.lost.items())]
    notes["problems"] = [*notes["problems"], *(problem.to_data() for problem in found)]
