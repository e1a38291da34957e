"""What an answer must not use is found however it is spelled, and what it may use is not."""

from __future__ import annotations

import dataclasses

import pytest
from nbformat.v4 import new_code_cell

from course_utils.checking.checker import load_exercises
from course_utils.grading.honesty import Finding, examine
from tests.grading.honesty.answers import answered, cell, released

CHAPTER = "transformers/attention"
FORBIDDEN = "torch.nn.functional.scaled_dot_product_attention"
ANSWER = "scaled_dot_product_attention"
REFERENCE = f"course_utils.transformers.attention.{ANSWER}"
HEAD = f"def {ANSWER}(query, key, value, mask=None):\n    "


def exercises():
    """Return the chapter's exercises, the first with something that it forbids."""
    known = dict(load_exercises(CHAPTER))
    known[ANSWER] = dataclasses.replace(known[ANSWER])
    known[ANSWER].forbids = (FORBIDDEN,)
    return known


def findings(answer: str = "", *, extra: str = "", **answers: str) -> tuple[Finding, ...]:
    """Return what is found in a submission with one answer and another cell."""
    notebook = answered(released(CHAPTER), **{**answers, **({ANSWER: answer} if answer else {})})
    if extra:
        notebook.cells.append(new_code_cell(extra))
    return examine(CHAPTER, {"ada": notebook}, released(CHAPTER), exercises()).findings.get("ada", ())


@pytest.mark.parametrize(
    "answer",
    [
        f"import torch.nn.functional as F\n{HEAD}return F.{ANSWER}(query)",
        f"from torch.nn.functional import {ANSWER} as fused\n{HEAD}return fused(query)",
        f"from torch.nn import functional\n{HEAD}return functional.{ANSWER}(query)",
        f"{HEAD}return {FORBIDDEN}(query)",
        f"{HEAD}from torch.nn import functional as F\n    return F.{ANSWER}(query)",
        f"{HEAD}f = nn.functional\n    g = f.{ANSWER}\n    return g(query)",
        f"{HEAD}return getattr(nn.functional, {ANSWER!r})(query)",
        f"NAME = 'scaled_dot' + '_product_attention'\n{HEAD}return getattr(nn.functional, NAME)(query)",
        f"{HEAD}return getattr(nn.functional, '_'.join(['scaled', 'dot_product', 'attention']))(query)",
        f"{HEAD}return getattr(nn.functional, {ANSWER[::-1]!r}[::-1])(query)",
        f"{HEAD}return vars(nn.functional)[{ANSWER!r}](query)",
        f"{HEAD}return nn.functional.__dict__[{ANSWER!r}](query)",
        f"{HEAD}return torch.ops.aten.{ANSWER}.default(query)",
        f"{HEAD}return eval({FORBIDDEN!r})(query)",
        f"import importlib\n{HEAD}return importlib.import_module('torch.nn.functional').{ANSWER}(query)",
        f"import operator\n{HEAD}return operator.attrgetter({ANSWER!r})(nn.functional)(query)",
        f"import functools\nfast = functools.partial(nn.functional.{ANSWER})\n{HEAD}return fast(query)",
        f"from torch.nn.functional import *\nfused = {ANSWER}\n{HEAD}return fused(query)",
        f"table = {{'a': nn.functional.{ANSWER}}}\n{HEAD}return table['a'](query)",
        f"{HEAD[:-7]}, fused=nn.functional.{ANSWER}):\n    return fused(query)",
        f"def helper(*all):\n    return nn.functional.{ANSWER}(*all)\n\n{HEAD}return helper(query)",
        f"{ANSWER} = nn.functional.{ANSWER}",
        f"%%time\n{HEAD}return nn.functional.{ANSWER}(query)",
        f"%matplotlib inline\n{HEAD}return nn.functional.{ANSWER}(query)",
        f"{HEAD}return lookup(nn.functional)(query)\ndef lookup(m):\n    return getattr(m, {ANSWER!r})",
    ],
)
def test_what_the_exercise_forbids_is_found_under_every_name(answer: str) -> None:
    found = [finding for finding in findings(answer) if finding.kind == "forbidden"]
    assert found, "nothing was found"
    assert {finding.exercise for finding in found} == {ANSWER}
    assert all(FORBIDDEN in finding.what for finding in found)
    lines = answer.split("\n")
    assert all(finding.cell == ANSWER and 1 <= finding.line <= len(lines) for finding in found)


