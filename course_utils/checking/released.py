"""What a learner starts from: the answers that stand in a released notebook before any work."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

COLAB_CELL = "colab"
"""The id of an exercise's cell that installs the course on Google Colab."""

ROOT = Path(__file__).resolve().parents[2]


def released_names(
    chapter: str, root: Path = ROOT, *, passing_over: type[Exception] = NotImplementedError
) -> dict[str, Any]:
    """Run a released notebook's own cells, without its checks, and return the names they define.

    A stub at the top level of a cell raises NotImplementedError, as it does in the notebook; what
    the cell defined before counts. The same holds for any other exception in `passing_over`.

    Raises:
        FileNotFoundError: the chapter has no released notebook.
    """
    path = root / "exercises" / f"{chapter}.ipynb"
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not released: run `make exercises`")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    folder = Path.cwd()
    os.chdir(path.parent)
    try:
        for index, cell in enumerate(cells):
            settings = cell["metadata"].get("nbgrader", {})
            is_check = settings.get("grade") and not settings.get("solution")
            if cell["cell_type"] != "code" or is_check:
                continue
            source = "".join(cell["source"])
            code = "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())
            with contextlib.suppress(passing_over), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code, f"<{chapter} cell {index}>", "exec"), namespace)
    finally:
        os.chdir(folder)
    return namespace
