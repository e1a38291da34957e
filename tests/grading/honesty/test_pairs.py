"""Near copies are found whatever was done to hide them; what everybody writes makes no pair."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.checking.checker import load_exercises
from course_utils.grading.honesty import HonestyReport, examine
from course_utils.grading.honesty.render import to_html, to_text
from tests.grading.honesty.answers import CHAPTERS, answered, cell, honest_class, released, renamed

CHAPTER = "transformers/attention"
OWN = {
    "scaled_dot_product_attention": """
def scaled_dot_product_attention(query, key, value, mask=None):
    size = query.size(-1)
    raw = torch.matmul(query, torch.movedim(key, -1, -2)).div(size ** 0.5)
    if mask is None:
        weights = raw.softmax(-1)
    else:
        hidden = mask.logical_not().expand(raw.shape)
        raw = raw.clone()
        raw[hidden] = -torch.inf
        largest = raw.max(dim=-1, keepdim=True).values.clamp(min=-3e38)
        powers = torch.exp(raw - largest)
        total = powers.sum(-1, keepdim=True)
        weights = torch.where(total > 0, powers / total.clamp(min=1e-30), torch.zeros_like(powers))
    return torch.matmul(weights, value), weights
""",
    "causal_mask": """
def causal_mask(query_length, key_length=None):
    total = query_length if key_length is None else key_length
    offset = total - query_length
    result = torch.zeros((query_length, total), dtype=torch.bool)
    for row in range(query_length):
        result[row, : offset + row + 1] = True
    return result
""",
    "MultiHeadAttention": """
from course_utils.transformers import attention as given

class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, *, bias=True):
        super().__init__()
        if d_model % num_heads:
            raise ValueError(f"{num_heads} heads do not fit into {d_model}")
        self.h = num_heads
        for part in ("query", "key", "value", "output"):
            setattr(self, part, nn.Linear(d_model, d_model, bias=bias))

    def forward(self, x, mask=None, context=None):
        source = context if context is not None else x
        parts = [self.query(x), self.key(source), self.value(source)]
        q, k, v = [given.split_heads(part, self.h) for part in parts]
        wide = mask[..., None, :, :] if mask is not None else None
        out, weights = given.scaled_dot_product_attention(q, k, v, wide)
        return self.output(given.merge_heads(out)), weights
""",
}
WORDS = """\
Attention adds up values with weights that depend on the pairs of tokens only, so shuffling the rows of X
shuffles the rows of the output in the same manner. The mean over all rows forgets their order altogether.
Ten heads forget it ten times: every one of them is symmetric. I would add a vector for each position."""


def pairs(students: Mapping[str, NotebookNode], chapter: str = CHAPTER) -> HonestyReport:
    """Return the report on a class."""
    return examine(chapter, students, released(chapter), load_exercises(chapter))


def hidden_copy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with other names and layout and no comments, its cells in another order."""
    copied = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for each in copied.cells:
        if each.cell_type == "code" and each.source in OWN.values():
            each.source = renamed(each.source)
    copied.cells.reverse()
    return copied


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_honest_class_makes_no_pair_and_no_finding(chapter: str) -> None:
    students = honest_class(chapter)
    stubs = {each.source for each in released(chapter).cells}
    assert sum(each.source not in stubs for notebook in students.values() for each in notebook.cells) > 40
    report = pairs(students, chapter)
    assert report.findings == {}
    assert report.pairs == ()
    # Nor would it if the course did not know these answers.
    assert examine(chapter, students, released(chapter), {}).pairs == ()


def test_a_class_that_writes_the_obvious_makes_no_pair() -> None:
    answers = {
        "scaled_dot_product_attention": """
def scaled_dot_product_attention(query, key, value, mask=None):
    {s} = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        {s} = {s}.masked_fill(~mask, float("-inf"))
    {w} = torch.softmax({s}, dim=-1)
    if mask is not None:
        {w} = torch.nan_to_num({w})
    return {w} @ value, {w}
""",
        "split_heads": """
def split_heads(x, num_heads):
    {s} = x.view(*x.shape[:-1], num_heads, x.shape[-1] // num_heads)
    return {s}.transpose(-3, -2)
""",
    }
    students = {
        f"s{number:02d}": answered(
            released(CHAPTER),
            **{name: text.format(s=f"s{number}", w=f"w{number}") for name, text in answers.items()},
        )
        for number in range(12)
    }
    assert pairs(students).pairs == ()
    # Two of them are no evidence either.
    assert pairs(dict(list(students.items())[:2])).pairs == ()


