"""The concept map agrees with the data, works by keyboard and on a phone, and sends nothing anywhere."""

from __future__ import annotations

import html
import json
import re

import pytest

from course_utils.authoring.concepts import load_concepts
from tests.browsing import served, watched

pytestmark = [pytest.mark.built, pytest.mark.browser]

MAP = "book/concept_map.html"
PHONE = 360


@pytest.fixture(scope="module")
def address(book):
    with served(book.html) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The map on a wide page, in a fresh browser; requests to other sites and errors are noted."""
    context = browser.new_context(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    visit = watched(page, address)
    page.goto(f"{address}/{MAP}")
    page.wait_for_selector(".concept-tile")
    yield page
    assert not visit.outside
    assert not visit.errors
    context.close()


@pytest.fixture(scope="module")
def concepts(root, course):
    return load_concepts(root, course)


def choose(page, hash_):
    page.evaluate("hash => { location.hash = hash; }", hash_)
    page.wait_for_timeout(60)


def shown(page, name):
    """The ids of a list of the panel, in its order."""
    return page.eval_on_selector_all(f".{name} ul > li", "nodes => nodes.map(node => node.dataset.id)")


def slugs(found):
    return [concept.slug for concept in found]


def test_the_list_holds_every_concept_without_a_script(book, concepts):
    text = (book.html / MAP).read_text()
    for concept in concepts.concepts.values():
        assert f'id="concept-{concept.slug}"' in text
        assert html.escape(concept.means) in text


def test_the_ways_are_those_of_python(page, concepts):
    names = list(concepts.concepts)
    goals = names[:: len(names) // 20]
    assert len(goals) >= 20
    for name in goals:
        choose(page, f"concept-{concepts.concept(name).slug}")
        assert shown(page, "concept-way") == slugs(concepts.shortest_way(name)), name
        assert shown(page, "concept-before") == slugs(concepts.before(name)), name
        assert shown(page, "concept-opens") == slugs(concepts.opens(name)), name
        drawn = page.eval_on_selector_all(".concept-row", "nodes => nodes.map(node => node.dataset.id)")
        assert set(drawn) == set(
            slugs([*concepts.before(name), concepts.concept(name), *concepts.opens(name)])
        )


def test_what_is_marked_shortens_the_way_and_is_remembered(page, concepts):
    goal, done = "causal mask", "scaled dot-product attention"
    choose(page, f"concept-{concepts.concept(goal).slug}")
    page.click(f'.concept-way li[data-id="{concepts.concept(done).slug}"] input')
    expected = slugs(concepts.shortest_way(goal, {done}))
    assert shown(page, "concept-way") == expected
    assert len(expected) < len(concepts.shortest_way(goal))
    page.reload()
    page.wait_for_selector(".concept-row")
    assert shown(page, "concept-way") == expected
    page.click(".concept-progress > summary")
    page.get_by_role("button", name="Forget all marks").click()
    assert shown(page, "concept-way") == slugs(concepts.shortest_way(goal))


def load(page, text):
    page.set_input_files(
        "#concept-progress", {"name": "p.json", "mimeType": "application/json", "buffer": text.encode()}
    )
    page.wait_for_function("document.querySelector('.concept-progress [role=status]').textContent !== ''")
    return page.text_content(".concept-progress [role=status]")


def test_a_progress_file_marks_chapters_with_full_points(page, concepts):
    points = {
        "transformers/attention": {"points": 20, "max_points": 20},
        "training/backpropagation": {"points": 3, "max_points": 20},
    }
    assert "1 chapter with full points" in load(page, json.dumps(points))
    known = {concept.name for concept in concepts.of("transformers/attention")}
    choose(page, "concept-transformer")
    assert shown(page, "concept-way") == slugs(concepts.shortest_way("transformer", known))
    choose(page, "chapter-training/backpropagation")
    assert "Your exercise: 3 of 20 points." in page.text_content(".concept-panel")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "not a JSON file"),
        ("[1]", "Expected points by chapter"),
        ('{"basics/embeddings": 3}', "Expected points by chapter"),
        ('{"basics/magic": {"points": 1, "max_points": 1}}', "no chapters of the course: basics/magic"),
    ],
)
def test_a_wrong_progress_file_is_explained(page, text, message):
    said = load(page, text)
    assert message in said
    assert "course progress --json" in said


def test_the_search_suggests_and_leads_to_a_concept(page):
    page.focus("#concept-search")
    page.keyboard.type("softm")
    options = page.locator("#concept-options [role=option]")
    assert options.first.text_content().startswith("softmax")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#concept-search", "aria-activedescendant") == "concept-option-0"
    page.keyboard.press("Enter")
    page.wait_for_selector(".concept-panel h2")
    assert page.evaluate("location.hash") == "#concept-softmax"
    assert page.text_content(".concept-panel h2") == "softmax"
    # A press can be taken back, and only the first button chooses.
    page.fill("#concept-search", "causal mask")
    options.first.click(button="right")
    options.first.hover()
    page.mouse.down()
    page.mouse.move(5, 5)
    page.mouse.up()
    assert page.evaluate("[location.hash, document.activeElement.id]") == [
        "#concept-softmax",
        "concept-search",
    ]
    options.first.click()
    page.wait_for_function("location.hash === '#concept-causal-mask'")
    page.fill("#concept-search", "zzz")
    assert "No concept or chapter holds" in page.text_content("#concept-options")


def test_the_keyboard_alone_reaches_a_concept_and_comes_back(page):
    page.focus('.concept-tile[tabindex="0"]')
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("Enter")
    page.wait_for_selector(".concept-row")
    assert page.evaluate("location.hash").startswith("#chapter-")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.startsWith('#concept-')")
    before = page.get_attribute(".concept-drawing > g", "transform")
    page.keyboard.press("+")
    assert page.get_attribute(".concept-drawing > g", "transform") != before
    page.keyboard.press("Escape")
    page.wait_for_selector(".concept-tile")


def test_keys_and_the_wheel_of_the_browser_stay_its_own(page):
    def place() -> list:
        where = page.get_attribute(".concept-drawing > g", "transform")
        return [where, *page.evaluate("[scrollY, document.activeElement.textContent]")]

    page.evaluate("""() => {
        window.prevented = [];
        addEventListener("keydown", (event) => event.defaultPrevented && window.prevented.push(event.key));
    }""")
    page.focus('.concept-tile[tabindex="0"]')
    page.locator(".concept-drawing").hover()
    before = place()
    for key in ("Control+=", "Control+-", "Meta+0", "Alt+ArrowLeft", "Alt+ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("window.prevented") == []
    assert place() == before
    page.mouse.wheel(0, 120)
    page.wait_for_function("scroll => scrollY > scroll", arg=before[1])
    assert place()[0] == before[0]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.wait_for_function(
        "before => document.querySelector('.concept-drawing > g').getAttribute('transform') !== before",
        arg=before[0],
    )


def test_only_one_item_of_the_map_is_in_the_tab_order(page):
    assert page.locator('.concept-drawing [tabindex="0"]').count() == 1
    assert page.locator(".concept-tile").count() == 55
    unnamed = page.eval_on_selector_all(
        ".concept-map :is(button, [role=button])",
        "nodes => nodes.filter(node => !(node.getAttribute('aria-label') || node.textContent).trim()).length",
    )
    assert unnamed == 0


def test_titles_stay_inside_their_tiles(page):
    wide = page.eval_on_selector_all(
        ".concept-tile",
        """nodes => nodes.filter(node => [...node.querySelectorAll("text")].some(text =>
             text.getBBox().x + text.getBBox().width > node.querySelector("rect").width.baseVal.value))
           .map(node => node.textContent)""",
    )
    assert not wide


@pytest.mark.parametrize("hash_", ["", "concept-reasoning-distillation", "chapter-transformers/attention"])
def test_the_map_fits_a_phone(page, hash_):
    page.set_viewport_size({"width": PHONE, "height": 740})
    choose(page, hash_)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_a_link_to_a_concept_shows_it_and_one_that_cannot_be_read_shows_all(browser, address):
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(f"{address}/{MAP}#concept-kv-cache")
    page.wait_for_selector(".concept-goal")
    assert page.text_content(".concept-panel h2") == "KV cache"
    assert page.locator(".concept-list-part[open]").count() == 0
    choose(page, "50%")
    page.wait_for_selector(".concept-tile")
    page.close()


def boxes(book, chapter):
    """The text of "Before this" and "After this" of a chapter's page."""
    text = (book.html / "book" / f"{chapter}.html").read_text()
    return dict(
        re.findall(r'<section class="concept-neighbors" data-kind="(\w+)".*?>(.*?)</section>', text, re.S)
    )


def test_each_chapter_says_what_comes_before_and_after(book, course, root, concepts):
    for chapter in course.existing(root):
        found = boxes(book, chapter.key)
        assert set(found) == {"before", "after"}
        for names in concepts.chapter_needs(chapter.key).values():
            assert all(f"#concept-{concept.slug}" in found["before"] for concept in names)
        for other in course.chapters:
            if chapter.key in other.needs:
                assert html.escape(other.title) in found["after"]
    assert re.search(
        r'href="[./]*/?training/backpropagation\.html"', boxes(book, "transformers/attention")["before"]
    )
