# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks by the notebook itself: its cells, their names, and what IPython can do to them."""

from __future__ import annotations

import copy

import nbformat
from nbformat import NotebookNode

from course_utils.grading.reading import grade_id
from tests.grading.attacks.attack import ATTACKED, RIGHT, WRONG, Attack, both, says, without

TEST = f"check_{ATTACKED}"


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def change_test(notebook: NotebookNode) -> None:
    """Change the test of the attacked exercise, and its points."""
    test = _cell(notebook, TEST)
    test.source = "print('2 of 2 points')\n2.0"
    test.metadata.nbgrader.update(points=100, locked=False)


def remove_test(notebook: NotebookNode) -> None:
    """Remove the test."""
    notebook.cells.remove(_cell(notebook, TEST))


def copy_test(notebook: NotebookNode) -> None:
    """Put copies of the test first and last."""
    notebook.cells.insert(2, copy.deepcopy(_cell(notebook, TEST)))
    notebook.cells.append(copy.deepcopy(_cell(notebook, TEST)))


def move_test(notebook: NotebookNode) -> None:
    """Put the test of the attacked exercise before its answer."""
    test = _cell(notebook, TEST)
    notebook.cells.remove(test)
    notebook.cells.insert(notebook.cells.index(_cell(notebook, ATTACKED)), test)


def swap_names(notebook: NotebookNode) -> None:
    """Give two tests one another's names."""
    first, second = _cell(notebook, TEST), _cell(notebook, "check_padding_mask")
    first.metadata.nbgrader.grade_id, second.metadata.nbgrader.grade_id = "check_padding_mask", TEST


def as_solution(notebook: NotebookNode) -> None:
    """Say that the test is an answer, to be written by the student and marked by hand."""
    test = _cell(notebook, TEST)
    test.metadata.nbgrader.update(solution=True, grade=True, task=False, points=50)
    test.source = "'full marks please'"


def as_text(notebook: NotebookNode) -> None:
    """Turn the test into text."""
    _cell(notebook, TEST).cell_type = "markdown"


def skip(notebook: NotebookNode) -> None:
    """Ask for the test not to be run."""
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
        cell.metadata["course"] = {"points": 2}
    notebook.metadata["course"] = {"unreadable": False, "problems": [], "submission": "forged"}


def odd_names(notebook: NotebookNode) -> None:
    """Add cells that claim to be graded, under names of all kinds."""
    for name in ("bonus", "../../gradebook", "'; DROP TABLE grade; --", "x" * 5000, ["list"], None, 7):
        cell = nbformat.v4.new_code_cell("2.0")
        cell.metadata["nbgrader"] = {
            "grade": True,
            "grade_id": name,
            "points": 1e9,
            "locked": True,
            "solution": False,
        }
        notebook.cells.append(cell)


def oversize(notebook: NotebookNode) -> None:
    """Add cells, text and outputs far beyond what anybody writes."""
    large = nbformat.v4.new_code_cell("# " + "x" * 3_000_000)
    large.outputs = [nbformat.v4.new_output("stream", text="y" * 3_000_000)]
    notebook.cells += [large, nbformat.v4.new_markdown_cell("z" * 3_000_000)]
    notebook.cells += [nbformat.v4.new_code_cell("") for _ in range(300)]


def stored_outputs(notebook: NotebookNode) -> None:
    """Hand in outputs that say that all is right."""
    test = _cell(notebook, TEST)
    test.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "HANDED IN: 2 of 2 points"})]
    test.execution_count = 7


