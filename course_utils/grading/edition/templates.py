"""The files of a class edition that say how it is used."""

from __future__ import annotations

README = """# {title}: {part}

These are the exercises of a class, the chapters that they belong to, and all that they need.

## Start

    make start

needs Python 3.11 to 3.13 and `make`, on Linux or on a Mac with an Apple processor. The first time it makes an
environment in `.venv` from pinned versions; that takes some minutes, a network and 2 GB. Then it opens
JupyterLab on the exercises, serves the book beside it, and prints both addresses. Ctrl-C stops them; the next
`make start` is ready in seconds. `make start OPEN=no PORT=9000 BOOK_PORT=9001` opens no browser and chooses
the ports. Without `make`: `python3 tools/run.py start`.

## What is where

| folder | what it holds |
|---|---|
{exercises}
| `book/` | the book up to here; open `book/index.html` in a browser |
| `course_utils/` | what the notebooks import: data, figures, checks, the code of earlier parts |

## How you work

Read the chapter, open the exercise, write each answer where the notebook says so, and run the cell with
`check(...)` below it. The check says which cases pass, and why the others do not. Save the notebook; nothing
else is kept.

- No answer is on this disk. The check compares yours with what the course's own gave for the same inputs.
- Where an item builds on an earlier one and the text says that it is given, it uses **your own** answer to
  that one. Run the cells above first. "Write ... first" means that there is none yet.
- Your mark is made on the instructor's machine: with other inputs, with more cases, and with the course's own
  answers where an item builds on another. There, a mistake in one item costs nothing in the next.

## Hand in

{hand_in}

Leave the cells with checks, their order and the names of the functions as they are. Before you hand in,
choose Kernel, then Restart Kernel and Run All Cells.

## Licenses

Code: MIT (`LICENSE`). Text and figures: CC BY 4.0 (`LICENSE-TEXT`). Data: see `NOTICE`.
"""

MAKEFILE = """# `make start` sets up and opens JupyterLab; tools/run.py finds a Python that suits.

NAMES := python3 python3.13 python3.12 python3.11 python $(PYTHON)
BOOT := $(firstword $(foreach name,$(NAMES),$(shell command -v $(name) 2>/dev/null)))
export PYTHON PORT BOOK_PORT OPEN TMPDIR
$(foreach name,PYTHON PORT BOOK_PORT OPEN TMPDIR,$(if $($(name)),,$(eval unexport $(name))))

.PHONY: start
start:
	$(if $(BOOT),,$(error No Python was found: install Python 3.11 to 3.13 and run this again))
	@$(BOOT) tools/run.py start
"""

PYPROJECT = """[build-system]
requires = {requires}
build-backend = "setuptools.build_meta"

[project]
name = "course-utils"
version = "{version}"
description = "What the exercises of a class import."
requires-python = "{python}"
license = "MIT"
license-files = ["LICENSE", "NOTICE"]
dependencies = [
{dependencies}
]

[tool.setuptools.packages.find]
include = ["course_utils*"]

[tool.setuptools.package-data]
course_utils = ["data/files/*", "recorded/*/*", "py.typed"]
"""

BOOK_TOOL = '''"""The book of this edition, which is built already."""

from __future__ import annotations

from pathlib import Path


def index(root: Path) -> Path:
    """Return the first page of the book."""
    return root / "book" / "index.html"


def build(_environment: object, _python: Path) -> None:
    """Do nothing: the book came with the edition."""
'''

GITIGNORE = """.venv/
.setup/
__pycache__/
*.egg-info/
.ipynb_checkpoints/
"""
