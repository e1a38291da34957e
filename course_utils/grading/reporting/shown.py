"""Showing a graded notebook so that nothing in it runs, fetches or hides anything.

nbconvert's own cleaning (`HTMLExporter.sanitize_html`) makes text of tables, headings and check cards, and
nbgrader's templates leave the cells of text as they are. The filters here take the place of nbconvert's under
the same names, in the feedback and in the formgrader; `ShowSafely` mends what no filter sees.
"""

from __future__ import annotations

import re
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from pygments.token import STANDARD_TYPES

from course_utils.checking.report import MIME_TYPE
from course_utils.grading.judging.clean import CLEANERS, clean
from course_utils.grading.reporting.formulas import formula

# Formulas wait under a number between two marks that no text may hold, while the rest is cleaned.
OPEN, CLOSE = "\ue000", "\ue001"
WAITING = re.compile(f"{OPEN}(\\d+){CLOSE}")
PICTURES = ("image/png", "image/jpeg", "image/gif")
MISSING = "data:,"
# Environments that stand for themselves, and what they are called within a formula.
ENVIRONMENTS = {"equation": "", "align": "aligned", "eqnarray": "aligned", "gather": "gathered"}
# The formgrader's buttons work by classes: a click on what has the class `full-credit` gives the points.
CLASSES = frozenset(
    {"course-check", "passed", "failed", "crashed", "timed", "out", "timed-out", "not-attempted", "why"}
    | {"dataframe", "highlight"}
    | set(STANDARD_TYPES.values())
)
DOLLARS = re.compile(
    r"\A\s*(?:\$\$?|\\\[|\\\(|\\begin\{equation\*?\})(.*?)(?:\$\$?|\\\]|\\\)|\\end\{equation\*?\})\s*\Z", re.S
)


class Renderer(IPythonRenderer):
    """Markdown as HTML, with its formulas set aside and its pictures taken from the notebook only."""

    def __init__(self, attachments: dict[str, Any]) -> None:
        super().__init__(escape=False, allow_harmful_protocols=False, exclude_anchor_links=True)
        self.attachments = attachments
        self.formulas: list[str] = []

    def _aside(self, made: str) -> str:
        self.formulas.append(made)
        return f"{OPEN}{len(self.formulas) - 1}{CLOSE}"

    def inline_math(self, body: str) -> str:
        """Set a formula in a line aside."""
        return self._aside(formula(body))

    def block_math(self, body: str) -> str:
        """Set a formula on a line of its own aside."""
        return self._aside(formula(body, block=True))

    def latex_environment(self, name: str, body: str) -> str:
        """Set an environment of LaTeX aside."""
        kind = ENVIRONMENTS.get(name.rstrip("*"), name)
        inner = f"\\begin{{{kind}}}{body}\\end{{{kind}}}" if kind else body
        return self._aside(formula(inner, block=True))

    def block_mermaidjs(self, code: str) -> str:
        """Show a diagram of Mermaid as its text: drawing it takes a script."""
        return self.block_code(code)

    def _embed_image_or_attachment(self, src: str) -> str:
        kinds = (
            self.attachments.get(src.removeprefix("attachment:")) if src.startswith("attachment:") else None
        )
        for kind in PICTURES:
            content = kinds.get(kind) if isinstance(kinds, dict) else None
            if isinstance(content, str) and clean("image/png", content):
                return f"data:{kind};base64,{content}"
        return src if src.startswith("data:image/") else MISSING


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Return a cell of text as HTML that runs nothing. A filter of nbconvert's templates."""
    cell = context.get("cell") or {}
    attachments = cell.get("attachments") or {}
    return render_markdown(source, attachments if isinstance(attachments, dict) else {})


def render_markdown(source: str, attachments: dict[str, Any] | None = None) -> str:
    """Return Markdown as HTML that runs nothing and fetches nothing.

    >>> render_markdown("**bold** <script>alert(1)</script>")
    '<p><strong>bold</strong> </p>\\n'
    """
    renderer = Renderer(attachments or {})
    text = source.replace(OPEN, "").replace(CLOSE, "")
    try:
        made = MarkdownWithMath(renderer=renderer).render(text)
    except RecursionError:
        made = text
    return _with_formulas(clean_html(made), renderer.formulas)


def _with_formulas(cleaned: str, formulas: list[str]) -> str:
    """Put the formulas back where text stands; one in an attribute (a title, say) is dropped."""
    if OPEN not in cleaned:
        return cleaned
    page = BeautifulSoup(cleaned, features="html.parser")
    for found in page.select("*"):
        for name, value in found.attrs.items():
            found[name] = WAITING.sub("", value if isinstance(value, str) else " ".join(value))

    def put(found: re.Match[str]) -> str:
        # The marks can also be written as &#xe000;, with any number.
        return formulas[int(found[1])] if int(found[1]) < len(formulas) else ""

    return WAITING.sub(put, str(page))


def clean_html(element: object) -> str:
    """Return HTML without what runs, fetches or hides: bleach with a list of what may stay. A filter."""
    text = element.decode() if isinstance(element, bytes) else str(element)
    kept = clean("text/html", text).get("text/html", "")
    if "class=" not in kept and "<img" not in kept:
        return kept
    page = BeautifulSoup(kept, features="html.parser")
    for found in page.select("[class]"):
        found["class"] = " ".join(name for name in found["class"] if name in CLASSES)
    for picture in page.select("img"):
        if not str(picture.get("src", "")).startswith("data:image/"):
            picture.replace_with(f"[picture: {picture.get('alt') or 'not shown, it is not in the notebook'}]")
    return str(page)


def latex2html(source: str) -> str:
    """Return an output of LaTeX as HTML. A filter of our own template."""
    found = DOLLARS.match(source)
    return formula(found[1] if found else source, block=True)


FILTERS = {
    "clean_html": f"{__name__}.clean_html",
    "markdown2html": f"{__name__}.markdown2html",
    "latex2html": f"{__name__}.latex2html",
}
"""For `HTMLExporter.filters`."""


class ShowSafely(Preprocessor):
    """Keeps of every output what can be shown without running anything, and of the settings what is needed.

    For `HTMLExporter.preprocessors`. Grading keeps harmless outputs only; this holds also for notebooks that
    were graded before it did, and for what stands beside the outputs: sizes, tags, names of files.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Clean all cells."""
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            cell.metadata.pop("tags", None)
            cell.metadata.pop("alt", None)
            if cell.cell_type == "code":
                cell.outputs = [kept for output in cell.outputs if (kept := _safe_output(output))]
            elif cell.cell_type == "raw":
                # A template shows it as it is.
                cell.cell_type, cell.source = "markdown", f"```\n{cell.source.replace('```', '')}\n```"
        return nb, resources


def _safe_output(output: NotebookNode) -> NotebookNode | None:
    if output.output_type in ("stream", "error"):
        return output
    shown: dict[str, Any] = {}
    for kind in CLEANERS:
        text = output.get("data", {}).get(kind)
        if isinstance(text, list):
            text = "".join(part for part in text if isinstance(part, str))
        if isinstance(text, str):
            shown.update(clean(kind, text))
    if MIME_TYPE in output.get("data", {}):
        shown[MIME_TYPE] = output.data[MIME_TYPE]
    if not shown:
        return None
    # Sizes and names of files are written into tags as they are.
    return nbformat.v4.new_output("display_data", data=shown)
