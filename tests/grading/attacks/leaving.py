# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks that end the kernel, or leave something behind that goes on after the cell."""

from __future__ import annotations

from tests.grading.attacks.attack import RIGHT, WRONG, Attack, says

ENDED = "ended its kernel"
IN_ANSWER = "def causal_mask(*_, **__):\n    "
DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for signal_number in range(1, 32):
            try:
                signal.signal(signal_number, signal.SIG_IGN)
            except OSError:
                pass
        time.sleep(300)
    os._exit(0)
attempt("left", lambda: "a daemon")
"""
THREAD = """
def later():
    while True:
        time.sleep(0.01)
        print("from behind")
        display({"text/html": "<script>alert(1)</script>behind"}, raw=True)
        return
threading.Thread(target=later, daemon=True).start()
"""
REWRITER = """
def rewrite():
    while True:
        for cell in In:
            pass
        time.sleep(0.001)
        get_ipython().user_ns["answer_of_thread"] = 1
        get_ipython().user_ns["causal_mask"] = lambda *args, **kwargs: torch.zeros(1)
threading.Thread(target=rewrite, daemon=True).start()
time.sleep(0.05)
"""
FINALIZERS = """
import atexit, weakref
atexit.register(lambda: os.system("sleep 300 &"))
class Last:
    def __del__(self):
        open("/tmp/late", "w").write("x")
        while True:
            time.sleep(1)
last = Last()
weakref.finalize(last, os.kill, -1, 9)
attempt("registered", lambda: "done")
"""

ATTACKS = [
    Attack("exits", before="os._exit(0)", lost=ENDED),
    Attack("exits in its answer", answer=f"{IN_ANSWER}os._exit(0)", earns=0, lost=ENDED),
    Attack("raises SystemExit in its answer", answer=f"{IN_ANSWER}raise SystemExit(0)", earns=0),
    Attack(
        "raises KeyboardInterrupt in its answer",
        answer=f"{IN_ANSWER}raise KeyboardInterrupt",
        earns=0,
        lost="|broke its connection",
    ),
    Attack("kills itself", answer=f"{IN_ANSWER}os.kill(os.getpid(), signal.SIGKILL)", earns=0, lost=ENDED),
    Attack("crashes", answer=f"{IN_ANSWER}ctypes.string_at(0)", earns=0, lost=ENDED),
    Attack("aborts", before="libc.abort()", lost=ENDED),
    Attack("crashes each time it is run", answer="os._exit(1)", earns=0, lost=ENDED),
    Attack("shuts the kernel down", before="get_ipython().kernel.do_shutdown(True)", lost="|" + ENDED),
    Attack("exits by IPython's own exit", before="get_ipython().ask_exit()\nexit", lost="|" + ENDED),
    Attack("leaves a daemon", before=DAEMON, seen=says(left="a daemon")),
    Attack(
        "leaves a thread that prints and shows",
        before=THREAD,
        lost="|broke its connection",
    ),
    Attack("leaves a thread that changes answers", answer=f"{RIGHT}\n{REWRITER}", earns=0),
    Attack("leaves finalizers", answer=f"{FINALIZERS}{RIGHT}", seen=says(registered="done")),
    Attack(
        "leaves a timer",
        before="signal.signal(signal.SIGALRM, lambda *_: os._exit(1))\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\ntime.sleep(0.1)",
        lost=ENDED,
    ),
    Attack(
        "leaves a task in the loop",
        before="import asyncio\nasync def forever():\n    while True:\n        await asyncio.sleep(0)\n        globals()['counted'] = 1\ntask = asyncio.get_event_loop().create_task(forever())",
    ),
    Attack("starts a shell that stays", before="%%bash --bg\nsleep 300", lost=""),
    Attack(
        "runs wrong code at exit", answer=f"import atexit\natexit.register(lambda: None)\n{WRONG}", earns=0
    ),
]
