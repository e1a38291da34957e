"""What every figure that can be touched is made of: its output, its controls, and its voice."""

from __future__ import annotations

import pytest

from course_utils.figures.touch import MOST_BYTES, TouchFigure, names
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

SIZES = {"layers": 2, "heads": 6, "head_dim": 32, "groups": 2, "kv_rank": 64, "rope_dim": 16}


def figure(title: str = "A figure", model: str = "small") -> TouchFigure:
    data = {
        "models": {model: {"method": "mha", **SIZES}},
        "lengths": [1000, 2000],
        "length": 1000,
        "memory": {"name": "a chip", "bytes": 10**9},
    }
    return TouchFigure("kv_cache", data, title=title, hint="Try it.", alt="Three lines.")


@pytest.fixture
def tools(opened):
    """A page on which `touch`, the tools of the base, can be called from a test."""
    page = opened(figure())
    page.add_script_tag(content=f"window.tools = (() => {{ {_base()}; return touch; }})()")
    return page


def _base() -> str:
    from course_utils.figures import touch

    return touch._source("base.js")


def test_every_figure_has_a_script():
    assert {"attention", "backpropagation", "imputation", "kv_cache"} <= set(names())


def test_an_unknown_figure_names_those_that_there_are():
    with pytest.raises(ValueError, match="there is no figure 'atention'; there are: attention"):
        TouchFigure("atention", {}, title="", hint="", alt="")


def test_a_figure_that_is_too_heavy_is_refused():
    with pytest.raises(ValueError, match=f"at most {MOST_BYTES:,} are allowed"):
        TouchFigure("kv_cache", {"models": list(range(20_000))}, title="", hint="", alt="")


@pytest.mark.parametrize("name", pages.CHAPTERS)
def test_the_figures_of_the_chapters_are_light(name: str):
    assert len(pages.figure_of(name)._repr_html_().encode()) < MOST_BYTES


def test_the_output_has_no_comments_and_no_address():
    output = figure()._repr_html_()
    assert not [line for line in output.splitlines() if line.lstrip().startswith("//")]
    assert "http" not in output.replace("http://www.w3.org/2000/svg", "")


def test_the_same_numbers_give_the_same_output():
    assert figure()._repr_html_() == figure()._repr_html_()


def test_without_scripts_the_text_is_there(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(figure("Title & <b>")._repr_html_())
    assert page.locator(".touch-title").inner_text() == "Title & <b>"
    assert page.locator(".touch-stage").inner_text() == "Three lines."
    context.close()


def test_a_name_that_looks_like_markup_does_no_harm(opened):
    page = opened(figure(model="</script><script>throw 1</script><!--<script>"))
    assert pages.values(page)["model"].startswith("</script>")


class TestTwoFiguresOnAPage:
    def test_both_start(self, opened):
        page = opened(figure(), figure(), figure(model="another"))
        assert [pages.values(page, place)["model"] for place in range(3)] == ["small", "small", "another"]

    def test_no_name_is_given_twice(self, opened):
        page = opened(figure(), figure())
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        assert len(ids) == len(set(ids)) > 0

    def test_each_keeps_its_own_choice(self, opened):
        page = opened(figure(), figure())
        pages.choose(page, "Bytes of a number", "4", place=0)
        pages.choose(page, "Bytes of a number", "1", place=1)
        assert [pages.values(page, place)["number"] for place in (0, 1)] == [4, 1]
        assert page.get_by_role("radio", checked=True).count() == 4


def test_a_slider_says_its_value(opened):
    page = opened(figure())
    slider = page.get_by_role("slider", name="Layers")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "3"
    assert page.locator(".touch-slider:has-text('Layers') output").inner_text() == "3"


def test_what_changed_is_said(opened):
    page = opened(figure())
    said = page.locator(".touch-said")
    assert said.get_attribute("aria-live") == "polite"
    pages.slide(page, "Length of the text", 1)
    page.wait_for_function("document.querySelector('.touch-said').textContent.includes('2,000 tokens')")


def test_figures_are_silent_until_they_are_used(opened):
    page = opened(*map(pages.figure_of, pages.CHAPTERS))
    for width in (900, 500):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)  # what is said waits a quarter of a second
        assert page.locator(".touch-said").all_inner_texts() == [""] * len(pages.CHAPTERS)