def test_a_finding_is_one_plain_sentence_with_its_place() -> None:
    answer = f"# Attention\nimport torch.nn.functional as F\n\n{HEAD}return F.{ANSWER}(query)"
    what = f"uses {FORBIDDEN}, which this exercise asks to build"
    assert findings(answer) == (Finding("forbidden", ANSWER, ANSWER, 5, what),)


@pytest.mark.parametrize(
    "answer",
    [
        f"from course_utils.transformers import attention\n{ANSWER} = attention.{ANSWER}",
        f"from course_utils.transformers.attention import {ANSWER}",
        f"from course_utils.transformers.attention import {ANSWER} as mine\n{HEAD}return mine(query)",
        f"import course_utils.transformers.attention as a\n{HEAD}return a.{ANSWER}(query)",
        f"import course_utils.transformers.attention\n{HEAD}return {REFERENCE}(query)",
        f"{HEAD}return given.{ANSWER}(query)",
        f"import importlib\nm = importlib.import_module('course_utils.transformers.attention')\n"
        f"{HEAD}return m.{ANSWER}(query)",
        f"m = __import__('course_utils.transformers.attention', fromlist=['x'])\n{HEAD}return m.{ANSWER}(1)",
        f"m = __import__('course_utils.transformers.attention')\n{HEAD}return m.{REFERENCE[13:]}(query)",
        f"import sys\n{HEAD}return sys.modules['course_utils.transformers.attention'].{ANSWER}(query)",
        f"import sys\n{HEAD}return sys.modules.get('course_utils.transformers.attention').{ANSWER}(query)",
        f"{HEAD}return 1\n{ANSWER}.__code__ = given.{ANSWER}.__code__",
        f"globals()[{ANSWER!r}] = given.{ANSWER}",
        f"exec('{ANSWER} = given.{ANSWER}')",
        f"for {ANSWER} in [given.{ANSWER}]: pass",
    ],
)
def test_the_reference_is_found_under_every_name(answer: str) -> None:
    found = [finding for finding in findings(answer) if finding.kind == "reference"]
    assert [finding.exercise for finding in found] == [ANSWER]
    assert found[0].what == f"uses {REFERENCE}, the course's own answer to this exercise"


def test_an_answer_in_another_cell_is_found_where_it_stands() -> None:
    place = f"cell {len(released(CHAPTER).cells) + 1}"
    (found,) = findings(extra=f"# Later.\n{ANSWER} = given.{ANSWER}")
    assert (found.kind, found.cell, found.line) == ("reference", place, 2)


