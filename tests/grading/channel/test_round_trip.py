"""Every kind of value arrives as it was sent."""

from __future__ import annotations

import ast
import collections
import copy
import dataclasses
import datetime
import fractions
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from course_utils.grading import channel
from course_utils.grading.channel.arrays import TENSOR_DTYPES, tensors_of
from course_utils.grading.channel.codec import Encoder
from course_utils.grading.channel.objects import Foreign, Handle, decode_random
from course_utils.grading.channel.tags import MOST_DEPTH, UnreadableDataError
from tests.grading.channel.alike import alike, through

Pair = collections.namedtuple("Pair", "left right")

PLAIN: list[Any] = [
    None, True, False, 0, -1, 2**63 - 1, 2**63, -(2**63), 2**4000, -(2**5000) + 1, 0.0, -0.0, 0.1, 1e-320,
    float("nan"), float("inf"), -float("inf"), 1 + 2j, "", "text", "Grüße ⟂ 🙂", "half \ud800 pair \udfff",
    "\0", b"", b"\0\xff", ..., range(0), range(5, -7, -2), range(2**40), torch.float32, torch.int64,
    torch.device("cpu"), torch.device("cuda", 1), torch.Size([]), torch.Size([2, 0, 3]),
]  # fmt: skip

NESTED: list[Any] = [
    [], (), {}, set(), frozenset(), collections.deque(), [[], ((),), {"a": {}}], (1, "two", [3.0, None]),
    {"a": 1, 2: "b", None: [], (1, 2): {3: 4}, 0.5: True}, {1, "a", (2, 3)}, frozenset({frozenset({1})}),
    collections.deque([1, [2]]), Pair(1, [2]), [Pair((), Pair(None, 0.5))], {"nan": float("nan")},
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN + NESTED, ids=lambda value: f"{type(value).__name__}")
def test_plain_values(value: Any) -> None:
    arrived = through(value)
    if hasattr(value, "_fields"):
        assert type(arrived).__name__ == type(value).__name__
        assert arrived._fields == value._fields
        assert alike(tuple(arrived), tuple(value))
    else:
        assert repr(arrived) == repr(value)
        assert type(arrived) is type(value)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4, 2), (0, 5), (2, 0, 3), (1,) * 12])
@pytest.mark.parametrize("dtype", TENSOR_DTYPES.values(), ids=str)
def test_tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    chance = torch.Generator().manual_seed(len(shape))
    tensor = (torch.randn(shape, generator=chance, dtype=torch.float64) * 50).to(dtype)
    assert alike(through(tensor), tensor)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4, 2), (0, 5)])
@pytest.mark.parametrize(
    "dtype",
    [
        "?",
        "u1",
        "<u2",
        "<u4",
        "<u8",
        "i1",
        "<i2",
        "<i4",
        "<i8",
        "<f2",
        "<f4",
        "<f8",
        ">f8",
        ">i4",
        "<c8",
        "<c16",
        "S3",
        "<U4",
        ">U2",
        "<M8[D]",
        "<M8[ns]",
        "<m8[s]",
        "<M8",
    ],
)
def test_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(3).integers(0, 90, size=shape)
    array = numbers.astype("<M8[D]").astype(dtype) if dtype == "<M8" else numbers.astype(dtype)
    assert alike(through(array), array)
    if array.shape == () and array.dtype.isnative:
        scalar = array[()]
        assert alike(through(scalar), str(scalar) if array.dtype.kind == "U" else scalar)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_numbers_in_arrays(dtype: torch.dtype) -> None:
    limits = torch.finfo(dtype)
    numbers = [
        float("nan"),
        float("inf"),
        -float("inf"),
        -0.0,
        limits.max,
        limits.min,
        limits.smallest_normal,
    ]
    tensor = torch.tensor(numbers, dtype=dtype)
    assert through(tensor).numpy().tobytes() == tensor.numpy().tobytes()
    assert through(tensor.numpy()).tobytes() == tensor.numpy().tobytes()


def test_views_arrive_as_what_they_show() -> None:
    tensor, array = torch.arange(24.0).reshape(2, 3, 4), np.arange(24.0).reshape(2, 3, 4)
    for view in (tensor.transpose(0, 2), tensor[:, ::2, 1:], tensor[0, 0, 0].expand(3, 5), tensor.flip(1)):
        assert alike(through(view), view)
    spread, turned = np.broadcast_to(array[0, 0, 0], (3, 5)), np.asfortranarray(array)
    for shown in (array.T, array[:, ::-1, 1:3], spread, turned):
        assert alike(through(shown), shown)
    number = torch.tensor([1 + 2j, 3 - 1j])
    assert alike(through(number.conj()), number.conj().resolve_conj())
    assert alike(through(number.conj().imag), number.conj().imag.clone())


