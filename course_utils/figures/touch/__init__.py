"""Figures that can be touched: drawn by a script in the page, from numbers that were computed here.

A figure is a script `NAME.js` beside this file with one function, `figure(stage, data, touch)`, which draws
into the element `stage` and returns `{values()}`, the numbers that it shows (for tests). `base.js` has what
all of them are made of. Nothing is fetched from anywhere: script, style and data stand in the output of the
cell, so that the figure is the same in the book and in JupyterLab.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

MOST_BYTES = 30 * 1024
"""The most that the output of one figure may weigh."""


class TouchFigure:
    """A figure that can be touched.

    Args:
        name: Which figure: the name of its script.
        data: The numbers that it starts from, as plain data (JSON).
        title: The line above it.
        hint: What to do with it, in one sentence.
        alt: What is seen, for those who do not see it, and where scripts do not run.

    Raises:
        ValueError: there is no such figure, or its output is too large.
    """

    def __init__(self, name: str, data: Mapping[str, Any], *, title: str, hint: str, alt: str) -> None:
        self.name = name
        self.data = dict(data)
        self.title = title
        self.hint = hint
        self.alt = alt
        size = len(self._repr_html_().encode())
        if size > MOST_BYTES:
            raise ValueError(
                f"the figure {name!r} weighs {size:,} bytes, at most {MOST_BYTES:,} are allowed: "
                "give it fewer numbers, or round them"
            )

    def _repr_html_(self) -> str:
        # A "<" in a word of the data must not end the script.
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        # The same figure twice on a page is two elements: the second does not start in the first one's place.
        key = f"touch-{self.name}-{hashlib.sha256(data.encode()).hexdigest()[:8]}"
        heading, hint, alt = (html.escape(text) for text in (self.title, self.hint, self.alt))
        return (
            f"<style>{_source('base.css')}</style>"
            f'<figure class="touch" data-key="{key}" role="group" aria-label="{heading}">'
            f'<p class="touch-title">{heading}</p><p class="touch-hint">{hint}</p>'
            f'<div class="touch-stage"><p>{alt}</p></div></figure>'
            "<script>(() => {\n"
            f"{_source('base.js')}\n{_source(f'{self.name}.js')}\n"
            f"const waiting = document.querySelectorAll('[data-key=\"{key}\"]:not([data-started])');\n"
            "for (const root of waiting) {\n"
            '  root.dataset.started = "";\n'
            f"  touch.start(root, figure, {data});\n"
            "}\n})();</script>"
        )

    def __repr__(self) -> str:
        return f"{self.title}: {self.alt}"


def names() -> list[str]:
    """Return the names of all figures that can be touched."""
    scripts = (path.name for path in files(__name__).iterdir() if path.name.endswith(".js"))
    return sorted(name.removesuffix(".js") for name in scripts if name != "base.js")


def _source(name: str) -> str:
    if name.endswith(".js") and name != "base.js" and name.removesuffix(".js") not in names():
        raise ValueError(f"there is no figure {name.removesuffix('.js')!r}; there are: {', '.join(names())}")
    lines = (line.strip() for line in files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines())
    # Comments and indentation are for those who read the file here.
    return "\n".join(line for line in lines if line and not line.startswith("//"))
