# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks that lie: about the comparison, the check, the time, the names."""

from __future__ import annotations

from tests.grading.attacks.attack import RIGHT, WRONG, Attack

CHECKER = """
from course_utils.grading.player import checker as asking
from course_utils.checking.show import Score
class Checker:
    def __init__(self, chapter):
        self.chapter = chapter
    def __call__(self, *_, **__):
        return Score(2.0, 2.0)
    graded = __call__
"""
PATCHED_COMPARISON = """
for place in (np, torch):
    place.allclose = lambda *_, **__: True
    place.equal = lambda *_, **__: True
    place.isclose = lambda first, *_, **__: first == first
np.array_equal = np.testing.assert_allclose = lambda *_, **__: True
torch.testing.assert_close = lambda *_, **__: None
torch.Tensor.__eq__ = lambda *_: torch.tensor(True)
torch.Tensor.__ne__ = lambda *_: torch.tensor(False)
torch.Tensor.__hash__ = lambda self: id(self)
"""
RESTORE_TENSOR = """
for name in ("__eq__", "__ne__", "__hash__"):
    pass
"""
LIAR = """
class Liar:
    shape = (5, 5)
    dtype = torch.bool
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
    def __array__(self, *_, **__): return np.ones((5, 5), bool)
    def __getattr__(self, name): return lambda *_, **__: True
    def __iter__(self): return iter([])
    def __len__(self): return 5
"""
CLASS_LIAR = """
class Liar:
    @property
    def __class__(self): return torch.Tensor
    def __getattr__(self, name):
        raise RuntimeError("no " + name)
"""
TENSOR_LIAR = """
class Liar(torch.Tensor):
    def __eq__(self, other): return torch.tensor(True)
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.tensor(True)
"""
MODE_LIAR = """
from torch.overrides import TorchFunctionMode
class Lie(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.allclose, torch.equal):
            return True
        return function(*args, **(kwargs or {}))
Lie().__enter__()
"""
ARRAY_LIAR = """
class Liar(np.ndarray):
    def __array_ufunc__(self, *_, **__): return np.bool_(True)
    def __array_function__(self, *_, **__): return True
    def __eq__(self, other): return True
"""
SMALL_LIARS = """
class Number(float):
    def __eq__(self, other): return True
    def __float__(self): return 1.0
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    __hash__ = float.__hash__
class Whole(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
class Dictionary(dict):
    def __eq__(self, other): return True
    def __getitem__(self, key): return 1
    def items(self): return [("output", torch.ones(1))]
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
class List(list):
    def __eq__(self, other): return True
    def __len__(self): return 5
    def __iter__(self): return iter([True] * 5)
kinds = [Number(1), Whole(1), Dictionary(x=1), Text("x"), List([1])]
"""
SLOW = """
def scaled_dot_product_attention(query, key, value, mask=None):
    d_k = query.shape[-1]
    flat = [query.reshape(-1, *query.shape[-2:]), key.reshape(-1, *key.shape[-2:]), value.reshape(-1, *value.shape[-2:])]
    if mask is not None:
        mask = torch.broadcast_to(mask, (*query.shape[:-1], key.shape[-2])).reshape(-1, query.shape[-2], key.shape[-2])
    outputs, all_weights = [], []
    for batch in range(flat[0].shape[0]):
        for place in range(query.shape[-2]):
            scores = torch.stack([(flat[0][batch, place] * row).sum() for row in flat[1][batch]]) / math.sqrt(d_k)
            if mask is not None:
                scores = scores.masked_fill(~mask[batch, place], float("-inf"))
            weights = torch.softmax(scores, -1)
            if mask is not None:
                weights = weights.masked_fill(~mask[batch, place], 0.0)
            outputs.append(weights @ flat[2][batch])
            all_weights.append(weights)
    shape = query.shape[:-1]
    return torch.stack(outputs).reshape(*shape, -1), torch.stack(all_weights).reshape(*shape, -1)
"""
TIMES = """
for name in ("time", "perf_counter", "process_time", "monotonic", "thread_time"):
    setattr(time, name, lambda: 0.0)
for name in ("perf_counter_ns", "time_ns", "process_time_ns", "monotonic_ns"):
    setattr(time, name, lambda: 0)
from course_utils.checking import perform as performing
import dataclasses
honest_perform = performing.perform
from course_utils.grading.player import checker as asking
asking.perform = lambda *args, **kwargs: dataclasses.replace(honest_perform(*args, **kwargs), seconds=0.0)
"""
# Another process works, out of the kernel's family, and the answer only waits for it.
ORPHAN = (
    SLOW
    + """
import pickle
slow = scaled_dot_product_attention
requests, replies = os.pipe(), os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        with os.fdopen(requests[0], "rb") as arriving, os.fdopen(replies[1], "wb") as leaving:
            while True:
                pickle.dump(slow(*pickle.load(arriving)), leaving)
                leaving.flush()
    os._exit(0)
os.wait()
asked, told = os.fdopen(requests[1], "wb"), os.fdopen(replies[0], "rb")
def scaled_dot_product_attention(*args):
    pickle.dump(args, asked)
    asked.flush()
    return pickle.load(told)
"""
)
REMEMBERS = (
    SLOW
    + """
slow, known = scaled_dot_product_attention, {}
def scaled_dot_product_attention(*args):
    key = repr([None if value is None else value.tolist() for value in args])
    if key not in known:
        known[key] = slow(*args)
    return known[key]
"""
)
FIRST = "scaled_dot_product_attention"
ALL_BUT_SPEED = 4.44
NO_PENALTY = """
def split_heads(x, num_heads):
    result = x.unflatten(-1, (num_heads, x.shape[-1] // num_heads)).transpose(-3, -2).clone()
    x.zero_()
    return result
"""
RENAMED = f"{RIGHT}\ncausal_mask.__name__ = 'padding_mask'"
NAME_LIAR = f"{RIGHT}\n_right = causal_mask\nclass Named:\n    @property\n    def __name__(self):\n        raise RuntimeError('no name')\n    def __call__(self, *args): return _right(*args)\ncausal_mask = Named()"
TRACE = """
def spy(frame, event, argument):
    if frame.f_code.co_name in ("_perform", "perform", "observation_to_data"):
        frame.f_locals["answer"] = lambda *_: torch.ones(1)
        for name, value in frame.f_locals.items():
            pass
    return spy
sys.settrace(spy)
threading.settrace(spy)
"""
BUILTINS = """
builtins.isinstance, kept_isinstance = (lambda *_: True), isinstance
builtins.len, kept_len = (lambda *_: 5), len
"""
BUILTINS_BACK = "builtins.isinstance, builtins.len = kept_isinstance, kept_len"


