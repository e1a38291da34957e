"""A graded notebook with everything that must survive being shown, and everything that must not."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
from nbformat import NotebookNode

from course_utils.checking.checker import Checker
from course_utils.checking.render import to_html
from course_utils.checking.report import MIME_TYPE
from tests.grading.reporting.made_class import CHAPTER, WRITTEN

ALERT = "alert(document.domain)"
"""What every attack tries to run."""

ATTACKS = [
    f"<script>{ALERT}</script>",
    f"<img src=x onerror={ALERT}>",
    f"<svg onload={ALERT}><circle r=9></svg>",
    f"<svg><script>{ALERT}</script></svg>",
    f'<a href="javascript:{ALERT}">click me</a>',
    f'<a href=" java\tscript:{ALERT}">click me</a>',
    f'<iframe srcdoc="<script>{ALERT}</script>"></iframe>',
    f"<object data='javascript:{ALERT}'></object><embed src='javascript:{ALERT}'>",
    f'<form action="javascript:{ALERT}"><button>send</button></form>',
    f"<details open ontoggle={ALERT}><summary>x</summary></details>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={ALERT}></style></mglyph></table></mtext></math>",
    f"<noscript><p title='</noscript><img src=x onerror={ALERT}>'></noscript>",
    f"<body onload={ALERT}><video src=x onerror={ALERT}></video>",
    '<meta http-equiv="refresh" content="0;url=https://example.org/">',
    '<link rel="stylesheet" href="https://example.org/x.css"><base href="https://example.org/">',
    '<img src="https://example.org/tracker.png"><img src="//example.org/t.png">',
    '<style>body{display:none;background:url("https://example.org/x.png")}</style>',
    '<div style="position:fixed;inset:0;background:url(https://example.org/y.png)">over all</div>',
    f"<x onclick={ALERT}><input autofocus onfocus={ALERT}>",
]
MARKDOWN = [
    f"[click](javascript:{ALERT})",
    f"[click](data:text/html;base64,{base64.b64encode(b'<script>1</script>').decode()})",
    f"![a](x){{onerror={ALERT}}}",
    f'![$x$" onerror="{ALERT}](x "$y$ onerror={ALERT}")',
    f"$\\href{{javascript:{ALERT}}}{{x}}$ and $\\text{{<img src=x onerror={ALERT}>}}$",
    f"$$\\class{{x}}{{<script>{ALERT}</script>}}$$",
    "![missing](attachment:nowhere.png)",
    f"```mermaid\ngraph TD; A[<img src=x onerror={ALERT}>]\n```",
    f"`<script>{ALERT}</script>` is code",
    f"\ue0000\ue001 \ue00099\ue001 <b title='\ue0000\ue001'>{ALERT}</b>",
]
FORMULA = r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V"


def plot() -> str:
    """Return a plot as base64."""
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 3, 2])
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    plt.close(figure)
    return base64.b64encode(stream.getvalue()).decode()


def wrong_attention(query: Any, key: Any, value: Any, mask: Any = None) -> Any:
    """An answer without the scaling."""
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1).nan_to_num(0.0)
    return weights @ value, weights


def card() -> NotebookNode:
    """Return the card of a graded check of a known mistake."""
    report = Checker(str(CHAPTER), secret_seed="a secret").report(
        wrong_attention, "scaled_dot_product_attention", graded=True
    )
    shown = {"text/plain": "", "text/html": to_html(report), MIME_TYPE: report.to_data()}
    return nbformat.v4.new_output("display_data", data=shown)


def _settings(name: str, **kinds: bool) -> dict[str, Any]:
    usual = {
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
        "points": 2,
    }
    return {"nbgrader": {**usual, "grade_id": name, **kinds}}


def hostile_notebook() -> NotebookNode:
    """Return the notebook."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    html = [nbformat.v4.new_output("display_data", data={"text/html": attack}) for attack in ATTACKS]
    table = pd.DataFrame({"species": ["Adelie", "Gentoo"], "mass <g>": [3750.0, 5000.0]})
    sized = nbformat.v4.new_output("display_data", data={"image/png": plot()})
    sized.metadata = {"image/png": {"width": f"1 onload={ALERT}", "alt": f'" onload="{ALERT}'}}
    others = {
        "application/javascript": ALERT,
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{ALERT}'><rect width='9'/></svg>",
        "text/latex": "$$x^2 < y$$",
    }
    outputs = [
        *html,
        nbformat.v4.new_output("display_data", data={"text/html": table._repr_html_()}),
        sized,
        *(nbformat.v4.new_output("display_data", data={kind: data}) for kind, data in others.items()),
        nbformat.v4.new_output("display_data", data={"text/markdown": f"**md** <script>{ALERT}</script>"}),
        nbformat.v4.new_output("stream", name="stdout", text=f"<script>{ALERT}</script>\x1b[31mred\x1b[0m"),
        nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[f"<img src=x onerror={ALERT}>"]),
    ]
    attached = text("![picture](attachment:plot.png)")
    attached.attachments = {
        "plot.png": {"image/png": plot()},
        "evil.png": {f'image/svg+xml" onerror="{ALERT}': "x"},
    }
    check = code("check(scaled_dot_product_attention)\ncheck.graded(scaled_dot_product_attention)")
    check.metadata = _settings("check_scaled_dot_product_attention", grade=True, locked=True)
    check.outputs = [card()]
    written = text(f"Order is lost: ${FORMULA}$\n\n| a | b |\n|---|---|\n| 1 | $x<y$ |\n\n<b>bold</b>")
    written.metadata = _settings(WRITTEN, grade=True, solution=True)
    drawn = code("import this  # <script>" + ALERT + "</script>", outputs=outputs)
    drawn.metadata["tags"] = [f'x" onclick="{ALERT}']
    raw = nbformat.v4.new_raw_cell(f"<script>{ALERT}</script>")
    cells = [
        text(f"# Title\n\n$${FORMULA}$$"),
        drawn,
        check,
        written,
        *(text(attack) for attack in [*ATTACKS, *MARKDOWN]),
        attached,
        raw,
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"x": f"</script>{ALERT}"}}
    return nbformat.from_dict(json.loads(json.dumps(notebook)))
