"""The figure on attention shows what course_utils.transformers.attention computes."""

from __future__ import annotations

import math
import re

import pytest
import torch

from course_utils.transformers.attention import causal_mask, scaled_dot_product_attention
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

MOST = 14
STEPS = ["1 q · k", "2 ÷ √dₖ", "3 mask", "4 softmax", "5 weighted sum"]
SENTENCES = {
    "the chapter's": "The monkey ate that banana because it was too ripe",
    "empty": "",
    "spaces only": "   \t ",
    "one word": "monkey",
    "repeated words": "banana banana monkey banana",
    "unknown words": "Colorless green ideas sleep furiously",
    "punctuation": "Wait... “it” was ripe, (too ripe)!",
    "emoji": "🐒 ate 🍌 because 👩‍🚀 was hungry",
    "markup": "<b>monkey</b> & </script> ${it}",
    "names of JavaScript": "constructor toString __proto__ hasOwnProperty",
    "other scripts": "der Affe aß die Ärgerliche 猿 はバナナを 食べた",
    "very long": "the monkey saw a spider because it was not hungry " * 30,
    "a long word": "monkey " + "banana" * 60,
}


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("attention")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def words_of(sentence: str) -> list[str]:
    return re.findall(r"[.,;:!?\"“”()…]|[^\s.,;:!?\"“”()…]+", sentence)[:MOST]


def vectors_of(word: str, figure) -> list[list[float]]:
    """Query, key and value of a word: from the table, or drawn by FNV-1a of its letters and xorshift."""
    if word in figure.data["words"]:
        return figure.data["words"][word]
    state = 2166136261
    for byte in word.encode():
        state = (state ^ byte) * 16777619 % 2**32

    def draw(count: int) -> int:
        nonlocal state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        return state % count

    d_k, d_v = len(figure.data["key_names"]), len(figure.data["value_names"])
    query = [draw(13) - 6 for _ in range(d_k)]
    return [query, *([(draw(21) - 10) / 10 for _ in range(size)] for size in (d_k, d_v))]


def expected(sentence: str, figure, *, scaled: bool, causal: bool) -> dict[str, torch.Tensor]:
    """What the package computes for a sentence."""
    vectors = [vectors_of(word.lower(), figure) for word in words_of(sentence)]
    query, key, value = (
        torch.tensor([each[part] for each in vectors], dtype=torch.float64) for part in range(3)
    )
    d_k, length = query.shape[-1], len(vectors)
    # The package always divides; without the division the queries are that much longer.
    stretched = query if scaled else query * math.sqrt(d_k)
    mask = causal_mask(length) if causal else torch.ones(length, length, dtype=torch.bool)
    output, weights = scaled_dot_product_attention(stretched, key, value, mask)
    scores = query @ key.T
    divided = scores / math.sqrt(d_k) if scaled else scores
    masked = divided.masked_fill(~mask, -math.inf)
    return {"scores": scores, "scaled": divided, "masked": masked, "weights": weights, "output": output}


def word(page, text: str):
    """The button of a word."""
    return page.locator(".words button", has=page.get_by_text(text, exact=True))


def write(page, sentence: str) -> None:
    page.get_by_label("Sentence").fill(sentence)


def switch(page, *, scaled: bool, causal: bool) -> None:
    pages.choose(page, "Divide by √dₖ", "yes" if scaled else "no")
    pages.choose(page, "Causal mask", "on" if causal else "off")