def test_gradients_are_wanted_at_the_other_side_too() -> None:
    leaf = torch.ones(3, requires_grad=True)
    for tensor in (
        leaf,
        leaf * 2,
        torch.nn.Parameter(torch.ones(2, 1)),
        torch.ones(2, dtype=torch.complex64),
    ):
        arrived = through(tensor)
        assert arrived.requires_grad == tensor.requires_grad
        assert arrived.is_leaf
        assert arrived.tolist() == tensor.tolist()
    arrived = through(leaf)
    (arrived * 3).sum().backward()
    assert arrived.grad.tolist() == [3.0] * 3


def test_what_arrives_can_be_changed_and_is_one_s_own() -> None:
    tensor, array = torch.zeros(3), np.zeros(3)
    arrived = through([tensor, array, tensor])
    arrived[0][0] = arrived[1][0] = 5
    assert tensor.tolist() == array.tolist() == arrived[2].tolist() == [0.0] * 3


def test_tensors_of_unusual_kinds_arrive_as_such() -> None:
    assert through(torch.eye(3).to_sparse()).is_sparse
    assert through(torch.zeros(2, device="meta")).is_meta
    assert through(torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8)).is_quantized
    assert through(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])).is_nested


def test_object_arrays() -> None:
    items = [None, "text", 2**70, [1], {"a": 2.0}, (3,)]
    array = np.empty(len(items), dtype=object)
    array[:] = items
    for shape in ((6,), (2, 3)):
        assert alike(through(array.reshape(shape)), array.reshape(shape))


DAYS = pandas.date_range("2026-01-31", periods=4, freq=None)
INDEXES: list[Any] = [
    pandas.RangeIndex(2, 11, 3, name="every third"),
    pandas.RangeIndex(0),
    pandas.Index([3, 1, 2], name="numbers"),
    pandas.Index(["a", "b", "a"]),
    pandas.Index([0.5, float("nan")]),
    pandas.Index([True, False]),
    pandas.DatetimeIndex(["2026-01-31", None, "2026-02-28"], name="day"),
    pandas.TimedeltaIndex(["1 day", "2 hours"]),
    pandas.CategoricalIndex(["x", "y", "x"], categories=["y", "x", "z"], ordered=True),
    pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None]),
    pandas.MultiIndex.from_arrays([[], []], names=["first", "second"]),
    pandas.Index([(1, 2), "a", None], tupleize_cols=False),
]
SERIES = [
    pandas.Series([1, 2, 3], name="whole"),
    pandas.Series([1.5, float("nan")], index=["a", "b"], dtype="float32"),
    pandas.Series([], dtype="float64"),
    pandas.Series(["a", None, "b"]),
    pandas.Series(["a", None, "b"], dtype="string"),
    pandas.Series([1, None, 3], dtype="Int64"),
    pandas.Series([True, None], dtype="boolean"),
    pandas.Series([0.5, None], dtype="Float32"),
    pandas.Series(["low", "high", None], dtype=pandas.CategoricalDtype(["low", "high"], ordered=True)),
    pandas.Series(DAYS, index=INDEXES[9].repeat(2)),
    pandas.Series([[1], {"a": 2}, (3,), None], dtype=object),
]
FRAMES = [
    pandas.DataFrame({"a": [1, 2], "b": ["x", None], 3: [0.5, float("nan")]}, index=["r", "s"]),
    pandas.DataFrame({"a": []}),
    pandas.DataFrame(),
    pandas.DataFrame(index=["r"], columns=pandas.Index([], dtype="str")),
    pandas.DataFrame([[1, 2.5], [3, 4.5]], columns=["same", "same"]),
    pandas.DataFrame([[1, 2], [3, 4]], columns=INDEXES[9], index=INDEXES[9]),
    pandas.DataFrame({"day": DAYS, "kind": pandas.Categorical(["a", "b", "a", "a"])}),
]


@pytest.mark.parametrize("value", [*INDEXES, *SERIES, *FRAMES], ids=lambda value: type(value).__name__)
def test_tables(value: Any) -> None:
    assert alike(through(value), value)


def test_missing_values_and_extension_arrays() -> None:
    assert through(pandas.NA) is pandas.NA
    assert through([pandas.NaT])[0] is pandas.NaT
    numbers = pandas.array([1, None], dtype="Int8")
    assert through(numbers).equals(numbers)
    kinds = pandas.Categorical(["b", None, "a"])
    assert through(kinds).equals(kinds)


def test_what_pandas_keeps_in_ways_of_its_own_arrives_as_texts() -> None:
    zoned = pandas.Series(pandas.date_range("2026-01-01", periods=2, tz="UTC"))
    assert list(through(zoned)) == ["2026-01-01 00:00:00+00:00", "2026-01-02 00:00:00+00:00"]
    assert list(through(pandas.Index(pandas.period_range("2026-01", periods=2, freq="M")))) == [
        "2026-01",
        "2026-02",
    ]


