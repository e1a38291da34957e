"""The text that a new chapter starts from; see ``new_chapter``.

What is to be written is marked with TODO, which ``pieces`` lists until it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

from course_utils.authoring.course_map import Chapter

POINTS = 2
"""What each item of a new exercise is worth, until its author decides."""


@dataclass(frozen=True)
class Cell:
    """A cell of a new notebook."""

    name: str
    source: str
    markdown: bool = True
    role: str = ""
    """For nbgrader: task, answer, check or written; empty for a cell it does not know."""
    points: int = 0
    alt: str = ""
    """What is seen in the figure that the cell draws."""
    tags: tuple[str, ...] = ()


def _snake_case(name: str) -> str:
    """Return the name of a class as that of a variable: ``LSTMCell`` becomes ``lstm_cell``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _is_class(name: str) -> bool:
    """Return whether a name is that of a class: capitalized, and not a constant."""
    return name[0].isupper() and not name.isupper()


_FUNCTION = '''

def {name}(inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
    """TODO: say in one line what it computes.

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
    """TODO: say in one line what it is, then its arguments and its source."""

    def __init__(self) -> None:
        super().__init__()
        raise NotImplementedError("write {name} in course_utils/{key}.py")
'''

_CONSTANT = """

{name}: dict[str, float] = {{}}  # to be filled in course_utils/{key}.py
"""

_CHECK = """
{label} = {kind}(reference.{name}, points={points})


@{label}.case("TODO: what this case looks at")
def _(draw: Draw):
    return {drawn}


@{label}.case("TODO: an edge case", hidden=True)
def _(draw: Draw):
    return {drawn}


{label}.hint(
    idea="TODO: what the answer does, in a sentence or two, without its code.",
)

# TODO: at least three known mistakes and two variants:
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
    """TODO: say what it computes, with the shapes of what goes in and comes out."""
    ### BEGIN SOLUTION
    raise NotImplementedError("write the solution of {name}")
    ### END SOLUTION'''

_ANSWER_CLASS = '''from torch import nn


class {name}(nn.Module):
    """TODO: say what it is, with the names and shapes of its parameters."""

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
    text = f'"""{chapter.title}.\n\nTODO: say in a line what is here, and name the sources.\n"""\n\n'
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
            points=POINTS,
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


def _prediction(what: str) -> str:
    """Return a question that the reader answers before opening the box."""
    return f"<details><summary>Predict: TODO: {what}</summary>\n\nTODO: the answer, and why.\n</details>"


_FIGURE = """figure, ax = plt.subplots(figsize=(6.5, 3.5))
ax.plot([0, 1, 2], [0, 1, 4], "o-", color=COLORS["blue"], label="TODO: what is drawn")
ax.set(title="TODO: what it shows", xlabel="TODO: what (unit)", ylabel="TODO: what (unit)")
ax.legend()
plt.show()"""

_MISTAKES = """from course_utils.checking.common_mistakes import common_mistakes

common_mistakes("{key}")"""

_SHOWN = """````{{admonition}} Show the reference
:class: dropdown

