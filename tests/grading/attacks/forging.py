# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks on the channel: what is no frame, no message, or no honest one."""

from __future__ import annotations

import json
from typing import Any

from tests.grading.attacks.attack import RIGHT, WRONG, Attack, says

BROKE = "broke its connection"
ANY = f"|{BROKE}|ended its kernel|too long|did not answer|was ended|could not"


def sending(name: str, sent: str, lost: str = BROKE, **options: Any) -> Attack:
    """Answer the judge by bytes in place of what was seen; `sent` is the source of the bytes."""
    return Attack(
        f"answers with {name}", answer=f"{WRONG}\nforge(lambda: {sent})", earns=0, lost=lost, **options
    )


def stating(name: str, tree: Any, lost: str = BROKE, **options: Any) -> Attack:
    """Say that the answer's result was this tree."""
    source = tree if isinstance(tree, str) else f"json.loads({json.dumps(json.dumps(tree))})"
    return sending(name, f"frame(observation({source}))", lost, **options)


ASKING = "from course_utils.grading.player.link import the_link\n"
NOW = "forged = {}\n"
HUGE_OUTPUT = "frame(['dict', 'say', 'output', 'kind', 'stream', 'content', ['dict', 'name', 'stdout', 'text', 'x' * (4 << 20)]])"
CALLBACKS = """
def causal_mask(*_, **__):
    link = the_link()
    for _ in range(5000):
        link.ask("callback", number=0, args=(), kwargs={})
"""
ENDLESS_ASKING = """
from course_utils.transformers import attention as given
def causal_mask(*_, **__):
    while True:
        given.scaled_dot_product_attention(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2, 2))
"""
NESTED_ASKING = """
from course_utils.transformers import attention as given
def again(*args):
    return given.scaled_dot_product_attention(again, again, again)
attempt("nested", lambda: given.scaled_dot_product_attention(again, again, again))
"""
KEEP_OPEN = """
channel = the_link().channel.connection.fileno()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(100)
    os._exit(0)
os._exit(0)
"""
OBJECTS = '["list"] + [["object", f"kind{n}", [], False] for n in range(50_000)]'
FIELDS = '["named tuple", "wide", [f"field{n}" for n in range(200_000)]] + [0] * 200_000'
TUPLES = '["set"] + [["tuple"] + [-1 - (n >> bit & 1) for bit in range(17)] for n in range(1 << 17)]'
INTEGERS = '["dict"] + [part for n in range(1, 60_000) for part in (["integer", hex(n * (2**61 - 1))], 0)]'
POINTER = [
    "object",
    "pointer",
    ["__array_interface__", ["dict", "data", ["tuple", 4096, True], "shape", ["tuple", 9]]],
    False,
]
DEEP = 'b\'["dict","say","seen","observation",\' + b"[" * 3_000_000'