def test_a_hidden_copy_is_found_among_honest_answers() -> None:
    ada = answered(released(CHAPTER), **OWN, shuffled=WORDS)
    students = {**honest_class(CHAPTER), "ada": ada, "eve": hidden_copy(ada)}
    report = pairs(students)
    (pair,) = report.pairs
    assert (pair.first, pair.second) == ("ada", "eve")
    assert pair.similarity > 0.95
    names = [passage.name for passage in pair.passages]
    assert {"scaled_dot_product_attention", "MultiHeadAttention.forward", "shuffled"} <= set(names)
    for passage in pair.passages:
        assert passage.similarity == 1.0
        assert passage.first.marked
        assert passage.second.marked
        assert set(passage.first.marked) <= set(range(passage.first.start, passage.first.start + 80))
    attention = pair.passages[names.index("scaled_dot_product_attention")]
    assert (
        attention.first.lines[attention.first.marked[0] - attention.first.start]
        == "    size = query.size(-1)"
    )
    assert "step" in attention.second.lines[0]
    assert HonestyReport.from_data(json.loads(json.dumps(report.to_data()))) == report
    assert "ada and eve: " in to_text(report)
    page = to_html(report)
    assert page.count("<figure>") == 2 * len(pair.passages)
    assert "<mark>" in page


def test_one_copied_answer_is_found_in_work_that_is_otherwise_one_s_own() -> None:
    name = "scaled_dot_product_attention"
    students = honest_class(CHAPTER)
    first, second, *_ = [
        student for student, notebook in students.items() if "YOUR CODE" not in cell(notebook, name).source
    ]
    for student, source in ((first, OWN[name]), (second, renamed(OWN[name]))):
        cell(students[student], name).source = source
    (pair,) = pairs(students).pairs
    assert (pair.first, pair.second) == (first, second)
    assert pair.passages[0].name == name


def test_copied_words_are_found_and_quoted_ones_are_not() -> None:
    asked = cell(released(CHAPTER), "task_shuffled").source
    changed = (
        WORDS.replace("altogether", "completely").replace("in the same manner", "in the same way").upper()
    )
    texts = {"ada": WORDS, "eve": changed, "bob": asked[-300:], "zoe": f"You ask: {asked[-300:]}"}
    (pair,) = pairs({name: answered(released(CHAPTER), shuffled=text) for name, text in texts.items()}).pairs
    assert (pair.first, pair.second) == ("ada", "eve")
    assert (pair.passages[0].kind, pair.passages[0].name) == ("words", "shuffled")
    assert 0.8 < pair.passages[0].similarity < 1


def test_a_changed_statement_is_not_marked() -> None:
    name = "scaled_dot_product_attention"
    other = OWN[name].replace("raw = raw.clone()", "print(sorted(raw.shape), len(raw), 77)")
    students = {"ada": OWN[name], "eve": other}
    report = pairs(
        {student: answered(released(CHAPTER), **{name: text}) for student, text in students.items()}
    )
    side = report.pairs[0].passages[0].second
    line = other.split("\n").index("        print(sorted(raw.shape), len(raw), 77)") + 1
    assert line not in side.marked
    assert {line - 3, line + 3} <= set(side.marked)


def test_what_a_third_of_the_class_has_proves_nothing() -> None:
    name = "scaled_dot_product_attention"
    for copies, found in ((2, 1), (3, 3), (12, 0)):
        students = honest_class(CHAPTER)
        for student in list(students)[:copies]:
            cell(students[student], name).source = OWN[name]
        assert len(pairs(students).pairs) == found, copies


def made_up(number: int, lines: int = 14) -> str:
    """Return code that nobody else writes."""
    draw = random.Random(number)
    body = []
    for line in range(lines):
        one, two, three = (draw.choice(["sum", "mean", "view", "flip", "roll", "clamp"]) for _ in range(3))
        operator = draw.choice(["+", "-", "*", "@"])
        first, second = draw.randint(0, 99), draw.randint(0, 99)
        body.append(f"    v{line} = x.{one}({first}).{two}({second}) {operator} x.{three}({line})")
    return "def work(x):\n" + "\n".join(body) + "\n    return x"


@pytest.mark.slow
def test_the_work_grows_with_the_copies_and_not_with_the_square_of_the_class() -> None:
    students = {
        f"s{number:04d}": new_notebook(cells=[new_code_cell(made_up(number))]) for number in range(2_000)
    }
    copies = range(0, 100, 10)
    for number in copies:
        students[f"s{number:04d}"].cells[0].source = renamed(made_up(number + 1))
    blank = new_notebook(cells=[new_markdown_cell("Exercise")])
    report = examine("none", students, blank, {})
    found = [(int(pair.first[1:]), int(pair.second[1:])) for pair in report.pairs]
    assert sorted(found) == [(number, number + 1) for number in copies]
    assert report.comparisons < 100


def test_pairs_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_utils.grading.honesty.pairs.MOST_PAIRS", 3)
    sources = [made_up(number // 2) for number in range(10)]
    students = {f"s{i}": new_notebook(cells=[new_code_cell(source)]) for i, source in enumerate(sources)}
    report = examine("none", students, new_notebook(cells=[]), {})
    assert (len(report.pairs), report.left_out) == (3, 2)
    assert "and 2 more pairs" in to_text(report)
    assert "2 further pairs" in to_html(report)


def test_a_report_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="make the report again"):
        HonestyReport.from_data({**HonestyReport("a/b").to_data(), "schema": 0})