TRANSFORMERS = """
shell = get_ipython()
shell.input_transformers_post.append(lambda lines: [line.replace("check.graded(causal_mask)", "check.graded(padding_mask, 'causal_mask')") for line in lines])
shell.input_transformers_cleanup.append(lambda lines: lines)
"""
TRANSFORMERS_BACK = "shell.input_transformers_post.clear()\nshell.input_transformers_cleanup.pop()"
AST = """
import ast
class Away(ast.NodeTransformer):
    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "graded" and ast.unparse(node.args[0]) == "causal_mask":
            return ast.Constant(2.0)
        return node
away = Away()
get_ipython().ast_transformers.append(away)
"""
LATER = """
shell = get_ipython()
shell.set_next_input("print('2 of 2 points')", replace=True)
In[:] = ["2.0"] * len(In)
for number in range(100):
    shell.history_manager.input_hist_parsed.append("2.0")
_ih, _oh = ["2.0"] * 100, {number: 2.0 for number in range(100)}
shell.payload_manager.write_payload({"source": "set_next_input", "text": "2.0", "replace": True})
shell.run_cell("check.graded(lambda *_: 1, 'causal_mask')", store_history=True)
"""
MAGICS = """
%cd /tmp
open("script.py", "w").write("print('ran a script')\\nimport os\\ntry:\\n    print('read:', open(BAIT_FILE).read())\\nexcept OSError as error:\\n    print('read:', type(error).__name__)")
BAIT_FILE = BAIT + "/gradebook.db"
%run -i script.py
text = !cat {BAIT_FILE}
attempt("shell", lambda: "No such file" in text[0] or "denied" in text[0])
text = !cat /proc/1/environ
attempt("environ", lambda: any(word in "".join(text) for word in ("NBGRADER", "COURSE_", "SECRET")))
%env COURSE_SECRET_SEED=0
%load_ext autoreload
%autoreload 2
%alias_magic t timeit
%xmode Verbose
%config InlineBackend.figure_format = 'svg'
"""
BASH = """%%bash
cat "$HOME/../../$0" 2> /dev/null
(sleep 200 &) ; (nohup sleep 200 > /dev/null 2>&1 &)
kill -9 -1 2> /dev/null
echo ran
"""
HOOKED = """
shell = get_ipython()
shell.events.register("pre_run_cell", lambda info: setattr(info, "raw_cell", "2.0"))
shell.events.register("post_run_cell", lambda result: setattr(result, "error_in_exec", None))
shell.run_cell_async_kept = shell.run_cell_async
async def other(code, *args, **kwargs):
    return await shell.run_cell_async_kept(code.replace("check.graded(causal_mask)", "2.0"), *args, **kwargs)
shell.run_cell_async = other
"""

ATTACKS = [
    Attack("changes a test", answer=WRONG, edit=change_test, earns=0, seen=without("2 of 2 points")),
    Attack("changes a test of a right answer", edit=change_test),
    Attack("removes a test", answer=WRONG, edit=remove_test, earns=0),
    Attack("copies a test", edit=copy_test),
    Attack("copies a test of a wrong answer", answer=WRONG, edit=copy_test, earns=0),
    Attack("moves a test", edit=move_test),
    Attack("swaps the names of tests", answer=WRONG, edit=swap_names, earns=0),
    Attack("says that a test is an answer", answer=WRONG, edit=as_solution, earns=0),
    Attack("turns a test into text", answer=WRONG, edit=as_text, earns=0),
    Attack("asks for tests to be skipped", answer=WRONG, edit=skip, earns=0),
    Attack("adds cells that claim points", answer=WRONG, edit=odd_names, earns=0),
    Attack("hands in a huge notebook", answer=WRONG, edit=oversize, earns=0),
    Attack("hands in outputs", answer=WRONG, edit=stored_outputs, earns=0, seen=without("HANDED IN")),
    Attack(
        "transforms the text of later cells",
        answer=f"{TRANSFORMERS}{WRONG}",
        after=TRANSFORMERS_BACK,
        earns=0,
    ),
    Attack(
        "transforms the code of later cells",
        answer=f"{AST}{RIGHT}",
        after="get_ipython().ast_transformers.remove(away)",
        earns=0,
    ),
    Attack("edits later cells and the history", answer=f"{WRONG}\n{LATER}", earns=0),
    Attack(
        "uses magics",
        before=MAGICS,
        seen=both(says(read="FileNotFoundError|PermissionError", shell="True", environ="False")),
    ),
    Attack("uses bash", before=BASH, lost="|ended its kernel|was ended"),
    Attack("hooks the running of cells", answer=f"{WRONG}\n{HOOKED}", earns=0),
    Attack(
        "restarts the kernel",
        before="get_ipython().kernel.do_shutdown(True)\nos.execv(sys.executable, [sys.executable, '-c', 'pass'])",
        lost="ended its kernel|broke|too long",
    ),
    Attack(
        "resets the namespace",
        before="%reset -f",
        costs=dict.fromkeys(
            ("causal_mask", "padding_mask", "split_heads", "merge_heads", "MultiHeadAttention"), 0.0
        ),
        earns=0,
    ),
]
