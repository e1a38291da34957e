"""How a class stands in a chapter, read from the gradebook, the journal and the folders."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.grading.grades import class_grades
from course_utils.grading.journal import Journal, Record
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter
from course_utils.grading.reading import UnreadableError, fingerprint, read_bytes
from course_utils.grading.released import release_hash, released_cells


@dataclass(frozen=True)
class Standing:
    """How a student stands in a chapter.

    `graded` says whether the mark is of what was handed in last; `pending` names the cells that a person must
    mark.
    """

    student: str
    graded: bool
    points: float
    max_points: float
    pending: tuple[str, ...] = ()
    penalty: float = 0.0
    record: Record | None = None

    @property
    def final(self) -> bool:
        """Whether the mark is complete."""
        return self.graded and not self.pending


def submitters(nbgrader: NbGrader, chapter: Chapter) -> list[str]:
    """Return the students whose notebook of a chapter was collected."""
    folder = nbgrader.places.grading / "submitted"
    return sorted(path.parent.parent.name for path in folder.glob(f"*/{chapter.part}/{chapter.name}.ipynb"))


def strays(nbgrader: NbGrader, chapter: Chapter) -> list[str]:
    """Return the notebooks of a part that no released chapter is named like, as STUDENT/PART/FILE."""
    folder = nbgrader.places.grading / "submitted"
    with nbgrader.gradebook() as gradebook:
        known = {notebook.name for notebook in gradebook.find_assignment(chapter.part).notebooks}
    found = sorted(folder.glob(f"*/{chapter.part}/*.ipynb"))
    return ["/".join(path.parts[-3:]) for path in found if path.stem not in known]


def standings(nbgrader: NbGrader, chapter: Chapter) -> list[Standing]:
    """Return how every student stands who handed in a chapter.

    Raises:
        GradingError: the chapter is not released.
    """
    nbgrader.require_released(chapter)
    places = nbgrader.places
    journal = Journal(places.grading / "journal")
    found = []
    with nbgrader.gradebook() as gradebook:
        released = released_cells(gradebook, chapter.part, chapter.name, places.solution(chapter))
        release = release_hash(released)
        most = sum(cell.points or 0.0 for cell in released)
        marks = class_grades(gradebook, chapter)
    for student in submitters(nbgrader, chapter):
        record = journal.read(chapter, student)
        mark = marks.get(student)
        graded = (
            record is not None
            and mark is not None
            and record.release == release
            and record.submission == _fingerprint(nbgrader, chapter, student)
            and places.autograded(chapter, student).is_file()
            and not journal.is_running(chapter, student)
        )
        if mark is None or not graded:
            found.append(Standing(student, False, 0.0, most))
            continue
        pending = tuple(sorted(name for name, grade in mark.cells.items() if grade.pending))
        found.append(Standing(student, True, mark.score, most, pending, mark.penalty, record))
    return found


def _fingerprint(nbgrader: NbGrader, chapter: Chapter, student: str) -> str:
    try:
        return fingerprint(read_bytes(nbgrader.places.submitted(chapter, student)))
    except UnreadableError:
        return ""
