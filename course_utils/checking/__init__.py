"""The checking engine: what a chapter declares, and what follows from it.

It knows no chapter. See `course_utils/checks/` for the declarations.
"""

from course_utils.checking.checker import Checker, checker
from course_utils.checking.draw import Draw
from course_utils.checking.exercise import Exercise, function, module, predictor, stateful, value
from course_utils.checking.script import Script

__all__ = [
    "Checker",
    "Draw",
    "Exercise",
    "Script",
    "checker",
    "function",
    "module",
    "predictor",
    "stateful",
    "value",
]
