"""Recorded answers on the disk: a JSON tree, the buffers of its arrays, and never a pickle.

    course_utils/recorded/PART/CHAPTER.json    for each exercise the tree of its record
    course_utils/recorded/PART/CHAPTER.bin     the buffers, one behind the other
    course_utils/recorded/PART/CHAPTER.py      the functions among the inputs, as source

The values are written with the codec of the channel between judge and player.
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from course_utils.grading.channel.codec import Buffer, Decoder
from course_utils.grading.channel.tags import Tree

SCHEMA = 1
PACKAGE = "course_utils.recorded"


def write_store(
    folder: Path,
    name: str,
    exercises: Mapping[str, Tree],
    functions: Sequence[tuple[str, Tree]],
    buffers: Sequence[Buffer],
) -> None:
    """Write the records of a chapter's exercises.

    Args:
        folder: The folder of the part.
        name: The chapter's name.
        exercises: The tree of each exercise's record, by name.
        functions: For each function that a tree names by its number: what makes it in the module beside the
            file, and the tree of the arguments for that.
        buffers: The buffers of all trees.
    """
    content = {
        "schema": SCHEMA,
        "exercises": dict(exercises),
        "functions": [list(pair) for pair in functions],
        "sizes": [len(buffer) for buffer in buffers],
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / f"{name}.bin").write_bytes(b"".join(buffers))


class Store:
    """The records of a chapter's exercises on the disk.

    Args:
        folder: The folder of the part.
        name: The chapter's name.
        module: The module with the functions among the inputs; imported when the first is met.
    """

    def __init__(self, folder: Path, name: str, module: str) -> None:
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"{name}.json was written by another version of the course")
        data = (folder / f"{name}.bin").read_bytes()
        starts = itertools.accumulate(content["sizes"], initial=0)
        pairs = zip(starts, content["sizes"], strict=False)
        self._buffers = [bytearray(data[start : start + size]) for start, size in pairs]
        self._trees: dict[str, Tree] = content["exercises"]
        self._functions: list[list[Any]] = content["functions"]
        self._module = module

    def read(self) -> dict[str, Any]:
        """Return the record of each exercise, by name, in their order."""
        return {name: self._decode(tree) for name, tree in self._trees.items()}

    def _decode(self, tree: Tree) -> Any:
        return Decoder(self._buffers, self._function).decode(tree)

    def _function(self, number: int) -> Callable:
        maker, tree = self._functions[number]
        return getattr(importlib.import_module(self._module), maker)(**self._decode(tree))
