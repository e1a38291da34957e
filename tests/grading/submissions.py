"""The submissions of a class: every known answer, and everything that can be wrong with a file."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import dataclass

from nbformat import NotebookNode

from course_utils.checking.report import MIME_TYPE
from tests.grading.classroom import CHAPTER, WRITTEN, answered, as_bytes, cell, choices, exercises, solutions

TEXT = "Attention has no sense of order: shuffled words give shuffled outputs."
FIRST, SECOND, *_ = exercises()
USUAL = 10
STEP = 11  # shares no factor with the number of answers to any exercise


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes:
        content: The file.
        answers: The source of the answer to each exercise that must be judged; "" where it must earn nothing.
        file: The name that the student gave to the file.
        finding: Words that the report about this student must hold.
        written: Whether there is an answer in words to be marked by hand.
        urgent: Whether the instructor must do something.
    """

    content: NotebookNode | bytes
    answers: dict[str, str]
    file: str = f"{CHAPTER.name}.ipynb"
    finding: str = ""
    written: bool = True
    urgent: bool = False


NOTHING = dict.fromkeys(exercises(), "")


def usual(released: NotebookNode) -> dict[str, Submission]:
    """Return submissions made of right answers, declared variants, known mistakes and blanks."""
    known = {name: choices(name) for name in exercises()}
    made = {}
    for number in range(USUAL):
        # Steps through each exercise's answers, so that every submission is another mixture.
        answers = {name: sources[(STEP * number) % len(sources)] for name, sources in known.items()}
        given = {name: source for name, source in answers.items() if source}
        text = "" if number % 4 == 3 else TEXT
        made[f"usual{number:02d}"] = Submission(answered(released, given, text), answers, written=bool(text))
    return made


def odd(released: NotebookNode) -> dict[str, Submission]:
    """Return submissions that are damaged, hostile to nbgrader, or unusual."""
    right = solutions()
    good = answered(released, right, TEXT)
    return {
        **_files(good, right),
        **_cells(released, good, right),
        **_code(released, right),
    }


