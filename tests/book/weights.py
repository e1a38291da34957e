"""How heavy a page is: what a reader who comes to it first has to load."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

LARGEST = 1_200_000
"""Bytes that a page may take on the way. The theme takes about 480,000, MathJax with its fonts 340,000."""
PACKED = {".html", ".css", ".js", ".svg", ".json"}
"""What servers of pages pack with gzip; fonts and pictures are packed already."""


@dataclass(frozen=True)
class Weight:
    """Bytes of a page with everything that it loads."""

    files: int
    stored: int
    sent: int
    page_sent: int
    """What of it is the page itself: text, code, figures, without what all pages share."""


WEIGHTS = pytest.StashKey[dict[str, Weight]]()


def weigh(html: Path, addresses: Iterable[str]) -> Weight:
    """Return the weight of files of the book, the page itself first."""
    files = list(dict.fromkeys(html / unquote(urlsplit(address).path).lstrip("/") for address in addresses))
    contents = [file.read_bytes() for file in files]
    sent = [
        len(gzip.compress(content, 6)) if file.suffix in PACKED else len(content)
        for file, content in zip(files, contents, strict=True)
    ]
    return Weight(len(files), sum(map(len, contents)), sum(sent), sent[0])


def table(weights: dict[str, Weight]) -> list[str]:
    """Return the lines of a table, the heaviest page first."""
    lines = [f"{'page':<42}{'files':>6}{'stored':>9}{'sent':>9}{'itself':>9}   (thousands of bytes)"]
    for name, weight in sorted(weights.items(), key=lambda item: -item[1].sent):
        kilobytes = [count / 1000 for count in (weight.stored, weight.sent, weight.page_sent)]
        lines.append(f"{name:<42}{weight.files:>6}" + "".join(f"{count:>9.0f}" for count in kilobytes))
    return lines
