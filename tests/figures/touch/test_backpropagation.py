"""The graph that can be stepped through shows the numbers of autograd and of the course's engine."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_utils.training.backpropagation import Tensor, backpropagate, topological_sort
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

START = (2.0, 3.0, -5.0)
SETTINGS = [START, (1.5, 3.0, -5.0), (2.0, 3.0, -6.0), (-0.5, 2.5, 0.5), (0.0, 0.0, 0.0)]
SETTINGS += itertools.product((-6.0, 6.0), repeat=3)
OPERANDS = {"a": "wx", "c": "ab", "s": "c", "r": "w", "L": "sr", "w": "", "x": "", "b": ""}
RESULTS = 5
LAST = RESULTS + len(OPERANDS)


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("backpropagation")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def expected(w: float, x: float, b: float) -> tuple[dict[str, float], dict[str, float]]:
    """Values and gradients by PyTorch."""
    inputs = torch.tensor([w, x, b], dtype=torch.float64, requires_grad=True)
    nodes = dict(zip("wxb", inputs, strict=True))
    nodes["a"] = nodes["w"] * nodes["x"]
    nodes["c"] = nodes["a"] + nodes["b"]
    nodes["s"] = nodes["c"] ** 2
    nodes["r"] = nodes["w"] ** 2
    nodes["L"] = nodes["s"] + nodes["r"]
    for node in nodes.values():
        node.retain_grad()
    nodes["L"].backward()
    return (
        {name: node.item() for name, node in nodes.items()},
        {name: node.grad.item() for name, node in nodes.items()},
    )


def by_the_course(w: float, x: float, b: float) -> dict[str, float]:
    """Gradients of the inputs by the chapter's own engine."""
    inputs = {name: Tensor(value) for name, value in zip("wxb", (w, x, b), strict=True)}
    inner = inputs["w"] * inputs["x"] + inputs["b"]
    (inner * inner + inputs["w"] * inputs["w"]).backward()
    return {name: tensor.grad.item() for name, tensor in inputs.items()}


def give(page, setting):
    for label, value in zip(("Weight w", "Input x", "Bias b"), setting, strict=True):
        pages.slide(page, label, value)


def written(number: float) -> str:
    return f"{number + 0.0:.4f}".rstrip("0").rstrip(".").replace("-", "−")


def texts(page, node: str) -> list[str]:
    return page.locator(f"[data-node='{node}'] text").all_text_contents()


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_numbers_are_those_of_autograd_and_of_the_course(page, setting):
    give(page, setting)
    pages.slide(page, "Step", LAST)
    values, gradients = expected(*setting)
    shown = pages.values(page)
    assert shown["values"] == pytest.approx(values, abs=1e-6)
    assert shown["gradients"] == pytest.approx(gradients, abs=1e-6)
    of_inputs = {name: shown["gradients"][name] for name in "wxb"}
    assert of_inputs == pytest.approx(by_the_course(*setting), abs=1e-6)
    for name in OPERANDS:
        _, value, gradient = texts(page, name)
        assert value == f"→ {written(values[name])}"
        assert gradient == f"← {written(gradients[name])}"


def test_the_walk_is_the_one_of_the_chapter(page, figure):
    order = topological_sort("L", OPERANDS)
    values, gradients = expected(*START)
    assert figure.data["order"] == order
    seen = []
    for position in range(LAST + 1):
        shown = pages.values(page)
        assert shown["position"] == position
        # Nothing is known before its step.
        forward = [name for name in order if OPERANDS[name]][:position]
        backward = order[::-1][: max(0, position - RESULTS)]
        assert shown["values"] == pytest.approx({name: values[name] for name in ["w", "x", "b", *forward]})
        assert shown["gradients"] == pytest.approx({name: gradients[name] for name in backward})
        seen.append(shown["lit"])
        page.get_by_role("button", name="Start again" if position == LAST else "Step").click()
    assert seen == [None, *[name for name in order if OPERANDS[name]], *order[::-1]]
    assert pages.values(page)["position"] == 0


def test_the_numbers_follow_while_one_stands_at_a_step(page):
    pages.slide(page, "Step", LAST)
    for setting in ((1.5, 3.0, -5.0), (-6.0, 6.0, 6.0)):
        give(page, setting)
        shown = pages.values(page)
        assert shown["position"] == LAST
        assert shown["gradients"] == pytest.approx(expected(*setting)[1])


def test_what_a_node_is_used_for_twice_adds_up(page):
    pages.slide(page, "Step", LAST)
    assert pages.values(page)["shares"] == [4.0, 6.0]
    words = page.locator("figure.touch").inner_text()
    assert "w is used 2 times, so the shares add up: ∂L/∂w = 4 + 6 = 10" in words
    # The nudge is a second opinion, worked out from values alone.
    after, before = expected(2.01, 3.0, -5.0)[0]["L"], expected(*START)[0]["L"]
    assert f"moves L from {written(before)} to {written(after)}, by {written(after - before)}" in words
    give(page, (1.5, 3.0, -5.0))
    assert pages.values(page)["shares"] == [3.0, -3.0]
    assert "∂L/∂w = 3 + (−3) = 0" in page.locator("figure.touch").inner_text()