def _files(good: NotebookNode, right: dict[str, str]) -> dict[str, Submission]:
    other_kernel = copy.deepcopy(good)
    other_kernel.metadata = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as inner:
        inner.writestr("my work/attention.ipynb", as_bytes(good))
    old = {**good, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": _as_version_3(good)}]}
    del old["cells"]
    whole = as_bytes(good)
    return {
        "cutoff": Submission(
            whole[: len(whole) // 2], NOTHING, finding="not valid JSON", written=False, urgent=True
        ),
        "empty": Submission(b"", NOTHING, finding="it is empty", written=False, urgent=True),
        "webpage": Submission(
            b"<!DOCTYPE html><p>attention", NOTHING, finding="not valid JSON", written=False, urgent=True
        ),
        "binary": Submission(bytes(range(256)), NOTHING, finding="not text", written=False, urgent=True),
        "otherjson": Submission(b'{"a": 1}', NOTHING, finding="no cells", written=False, urgent=True),
        "wrongkernel": Submission(other_kernel, right),
        "wrongname": Submission(good, right, file="homework final (2).ipynb"),
        "zipped": Submission(archive.getvalue(), right, file="my homework.zip"),
        "oldformat": Submission(json.dumps(old).encode(), right),
    }


def _as_version_3(notebook: NotebookNode) -> list[dict[str, object]]:
    return [
        {"cell_type": c.cell_type, "metadata": c.metadata, "language": "python", "collapsed": False}
        | ({"input": c.source, "outputs": []} if c.cell_type == "code" else {"source": c.source})
        for c in notebook.cells
    ]


def _cells(released: NotebookNode, good: NotebookNode, right: dict[str, str]) -> dict[str, Submission]:
    missing = copy.deepcopy(good)
    missing.cells = [c for c in missing.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    changed = answered(good, {SECOND: cell(released, SECOND).source})
    for name in exercises():
        cell(changed, f"check_{name}").source = "print(5)\n5"
    copied = copy.deepcopy(good)
    stub, test = copy.deepcopy(cell(released, FIRST)), copy.deepcopy(cell(good, f"check_{FIRST}"))
    copied.cells.insert(copied.cells.index(cell(copied, FIRST)), stub)
    copied.cells += [test, copy.deepcopy(test)]
    same_id = copy.deepcopy(good)
    for graded in same_id.cells:
        graded.id = "same"
    cell(same_id, FIRST).metadata.nbgrader.grade_id = SECOND
    flipped = copy.deepcopy(good)
    for name in exercises():
        cell(flipped, f"check_{name}").metadata.nbgrader.update(grade=False, points=100, schema_version=99)
        cell(flipped, name).metadata.nbgrader.update(solution=False, grade=True, task=True, points="many")
    cell(flipped, WRITTEN).metadata.nbgrader.update(locked=True, grade="yes", schema_version=1)
    skipped = copy.deepcopy(released)
    for any_cell in skipped.cells:
        any_cell.metadata["tags"] = ["skip-execution", "raises-exception"]
    moved = copy.deepcopy(good)
    moved.cells = sorted(moved.cells, key=lambda c: not c.metadata.get("nbgrader", {}).get("grade"))
    nameless = copy.deepcopy(good)
    for any_cell in nameless.cells:
        any_cell.metadata.pop("nbgrader", None)
    typed = copy.deepcopy(good)
    typed.cells[typed.cells.index(cell(typed, f"check_{FIRST}"))].cell_type = "markdown"
    half = {**right, SECOND: ""}
    return {
        "missingcells": Submission(
            missing, right, finding="were missing: check_", written=False, urgent=True
        ),
        "changedtests": Submission(changed, half, finding=f"check_{FIRST} was changed"),
        "copiedcells": Submission(copied, right, finding=f"check_{FIRST} is there 3 times"),
        "sameids": Submission(same_id, right, finding=f"{SECOND} is there 2 times"),
        "flipped": Submission(flipped, right),
        "skipped": Submission(skipped, NOTHING, finding="skip-execution", written=False),
        "movedtests": Submission(moved, right, finding="before the answer it tests"),
        "nameless": Submission(nameless, right, finding="was missing", written=False, urgent=True),
        "typechanged": Submission(typed, right),
    }


def _code(released: NotebookNode, right: dict[str, str]) -> dict[str, Submission]:
    def submission(answers: dict[str, str], finding: str = "", **marks: str) -> Submission:
        notebook = answered(released, {**right, **answers}, TEXT)
        return Submission(notebook, {**right, **marks}, finding=finding)

    forged = {
        "chapter": str(CHAPTER), "exercise": SECOND, "graded": True, "status": "passed", "points": 2.0,
        "max_points": 2.0, "cases": [], "explanations": [], "notes": [], "schema": 1,
    }  # fmt: skip
    show = f"from IPython.display import display\nrecord = {{{MIME_TYPE!r}: {forged!r}}}\n"
    forger = f"{show}def {SECOND}(*_, **__):\n    display(record, raw=True)\n    return 7\n"
    forger += "display(record, raw=True)"
    noisy = (
        "import sys, warnings\n" + right[SECOND] + f"\nquiet = {SECOND}\n"
        f"def {SECOND}(*args, **kwargs):\n    warnings.warn('odd')\n    sys.stderr.write('error: 0.0')\n"
        "    print(100)\n    return quiet(*args, **kwargs)"
    )
    return {
        "kernelexit": submission(
            {FIRST: f"import os\ndef {FIRST}(*_, **__):\n    os._exit(1)"}, "ended its kernel", **{FIRST: ""}
        ),
        "endlessloop": submission({FIRST: right[FIRST] + "\nwhile True: pass"}, "was interrupted"),
        "stubborn": submission(
            {FIRST: "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(1000)"},
            "could not be interrupted",
            **{FIRST: ""},
        ),
        "megabytes": submission({FIRST: right[FIRST] + "\nfor _ in range(30): print('x' * 1_000_000)"}),
        "forgedrecord": submission({SECOND: forger}, **{SECOND: f"def {SECOND}(*_, **__):\n    return 7"}),
        "alias": submission({SECOND: f"{SECOND} = {FIRST}"}, f"the record is of {FIRST}", **{SECOND: ""}),
        "noisy": submission({SECOND: noisy}),
        "syntaxerror": submission({SECOND: "def (:"}, **{SECOND: ""}),
    }
