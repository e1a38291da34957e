"""Calling nbgrader: its settings loaded once, its converters run with what they complain about kept."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import (
    Autograde,
    BaseConverter,
    GenerateAssignment,
    GenerateFeedback,
    NbGraderException,
)
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import make_url
from traitlets.config import Config, PyFileConfigLoader

from course_utils.grading.places import SETTINGS, Chapter, GradingError, Places

LOCK_SECONDS = 10


@dataclass(frozen=True)
class Outcome:
    """How a converter of nbgrader ended, and the last things it complained about."""

    ok: bool
    complaints: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The last complaint, in one line."""
        lines = [line.strip() for text in self.complaints for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "nbgrader gave no reason"


def _patient_url(url: str) -> str:
    """Return a database's address with a limit to how long its locks are waited for; SQLite has its own.

    PostgreSQL would wait without end, and a run with it, for a page that somebody left open.
    """
    address = make_url(url)
    if address.get_backend_name() != "postgresql" or "options" in address.query:
        return url
    patient = address.update_query_dict({"options": f"-c lock_timeout={LOCK_SECONDS}s"})
    return patient.render_as_string(hide_password=False)


class NbGrader:
    """nbgrader with the settings of one course."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.settings: Config = PyFileConfigLoader(SETTINGS, str(places.root)).load_config()
        # nbgrader's own queries trip over SQLAlchemy's advice; there is nothing in it for an instructor.
        warnings.filterwarnings("ignore", module=r"nbgrader\.api")

    def gradebook(self) -> Gradebook:
        """Open the gradebook, as a context manager.

        Raises:
            GradingError: the driver of its database is not installed.
        """
        course = self.course(None, "*")
        try:
            return Gradebook(_patient_url(course.db_url), course.course_id)
        except ModuleNotFoundError as error:
            kind = make_url(course.db_url).drivername
            raise GradingError(
                f"the gradebook's address begins with {kind}, which needs {error.name}: for "
                "postgresql+psycopg run .venv/bin/pip install -r requirements-postgresql.lock"
            ) from None

    def is_released(self, chapter: Chapter) -> bool:
        """Say whether the gradebook knows a chapter."""
        with self.gradebook() as gradebook:
            try:
                gradebook.find_notebook(chapter.name, chapter.part)
            except MissingEntry:
                return False
        return True

    def require_released(self, chapter: Chapter) -> None:
        """Raise GradingError if the gradebook does not know a chapter."""
        if not self.is_released(chapter):
            raise GradingError(f"{chapter} is not in the gradebook; run `course release {chapter}` first")

    def most_points(self, chapter: Chapter) -> float:
        """Return the most points of a released chapter."""
        with self.gradebook() as gradebook:
            return float(gradebook.find_notebook(chapter.name, chapter.part).max_score)

    def release(self, chapter: Chapter) -> Outcome:
        """Make the exercise of a chapter from its solution and enter it into the gradebook."""
        return self._convert(GenerateAssignment, chapter, "*")

    def autograde(self, chapter: Chapter, student: str) -> Outcome:
        """Grade one student's notebook, again if it was graded before."""
        return self._convert(Autograde, chapter, student)

    def feedback(self, chapter: Chapter, student: str) -> Outcome:
        """Make the feedback on one student's notebook."""
        return self._convert(GenerateFeedback, chapter, student)

    def course(self, chapter: Chapter | None, student: str) -> CourseDirectory:
        """Return nbgrader's idea of where a submission is."""
        course = CourseDirectory(config=self.settings)
        if chapter is not None:
            course.assignment_id, course.notebook_id = chapter.part, chapter.name
        course.student_id = student
        return course

    def _convert(self, kind: type[BaseConverter], chapter: Chapter, student: str) -> Outcome:
        converter: Any = kind(coursedir=self.course(chapter, student), parent=None, config=self.settings)
        converter.force = True
        messages: list[str] = []
        listener = logging.Handler(logging.ERROR)
        listener.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
        logger = converter.log
        logger.addHandler(listener)
        propagate, logger.propagate = logger.propagate, False
        try:
            converter.start()
        except (NbGraderException, SystemExit):
            return Outcome(False, tuple(messages))
        finally:
            logger.removeHandler(listener)
            logger.propagate = propagate
        return Outcome(True, tuple(messages))
