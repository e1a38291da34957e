# ruff: noqa: E501 - the sources of attacks are shown as they are run
"""Attacks by what a cell shows: scripts, widgets, other cells' outputs, hooks of the display."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from course_utils.grading.judging.clean import CARD_STYLE
from tests.grading.attacks.arena import Scene
from tests.grading.attacks.attack import RIGHT, WRONG, Attack, both, says, without

KINDS = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}
FORBIDDEN = set("script style iframe object embed form button svg math base meta link noscript input".split())  # noqa: SIM905


class Reader(HTMLParser):
    """Reads markup as a browser does, and looks that nothing of it runs, loads or hides."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        assert tag not in FORBIDDEN, tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert re.match(r"https?:|mailto:|#|data:image/", value or ""), (tag, name, value)
            assert "position" not in (value or "") or name != "style"


def runs_nothing(scene: Scene) -> None:
    """Look that no output that a browser reads as markup holds what runs, loads or hides."""
    for cell in scene.notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert set(data) <= KINDS
            assert not output.get("metadata")
            Reader().feed(data.get("text/html", "").removeprefix(CARD_STYLE))
            for kind in ("text/html", "text/markdown", "text/latex"):
                assert "\\href" not in data.get(kind, "")
            for kind in ("text/markdown", "text/latex"):
                assert not re.search(r"<[a-zA-Z/!?]", data.get(kind, "")), data[kind]
            for kind in ("image/png", "image/jpeg"):
                assert re.fullmatch(r"[A-Za-z0-9+/=\s]*", data.get(kind, ""))


MARKUP = """
from IPython.display import HTML, SVG, Javascript, Markdown, Latex, IFrame
evil = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>", "<a href='jAvAsCrIpT:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>", "<form action=/delete><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=//x'>", "<base href=//x>", "<link rel=stylesheet href=//x>",
    "<div style='position:fixed;inset:0;background:url(javascript:1)'>x</div>", "<style>*{display:none}</style>",
    "<object data=x></object><embed src=x>", "<math><mtext><script>alert(1)</script></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<img src='https://example.org/tracker.png'>",
    "<b><script>alert(1)//", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<details open ontoggle=alert(1)>",
]
for text in evil:
    display(HTML(text))
    display(Markdown(text))
    display(Latex(text))
    display({"text/plain": text, "image/svg+xml": text}, raw=True)
    display({"text/html": text + " \\\\href{javascript:alert(1)}{x}"}, raw=True)
display(SVG(data="<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"))
display(Javascript("alert(1)"))
display(IFrame("https://example.org", 10, 10))
display({"image/png": '" onerror="alert(1)', "text/plain": "picture"}, raw=True)
display({"image/jpeg": "x'><script>alert(1)</script>", "text/plain": "picture"}, raw=True)
display({"application/javascript": "alert(1)", "application/vnd.jupyter.widget-view+json": {"model_id": "1"},
         "application/vnd.course.check+json": {"points": 2}, "text/html": "<b>kept</b>"}, raw=True,
        metadata={"text/html": {"isolated": True, "onload": "alert(1)"}})
%javascript alert(1)
"""
HARMLESS = """
display({"text/html": "<table class='dataframe'><tr><td style='color: red'>7</td></tr></table>"}, raw=True)
display({"image/png": "iVBORw0KGgo="}, raw=True)
display({"text/latex": "$a < b$"}, raw=True)
"""


def keeps_what_is_harmless(scene: Scene) -> None:
    """Look that what a table, a picture and a formula need is still there."""
    for words in ('<td style=\\"color: red;\\">7</td>', "iVBORw0KGgo=", "$a < b$"):
        assert words in scene.everything