ATTACKS = [
    sending("garbage", "os.urandom(1000)"),
    sending(
        "half a frame, and then nothing",
        "frame(observation(None))[:20]",
        "did not answer|could not|" + BROKE,
        seconds=60,
    ),
    sending("a wrong mark", 'b"CRS2" + frame(observation(None))[4:]'),
    sending("a length of 4 GB", 'struct.pack("<4sII", b"CRS1", 2**32 - 1, 0)'),
    sending("a huge count of buffers", 'struct.pack("<4sII", b"CRS1", 10, 2**32 - 1)'),
    sending(
        "buffers of 16 EB",
        'struct.pack("<4sII", b"CRS1", 2, 2) + struct.pack("<2Q", 2**64 - 1, 2**64 - 1) + b"[]"',
    ),
    sending("a pickle", '__import__("pickle").dumps(print)'),
    sending("JSON that is none", "frame(b'{\"say\": ')"),
    sending("JSON nested by the million", f"frame({DEEP})"),
    sending(
        "a number of a million digits",
        'frame(b\'["dict","say","seen","observation",\' + b"9" * 1_000_000 + b"]")',
    ),
    sending("no dictionary", 'frame(["list", 1])'),
    sending("no kind", 'frame(["dict", "x", 1])'),
    sending("a kind that is none", 'frame(["dict", "say", "full marks", "points", 2])'),
    sending("the end of the cell", 'frame(["dict", "say", "done", "status", "ok"])', BROKE),
    sending(
        "a check of its own",
        'frame(["dict", "say", "check", "chapter", "transformers/attention", "exercise", "causal_mask", "graded", True])',
    ),
    sending("a result that nobody asked for", 'frame(["dict", "say", "returned", "value", 1])'),
    sending("no observation", 'frame(["dict", "say", "seen", "observation", 5])'),
    sending("an observation twice", "frame(observation(True)) * 2", ANY),
    sending(
        "an observation of odd parts",
        'frame(["dict", "say", "seen", "observation", ["dict", "value", None, "failure", ["dict", "kind", 5], "printed", ""]])',
    ),
    sending(
        "a failure that was to be expected",
        'frame(["dict", "say", "seen", "observation", ["dict", "value", None, "failure", ["dict", "kind", "ValueError", "family", ["list", "ValueError", 5], "message", ["list"], "lines", ["list", "<script>"], "timed_out", False], "changed", ["list", "x"], "printed", "x", "seconds", -1e300]])',
        "",
    ),
    sending("outputs without end", f"{HUGE_OUTPUT} * 4 + frame(observation(None))", ""),
    stating("a shape that its bytes do not make", ["array", "<f8", [1000], 0]),
    stating("a buffer that there is not", ["tensor", "float32", [1], 7, False]),
    stating("texts of no length, by the million", ["array", "<U0", [500_000_000], 0]),
    stating("a negative shape", ["tensor", "float32", [-1], 0, False]),
    stating("a shape with 100 axes", ["tensor", "float32", [1] * 100, 0, False]),
    stating("an array of objects by its bytes", ["array", "|O", [1], 0]),
    stating("an unknown tag", ["pickle", "x"]),
    stating("a callback", ["callback", 0]),
    stating("a handle", ["list", ["handle", 3], ["handle", -1]], ""),
    stating("a handle that is none", ["handle", "x"]),
    stating("a state of random numbers", ["random", "00"]),
    stating("a range of huge numbers", ["range", 0, 2**70, 1]),
    stating("a range of texts", ["range", "0", "1", "2"]),
    stating("an address in the judge's memory", POINTER, ""),
    stating("objects of 50,000 types", OBJECTS),
    stating("a tuple of 200,000 names", FIELDS),
    stating("keys that all have one hash", TUPLES),
    stating("integers that all have one hash", INTEGERS),
    stating("a tensor as a key", '["dict", ["array", "<f8", [0], 0], 1]', BROKE),
    stating("an index without end", ["range index", 0, 2**61, 1, None]),
    stating(
        "a table of parts that do not fit",
        ["frame", ["range index", 0, 3, 1, None], ["range index", 0, 9, 1, None], ["list", 1]],
    ),
    stating("a module's name", ["named", "module", "os"]),
    stating("a function's name", ["named", "function", "__import__"], ""),
    Attack("breaks the channel in an ordinary cell", before=f"{ASKING}raw(os.urandom(500))", lost=BROKE),
    Attack(
        "ends the cell of its test before it ends",
        answer=f"{RIGHT}\n_right = causal_mask\ndef causal_mask(*args):\n    raw(frame(['dict', 'say', 'done', 'status', 'ok']))\n    return _right(*args)",
        earns=0,
        lost=BROKE,
    ),
    Attack(
        "closes the channel",
        before=f"{ASKING}the_link().channel.connection.close()",
        lost="ended its kernel|broke|too long|could not",
    ),
    Attack(
        "shuts the channel down",
        before=f"{ASKING}the_link().channel.connection.shutdown(socket.SHUT_RDWR)",
        lost="ended its kernel|broke|too long",
    ),
    Attack(
        "keeps the channel open and goes", before=f"{ASKING}{KEEP_OPEN}", lost="ended its kernel|ran too long"
    ),
    Attack("calls what it was not given", answer=f"{ASKING}{CALLBACKS}", earns=0, lost=BROKE),
    Attack(
        "asks for given functions without end",
        answer=ENDLESS_ASKING,
        earns=0,
        seconds=90,
        lost="|did not answer",
    ),
    Attack(
        "asks for given functions without end in a cell of its own",
        after=ENDLESS_ASKING.replace("def causal_mask(*_, **__):", "if True:"),
        lost="was interrupted",
    ),
    Attack(
        "asks within what it is asked",
        after=NESTED_ASKING,
        seen=says(nested="TypeError|RuntimeError|AttributeError|CallbackError"),
    ),
    Attack(
        "calls with hostile arguments",
        after=f"{ASKING}attempt('odd', lambda: the_link().ask('given', name=['x'], args={{}}, kwargs=5))",
        lost=BROKE,
    ),
    Attack(
        "asks for what there is not",
        after=f"{ASKING}attempt('odd', lambda: the_link().ask('given', name='__import__', args=('os',), kwargs={{}}))",
        seen=says(odd="RuntimeError"),
    ),
    Attack(
        "asks for gradients of nothing",
        after=f"{ASKING}attempt('odd', lambda: the_link().ask('given gradients', name='split_heads', args=(1, 2), kwargs={{}}, gradients='x'))",
        seen=says(odd="AttributeError|TypeError|RuntimeError|CallbackError|ValueError"),
    ),
]