def test_a_class_may_not_inherit_from_its_reference() -> None:
    source = cell(released(CHAPTER), "MultiHeadAttention").source.split("\n")[0]
    (found,) = findings(
        MultiHeadAttention=f"{source}\nclass MultiHeadAttention(given.MultiHeadAttention): pass"
    )
    assert (found.kind, found.exercise) == ("reference", "MultiHeadAttention")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"import inspect\n{HEAD}return inspect.getsource(given.split_heads)", "reads the source of"),
        (f"import inspect as i\n{HEAD}return i.getsource(given)", "reads the source of"),
        (f"{HEAD}return open('../../solutions/transformers/attention.ipynb').read()", "name of a file"),
        (f"from pathlib import Path\n{HEAD}return Path('..') / 'solutions' / 'x'", "name of a file"),
        (f"!cat ../../solutions/transformers/attention.ipynb\n{HEAD}return 1", "own files by `!cat"),
        (f"%load ../../course_utils/transformers/attention.py\n{HEAD}return 1", "own files by `%load"),
        (f"text = !cat ../../course_utils/transformers/attention.py\n{HEAD}return 1", "own files by `text"),
        ("%%bash\ncat ../../solutions/transformers/attention.ipynb", "own files by `cat"),
        ("given.split_heads??", "own files by `given.split_heads??`"),
        (f"{HEAD}return check.exercises[{ANSWER!r}]", "out of the checker"),
        ("from course_utils.checking.checker import load_exercises", "not for notebooks"),
        ("from course_utils.checks.transformers import attention", "not for notebooks"),
        ("from course_utils.transformers.attention import *", "where the course's own answers are"),
        (f"import sys\n{HEAD}return [m for m in sys.modules.values()]", "goes through sys.modules"),
        (f"import gc\n{HEAD}return gc.get_objects()", "looks into running code"),
        (f"{HEAD}return given.__file__", "leads to the course's own code"),
        (f"{HEAD}return exec(bytes([1, 2]).decode())", "made while it runs"),
        (f"{HEAD}return getattr(given, input())(query)", "by a name that is made while the code runs"),
        (f"{HEAD}return getattr(nn.functional, chr(1))(query)", "by a name that is made while the code runs"),
        (f"{HEAD}return [].__class__.__base__.__subclasses__()", "looks into running code"),
        ("import importlib\nimportlib.import_module(input())", "name is made while"),
    ],
)
def test_ways_to_the_answers_are_told(answer: str, words: str) -> None:
    found = [finding for finding in findings(answer) if words in finding.what]
    assert [finding.kind for finding in found] == ["reach"]


@pytest.mark.parametrize(
    "answer",
    [
        f"import torch.nn.functional as F\n{HEAD}return F.softmax(query @ key.mT, -1) @ value",
        f"{HEAD}'''As torch.nn.functional.{ANSWER} does, see solutions/.'''\n    return query",
        f"{HEAD}# F.{ANSWER} would do the same\n    return query",
        f"{HEAD}return query\n\nprint('two solutions')\ncheck({ANSWER})",
        f"{HEAD}return query\nassert {ANSWER}(1, 2, 3) == 1",
        "from course_utils.data import load_penguins\nfrom course_utils.figures import use_course_style",
        "import inspect\ninspect.getsource(torch.softmax)",
        f"%timeit {ANSWER}(x, x, x)\n!pip list\n{HEAD}return query",
        f"{HEAD}return getattr(query, 'shape'), query.__class__",
    ],
)
def test_honest_code_gives_no_finding(answer: str) -> None:
    assert findings(answer) == ()


def test_what_is_given_may_be_used_where_it_is_given() -> None:
    source = cell(released(CHAPTER), "MultiHeadAttention").source
    body = "return given.merge_heads(given.scaled_dot_product_attention(given.split_heads(x, 2), x, x)[0])"
    stub = "# YOUR CODE HERE\n        raise NotImplementedError()"
    assert findings(MultiHeadAttention=source.replace(stub, body)) == ()


def test_comparing_with_the_given_pieces_in_an_experiment_is_no_finding() -> None:
    answer = f"{HEAD}return query @ key.mT @ value, query @ key.mT"
    extra = f"x = torch.randn(3, 4)\nprint({ANSWER}(x, x, x)[0] - given.{ANSWER}(x, x, x)[0])"
    assert findings(answer, extra=extra) == ()


def test_what_one_exercise_forbids_another_may_use() -> None:
    answer = f"def merge_heads(x):\n    return nn.functional.{ANSWER}(x, x, x)"
    assert findings(merge_heads=answer) == ()


def test_the_released_notebook_has_no_finding() -> None:
    assert findings() == ()
