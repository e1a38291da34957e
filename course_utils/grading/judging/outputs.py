"""What a cell shows, as far as it is kept: of the kinds that are known, and up to its limits."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from course_utils.grading.cells import make_display, make_error, make_stream
from course_utils.grading.judging.clean import CLEANERS, clean
from course_utils.grading.sandbox.limits import Limits

CUT = "\n... (the rest of the output was not kept)"
MOST_OUTPUTS = 200


class Shown:
    """The outputs of a notebook's cells while it runs; `begin` starts the next cell."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.outputs: list[NotebookNode] = []
        self._cell = 0
        self._all = 0
        self._clear = False

    def begin(self) -> None:
        """Start a cell with no outputs."""
        self.outputs = []
        self._cell = 0
        self._clear = False

    def forget(self) -> None:
        """Drop what the cell has shown, as if it had not been run."""
        self._all -= self._cell
        self.begin()

    @property
    def _room(self) -> int:
        return min(
            self.limits.output_characters_per_cell - self._cell, self.limits.output_characters - self._all
        )

    def add(self, kind: Any, content: Any) -> None:
        """Keep what a player says that its cell shows; what is malformed or too much is dropped."""
        if not isinstance(content, dict):
            return
        if kind == "clear_output":
            self._clear = content.get("wait") is True
            if not self._clear:
                self.outputs = []
            return
        if self._clear:
            self.outputs, self._clear = [], False
        match kind:
            case "stream":
                self._add_text(content)
            case "error":
                self._add_error(content)
            case "display_data" | "execute_result":
                self._add_data(kind, content)
            case "update_display_data":
                self._update(content)

    def _spend(self, size: int) -> bool:
        """Take from what may be shown; say whether all of it may."""
        fits = size <= self._room and len(self.outputs) < MOST_OUTPUTS
        self._cell += size
        self._all += size
        return fits

    def _add_text(self, content: dict[str, Any]) -> None:
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        text = _text(content.get("text"))
        room = max(self._room, 0)
        if not self._spend(len(text)):
            if not room:
                return
            text = text[:room] + CUT
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        elif len(self.outputs) < MOST_OUTPUTS:
            self.outputs.append(make_stream(name, text))

    def _add_error(self, content: dict[str, Any]) -> None:
        given = content.get("traceback")
        lines = [_text(line) for line in given[:MOST_OUTPUTS]] if isinstance(given, list) else []
        name, value = _text(content.get("ename"))[:200], _text(content.get("evalue"))[:2000]
        text = "\n".join(lines)
        room = max(self._room, 0)
        if not self._spend(len(text)):
            text = text[:room] + CUT
        if len(self.outputs) < MOST_OUTPUTS:
            self.outputs.append(make_error(name, value, [text]))

    def _add_data(self, kind: str, content: dict[str, Any]) -> None:
        data = self._kept(content.get("data"))
        if data:
            output = make_display(data, kind)
            name = _display_name(content)
            if name:
                output.metadata["display"] = name
            self.outputs.append(output)

    def _kept(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            return {}
        # Scripts and widgets would run in the reader's browser: of each known kind what is harmless is kept.
        known = {kind: _text(data[kind]) for kind in CLEANERS if kind in data}
        if self._spend(sum(map(len, known.values()))):
            return {name: text for kind in known for name, text in clean(kind, known[kind]).items()}
        return {"text/plain": CUT.strip()} if len(self.outputs) < MOST_OUTPUTS else {}

    def _update(self, content: dict[str, Any]) -> None:
        """Change an output of this cell that was shown under a name; other cells' outputs stay."""
        name = _display_name(content)
        for output in self.outputs:
            if name and output.get("metadata", {}).get("display") == name:
                output.data = self._kept(content.get("data"))

    def finished(self) -> list[NotebookNode]:
        """Return the outputs of the cell."""
        for output in self.outputs:
            output.get("metadata", {}).pop("display", None)
        return self.outputs


def _display_name(content: dict[str, Any]) -> str:
    transient = content.get("transient")
    return _text(transient.get("display_id"))[:200] if isinstance(transient, dict) else ""


def _text(value: Any) -> str:
    """Return a text that a notebook can store."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
