# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks on the machine: memory, processes, threads, disk, time, output; with small limits."""

from __future__ import annotations

from tests.grading.attacks.arena import LIMITS, Scene
from tests.grading.attacks.attack import Attack, says

ENDED = "was ended|ended its kernel"
MEMORY = """
held = []
while len(held) < 60:
    held.append(b"x" * (32 << 20))
"""
FORKS = """
for _ in range(60):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""
TREE = """
def branch(depth):
    for _ in range(3):
        if os.fork() == 0:
            if depth < 3:
                branch(depth + 1)
            time.sleep(60)
            os._exit(0)
branch(0)
time.sleep(60)
"""
THREADS = """
def start():
    started = 0
    try:
        for _ in range(300):
            threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    return started < 60
attempt("threads", start)
"""
DISK = """
def fill():
    written = 0
    try:
        for number in range(40):
            with open(f"/tmp/file{number}", "wb") as file:
                file.write(bytes(512 << 10))
            written += 512 << 10
    except OSError as error:
        return written <= 4 << 20
    return f"wrote {written}"
attempt("disk", fill)
for number in range(40):
    if os.path.exists(f"/tmp/file{number}"):
        os.remove(f"/tmp/file{number}")
def large():
    with open("/tmp/large", "wb") as file:
        file.write(bytes(3 << 20))
attempt("large", large)
os.remove("/tmp/large")
def inodes():
    for number in range(6000):
        os.mkdir(f"/tmp/folder{number}")
attempt("inodes", inodes)
"""
DESCRIPTORS = """
opened = []
def many():
    while len(opened) < 5000:
        opened.append(os.open("/dev/null", os.O_RDONLY))
attempt("files", many)
pipes = []
def pipe():
    while len(pipes) < 5000:
        pipes.append(os.pipe())
attempt("pipes", pipe)
for number in opened:
    os.close(number)
"""


def is_cut(scene: Scene) -> None:
    """Look that an output is not kept whole."""
    assert "was not kept" in scene.everything or "too large to keep" in scene.everything
    for cell in scene.notebook.cells:
        size = sum(len(str(output)) for output in cell.get("outputs", []))
        assert size < 2 * LIMITS.output_characters_per_cell + 2000


HUGE_REPR = """
class Huge:
    def __repr__(self):
        return "r" * 3_000_000
    def _repr_html_(self):
        return "<b>h</b>" * 1_000_000
Huge()
"""
TRACEBACK = """
def deeper(number):
    if number == 0:
        raise ValueError("m" * 2_000_000)
    deeper(number - 1)
attempt("fine", lambda: 1)
deeper(30)
"""
MIME = """
display({"text/plain": "p" * 400_000, "text/html": "<i>x</i>" * 50_000, "image/png": "A" * 2_000_000,
         "application/vnd.any+json": {"x": ["y" * 1000] * 1000}}, raw=True)
nested = []
for _ in range(5000):
    nested = [nested]
display({"text/plain": nested, "application/json": nested}, raw=True)
display({"text/plain": {"not": "text"}, 7: "x", None: "y"}, raw=True)
"""
DEEP_FLOOD = """
for number in range(3000):
    display({"text/plain": "x" * 100}, raw=True)
    print("line", number)
    print("error", number, file=sys.stderr)
"""
C_OUTPUT = """
block = b"x" * 65536
for _ in range(300):
    os.write(1, block)
    os.write(2, block)
libc.puts(b"from C")
attempt("written", lambda: "done")
"""
LOOP_IN_C = "import itertools\nsum(itertools.repeat(0))"
LATE = "ran too long"

ATTACKS = [
    Attack("takes memory", before=MEMORY, lost=ENDED),
    Attack(
        "takes memory in one piece",
        before="attempt('huge', lambda: bytearray(1 << 42))",
        seen=says(huge="MemoryError"),
    ),
    Attack(
        "takes memory in its answer",
        answer=f"def causal_mask(*_):\n    {MEMORY.strip().replace(chr(10), chr(10) + '    ')}\n    return held",
        earns=0,
        lost=ENDED,
    ),
    Attack(
        "takes shared memory",
        before="import mmap\nmaps = []\nwhile len(maps) < 60:\n    maps.append(mmap.mmap(-1, 32 << 20)); maps[-1].write(bytes(32 << 20))",
        lost=ENDED,
    ),
    Attack("forks without end", before=FORKS, lost=ENDED),
    Attack("forks a tree", before=TREE, lost=ENDED),
    Attack("starts threads", before=THREADS, lost="", seen=says(threads="True")),
    Attack("fills disk and inodes", before=DISK, seen=says(disk="True", large="OSError", inodes="OSError")),
    Attack("opens files without end", before=DESCRIPTORS, seen=says(files="OSError", pipes="OSError")),
    Attack("prints without end", before="for _ in range(300): print('x' * 100_000)", seen=is_cut),
    Attack("prints lists without end", before="print([[]] * 3_000_000)", seen=is_cut),
    Attack("writes to the descriptors themselves", before=C_OUTPUT, seen=says(written="done")),
    Attack("has a huge repr", before=HUGE_REPR, seen=is_cut),
    Attack("raises a huge error", before=TRACEBACK, seen=says(fine="1")),
    Attack("shows huge and deep data", before=MIME, seen=is_cut),
    Attack("shows thousands of outputs", before=DEEP_FLOOD, seen=lambda scene: None),
    Attack("loops", before="while True: pass", lost=LATE),
    Attack("prints lines without end", before="while True: print('x' * 50, flush=True)", lost=LATE),
    Attack("sleeps", before="time.sleep(1000)", lost=LATE),
    Attack(
        "ignores interrupts",
        before="signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        lost="could not be interrupted",
    ),
    Attack(
        "catches interrupts",
        before="while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        lost=LATE,
    ),
    Attack(
        "blocks all signals",
        before="signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(1000)",
        lost="could not be interrupted",
    ),
    Attack("loops in C", before=LOOP_IN_C, lost="could not be interrupted"),
    Attack("stops itself", before="os.kill(os.getpid(), signal.SIGSTOP)", lost="could not be interrupted"),
    Attack("backtracks without end", before="import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')", lost=LATE),
    Attack(
        "multiplies without end",
        before="large = torch.ones(1500, 1500)\nwhile True: large @ large",
        lost=LATE,
    ),
    Attack(
        "loops in C in its answer",
        answer="import itertools\ndef causal_mask(*_):\n    sum(itertools.repeat(0))",
        earns=0,
        lost="did not answer a check",
    ),
    Attack(
        "counts to a huge number",
        before="10 ** (10 ** 8)\nprint(len(str(7 ** 10**7)) if False else 'x')",
        lost=LATE + "|",
    ),
    Attack("recurses without end", answer="def causal_mask(*args):\n    return causal_mask(*args)", earns=0),
    Attack(
        "recurses in C",
        answer="def causal_mask(*args):\n    nested = None\n    for _ in range(200_000): nested = (nested,)\n    return nested",
        earns=0,
        lost="|ended its kernel",
    ),
]
