# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks by what an answer returns: forms that are hard to copy, to send, to compare or to describe."""

from __future__ import annotations

from tests.grading.attacks.attack import Attack

CYCLE = "loop = []\n    loop.append(loop)\n    loop.append({'x': loop})\n    "
NESTED = "nested = []\n    for _ in range(900):\n        nested = [nested]\n    "
ATTRIBUTES = """
class Odd:
    def __init__(self):
        self.shape, self.dtype, self.ndim, self._fields, self.__dict__["__len__"] = (2, 2), "x", 10**9, ("x",), 5
        self.predict = self.size = self.item = None
"""
PROPERTIES = """
class Odd:
    @property
    def __dict__(self):
        raise RuntimeError("not to be looked at")
"""
CANNOT = "|broke its connection|ended its kernel|was ended|did not answer"


def returning(
    name: str, result: str, source: str = "", steps: str = "", lost: str = "", **options: object
) -> Attack:
    answer = f"{source}\nimport pandas as pd, fractions, decimal\ndef causal_mask(*_, **__):\n    {steps}return {result}"
    return Attack(f"returns {name}", answer=answer, earns=0, lost=lost, **options)


ATTACKS = [
    returning("an object array of arrays", "np.array([torch.arange(3), np.arange(3), None], dtype=object)"),
    returning("lists by the million", "[[] for _ in range(1_000_000)]", lost=CANNOT),
    returning("numbers by the million", "list(range(1_500_000))", lost=CANNOT),
    returning("a list that holds itself", "loop", steps=CYCLE, lost=CANNOT),
    returning("lists nested 900 deep", "nested", steps=NESTED, lost=CANNOT),
    returning("a tensor of huge strides", "torch.zeros(1).expand(1 << 20, 1 << 20)"),
    returning("a tensor of many megabytes", "torch.zeros(1 << 24)", lost=CANNOT),
    returning("a tensor on no device", "torch.zeros(1 << 30, device='meta')"),
    returning(
        "a sparse tensor",
        "torch.zeros(1 << 20, 1 << 20).to_sparse() if False else torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (1 << 30, 1 << 30))",
    ),
    returning("a nested tensor", "torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])"),
    returning("a quantized tensor", "torch.quantize_per_tensor(torch.zeros(4), 1.0, 0, torch.qint8)"),
    returning("a tensor with 60 axes", "torch.zeros([1] * 60)"),
    returning("an empty tensor with a huge axis", "torch.zeros(0, 1 << 39)"),
    returning("a range without end", "range(10**18)"),
    returning("a dictionary with tensors as keys", "{torch.arange(3): 1, torch.arange(4): 2}"),
    returning("a set of tuples of tensors", "{(torch.arange(3),), (torch.arange(3), 1)}"),
    returning(
        "an odd table",
        "pd.DataFrame({'a': [torch.arange(3), {}], 'b': pd.to_datetime(['2020', None]).tz_localize('UTC'), 'c': pd.Categorical(['x', None]), 'd': pd.arrays.IntervalArray.from_breaks([0, 1, 2])})",
    ),
    returning("an odd index", "pd.MultiIndex.from_tuples([(1, 'x'), (np.nan, None)])"),
    returning("an index without end", "pd.RangeIndex(0, 10**18)"),
    returning(
        "negative zeros and odd NaNs",
        "torch.tensor([-0.0, float('nan')]).view(torch.int32).bitwise_or(1).view(torch.float32)",
    ),
    returning("surrogates", "'\\ud800\\x00' * 1000"),
    returning("an integer of a million digits", "7 ** 1_200_000", lost=CANNOT),
    returning(
        "odd numbers",
        "[fractions.Fraction(1, 3), decimal.Decimal('sNaN'), 1e400, complex('nan'), True]",
        lost=CANNOT,
    ),
    returning("an object that pretends", "Odd()", source=ATTRIBUTES),
    returning("an object that cannot be looked at", "Odd()", source=PROPERTIES, lost=CANNOT),
    returning("a generator without end", "(x for x in iter(int, 1))"),
    returning("a coroutine", "(lambda: (yield))()"),
    returning("open files and modules", "[sys, os, open('/dev/null'), threading.Lock(), type, len]"),
    returning("functions", "[print, causal_mask, torch.nn.Linear(2, 2), (lambda: 1).__get__(3)]"),
    returning(
        "a named tuple with odd names",
        "__import__('collections').namedtuple('class', ['class', 'x'], rename=True)(1, 2)",
    ),
    returning("an array of texts", "np.array(['x' * 1000] * 1000)"),
    returning("a structured array", "np.zeros(3, dtype=[('a', 'f4'), ('b', 'O')])"),
]