```{{literalinclude}} ../../course_utils/{key}.py
{part}```
````"""


def chapter_cells(chapter: Chapter, names: Sequence[str]) -> list[Cell]:
    """Return the sections that every chapter has, each with what belongs there.

    Args:
        chapter: The row of the course map.
        names: What its module offers; the first function or class is shown.
    """
    facts = indent("\n".join(f"TODO: {fact}" for fact in chapter.facts), "- ")
    shown = next((f":pyobject: {name}\n" for name in names if not name.isupper()), "")
    imports = (
        "import matplotlib.pyplot as plt\n\n"
        "from course_utils.figures import COLORS, use_course_style\n"
        f"from course_utils.{chapter.part} import {chapter.name}\n\nuse_course_style()"
    )
    drawn = "TODO: say what is seen, so that who does not see it misses nothing."
    return [
        Cell("title", f"# {chapter.title}\n\nTODO: a question or a surprise that makes a person read on."),
        Cell(
            "outcome",
            f"## What you will be able to do\n\nTODO: three to five things that add up to: {chapter.delivers}"
            "\n\n- TODO: link the words that the chapter explains to the glossary",
        ),
        Cell("imports", imports, markdown=False, tags=("hide-input",)),
        Cell("idea", "## The idea\n\nTODO: the idea in a picture, before any formula."),
        Cell("picture", _FIGURE, markdown=False, alt=drawn, tags=("hide-input",)),
        Cell(
            "touch",
            "TODO: a figure that can be touched (`TouchFigure`), if moving something teaches more "
            "than looking at it. Delete this cell if not.",
        ),
        Cell("predict_idea", _prediction("what does the idea say of a simple case?")),
        Cell("formula", "## The formula\n\nTODO: the formula; every symbol with its meaning and its shape."),
        Cell("predict_formula", _prediction("what does the formula give in an extreme case?")),
        Cell(
            "code",
            "## The code\n\nTODO: the code that reads like the formula.\n\n"
            + _SHOWN.format(key=chapter.key, part=shown),
        ),
        Cell(
            "trusted",
            f"## Against a trusted library\n\nTODO: show that it is equal to: {'; '.join(chapter.oracle)}.",
        ),
        Cell("experiment", "## An experiment\n\nTODO: real data, and at least three plots worth seeing."),
        Cell("predict_experiment", _prediction("how will the experiment end?")),
        Cell(
            "wrong",
            "## Where it goes wrong\n\nTODO: shown and plotted."
            + (f" State these correctly, each with its source:\n\n{facts}" if facts else ""),
        ),
        Cell(
            "mistakes",
            "## Common mistakes\n\nThe checks of the exercise know these, and say so when they see one.",
        ),
        Cell("mistakes_list", _MISTAKES.format(key=chapter.key), markdown=False, tags=("remove-input",)),
        Cell(
            "exercise",
            f"## Exercise\n\nOpen `exercises/{chapter.key}.ipynb` in JupyterLab. TODO: what one writes, "
            "and how long it takes.",
        ),
        Cell("summary", "## Summary\n\n" + "\n".join(f"{number}. TODO: a line." for number in range(1, 6))),
        Cell(
            "further",
            "## Further reading\n\n"
            + "\n".join(["- TODO: cite a source, and say in two lines why to read it."] * 3),
        ),
    ]


def solution_cells(chapter: Chapter, graded: Sequence[str]) -> list[Cell]:
    """Return an exercise with its solutions: an item for each graded name, and a written question."""
    points = POINTS * (len(graded) + 1)
    cells = [
        Cell(
            "about",
            f"# Exercise: {chapter.title}\n\nTODO: what you will do and why it matters.\n\n"
            f"**Time:** about 60 minutes. **Points:** {points}.",
            role="task",
        ),
        Cell(
            "setup", f'from course_utils import checker\n\ncheck = checker("{chapter.key}")', markdown=False
        ),
    ]
    for number, name in enumerate(graded, start=1):
        answer = (_ANSWER_CLASS if _is_class(name) else _ANSWER).format(name=name)
        cells += [
            Cell(
                f"task_{name}",
                f"## {number}. {name} ({POINTS} points)\n\nTODO: the task, the formula, shapes and types, "
                "a tiny worked example.",
                role="task",
            ),
            Cell(name, answer, markdown=False, role="answer"),
            Cell(
                f"check_{name}",
                _CHECK_CELL.format(name=name),
                markdown=False,
                role="check",
                points=POINTS,
            ),
        ]
    cells += [
        Cell(
            "task_written",
            f"## {len(graded) + 1}. In your own words ({POINTS} points)\n\nTODO: a question.\n\n"
            "Rubric, one point each:\n\n- TODO: what earns the first point.\n- TODO: what earns the second.",
            role="task",
        ),
        Cell(
            "written",
            "### BEGIN SOLUTION\nTODO: an answer that earns all points.\n### END SOLUTION",
            role="written",
            points=POINTS,
        ),
        Cell("further", "## Going further (no points)\n\nTODO: an experiment for those who want more."),
    ]
    return cells