def assert_equal(shown: dict, sentence: str, figure, *, scaled: bool, causal: bool) -> None:
    for name, numbers in expected(sentence, figure, scaled=scaled, causal=causal).items():
        found = torch.tensor(shown[name], dtype=torch.float64).reshape(numbers.shape)
        torch.testing.assert_close(
            found, numbers, rtol=0, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_the_numbers_are_those_of_the_package(page, figure, sentence):
    write(page, sentence)
    for scaled in (True, False):
        for causal in (True, False):
            switch(page, scaled=scaled, causal=causal)
            shown = pages.values(page)
            assert shown["tokens"] == words_of(sentence)
            if shown["tokens"]:
                assert_equal(shown, sentence, figure, scaled=scaled, causal=causal)
            else:
                assert shown["weights"] == shown["output"] == []
    for step in STEPS:
        pages.choose(page, "Step", step)
    assert not pages.what_sticks_out(page)


def test_large_scores_stay_finite(page):
    # Sixty words with queries and keys of random numbers: some score is large, and none may overflow.
    switch(page, scaled=False, causal=True)
    for start in range(0, 60, MOST):
        write(page, " ".join(f"w{i}" for i in range(start, start + MOST)))
        weights = torch.tensor(pages.values(page)["weights"])
        torch.testing.assert_close(weights.sum(-1), torch.ones(MOST))


class TestWritten:
    def column(self, page, head: str) -> list[str]:
        heads = page.locator(".touch-attention thead th").all_inner_texts()
        place = heads.index(head) + 1
        return page.locator(f".touch-attention tbody tr > :nth-child({place})").all_inner_texts()

    def written(self, numbers) -> list[str]:
        texts = ["−∞" if number == -math.inf else f"{float(number):.2f}" for number in numbers]
        return ["0.00" if text == "-0.00" else text.replace("-", "−") for text in texts]

    def test_the_picked_row_is_written_step_by_step(self, page, figure):
        sentence = SENTENCES["punctuation"]
        write(page, sentence)
        switch(page, scaled=True, causal=True)
        page.locator(".words button").nth(4).click()  # it
        row = {
            name: numbers[4] for name, numbers in expected(sentence, figure, scaled=True, causal=True).items()
        }
        heads = [("q · k", "scores"), ("÷ √dₖ", "scaled"), ("masked", "masked"), ("weight", "weights")]
        for step, (head, name) in zip(STEPS, heads, strict=False):
            pages.choose(page, "Step", step)
            assert self.column(page, head) == self.written(row[name])
        pages.choose(page, "Step", STEPS[4])
        last = page.locator(".touch-attention tfoot tr > *").all_inner_texts()
        assert last == ["output", "", *self.written(row["output"])]

    def test_the_weights_stand_under_the_words_and_in_the_map(self, page):
        weights = pages.values(page)["weights"]
        assert page.locator(".words .weight").all_inner_texts() == self.written(weights[-1])
        texts = page.locator(".map g > text").all_text_contents()
        assert texts[: len(weights) ** 2] == [text for row in weights for text in self.written(row)]

    def test_what_the_chapter_says_about_the_sentence(self, page, figure):
        assert "the weight 0.64" in figure.alt
        assert self.column(page, "weight")[1] == "0.64"
        hungry = pages.values(page)["weights"]
        page.get_by_role("button", name="… too ripe").click()
        ripe = pages.values(page)
        assert ripe["weights"][:-1] == hungry[:-1]
        assert self.column(page, "weight")[4] == "0.64"
        it = ripe["weights"][ripe["tokens"].index("it")]
        assert it[1] == it[4] == max(it)

    def test_a_word_that_is_not_in_the_table_is_marked(self, page):
        note = page.locator(".note")
        assert not note.is_visible()
        write(page, "a monkey slept")
        assert page.locator(".words .unknown").all_inner_texts()[0].startswith("slept")
        assert "not in the table" in note.inner_text()

    def test_what_does_not_fit_is_said(self, page):
        write(page, "monkey " * 20)
        assert "takes the first 14 words; 6 more are left out" in page.locator(".note").inner_text()
        write(page, "")
        assert "Write a word" in page.locator(".note").inner_text()


class TestHands:
    def chosen(self, page) -> tuple[int, int]:
        state = pages.values(page)["state"]
        return state["picked"], state["key"]

    def test_pointing_picks_no_word(self, page):
        word(page, "it").hover()
        assert self.chosen(page) == (9, 1)
        box = page.locator(".map g > rect").nth(2 * 10 + 4).bounding_box()
        # The map is drawn anew under the pointer, so it is moved to a place, not to an element.
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        assert self.chosen(page) == (9, 4)
        assert "“banana”" in page.locator(".worked").inner_text()
        page.mouse.click(box["x"] + 5, box["y"] + 5)
        assert self.chosen(page) == (2, 4)
        word(page, "it").click()
        assert self.chosen(page) == (6, 4)

    def test_a_finger_picks_a_word(self, browser, figure):
        context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 800})
        page = context.new_page()
        page.set_content(f"<!doctype html><html lang=en><body>{figure._repr_html_()}")
        word(page, "ate").tap()
        assert pages.values(page)["state"]["picked"] == 2
        context.close()

    def test_the_keyboard_does_everything(self, page):
        press = page.keyboard.press
        press("Tab")
        assert page.evaluate("document.activeElement.type") == "text"
        press("ControlOrMeta+a")
        page.keyboard.type("a monkey saw a ripe peach")
        assert len(pages.values(page)["tokens"]) == 6
        press("Tab")
        press("Tab")
        press("Enter")  # the second example
        assert pages.values(page)["tokens"][-1] == "ripe"
        press("Tab")
        press("Home")
        press("ArrowRight")
        assert pages.values(page)["state"]["picked"] == 1
        press("Tab")
        press("ArrowLeft")
        assert pages.values(page)["state"]["step"] == 2
        press("Tab")
        press("ArrowRight")
        assert pages.values(page)["state"]["scaled"] is False
        press("Tab")
        press("ArrowLeft")
        assert pages.values(page)["state"]["causal"] is True
        press("Tab")
        press("End")
        assert pages.values(page)["state"]["key"] == 9
        assert page.evaluate("document.activeElement.textContent") == "ripe"

    def test_a_key_is_a_button_and_keeps_the_focus_while_another_word_is_picked(self, page):
        page.locator("tbody").get_by_role("button", name="The").first.focus()
        assert page.locator("tbody [aria-pressed=true]").all_inner_texts() == ["The"]
        word(page, "it").dispatch_event("click")  # as a screen reader does, without moving the focus
        assert self.chosen(page) == (6, 0)
        assert page.evaluate("document.activeElement.textContent") == "The"

    def test_the_picked_word_is_said(self, page):
        word(page, "monkey").focus()
        page.wait_for_function(
            "document.querySelector('.touch-said').textContent.startsWith('“monkey” looks most at “ate”')"
        )
        assert page.locator(".words [aria-pressed=true]").count() == 1
        assert "the row of “monkey”" in page.locator(".map svg").get_attribute("aria-label")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_it_can_be_read_everywhere(opened, figure, theme, width):
    page = opened(figure, theme=theme, width=width)
    switch(page, scaled=False, causal=True)
    for sentence in (SENTENCES["the chapter's"], SENTENCES["very long"]):
        write(page, sentence)
        for step in STEPS:
            pages.choose(page, "Step", step)
            pages.settle(page)
            assert not pages.faint_texts(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_figures_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    page.get_by_label("Sentence").first.fill("monkey")
    assert [len(pages.values(page, place)["tokens"]) for place in (0, 1)] == [1, 10]


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter, figure):
    with in_its_chapter("attention") as page:
        write(page, "it was a ripe peach")
        switch(page, scaled=True, causal=True)
        assert_equal(pages.values(page), "it was a ripe peach", figure, scaled=True, causal=True)