def test_the_local_derivatives_on_the_arrows_lead_to_the_gradients(page):
    give(page, (-0.5, 2.5, 0.5))
    pages.slide(page, "Step", LAST)
    drawn = page.locator("figure.touch svg > g:not([data-node]) text").all_text_contents()
    slopes = {"L": [1.0, 1.0], "r": [-1.0], "s": [-1.5], "c": [1.0, 1.0], "a": [2.5, -0.5]}
    numbers = [text.removeprefix("×").strip("()").replace("−", "-") for text in drawn]
    assert sorted(map(float, numbers)) == sorted(itertools.chain(*slopes.values()))
    edges = {
        node: list(zip(operands, slopes.get(node, []), strict=True)) for node, operands in OPERANDS.items()
    }
    assert pages.values(page)["gradients"] == pytest.approx(backpropagate("L", edges))


def test_keys_alone_do_everything(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    for key in ("Home", "ArrowRight", "Tab", "End", "Tab", "ArrowLeft", "Tab", "End"):
        page.keyboard.press(key)
    shown = pages.values(page)
    assert {name: shown["values"][name] for name in "wxb"} == {"w": -5.5, "x": 6.0, "b": -5.5}
    assert shown["position"] == LAST
    leads_to = [("Tab", LAST), ("Enter", LAST - 1), ("ArrowLeft", LAST - 2), ("Home", 0), ("Enter", 0)]
    # At the start there is nothing to go back to, and the focus stays where it was.
    leads_to += [("ArrowRight", 1), ("Home", 0), ("Tab", 0), ("Space", 1), ("ArrowRight", 2)]
    leads_to += [("End", LAST), ("ArrowRight", LAST), ("Enter", 0)]
    for key, position in leads_to:
        page.keyboard.press(key)
        assert pages.values(page)["position"] == position, key


def test_keys_of_the_figure_do_not_reach_the_page(page):
    page.evaluate("""() => {
        window.heard = [];
        const note = (event) => window.heard.push([event.key, event.defaultPrevented]);
        document.addEventListener("keydown", note);
    }""")
    page.get_by_role("button", name="Step").focus()
    for key in ("ArrowRight", "Alt+ArrowLeft", "Control+End"):
        page.keyboard.press(key)
        assert pages.values(page)["position"] == 1
    heard = [key for key in page.evaluate("window.heard") if key[0] not in ("Alt", "Control")]
    assert heard == [["ArrowLeft", False], ["End", False]]


def test_a_node_that_is_pointed_at_leads_to_its_step(page):
    page.locator("[data-node='c']").click()
    assert pages.values(page)["lit"] == "c"
    assert not pages.values(page)["gradients"]
    pages.slide(page, "Step", LAST)
    page.locator("[data-node='c']").click()
    assert pages.values(page)["lit"] == "c"
    assert set(pages.values(page)["gradients"]) == {"L", "s", "c"}


def test_it_is_told_to_those_who_do_not_see_it(page):
    pages.slide(page, "Step", LAST)
    drawing = page.locator("figure.touch svg[role='img']").get_attribute("aria-label")
    assert "Values: w 2, r 4, b −5, x 3, a 6, c 1, s 1, L 5. Gradients: w 10, r 1, b 2, x 4, a 2" in drawing
    page.get_by_text("Backward, 8 of 8: the gradient of w is 10.").wait_for(state="attached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(opened, figure, theme):
    page = opened(figure, theme=theme)
    for position in (0, 3, 8, LAST):
        pages.slide(page, "Step", position)
        assert not pages.faint_texts(page)


@pytest.mark.parametrize("width", [345, 360, 700, 1300])
def test_nothing_sticks_out(opened, figure, width):
    page = opened(figure, width=width)
    for setting in (START, (-5.5, -5.5, -5.5)):
        give(page, setting)
        for position in range(LAST + 1):
            pages.slide(page, "Step", position)
            assert not pages.what_sticks_out(page, of=".touch-stage")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Letters keep their size: the drawing is laid out anew, not shrunk.
    drawing = page.locator("figure.touch svg[role='img']")
    assert drawing.evaluate("(svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width") > 0.95


def test_a_page_that_is_turned_is_laid_out_anew(page):
    wide = page.locator("figure.touch svg").first.bounding_box()
    page.set_viewport_size({"width": 360, "height": 740})
    pages.settle(page)
    pages.settle(page)
    tall = page.locator("figure.touch svg").first.bounding_box()
    assert wide["width"] > wide["height"]
    assert tall["width"] < tall["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_two_on_a_page_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    pages.slide(page, "Weight w", -4, place=1)
    pages.slide(page, "Step", LAST, place=1)
    first, second = pages.values(page, 0), pages.values(page, 1)
    assert (first["position"], first["values"]["w"]) == (0, 2.0)
    assert second["gradients"] == pytest.approx(expected(-4.0, 3.0, -5.0)[1])
    names = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(names) == len(set(names))


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter):
    with in_its_chapter("backpropagation") as page:
        pages.slide(page, "Step", LAST)
        assert pages.values(page)["gradients"] == pytest.approx(expected(*START)[1])
