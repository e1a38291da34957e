"""Reference implementations, checks and tools of the course.

`checker` is loaded when it is first used, so that `import course_utils` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_utils.checking import checker

__all__ = ["checker"]


def __getattr__(name: str) -> Any:
    if name == "checker":
        from course_utils.checking import checker

        return checker
    raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
