"""ipykernel's shell without the application around it, and quicker with cells that are plain Python."""

from __future__ import annotations

import ast
import os
import warnings
import zlib

from ipykernel.compiler import XCachingCompiler, get_tmp_directory
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.inputtransformer2 import TransformerManager
from traitlets import Instance


class QuickTransformer(TransformerManager):
    """IPython's way from a cell to Python, without the detour for what is Python as it stands.

    IPython looks for magics and help in a cell's tokens, which it makes in Python: most of the time that a
    cell of definitions takes. No such syntax is in what Python itself can parse.
    """

    def __init__(self) -> None:
        super().__init__()
        self._standard = list(self.token_transformers)

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        """Replace magics, shell commands and requests for help by calls of functions."""
        if self.token_transformers == self._standard and _is_python("".join(lines)):
            return lines
        return list(super().do_token_transforms(lines))


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class QuickCompiler(XCachingCompiler):
    """ipykernel's compiler, with file names for cells by a hash that is not computed in Python."""

    def get_code_name(self, raw_code: str, _code: str, _number: int) -> str:
        """Return a file name for a cell."""
        number = zlib.crc32(raw_code.encode("utf-8", "replace"))
        return f"{get_tmp_directory()}{os.sep}{number}.py"


class PlayerShell(ZMQInteractiveShell):
    """The shell of a submission that is graded."""

    input_transformer_manager = Instance(QuickTransformer, ())

    def init_instance_attrs(self) -> None:
        """Set up; ipykernel leaves no other way to choose a compiler."""
        super().init_instance_attrs()
        self.compile = QuickCompiler()

    def enable_gui(self, gui: str | None = None) -> None:
        """Take note of an event loop of a graphical interface; there is none to be run here."""
        self.active_eventloop = gui

    def ask_exit(self) -> None:
        """Go on: `exit` in one cell must not take the others with it."""
