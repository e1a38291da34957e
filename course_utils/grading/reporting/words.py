"""Text for a page of HTML: everything that is not written here is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# Control characters, and the marks for writing directions, which turn a line around.
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def safe(text: object) -> str:
    """Return text that shows as itself in HTML, between tags and in a quoted attribute.

    >>> safe('<img src="x">')
    '&lt;img src=&quot;x&quot;&gt;'
    """
    return html.escape(UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text)))


def prose(text: object) -> str:
    """Return a sentence as HTML, with `code` between backticks.

    >>> prose("use `a < b`")
    'use <code>a &lt; b</code>'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text))


def many(count: int, one: str, more: str = "") -> str:
    """Return a number with its noun.

    >>> many(1, "submission"), many(2000, "submission"), many(3, "answer is", "answers are")
    ('1 submission', '2,000 submissions', '3 answers are')
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def percent(part: float, whole: float) -> str:
    """Return a share; a dash where there is no whole.

    >>> percent(1, 3), percent(0, 0)
    ('33%', '–')
    """
    return f"{part / whole:.0%}" if whole else "\N{EN DASH}"


def number(value: float) -> str:
    """Return a number of points as people write it, with two decimals at most.

    >>> number(3.0), number(2.456)
    ('3', '2.46')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def seconds(value: float) -> str:
    """Return a time.

    >>> seconds(0.82), seconds(75)
    ('0.8 s', '1 min 15 s')
    """
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def sentence(text: str) -> str:
    """Return text that begins with a capital letter and ends with one period.

    >>> sentence("the file cannot be read.. ")
    'The file cannot be read.'
    """
    text = text.strip().rstrip(".")
    ending = "" if text.endswith(("!", "?", ":")) else "."
    return text[:1].upper() + text[1:] + ending if text else ""


def students(names: Iterable[str]) -> str:
    """Return the names of students as a list of HTML."""
    return '<ul class="names">' + "".join(f"<li>{safe(name)}</li>" for name in names) + "</ul>"
