"""What an output may hold, so that looking at it runs nothing.

Instructors read graded notebooks in a browser that is logged in to their own Jupyter server: a script in an
output would act for them. Here an output's parts lose what could run, call another site, or hide the page.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable

import bleach
from bleach.css_sanitizer import CSSSanitizer

from course_utils.checking.limits import TimedOut, time_limit

# The style of the card that a check shows; a card keeps it where it begins with exactly this.
from course_utils.checking.render import _STYLE as CARD_STYLE

TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2"
        " h3 h4 h5 h6 header hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary"
        " sup table tbody td tfoot th thead tr u ul var",
    )
)
ATTRIBUTES = frozenset(
    {
        "align",
        "alt",
        "aria-label",
        "border",
        "class",
        "colspan",
        "height",
        "rowspan",
        "scope",
        "title",
        "width",
    }
)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
# Their text is no text to be read.
UNREADABLE_ELEMENTS = re.compile(r"<(style|script)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
# Commands of a formula that make links and load more commands.
FORMULA_COMMANDS = re.compile(
    r"(\\|&#0*92;?|&#x0*5c;?|&bsol;)(?=(?:href|require|cssId|class|style|html\w*|data|unicode|includegraphics)\b)",
    re.IGNORECASE,
)
KEPT_RESULTS = 256
CLEANING_SECONDS = 1.0


def clean(kind: str, text: str) -> dict[str, str]:
    """Return what is kept of one part of an output: its kind and its text, or nothing.

    >>> clean("text/html", "<b onclick='alert(1)'>bold</b><script>alert(1)</script>")
    {'text/html': '<b>bold</b>'}
    >>> clean("image/png", '" onerror="alert(1)')
    {}
    """
    return CLEANERS[kind](text)


@functools.lru_cache(KEPT_RESULTS)
def _html(text: str) -> dict[str, str]:
    card = text.startswith(CARD_STYLE)
    body = UNREADABLE_ELEMENTS.sub("", text.removeprefix(CARD_STYLE))
    try:
        with time_limit(CLEANING_SECONDS):
            kept = bleach.clean(
                body,
                tags=TAGS,
                attributes=_attribute_is_kept,
                protocols=("http", "https", "mailto", "data"),
                css_sanitizer=CSSSanitizer(),
                strip=True,
            )
    except (Exception, TimedOut):
        # Thousands of elements within each other, as no table or card has them.
        return {}
    kept = FORMULA_COMMANDS.sub("", kept)
    return {"text/html": CARD_STYLE + kept if card else kept}


def _attribute_is_kept(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and PICTURE.fullmatch(value) is not None
    if name == "href":
        return tag == "a" and LINK.match(value) is not None
    return name in ATTRIBUTES or name == "style"


def _picture(kind: str) -> Callable[[str], dict[str, str]]:
    # A page holds it between quotation marks.
    return lambda text: {kind: text} if BASE64.fullmatch(text) else {}


def _drawing(text: str) -> dict[str, str]:
    """Return an SVG as a picture: drawn as one, its scripts do not run and it fetches nothing."""
    encoded = base64.b64encode(text.encode()).decode()
    return {"text/html": f'<img alt="a drawing" src="data:image/svg+xml;base64,{encoded}">'}


def _without_tags(kind: str) -> Callable[[str], dict[str, str]]:
    # Both may hold HTML: a space makes text of every tag, and changes no formula.
    return lambda text: {kind: FORMULA_COMMANDS.sub("", TAG_START.sub("< ", text))}


CLEANERS: dict[str, Callable[[str], dict[str, str]]] = {
    "text/plain": lambda text: {"text/plain": text},
    "image/svg+xml": _drawing,
    "text/html": _html,
    "text/markdown": _without_tags("text/markdown"),
    "text/latex": _without_tags("text/latex"),
    "image/png": _picture("image/png"),
    "image/jpeg": _picture("image/jpeg"),
}
"""What is kept of an output, by its kind. A text of HTML comes after a drawing, and takes its place."""