def test_on_paper_there_is_nothing_to_set(opened):
    page = opened(*map(pages.figure_of, pages.CHAPTERS))
    inputs = page.locator("figure.touch input:visible")
    assert inputs.count() > 20
    page.emulate_media(media="print")
    assert inputs.count() == 0


def test_a_key_alone_is_the_figures_and_any_other_the_pages(tools):
    tools.evaluate("""() => {
        document.querySelector(".touch-stage").append(tools.field("Note", "", () => {}));
        const note = (way) => (event) => {
            const taken = way === "down" && event.target.closest("[data-lm-suppress-shortcuts]");
            if (!taken && !["Control", "Meta", "Alt", "Shift"].includes(event.key)) window.heard.push(way);
        };
        // Jupyter Notebook listens on the way down, JupyterLab and the book on the way up.
        document.addEventListener("keydown", note("down"), true);
        document.addEventListener("keydown", note("up"));
    }""")

    def heard(key: str) -> list[str]:
        tools.evaluate("window.heard = []")
        tools.keyboard.press(key)
        return tools.evaluate("window.heard")

    keys = {
        "Layers": (
            ["ArrowRight", "Home", "d", "Shift+Enter"],
            ["Control+s", "Alt+ArrowLeft", "Escape"],
        ),
        "Note": (["d", "Control+z"], ["Control+s", "Meta+k"]),
    }
    for label, (own, others) in keys.items():
        tools.get_by_label(label).focus()
        assert {key: heard(key) for key in own} == {key: [] for key in own}
        assert {key: heard(key) for key in others} == {key: ["down", "up"] for key in others}
    tools.get_by_label("Note").blur()
    assert heard("d") == ["down", "up"]


class TestNumbers:
    @pytest.mark.parametrize(
        ("call", "text"),
        [
            ("fixed(1.005, 1)", "1.0"),
            ("fixed(-0.001)", "0.00"),
            ("fixed(-1.5)", "−1.50"),
            ("fixed(-Infinity)", "−∞"),
            ("fixed(Infinity)", "∞"),
            ("fixed(NaN)", "none"),
            ("bytes(0)", "0 B"),
            ("bytes(1023)", "1023 B"),
            ("bytes(1024)", "1.00 KiB"),
            ("bytes(70272)", "68.6 KiB"),
            ("bytes(1023 * 1024)", "1023 KiB"),
            ("bytes(1024 ** 2 - 1)", "1.00 MiB"),
            ("bytes(2 ** 40)", "1.00 TiB"),
            ("bytes(2 ** 52)", "4096 TiB"),
        ],
    )
    def test_are_written_as_in_print(self, tools, call, text):
        assert tools.evaluate(f"tools.{call}") == text


class TestWalk:
    @pytest.fixture
    def page(self, tools):
        tools.evaluate("""() => {
            window.chosen = [];
            const items = [0, 1, 2].map((i) => tools.button(`item ${i}`, () => {}));
            document.body.append(...items);
            tools.walk(items, (index) => window.chosen.push(index), 1);
        }""")
        return tools

    def tabbed(self, page) -> list[str]:
        return page.evaluate(
            "[...document.querySelectorAll('button[tabindex]')].map((item) => item.tabIndex)"
        )

    def test_one_item_is_in_the_tab_order(self, page):
        assert self.tabbed(page) == [-1, 0, -1]

    def test_keys_move(self, page):
        page.get_by_role("button", name="item 1").focus()
        for key in ("ArrowRight", "ArrowRight", "Home", "ArrowLeft", "End", "ArrowUp"):
            page.keyboard.press(key)
        assert page.evaluate("window.chosen") == [1, 2, 0, 2, 1]
        assert self.tabbed(page) == [-1, 0, -1]

    def test_neither_the_browsers_keys_nor_the_pointer_move(self, page):
        page.get_by_role("button", name="item 1").focus()
        for key in ("Alt+ArrowLeft", "Meta+ArrowRight", "Control+End"):
            page.keyboard.press(key)
        page.get_by_role("button", name="item 2").hover()
        assert page.evaluate("window.chosen") == [1]

    def test_a_clicked_item_is_the_one_to_come_back_to(self, page):
        page.get_by_role("button", name="item 2").click()
        assert page.evaluate("window.chosen.at(-1)") == 2
        assert self.tabbed(page) == [-1, -1, 0]