def liar(source: str, result: str) -> str:
    return f"{source}\ndef causal_mask(*_, **__):\n    return {result}"


ATTACKS = [
    Attack(
        "replaces check",
        answer=f"{CHECKER}{WRONG}\nhonest_check, check = check, Checker('x')",
        after="check = honest_check",
        earns=0,
    ),
    Attack(
        "replaces the checker's module",
        answer=f"{CHECKER}{WRONG}\nimport course_utils\ncourse_utils.checker = Checker\nhonest_class = type(check)\nasking.Checker = Checker\ncheck = course_utils.checker('transformers/attention')",
        after="check = honest_class('transformers/attention')",
        earns=0,
    ),
    Attack(
        "patches the Checker class",
        answer=f"{CHECKER}{WRONG}\nkind = type(check)\nkept = kind.graded\nkind.graded = lambda *_: Score(2.0, 2.0)",
        after="kind.graded = kept",
        earns=0,
    ),
    Attack(
        "patches what asks the judge",
        answer=f"{CHECKER}{WRONG}\nkept = type(check)._ask\ntype(check)._ask = lambda self, answer, exercise, graded: Score(2, 2)",
        after="type(check)._ask = kept",
        earns=0,
    ),
    Attack(
        "patches perform",
        answer=f"{CHECKER}{WRONG}\nkept = asking.perform\nfrom course_utils.checking.perform import Observation\nasking.perform = lambda *_, **__: Observation(torch.ones(1))",
        after="asking.perform = kept",
        earns=0,
    ),
    Attack(
        "patches the comparison of numpy and torch",
        answer=f"{PATCHED_COMPARISON.split('torch.Tensor.__eq__')[0]}{WRONG}",
        earns=0,
    ),
    Attack(
        "patches the equality of tensors",
        answer="kept = torch.Tensor.__eq__, torch.Tensor.__ne__\ntorch.Tensor.__eq__ = lambda *_: torch.tensor(True)\ntorch.Tensor.__ne__ = lambda *_: torch.tensor(False)\ntorch.Tensor.__hash__ = lambda self: id(self)\n"
        + WRONG,
        after="torch.Tensor.__eq__, torch.Tensor.__ne__ = kept",
        earns=0,
    ),
    Attack("returns an object that equals everything", answer=liar(LIAR, "Liar()"), earns=0),
    Attack("returns an object that says it is a tensor", answer=liar(CLASS_LIAR, "Liar()"), earns=0),
    Attack(
        "returns a tensor that equals everything",
        answer=liar(TENSOR_LIAR, "torch.zeros(5, 5).as_subclass(Liar)"),
        earns=0,
        lost="|broke its connection",
    ),
    Attack("overrides torch's functions", answer=f"{MODE_LIAR}{WRONG}", earns=0),
    Attack(
        "returns an array that equals everything",
        answer=liar(ARRAY_LIAR, "np.zeros((5, 5)).view(Liar)"),
        earns=0,
    ),
    *[
        Attack(f"returns a liar ({kind})", answer=liar(SMALL_LIARS, f"kinds[{place}]"), earns=0)
        for place, kind in enumerate(["float", "int", "dict", "str", "list"])
    ],
    Attack(
        "patches the clocks to seem fast",
        exercise=FIRST,
        answer=f"{SLOW}{TIMES}",
        earns=ALL_BUT_SPEED,
        seconds=60,
    ),
    Attack("has an orphan work in its place", exercise=FIRST, answer=ORPHAN, earns=ALL_BUT_SPEED, seconds=60),
    Attack("changes its input in place", exercise="split_heads", answer=NO_PENALTY, earns=1.5),
    Attack("has the name of another exercise", answer=RENAMED, earns=0),
    Attack("has no name", answer=NAME_LIAR, earns=0),
    Attack("is another exercise's answer", answer="causal_mask = scaled_dot_product_attention", earns=0),
    Attack(
        "traces the check",
        answer=f"{TRACE}{WRONG}",
        after="sys.settrace(None)\nthreading.settrace(None)",
        earns=0,
    ),
    Attack(
        "replaces builtins",
        answer=f"{WRONG}\n{BUILTINS}",
        after=BUILTINS_BACK,
        earns=0,
        lost="|broke its connection|ended its kernel",
    ),
    Attack(
        "patches the random numbers",
        before="torch.manual_seed = torch.default_generator.manual_seed\nimport random\nrandom.random = lambda: 0.5\nnp.random.seed = lambda *_: None",
    ),
    Attack(
        "changes torch's settings",
        before="torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(False)\nnp.seterr(all='raise')\nimport warnings\nwarnings.simplefilter('error')",
    ),
    Attack(
        "raises what the check raises itself",
        answer="from course_utils.checking.limits import TimedOut\ndef causal_mask(*_):\n    raise TimedOut",
        earns=0,
    ),
    Attack(
        "raises an error that cannot be shown",
        answer="class Odd(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\ndef causal_mask(*_):\n    raise Odd",
        earns=0,
    ),
    Attack(
        "raises markup",
        answer="def causal_mask(*_):\n    raise ValueError('<script>alert(1)</script>')",
        earns=0,
        seen=lambda scene: _no_script(scene),
    ),
    Attack(
        "remembers what was asked before", exercise=FIRST, answer=REMEMBERS, earns=ALL_BUT_SPEED, seconds=60
    ),
]


def _no_script(scene) -> None:
    assert "<script" not in "".join(
        str(o.get("data", {}).get("text/html", ""))
        for c in scene.notebook.cells
        for o in c.get("outputs", [])
    )
