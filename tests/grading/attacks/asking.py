# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks that look for the answer: in memory, in modules, in the judge's own replies."""

from __future__ import annotations

from tests.grading.attacks.attack import RIGHT, Attack, both, says, without

MEMORY = """
import torch as _torch
def functions():
    found = []
    for value in gc.get_objects():
        code = getattr(value, "__code__", None)
        if code is not None and getattr(value, "__name__", "") in ("causal_mask", "scaled_dot_product_attention"):
            if "function.<locals>" not in code.co_qualname and "ones" in code.co_names:
                found.append(code.co_filename)
    return found
attempt("objects", functions)
def modules():
    return sorted(name for name in sys.modules if ".checks" in name or ".judging" in name or "nbgrader" in name)
attempt("modules", modules)
attempt("source", lambda: inspect.getsource(__import__("course_utils.transformers.attention", fromlist=["x"]).causal_mask).count("tril"))
attempt("docs", lambda: "ones" in str(sys.modules["course_utils.transformers.attention"].__dict__))
"""
# The words that are looked for stand in two halves, so that the search does not find itself.
PAGES = """
def pages(*words):
    found = []
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps"):
            first, rights, *_ = line.split()
            start, end = (int(number, 16) for number in first.split("-"))
            if "r" not in rights or end - start > 1 << 27 or "[v" in line or ".so" in line:
                continue
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except OSError:
                continue
            for head, tail in words:
                place = content.find(head)
                while place >= 0:
                    if content[place + len(head) : place + len(head) + len(tail)] == tail:
                        found.append(head)
                    place = content.find(head, place + 1)
    return found
halves = [(b"the-seed-that-nob", b"ody-may-know"), (b"no visible score ab", b"ove -1e4"), (b"Hidden scores are set to 0, a", b"nd the softmax")]
attempt("pages", lambda: pages(*halves))
def itself():
    global planted
    planted = halves[0][0] + halves[0][1]
    return len(pages(*halves)) > 0
attempt("search", itself)
"""
IMPORTS = """
for place, name in enumerate([
    "course_utils.checks.transformers.attention", "course_utils.checks", "course_utils.checking.judge",
    "course_utils.checking.exercise", "course_utils.grading.judging.judge", "course_utils.grading.secret",
    "course_utils.transformers.latent_attention",
]):
    attempt(f"import{place}", lambda: importlib.import_module(name))
def by_path():
    spec = importlib.util.spec_from_file_location("stolen", COURSE + "/course_utils/checks/transformers/attention.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
attempt("path", by_path)
sys.path.insert(0, COURSE)
sys.modules.pop("course_utils.transformers.attention", None)
attempt("again", lambda: importlib.import_module("course_utils.transformers.attention").causal_mask.__code__.co_freevars)
sys.path.remove(COURSE)
"""
HOOKS = """
import importlib.abc
seen = []
class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        seen.append(name)
sys.meta_path.insert(0, Spy())
builtins_import = builtins.__import__
def spying(name, *args, **kwargs):
    seen.append(name)
    return builtins_import(name, *args, **kwargs)
builtins.__import__ = spying
"""
GIVEN = "from course_utils.transformers import attention as given\n"
TABLE = (
    GIVEN
    + """
table = {}
def tabulate():
    for query in range(1, 12):
        for key in range(1, 12):
            table[query, key] = given.causal_mask(query, key)
attempt("table", tabulate)
"""
)
FROM_TABLE = "def causal_mask(query_length, key_length=None):\n    return table[query_length, key_length or query_length]"
SAVED = """
saved = []
def causal_mask(*args):
    saved.append(args)
    return torch.zeros(1)
"""
ASK_LATER = (
    GIVEN
    + """
outputs = {}
def ask():
    for args in saved:
        try:
            outputs[args] = given.causal_mask(*args)
        except Exception as error:
            outputs[args] = None
ask()
def causal_mask(*args):
    return outputs[args]
attempt("again", lambda: check.graded(causal_mask, "causal_mask"))
"""
)
THREADED = """
from course_utils.grading.player.link import the_link
saved, outputs = [], {}
def wait():
    while not saved:
        time.sleep(0.002)
    channel = the_link().channel
    channel.send({"say": "given", "name": "causal_mask", "args": saved[0], "kwargs": {}})
    outputs.update(channel.receive())
threading.Thread(target=wait, daemon=True).start()
def causal_mask(*args):
    saved.append(args)
    time.sleep(0.1)
    return outputs.get("value")
"""
ORACLE = """
attempt("none", lambda: check.graded(lambda *_: torch.zeros(1), "causal_mask"))
def learned():
    seen = []
    check.graded(lambda *args: seen.append(args), "causal_mask")
    return seen
attempt("inputs", learned)
attempt("unknown", lambda: check.graded(1, "no such exercise"))
attempt("chapter", lambda: type(check)("transformers/latent_attention").graded(1, "x"))
attempt("text", lambda: [check.graded(5, "causal_mask") for _ in range(30)][-1])
"""
OTHER = """
def causal_mask(*args):
    check.graded(causal_mask, "padding_mask")
    return torch.zeros(1)
"""
BIG = (
    GIVEN
    + """
def large(size):
    return tuple(given.causal_mask(size, size).shape)
attempt("large", lambda: large(30_000))
attempt("larger", lambda: large(17_000))
attempt("largest", lambda: large(10**7))
attempt("many", lambda: given.scaled_dot_product_attention(*[torch.zeros(20_000, 1)] * 3)[0].shape)
attempt("odd", lambda: given.causal_mask("x", None))
attempt("fine", lambda: tuple(given.scaled_dot_product_attention(*[torch.zeros(3, 2)] * 3)[0].shape))
"""
)
POINTER = (
    GIVEN
    + """
class Pointer:
    def __init__(self):
        self.__array_interface__ = {"data": (0x1000, True), "shape": (1 << 20,), "typestr": "<f8", "version": 3}
        self.shape = (3, 4)
attempt("pointer", lambda: given.split_heads(Pointer(), 2))
def causal_mask(*args):
    return Pointer()
"""
)
ENVIRONMENT = """
words = " ".join([*os.environ, *os.environ.values(), os.getcwd(), os.uname().nodename, *sys.argv]).lower()
attempt("named", lambda: [word for word in ("nbgrader", "course_secret", "student", "submi", "grade_", "secret") if word in words])
attempt("variables", lambda: sorted(os.environ))
"""

