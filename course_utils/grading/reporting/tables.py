"""Tables of a page."""

from __future__ import annotations

from collections.abc import Sequence

from course_utils.grading.reporting.words import safe


def table(label: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return a table that scrolls in its own box where the page is narrow.

    Args:
        label: What it is about, for who does not see it.
        head: The titles of the columns, as HTML.
        rows: The cells of each row, as HTML; the first one names the row.
        numbers: The places of the columns that hold numbers.
    """
    kinds = [' class="n"' if place in numbers else "" for place in range(len(head))]
    titles = "".join(f'<th scope="col"{kind}>{title}</th>' for kind, title in zip(kinds, head, strict=True))
    lines = []
    for row in rows:
        first, *rest = (f"{kind}>{cell}" for kind, cell in zip(kinds, row, strict=True))
        lines.append(
            f'<tr><th scope="row"{first}</th>' + "".join(f"<td{cell}</td>" for cell in rest) + "</tr>"
        )
    return (
        f'<div class="scroll" role="region" aria-label="{safe(label)}" tabindex="0"><table>'
        f"<thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def code(text: object) -> str:
    """Return text as code."""
    return f"<code>{safe(text)}</code>"
