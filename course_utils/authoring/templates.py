"""The text that a new chapter starts from; see ``new_chapter``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

from course_utils.authoring.course_map import Chapter


@dataclass(frozen=True)
class Cell:
    """A cell of a new notebook."""

    name: str
    source: str
    markdown: bool = True
    role: str = ""
    """For nbgrader: task, answer, check or written; empty for a cell it does not know."""
    points: int = 0


def _snake_case(name: str) -> str:
    """Return the name of a class as that of a variable: ``LSTMCell`` becomes ``lstm_cell``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _is_class(name: str) -> bool:
    """Return whether a name is that of a class: capitalized, and not a constant."""
    return name[0].isupper() and not name.isupper()


_FUNCTION = '''

def {name}(inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
    """Say in one line what it computes.

    Args:
        inputs: What it is, of shape (batch, features), with its unit.

    Returns:
        What comes back, with its shape.

    Raises:
        ValueError: When, and what to do then.

    Source: paper and equation.

    >>> {name}(...)  # a tiny example that can be checked by hand
    """
    raise NotImplementedError("write {name} in course_utils/{key}.py")
'''

_CLASS = '''

class {name}(nn.Module):
    """Say in one line what it is, then its arguments and its source."""

    def __init__(self) -> None:
        super().__init__()
        raise NotImplementedError("write {name} in course_utils/{key}.py")
'''

_CONSTANT = """

{name}: dict[str, float] = {{}}  # to be filled in course_utils/{key}.py
"""

_CHECK = """
{label} = {kind}(reference.{name}, points=2)


@{label}.case("what this case looks at")
def _(draw: Draw):
    return {drawn}


@{label}.case("an edge case", hidden=True)
def _(draw: Draw):
    return {drawn}


# At least three known mistakes and two variants:
# {label}.mistake("What is wrong, in one sentence.", edit=("right", "wrong"))
# @{label}.variant
# def another_way(inputs): ...
"""

_TEST = """

@pytest.mark.parametrize("seed", range(3))
def test_{lower}_agrees_with_its_oracle(seed):
    reference = {chapter}.{name}
    pytest.fail(f"compare {{reference}} with its oracle on the data of seed {{seed}}")
"""

_ANSWER = '''from torch import Tensor


def {name}(inputs: Tensor) -> Tensor:
    """Say what it computes, with the shapes of what goes in and comes out."""
    ### BEGIN SOLUTION
    raise NotImplementedError("write the solution of {name}")
    ### END SOLUTION'''

_ANSWER_CLASS = '''from torch import nn


class {name}(nn.Module):
    """Say what it is, with the names and shapes of its parameters."""

    ### BEGIN SOLUTION
    def __init__(self) -> None:
        super().__init__()
        raise NotImplementedError("write the solution of {name}")
    ### END SOLUTION'''

_CHECK_CELL = """check({name})
### BEGIN HIDDEN TESTS
check.graded({name})
### END HIDDEN TESTS"""


def reference(chapter: Chapter, names: Sequence[str]) -> str:
    """Return a reference module whose every function says that it is still to be written."""
    body = ""
    for name in names:
        template = _CLASS if _is_class(name) else _CONSTANT if name.isupper() else _FUNCTION
        body += template.format(name=name, key=chapter.key)
    text = (
        f'"""{chapter.title}.\n\nSay in a line what is here and what is not, and name the sources.\n"""\n\n'
    )
    text += "from __future__ import annotations\n"
    imports = {
        "from jaxtyping import Float": "Float[",
        "from torch import Tensor": "Tensor",
        "from torch import nn": "nn.",
    }
    used = [line for line, sign in imports.items() if sign in body]
    return text + "".join(["\n", *(f"{line}\n" for line in used)] if used else "") + body


def checks(chapter: Chapter, graded: Sequence[str]) -> str:
    """Return declarations with one visible and one hidden case each, and no known mistake yet."""
    body = ""
    for name in graded:
        is_class = _is_class(name)
        body += _CHECK.format(
            name=name,
            # The declaration of a class must not hide the class.
            label=_snake_case(name) if is_class else name,
            kind="module" if is_class else "function",
            drawn="Script.build().forward(draw.normal(3, 5))"
            if is_class
            else '{"inputs": draw.normal(3, 5)}',
        )
    used = [name for name in ("Draw", "Script", "function", "module") if re.search(rf"\b{name}\b[.()]", body)]
    return (
        f'"""What is graded of {chapter.key}."""\n\n'
        f"from course_utils.checking import {', '.join(used)}\n"
        f"from course_utils.{chapter.part} import {chapter.name} as reference\n{body}"
    )


