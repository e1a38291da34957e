"""Works the exercises of a class edition as a learner's notebook would, with the edition alone on the path.

    python work.py TASKS.json ANSWERS.json

A task is what a notebook does: code to run, then answers to check, each by its name in `__main__`.
"""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import sys
from pathlib import Path
from typing import Any


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task; return what the checks say, and which cells failed with what."""
    space = vars(sys.modules["__main__"])
    before = set(space)
    found, errors = [], []
    try:
        for number, source in enumerate(task["cells"]):
            name = f"<cell {number}>"
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(source, name, "exec", dont_inherit=True), space)
            except Exception as error:  # as in a notebook, where the next cell can be run all the same
                errors.append(f"{type(error).__name__}: {error}")
        from course_utils import checker

        check = checker(task["chapter"])
        for exercise in task["checked"]:
            answer = space.get(exercise, ...)
            report = check.report(answer, exercise)
            found.append(report.to_data())
    finally:
        for name in set(space) - before:
            del space[name]
    return {"reports": found, "errors": errors}


def main() -> None:
    """Do all tasks."""
    tasks = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = [work(task) for task in tasks]
    import course_utils

    result = {"package": str(Path(course_utils.__file__).parent), "answers": answers}
    result["modules"] = sorted(name for name in sys.modules if name.startswith("course_utils"))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
