"""The list of common mistakes in a chapter: what the checks of its exercise know, in their own words."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.checking.checker import load_exercises


@dataclass(frozen=True)
class CommonMistakes:
    """A list that notebooks and the book show, each graded item folded."""

    by_item: dict[str, tuple[str, ...]]

    def _repr_markdown_(self) -> str:
        boxes = []
        for name, explanations in self.by_item.items():
            summary = f"<summary><code>{name}</code>, {len(explanations)} mistakes</summary>"
            listed = "\n".join(f"- {explanation}" for explanation in explanations)
            boxes.append(f"<details>{summary}\n\n{listed}\n\n</details>\n")
        return "\n".join(boxes)


def common_mistakes(chapter: str) -> CommonMistakes:
    """Return the known mistakes of a chapter's exercise, for the last line of a cell.

    Args:
        chapter: The chapter as ``part/chapter``.
    """
    return CommonMistakes(
        {
            name: tuple(dict.fromkeys(mistake.explanation for mistake in exercise.mistakes))
            for name, exercise in load_exercises(chapter).items()
        }
    )