FORGED = """
record = {"chapter": "transformers/attention", "exercise": "causal_mask", "graded": True, "status": "passed",
          "points": 2.0, "max_points": 2.0, "cases": [], "explanations": [], "notes": [], "schema": 1}
from course_utils.checking.report import MIME_TYPE
def show_record():
    display({MIME_TYPE: record, "text/plain": "2 of 2 points"}, raw=True)
show_record()
print("2.0\\n<!-- points: 2 -->")
"""
HOOKS = """
shell = get_ipython()
kept = shell.display_pub.publish, shell.displayhook
shell.display_pub.publish = lambda *_, **__: None
sys.displayhook = lambda *_: os._exit
shell.showtraceback = lambda *_, **__: None
shell.run_cell_kept = shell.run_cell
class Quiet:
    def write(self, *_): return 0
    def flush(self): pass
sys.stdout = sys.stderr = Quiet()
IPython.display.display = lambda *_, **__: None
"""
NO_IPYTHON = """
import IPython.core.getipython
builtins.get_ipython = IPython.get_ipython = IPython.core.getipython.get_ipython = lambda: None
"""
COMMS = """
def open_comm():
    from comm import create_comm
    comm = create_comm(target_name="x", data={"code": "alert(1)"})
    comm.send({"method": "custom"})
    comm.close()
attempt("comm", open_comm)
session = get_ipython().kernel.session
for kind in ("comm_open", "comm_msg", "execute_reply", "status", "shutdown_reply", "input_request", "anything"):
    session.send(None, kind, {"execution_state": "idle", "code": "alert(1)"})
attempt("sent", lambda: "all")
attempt("input", lambda: input("your password"))
"""
UPDATES = """
display({"text/plain": "first"}, raw=True, display_id="shared")
"""
UPDATE_LATER = """
from IPython.display import update_display, clear_output
update_display({"text/plain": "CHANGED"}, display_id="shared", raw=True)
get_ipython().kernel.session.send(None, "update_display_data", {"data": {"text/plain": "CHANGED"}, "transient": {"display_id": "shared"}, "metadata": {}})
clear_output()
clear_output(wait=True)
"""
MALFORMED = """
session = get_ipython().kernel.session
for kind in ("stream", "display_data", "execute_result", "update_display_data", "error", "clear_output"):
    for content in (None, [], {}, 7, "text", {"data": []}, {"data": {"text/plain": ["x"]}}, {"text": {"x": 1}}, {"name": 5, "text": None},
                    {"traceback": "x", "ename": 7}, {"traceback": [1, None, {}]}, {"wait": "x"}, {"transient": 5, "data": {"text/html": b"x"}}):
        session.send(None, kind, content)
session.send(None, "stream", {"name": "stdout", "text": "\\ud800 \\x00 \\x1b[2J" + chr(0x202e)})
attempt("sent", lambda: "all")
"""


def first_stays(scene: Scene) -> None:
    """Look that a later cell has not changed an earlier one's output."""
    assert "first" in scene.everything
    assert "CHANGED" not in scene.everything


ATTACKS = [
    Attack(
        "shows scripts in every way",
        before=MARKUP,
        limits={"output_characters_per_cell": 60_000},
        seen=runs_nothing,
    ),
    Attack(
        "asks how tables are shown, which is as in JupyterLab",
        before="import pandas as pd\nattempt('columns', lambda: pd.options.display.max_columns)",
        seen=says(columns="20"),
    ),
    Attack("shows what is harmless", before=HARMLESS, seen=both(runs_nothing, keeps_what_is_harmless)),
    Attack(
        "shows scripts out of its answer",
        answer=f"{RIGHT}\n_right = causal_mask\ndef causal_mask(*args):\n    display({{'text/html': '<script>alert(1)</script>'}}, raw=True)\n    return _right(*args)",
        seen=runs_nothing,
    ),
    Attack(
        "shows a forged record",
        answer=f"{FORGED}{WRONG}",
        after="show_record()",
        earns=0,
        seen=without("vnd.course"),
    ),
    Attack(
        "shows a forged record out of its answer",
        answer=f"{FORGED}def causal_mask(*_, **__):\n    show_record()\n    return 7",
        earns=0,
        seen=without("vnd.course"),
    ),
    Attack("hooks the display", answer=f"{HOOKS}{RIGHT}"),
    Attack("takes IPython away", answer=f"{NO_IPYTHON}{RIGHT}"),
    Attack(
        "sends widget messages",
        before=COMMS,
        seen=both(says(sent="all", input="StdinNotImplementedError"), without("alert(1)")),
    ),
    Attack("changes another cell's output", before=UPDATES, after=UPDATE_LATER, seen=first_stays),
    Attack(
        "clears its output",
        answer=f"{RIGHT}\nfrom IPython.display import clear_output\n_right = causal_mask\ndef causal_mask(*args):\n    clear_output()\n    return _right(*args)",
    ),
    Attack("shows malformed messages", before=MALFORMED, seen=both(runs_nothing, says(sent="all"))),
    Attack(
        "hides what it shows",
        answer=f"{RIGHT}\nprint(chr(27) + '[8m' + 'x' * 50)\nprint('\\b' * 500, '\\r' * 500)",
    ),
    Attack(
        "nests markup without end",
        before="for _ in range(3): display({'text/html': '<b>' * 6000, 'text/plain': 'x'}, raw=True)",
        seconds=60,
        seen=runs_nothing,
    ),
]
