"""The figure on the cache shows the sizes that course_utils.deepseek.latent_cache computes."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_UP, Decimal

import pytest

from course_utils.deepseek.latent_cache import kv_cache_elements_per_token
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

OWN = "own sizes"
SLIDERS = {
    "layers": "Layers",
    "heads": "Query heads",
    "head_dim": "Size of a head",
    "groups": "GQA",
    "kv_rank": "MLA: latent",
    "rope_dim": "MLA: rotary",
}


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("kv_cache")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def expected(size: dict) -> dict[str, int]:
    """Numbers per token by the package."""
    layers, head = size["layers"], size["head_dim"]
    return {
        "mha": kv_cache_elements_per_token("mha", layers, num_heads=size["heads"], head_dim=head),
        "gqa": kv_cache_elements_per_token("gqa", layers, num_groups=size["groups"], head_dim=head),
        "mla": kv_cache_elements_per_token("mla", layers, kv_rank=size["kv_rank"], rope_dim=size["rope_dim"]),
    }


def assert_equal(shown: dict, figure) -> None:
    for method, elements in expected(shown["size"]).items():
        found = shown["methods"][method]
        assert found["elements"] == elements
        assert found["perToken"] == elements * shown["number"]
        assert found["total"] == elements * shown["number"] * shown["length"]
        assert found["fits"] == figure.data["memory"]["bytes"] // (elements * shown["number"])


def written(count: float) -> str:
    """Bytes in powers of 1024, to three digits."""
    units = iter(["B", "KiB", "MiB", "GiB", "TiB"])
    unit = next(units)
    while round(count) >= 1024 and unit != "TiB":
        count, unit = count / 1024, next(units)
    digits = 2 if count < 9.995 else 1 if count < 99.95 else 0
    # A half is rounded up, as in the page.
    return f"{Decimal(count).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)} {unit}"


def row(page, name: str) -> list[str]:
    return page.locator(f".touch-cache tbody tr:has(th:text('{name}')) td").all_inner_texts()


@pytest.mark.parametrize("model", ["GPT-3 175B", "LLaMA-3.1-405B", "DeepSeek-V3"])
def test_published_models_at_every_length(page, figure, model):
    pages.choose(page, "Model", model)
    for place, length in enumerate(figure.data["lengths"]):
        pages.slide(page, "Length of the text", place)
        shown = pages.values(page)
        assert (shown["model"], shown["length"]) == (model, length)
        assert shown["size"] == figure.data["models"][model]
        assert_equal(shown, figure)
        assert row(page, "at ") == [
            written(shown["methods"][method]["total"]) for method in ("mha", "gqa", "mla")
        ]


def test_the_published_sizes_are_those_of_the_first_cell(figure):
    """The chapter's first figure has the same models."""
    per_token = {"GPT-3 175B": 4_718_592, "LLaMA-3.1-405B": 516_096, "DeepSeek-V3": 70_272}
    for model, size in figure.data["models"].items():
        assert 2 * expected(size)[size["method"]] == per_token[model]


@pytest.mark.parametrize(("name", "number"), list(itertools.product(SLIDERS, ["1", "2", "4"])))
def test_every_handle_at_both_ends(page, figure, name, number):
    pages.choose(page, "Bytes of a number", number)
    slider = page.locator(f".touch-slider:has(label:text('{SLIDERS[name]}')) input")
    for place in (0, int(slider.get_attribute("max"))):
        pages.slide(page, SLIDERS[name], place)
        shown = pages.values(page)
        assert shown["number"] == int(number)
        assert_equal(shown, figure)


def test_groups_share_the_heads_evenly(page, figure):
    for heads in range(14):
        pages.slide(page, SLIDERS["heads"], heads)
        size = pages.values(page)["size"]
        assert size["heads"] % size["groups"] == 0
        most = int(page.locator(".touch-slider:has(label:text('GQA')) input").get_attribute("max"))
        pages.slide(page, SLIDERS["groups"], most)
        shown = pages.values(page)
        assert shown["methods"]["gqa"]["total"] == shown["methods"]["mha"]["total"]
        assert_equal(shown, figure)