ATTACKS = [
    Attack(
        "looks for references among all objects",
        before=MEMORY,
        seen=says(objects="[]", modules="[]", source="0|OSError|TypeError", docs="False"),
    ),
    Attack(
        "reads its own memory for seed and cases",
        before=PAGES,
        limits={"cell_seconds": 20, "memory_bytes": 1 << 30},
        seen=says(pages="[]", search="True"),
    ),
    Attack(
        "imports checks, judge and later chapters",
        before=IMPORTS,
        seen=says(
            path="FileNotFoundError|PermissionError",
            again="('name',)",
            **{f"import{n}": "ModuleNotFoundError" for n in range(7)},
        ),
    ),
    Attack(
        "watches all imports",
        answer=f"{HOOKS}{RIGHT}",
        after="attempt('seen', lambda: [name for name in seen if 'checks' in name or 'judging' in name])",
        seen=says(seen="[]"),
    ),
    Attack(
        "gets the answer from the course's own function",
        answer=f"{GIVEN}def causal_mask(*args):\n    return given.causal_mask(*args)",
        earns=0,
    ),
    Attack("is the course's own function", answer=f"{GIVEN}causal_mask = given.causal_mask", earns=0),
    Attack(
        "asks for a later function",
        answer=f"{GIVEN}def causal_mask(*args):\n    return given.split_heads(torch.zeros(4, 4), 2)",
        earns=0,
    ),
    Attack(
        "asks for the withheld class",
        before=f"{GIVEN}attempt('class', lambda: given.MultiHeadAttention(8, 2))",
        seen=says(**{"class": "RuntimeError"}),
    ),
    Attack(
        "has the right outputs of a thread",
        answer=THREADED,
        after="attempt('got', lambda: sorted(outputs))",
        earns=0,
        lost="|broke its connection",
        seen=says(got="['error', 'kind']|[]"),
    ),
    Attack(
        "asks for the right outputs afterwards and has itself judged again",
        answer=SAVED,
        after=ASK_LATER,
        earns=0,
        seen=says(again="None"),
    ),
    Attack(
        "asks the graded check in an ordinary cell",
        before=ORACLE,
        seen=both(
            says(
                none="None",
                inputs="[]",
                unknown="None|ValueError",
                chapter="ValueError|None",
                text="None|ValueError",
            ),
            without("0 of 2"),
        ),
    ),
    Attack(
        "has another exercise judged inside its answer", answer=OTHER, earns=0, lost="broke its connection"
    ),
    Attack(
        "asks for far too large results",
        before=BIG,
        after=BIG,
        costs={},
        seen=says(
            large="RuntimeError|MemoryError",
            larger="RuntimeError|MemoryError",
            largest="RuntimeError|MemoryError",
            many="RuntimeError|MemoryError",
            odd="TypeError|RuntimeError",
            fine="(3, 2)",
        ),
    ),
    Attack(
        "sends an address of the judge's memory",
        answer=POINTER,
        earns=0,
        seen=says(pointer="RuntimeError|AttributeError|TypeError|CallbackError"),
    ),
    Attack(
        "looks whether it is graded",
        before=ENVIRONMENT,
        seen=says(
            named="[]", variables="['HOME', 'LANG', 'MPLBACKEND', 'OMP_NUM_THREADS', 'PATH', 'TMPDIR']"
        ),
    ),
    Attack(
        "writes a table of the course's own function before",
        before=TABLE,
        answer=FROM_TABLE,
        earns=0,
        seen=says(table="RuntimeError"),
    ),
]