def test_subclasses_arrive_as_what_they_are_of() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "a lie"

        def encode(self, *_: Any) -> bytes:
            return b"a lie"

    class Number(int):
        def __abs__(self) -> int:
            return 0

    class Numbers(dict):
        pass

    for value, plain in [
        (Text("truth"), "truth"), (Number(2**80), 2**80), (np.float64(0.5), np.float64(0.5)),
        (Numbers(a=1), {"a": 1}), (collections.OrderedDict(b=2), {"b": 2}), (bytearray(b"ab"), b"ab"),
        (fractions.Fraction(1, 4), 0.25), (collections.Counter("aab"), {"a": 2, "b": 1}),
    ]:  # fmt: skip
        assert alike(through(value), plain)


@dataclasses.dataclass
class Settings:
    width: int
    rows: list[int]


class Kept:
    def __init__(self) -> None:
        self.size = 3
        self.me = self
        self.__array_interface__ = {"data": (4096, False), "shape": (9,), "typestr": "<f8", "version": 3}


def test_objects_arrive_as_stand_ins_that_can_do_nothing() -> None:
    arrived = through(Settings(4, [1, 2]))
    assert issubclass(type(arrived), Foreign)
    assert (type(arrived).__name__, arrived.width, arrived.rows) == ("Settings", 4, [1, 2])
    kept = through(Kept())
    assert kept.size == 3
    assert type(kept.me).__name__ == "Kept"
    assert not hasattr(kept, "__array_interface__")
    assert np.asarray(kept).dtype == object
    for value, name in [
        (datetime.date(2026, 1, 31), "date"), (datetime.timedelta(1), "timedelta"), (object(), "object"),
        (torch.nn.Linear(2, 3), "Linear"), (torch.randn, None), (test_tables, None), (len, None),
        (pandas.Timestamp("2026-01-31"), "Timestamp"), (iter([]), "list_iterator"),
    ]:  # fmt: skip
        stand_in = through(value)
        if name is None:
            assert stand_in.__name__ == value.__name__
            with pytest.raises(TypeError, match="lives in another process"):
                stand_in(1)
        else:
            assert (type(stand_in).__name__, callable(stand_in)) == (name, False)
    assert isinstance(through(Settings), type)
    assert list(through(number for number in [1])) == []


def test_a_generator_of_random_numbers_goes_one_way() -> None:
    generator = torch.Generator().manual_seed(5)
    tree = Encoder().encode(generator)
    assert torch.equal(torch.rand(3, generator=decode_random(tree)), torch.rand(3, generator=generator))
    with pytest.raises(UnreadableDataError, match="not understood"):
        through(generator)


def test_a_value_that_holds_itself_ends() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    arrived = through(endless)
    assert arrived[0] == 1
    assert isinstance(arrived[1], Foreign)
    deep: Any = 0
    for _ in range(MOST_DEPTH * 3):
        deep = [deep]
    arrived = through(deep)
    for _ in range(MOST_DEPTH + 1):
        (arrived,) = arrived
    assert isinstance(arrived, Foreign)


def test_one_value_in_two_places_arrives_in_both() -> None:
    part = [1, 2]
    assert through([part, part, {"a": part}]) == [part, part, {"a": part}]


def test_what_cannot_be_a_key_arrives_as_a_stand_in() -> None:
    key = torch.ones(2)
    arrived = through({key: 1, "a": 2})
    assert [type(name).__name__ for name in arrived] == ["Tensor", "str"]
    assert list(arrived.values()) == [1, 2]


def test_handles_and_tensors_within() -> None:
    assert through([Handle(3)]) == [Handle(3)]
    tensors = [torch.zeros(number) for number in range(3)]
    assert list(tensors_of({"a": tensors[0], "b": [(tensors[1],), {"c": tensors[2]}], "d": 5})) == tensors
    assert alike(through(copy.deepcopy(tensors)), tensors)


def test_nothing_here_knows_how_to_unpickle() -> None:
    folder = Path(channel.__file__).parent
    modules = sorted(folder.glob("*.py"))
    assert len(modules) >= 8
    unsafe = {
        "pickle",
        "cPickle",
        "_pickle",
        "dill",
        "cloudpickle",
        "marshal",
        "shelve",
        "joblib",
        "importlib",
    }
    calls = {"eval", "exec", "load", "read_pickle", "__import__", "loads"}
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0], *(alias.name for alias in node.names)}
            elif isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                is_json = isinstance(called, ast.Attribute) and ast.unparse(called) == "json.loads"
                assert is_json or name not in calls, f"{module.name}: {ast.unparse(node)}"
                continue
            else:
                continue
            assert not names & unsafe, f"{module.name} imports {names & unsafe}"