class TestModel:
    def test_what_was_published_is_tagged(self, page):
        for model, short in (("GPT-3 175B", "MHA"), ("LLaMA-3.1-405B", "GQA"), ("DeepSeek-V3", "MLA")):
            pages.choose(page, "Model", model)
            tagged = page.locator(".touch-cache thead th:has(.tag)")
            assert tagged.count() == 1
            assert tagged.inner_text().startswith(short)

    def test_a_what_if_leaves_the_model_alone(self, page):
        pages.slide(page, SLIDERS["groups"], 0)
        assert pages.values(page)["model"] == "GPT-3 175B"

    def test_another_size_is_another_model(self, page):
        pages.choose(page, "Model", "DeepSeek-V3")
        pages.slide(page, SLIDERS["kv_rank"], 0)
        assert pages.values(page)["model"] == OWN
        assert page.get_by_role("radio", name=OWN).is_checked()
        assert page.locator(".tag").count() == 0

    def test_choosing_a_model_puts_its_sizes_back(self, page, figure):
        pages.slide(page, SLIDERS["layers"], 0)
        pages.choose(page, "Model", "GPT-3 175B")
        assert pages.values(page)["size"] == figure.data["models"]["GPT-3 175B"]
        assert page.locator(".touch-slider:has-text('Layers') output").inner_text() == "96"


def test_what_the_text_says(page, figure):
    assert row(page, "at ") == ["563 GiB", "46.9 GiB", "13.2 GiB"]
    assert "563, 46.9 and 13.2 GiB" in figure.alt
    assert "would have 2.25 key-value heads" in page.locator(".story").inner_text()
    # Which sliders lift which line.
    before = {name: one["perToken"] for name, one in pages.values(page)["methods"].items()}
    pages.slide(page, SLIDERS["heads"], 13)
    pages.slide(page, SLIDERS["head_dim"], 7)
    after = {name: one["perToken"] for name, one in pages.values(page)["methods"].items()}
    assert after["mha"] > before["mha"]
    assert after["mla"] == before["mla"]


def test_the_keyboard_does_everything(page):
    press = page.keyboard.press
    press("Tab")
    press("ArrowRight")
    assert pages.values(page)["model"] == "LLaMA-3.1-405B"
    press("Tab")
    press("End")
    assert pages.values(page)["length"] == 1_024_000
    sizes = pages.values(page)["size"]
    for name in ("groups", "kv_rank", "rope_dim", "layers", "heads", "head_dim"):
        press("Tab")
        press("ArrowLeft")
        assert pages.values(page)["size"][name] < sizes[name], name
    press("Tab")
    press("ArrowRight")
    assert pages.values(page)["number"] == 4


def test_the_drawing_says_its_numbers(page):
    pages.choose(page, "Model", "DeepSeek-V3")
    label = page.locator(".plot svg").get_attribute("aria-label")
    assert "At 128,000 tokens: multi-head 477 GiB, grouped-query 29.8 GiB, latent 8.38 GiB." in label


def test_values_beside_the_marks_do_not_overlap(page, figure):
    pages.slide(page, SLIDERS["groups"], 100)  # all heads: two lines lie on one another
    for place in range(len(figure.data["lengths"])):
        pages.slide(page, "Length of the text", place)
        boxes = [text.bounding_box() for text in page.locator(".plot .value").all()]
        assert len(boxes) == 3
        for one, other in itertools.combinations(boxes, 2):
            across = abs(one["x"] - other["x"]) < min(one["width"], other["width"])
            assert not across or abs(one["y"] - other["y"]) > 12


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_it_can_be_read_everywhere(opened, figure, theme, width):
    page = opened(figure, theme=theme, width=width)
    for place in (0, 10):
        pages.slide(page, "Length of the text", place)
        pages.settle(page)
        assert not pages.faint_texts(page)
        assert not pages.what_sticks_out(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter, figure):
    with in_its_chapter("kv_cache") as page:
        pages.slide(page, "Length of the text", 3)
        assert_equal(pages.values(page), figure)
