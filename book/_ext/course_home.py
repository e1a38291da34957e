"""What the home page and those of the parts show of the course itself: parts, an answer, times."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from course_pages import course_of
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from course_utils.authoring.chapter_times import HOW, time_of, time_of_all
from course_utils.authoring.course_map import Course, CourseMapError, Part

DRAWINGS = Path(__file__).parent / "drawings"

BUILT = {
    "basics": "A leak-proof pipeline from a messy table to tensors; a decision tree; a similarity search.",
    "training": "Your own backpropagation engine, then optimizers, initialization and regularization on top.",
    "cnn_rnn": "Convolutions, residual networks, LSTMs, graph networks.",
    "generative": "Autoencoders, adversarial networks, diffusion.",
    "rl": "From a grid world to a player that learns by playing itself.",
    "transformers": "Tokenizer, attention, a GPT and a BERT; fine-tuning, alignment, retrieval.",
    "deepseek": "Latent attention and its small cache, mixtures of experts, GRPO; a small model with it all.",
}
"""What is built in each part, for its card."""


class Parts(SphinxDirective):
    """The parts of the course as cards: what is built in each, and how much of it can be read.

    A card is a link where the book has the part's page; the book of a class may not have it.
    """

    def run(self) -> list[nodes.Node]:
        """Return a placeholder; only when all pages are read is it known which there are."""
        return [nodes.raw("", "<!-- the parts -->", format="html", classes=["course-parts"])]


def show_parts(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Fill in the cards."""
    for node in doctree.findall(nodes.raw):
        if "course-parts" in node["classes"]:
            cards = "".join(
                _card(app, page, course_of(app), part, number)
                for number, part in enumerate(course_of(app).parts, start=1)
            )
            node.replace_self(nodes.raw("", f'<ol class="part-cards">{cards}</ol>', format="html"))


def _card(app: Sphinx, page: str, course: Course, part: Part, number: int) -> str:
    """Return one card as HTML."""
    written = [chapter for chapter in course.existing(Path(app.srcdir)) if chapter.part == part.name]
    title, first = html.escape(part.title), f"book/{part.name}/index"
    if first in app.env.found_docs and app.builder.format == "html":
        title = f'<a href="{app.builder.get_relative_uri(page, first)}">{title}</a>'
    total = len(part.chapters)
    dots = "".join(
        f'<span class="{"written" if chapter in written else "planned"}"></span>' for chapter in part.chapters
    )
    drawing = DRAWINGS / f"{part.name}.svg"
    return (
        f'<li class="part-card" data-part="{part.name}">'
        f"{drawing.read_text(encoding='utf-8') if drawing.is_file() else ''}"
        f'<p class="part-name"><span class="part-number" aria-hidden="true">{number}</span>{title}</p>'
        f"<p>{html.escape(BUILT.get(part.name, ''))}</p>"
        f'<p class="part-state"><span class="dots" aria-hidden="true">{dots}</span>'
        f"{len(written)} of {total} chapters written</p></li>"
    )


class Answer(SphinxDirective):
    """The card that the check of an exercise shows for the answer in the directive's body.

    The answer is Python that defines a function of the exercise's name. It is checked while the book is
    built, so the card is what a learner sees. A right answer is refused: a mistake is to be shown.
    """

    has_content = True
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return the answer as code, and under it the card."""
        # Only the pages that show an answer wait for torch.
        from course_utils import checker
        from course_utils.checking.render import to_html

        chapter, name = self.arguments
        code = "\n".join(self.content)
        defined: dict[str, Any] = {}
        exec(code, defined)  # the book's own text
        report = checker(chapter).report(defined[name])
        if report.status == "passed":
            raise self.error(f"the answer {name} is right: the directive shows what is said about a mistake")
        shown = "\n".join(
            line for line in code.splitlines() if not line.startswith(("import ", "from "))
        ).strip()
        return [
            nodes.literal_block(shown, shown, language="python"),
            nodes.raw("", f'<div class="shown-answer">{to_html(report)}</div>', format="html"),
        ]


class Time(SphinxRole):
    """How long a chapter takes, or all that is written of a part; `how` says how that is found."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the time as text."""
        course, root = course_of(self.env.app), Path(self.env.app.srcdir)
        if self.text == "how":
            return [nodes.inline(HOW, HOW)], []
        for part in course.parts:
            if self.text == part.name:
                chapters = [chapter for chapter in part.chapters if chapter.book(root).is_file()]
                text = time_of_all(chapters, root)
                break
        else:
            try:
                chapters = [course.chapter(self.text)]
                text = time_of(chapters[0], root)
            except (CourseMapError, OSError) as error:
                return [], [self.inliner.reporter.error(f"course-time: {error}", line=self.lineno)]
        for chapter in chapters:
            # The page changes when the text of the chapter does.
            for file in ("chapter", "exercises"):
                self.env.note_dependency(chapter.files(root)[file].relative_to(root).as_posix())
        return [nodes.inline(text, text, classes=["time"])], []


def setup(app: Sphinx) -> None:
    """Register what is in this module."""
    app.add_directive("course-parts", Parts)
    app.add_directive("course-answer", Answer)
    app.add_role("course-time", Time())
    app.connect("doctree-resolved", show_parts)
