"""The player's shell does with a cell what IPython's own does."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TokenTransformBase, TransformerManager

from course_utils.grading.player.shell import QuickCompiler, QuickTransformer

CELLS = {
    "plain": "def f(x):\n    return x % 2",
    "no newline": "x = 1",
    "empty": "",
    "only spaces": "   \n\n",
    "leading empty lines": "\n\n  \nx = 1",
    "indented": "    x = 1\n    y = 2",
    "prompts": ">>> x = 1\n>>> x\n",
    "IPython's prompts": "In [1]: x = 1\n   ...: y = 2",
    "line magic": "%matplotlib inline\nx = 1",
    "indented magic": "if True:\n    %time x = 1\n",
    "cell magic": "%%capture out\nprint(1)",
    "cell magic in the middle": "x = 1\n%%time\ny = 2",
    "shell": "!ls -l | head\nfiles = !ls\n!!pwd",
    "help": "len?\n??print\nx.y??",
    "help in an expression": "x = len?",
    "assigned magic": "x = %timeit -o 1 + 1",
    "quoting": ",f a b\n;f a b\n/f a b",
    "percent on a line of its own": "x = (5\n% 3)\ny = (1\n!= 2)",
    "magic in a string": "s = '''\n%time\n!ls\nwhat?\n'''",
    "question in a comment": "x = 1  # why?\n# %time",
    "backslash": "x = 5 \\\n% 3",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "return outside": "return 1",
    "broken": "def f(:\n    pass",
    "broken with magic": "%time\ndef f(:\n",
    "unfinished string": "x = '''abc",
    "not a character": "x = '\x00'",
    "line ends": "x = 1\r\n%time y = 2\r\nz = 3",
    "invalid escape": "x = '\\d'",
    "walrus and lambda": "(f := lambda x: x)(3)",
    "semicolon": "x = 1; x;",
    "star": "f(*[1], **{})\n*a, b = 1, 2",
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_become_the_same_python(name: str) -> None:
    try:
        wanted: object = TransformerManager().transform_cell(CELLS[name])
    except SyntaxError as error:
        wanted = str(error)
    try:
        found: object = QuickTransformer().transform_cell(CELLS[name])
    except SyntaxError as error:
        found = str(error)
    assert found == wanted


def test_transformers_that_a_notebook_adds_are_used() -> None:
    class Doubled(TokenTransformBase):
        @classmethod
        def find(cls, tokens_by_line: list) -> Doubled | None:
            first = tokens_by_line[0][0]
            return cls(first.start) if first.string == "one" else None

        def transform(self, lines: list[str]) -> list[str]:
            return ["two\n", *lines[1:]]

    manager = QuickTransformer()
    manager.token_transformers.append(Doubled)
    assert manager.transform_cell("one") == "two\n"
    assert QuickTransformer().transform_cell("one") == "one\n"


def test_a_cell_has_a_file_name_of_its_own() -> None:
    compiler = QuickCompiler()
    names = [compiler.get_code_name(code, code, 1) for code in ("x = 1", "x = 2", "x = 1", "'\ud800'")]
    assert names[0] == names[2]
    assert len(set(names)) == 3
    assert all(name.endswith(".py") and "ipykernel_" in name for name in names)