def tests(chapter: Chapter, names: Sequence[str]) -> str:
    """Return one failing test for each name, to be written against the chapter's oracle."""
    head = (
        f'"""The reference of {chapter.key} against: {"; ".join(chapter.oracle)}."""\n\n'
        f"import pytest\n\nfrom course_utils.{chapter.part} import {chapter.name}\n"
    )
    return head + "".join(
        _TEST.format(lower=_snake_case(name), chapter=chapter.name, name=name) for name in names
    )


def chapter_cells(chapter: Chapter) -> list[Cell]:
    """Return the sections that every chapter has, each with what belongs there."""
    names = f"from course_utils.{chapter.part} import {chapter.name}"
    facts = indent("\n".join(chapter.facts or ("none",)), "- ")
    sections = [
        ("title", f"# {chapter.title}\n\nA question or a surprise that makes a person read on."),
        ("outcome", f"## What you will be able to do\n\n{chapter.delivers}"),
        ("idea", "## The idea\n\nThe idea in a picture, before any formula."),
        ("formula", "## The formula\n\nThe formula; every symbol with its meaning and its shape."),
        ("code", "## The code\n\nThe code that reads like the formula, shown from the package:"),
        (
            "trusted",
            f"## Against a trusted library\n\nShow that it is equal to: {'; '.join(chapter.oracle)}.",
        ),
        ("experiment", "## An experiment\n\nReal data, and at least three plots worth seeing."),
        ("wrong", f"## Where it goes wrong\n\nShown and plotted. State these correctly:\n\n{facts}"),
        (
            "predict",
            "<details><summary>Predict: a question (three in the chapter)</summary>\n\nAnswer.\n\n</details>",
        ),
        ("mistakes", "## Common mistakes\n\nThe same list as the checks know."),
        ("exercise", f"## The exercise\n\nOpen `exercises/{chapter.key}.ipynb` in JupyterLab."),
        ("summary", "## Summary\n\nFive lines."),
        ("further", "## Further reading\n\nEach source with two lines on why to read it."),
    ]
    cells = [Cell(name, source) for name, source in sections]
    place = next(i for i, cell in enumerate(cells) if cell.name == "code") + 1
    cells.insert(
        place,
        Cell(
            "imports",
            f"from course_utils.figures import use_course_style\n{names}\n\nuse_course_style()",
            markdown=False,
        ),
    )
    return cells


def solution_cells(chapter: Chapter, graded: Sequence[str]) -> list[Cell]:
    """Return an exercise with its solutions: an item for each graded name, and a written question."""
    cells = [
        Cell(
            "about",
            f"# Exercise: {chapter.title}\n\nWhat you will do and why it matters; it takes about an hour.",
            role="task",
        ),
        Cell(
            "setup", f'from course_utils import checker\n\ncheck = checker("{chapter.key}")', markdown=False
        ),
    ]
    for name in graded:
        answer = (_ANSWER_CLASS if _is_class(name) else _ANSWER).format(name=name)
        cells += [
            Cell(
                f"task_{name}",
                f"## {name}\n\nThe task, the formula, shapes and types, a tiny worked example.",
                role="task",
            ),
            Cell(name, answer, markdown=False, role="answer"),
            Cell(
                f"check_{name}",
                _CHECK_CELL.format(name=name),
                markdown=False,
                role="check",
                points=2,
            ),
        ]
    cells += [
        Cell(
            "task_written",
            "## In your own words\n\nA question, and the rubric: what earns which points.",
            role="task",
        ),
        Cell(
            "written",
            "### BEGIN SOLUTION\nAn answer that earns all points.\n### END SOLUTION",
            role="written",
            points=2,
        ),
        Cell("further", "## Going further\n\nNot graded: an experiment for those who want more."),
    ]
    return cells
