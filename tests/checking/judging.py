"""Checking an answer to one of the sample exercises."""

from __future__ import annotations

from course_utils.checking import Exercise
from course_utils.checking.judge import Evidence, judge
from course_utils.checking.report import Report
from tests.checking import exercises

DECLARED = [value for value in vars(exercises).values() if isinstance(value, Exercise)]


def check(exercise: Exercise, answer: object, seed: int = 3, graded: bool = True) -> Report:
    return judge("part/chapter", exercise, answer, Evidence(exercise, seed, graded=graded), graded=graded)
