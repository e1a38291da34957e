"""Taking out of a page's Markdown what a class edition does not show."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

YOURS = "*You write this one yourself, in the exercise.*"
_FENCE = re.compile(r"(`{3,}|:{3,})(.*)")
_INCLUDE = re.compile(r"\{literalinclude\}\s+(\S+)")
_OBJECT = re.compile(r":pyobject:\s*(\w+)")
_LINK = re.compile(r"\[([^\]\[]*)\]\(([^)#\s]+?\.(?:md|ipynb))(?:#[^)]*)?\)")


def without_references(text: str, may_show: Callable[[str, str], bool]) -> str:
    """Return a page's Markdown without the code that may not be shown.

    A block that holds nothing else goes too, and a sentence stands in its place.

    Args:
        text: The Markdown, with directives `literalinclude`.
        may_show: Takes the path of a file and the name of what is shown of it ("" for all of it).
    """
    lines = text.splitlines(keepends=True)
    found: list[str] = []
    place = 0
    while place < len(lines):
        fence = _FENCE.match(lines[place])
        if fence is None:
            found.append(lines[place])
            place += 1
            continue
        end = place + 1
        while end < len(lines) and lines[end].rstrip() != fence[1]:
            end += 1
        block = lines[place : end + 1]
        found.append(_block("".join(block), fence[2], may_show))
        place = end + 1
    return "".join(found)


def _block(text: str, head: str, may_show: Callable[[str, str], bool]) -> str:
    """Return a fenced block, or what is left of it."""
    include = _INCLUDE.match(head)
    if include:
        shown = _OBJECT.search(text)
        return text if may_show(include[1], shown[1] if shown else "") else f"{YOURS}\n"
    if "{literalinclude}" not in text:
        return text
    first, *inner, last = text.splitlines(keepends=True)
    left = without_references("".join(inner), may_show)
    if "{literalinclude}" not in left:
        return f"{YOURS}\n"
    kept = [line for line in left.splitlines(keepends=True) if line.strip() != YOURS]
    return "".join([first, *kept, last])


def without_links(text: str, page: str, removed: set[str]) -> str:
    """Return a page's Markdown without links to pages that are not there.

    A link becomes its text; an item of a list that is nothing but a pointer to such a page goes.

    >>> without_links("- Read [this](b.md) first.\\n- More: [that](b.md).\\n", "a.md", {"b.md"})
    '- Read this first.\\n'

    Args:
        text: The Markdown.
        page: Its path.
        removed: The paths of the pages that are not there.
    """

    def is_gone(link: re.Match[str]) -> bool:
        return posixpath.normpath(posixpath.join(posixpath.dirname(page), link[2])) in removed

    def shown(link: re.Match[str]) -> str:
        return link[1] if is_gone(link) else link[0]

    kept = []
    for line in text.splitlines(keepends=True):
        links = list(_LINK.finditer(line))
        points = line.startswith("- ") and links and line[links[-1].end() :].strip() in ("", ".")
        if points and all(map(is_gone, links)):
            continue
        kept.append(_LINK.sub(shown, line))
    return "".join(kept)
