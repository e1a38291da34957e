"""Formulas as MathML, which browsers show without a script."""

from __future__ import annotations

import functools
import html
import re

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

LONGEST = 2000
# docutils does not know these; the ones on the right mean nearly the same.
REPLACED = {
    r"\lVert": r"\|",
    r"\rVert": r"\|",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\dfrac": r"\frac",
    r"\tfrac": r"\frac",
    r"\bm": r"\boldsymbol",
    r"\dots": r"\ldots",
}
COMMAND = re.compile(r"\\[A-Za-z]+")


@functools.lru_cache(1024)
def formula(text: str, *, block: bool = False) -> str:
    """Return a formula of LaTeX as HTML; one that is not understood is shown as it was written.

    Args:
        text: The formula, without its dollar signs.
        block: Whether it stands on a line of its own.

    >>> "<msup>" in formula("x^2")
    True
    >>> formula(r"\\\\href{javascript:alert(1)}{x}")
    '<code>\\\\\\\\href{javascript:alert(1)}{x}</code>'
    """
    source = COMMAND.sub(lambda found: REPLACED.get(found[0], found[0]), text.strip())
    try:
        if len(source) > LONGEST:
            raise MathError("too long")
        made = tex2mathml(source, as_block=block)
    except Exception:
        # It raises MathError for what it does not know, and stumbles over what is no formula at all.
        return f"<code>{html.escape(text.strip())}</code>"
    return f'<span class="formula">{made}</span>' if block else made
