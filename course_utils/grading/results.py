"""What came of playing a submission: kept whole or not at all, under the hash of all that it depends on.

A run that is cut off, or is repeated, finds what was done. What depends on nothing else than its key can be
worked out anywhere and by anybody who has the key's ingredients.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_utils.grading.journal import write_whole
from course_utils.grading.judging.judge import CellRecord
from course_utils.grading.judging.notebook import Playing
from course_utils.grading.judging.stage import Stage
from course_utils.grading.marks import report_from_data
from course_utils.grading.sandbox.limits import Limits

SCHEMA = 1
PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "numpy", "pandas", "ipykernel", "ipython")


@functools.cache
def engine_fingerprint() -> str:
    """Return a hash of the course's package and of the libraries that decide what answers compute."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(" ".join(f"{name}=={version(name)}" for name in LIBRARIES).encode())
    return digest.hexdigest()


def result_key(notebook: NotebookNode, stage: Stage, secret_seed: str, limits: Limits) -> str:
    """Return the hash of all that the result of a notebook depends on."""
    cells = [
        [cell.cell_type, cell.source, cell.metadata.get("nbgrader", {}).get("grade_id", "")]
        for cell in notebook.cells
    ]
    given = [str(stage.chapter), *map(str, stage.earlier)]
    parts = [SCHEMA, given, cells, secret_seed, asdict(limits), engine_fingerprint()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Result:
    """The outputs of a notebook's code cells, by their place, and the judge's records."""

    outputs: dict[int, list[NotebookNode]]
    playing: Playing

    @classmethod
    def of(cls, notebook: NotebookNode, playing: Playing) -> Result:
        """Return the result of a notebook that was played."""
        code = ((place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        return cls({place: cell.outputs for place, cell in code}, playing)

    def apply(self, notebook: NotebookNode) -> Playing:
        """Put the outputs into a notebook and return the records."""
        for place, outputs in self.outputs.items():
            notebook.cells[place].outputs = outputs
            notebook.cells[place].execution_count = None
        return self.playing


def encode_result(result: Result) -> bytes:
    """Return a result as it is kept."""
    data = {
        "schema": SCHEMA,
        "outputs": result.outputs,
        "records": {name: _record_data(record) for name, record in result.playing.records.items()},
        "lost": result.playing.lost,
        "seconds": round(result.playing.seconds, 3),
    }
    return json.dumps(data).encode()


def decode_result(content: bytes) -> Result:
    """Return a result that was kept.

    Raises:
        ValueError: it is not one, or one of another version.
    """
    try:
        data = json.loads(content)
        if data["schema"] != SCHEMA:
            raise ValueError("it is of another version")
        outputs = {
            int(place): [nbformat.from_dict(output) for output in outputs]
            for place, outputs in data["outputs"].items()
        }
        records = {name: _record(record) for name, record in data["records"].items()}
        lost = {int(place): str(why) for place, why in data["lost"].items()}
        return Result(outputs, Playing(records, lost, float(data["seconds"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not the result of a notebook ({error})") from None


class Results:
    """The results of a class, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def read(self, key: str) -> Result | None:
        """Return the result that is kept under a key; None if there is none, or it cannot be read."""
        try:
            return decode_result(self._path(key).read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, key: str, content: bytes) -> None:
        """Keep an encoded result."""
        write_whole(self._path(key), content)


def _record_data(record: CellRecord) -> dict[str, Any]:
    return {
        "exercise": record.exercise,
        "graded": record.graded.to_data() if record.graded else None,
        "shown": record.shown.to_data() if record.shown else None,
        "others": record.others,
    }


def _record(data: dict[str, Any]) -> CellRecord:
    graded, shown = (data[name] and report_from_data(data[name]) for name in ("graded", "shown"))
    return CellRecord(data["exercise"], graded or None, shown or None, list(data["others"]))
