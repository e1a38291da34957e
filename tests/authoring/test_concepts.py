"""The concepts are what concepts.yml says, agree with course.yml, and the shortest way is the shortest."""

import copy
import itertools
import random
import re

import pytest
import yaml

from course_utils.authoring.concept_layout import TILE, chapter_depths, chapter_rows, lay_out
from course_utils.authoring.concepts import (
    Concept,
    ConceptError,
    ConceptMap,
    chapters_reached,
    glossary_terms,
    load_concepts,
    parse_concepts,
    slug,
)
from course_utils.authoring.course_map import find_root, load_course


@pytest.fixture(scope="module")
def root():
    return find_root()


@pytest.fixture(scope="module")
def course(root):
    return load_course(root)


@pytest.fixture(scope="module")
def concepts(root, course):
    return load_concepts(root, course)


@pytest.fixture(scope="module")
def terms(root):
    return glossary_terms(root)


@pytest.fixture
def raw(root):
    return copy.deepcopy(yaml.safe_load((root / "concepts.yml").read_text()))


def row(raw, chapter):
    return next(entry for entry in raw if entry["chapter"] == chapter)


def concept(raw, name):
    return next(entry for chapter in raw for entry in chapter["concepts"] if entry["name"] == name)


def test_every_chapter_teaches_concepts(course, concepts):
    assert all(concepts.of(chapter.key) for chapter in course.chapters)
    assert 200 <= len(concepts.concepts) <= 400


def test_the_concepts_agree_with_the_chapters(course, concepts):
    reached = chapters_reached(course)
    for chapter in course.chapters:
        used = set(concepts.chapter_needs(chapter.key))
        assert set(chapter.needs) <= used <= reached[chapter.key]
        for other in used:
            assert chapter.key in concepts.chapter_opens(other)


def test_concepts_stand_in_reading_order(concepts):
    seen = set()
    for name, found in concepts.concepts.items():
        assert set(found.needs) <= seen, name
        seen.add(name)


def test_the_names_of_attention_are_linked_to_the_glossary(concepts, terms):
    assert len(terms) == len(set(terms)) > 50
    assert concepts.concept("softmax").term == "softmax"
    assert concepts.concept("query, key and value").term == "query"
    assert concepts.concept("Hoeffding's inequality").term == "Hoeffding's inequality"
    assert concepts.concept("beam search").term is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda raw: concept(raw, "causal mask").update(needs=["no such idea"]),
            "transformers/attention: 'causal mask' needs 'no such idea', which is no concept",
        ),
        (
            lambda raw: concept(raw, "mask").update(needs=["causal mask"]),
            "a circle: 'mask' needs 'causal mask' needs 'mask'",
        ),
        (
            lambda raw: (
                concept(raw, "mask").update(needs=["padding mask"])
                or concept(raw, "padding mask").pop("needs")
            ),
            "'mask' needs 'padding mask', which stands after it in the same chapter",
        ),
        (
            lambda raw: concept(raw, "softmax").update(needs=["KV cache"]),
            "a circle",
        ),
        (
            lambda raw: concept(raw, "attention")["needs"].append("TF-IDF"),
            "'attention' needs 'TF-IDF' of transformers/text_statistics, which transformers/attention does",
        ),
        (lambda raw: row(raw, "rl/alphago").update(concepts=[]), "rl/alphago has no concepts"),
        (lambda raw: raw.remove(row(raw, "rl/alphago")), "rl/alphago has no concepts"),
        (
            lambda raw: concept(raw, "GRU").update(name="LSTM"),
            "'LSTM' is listed twice: in cnn_rnn/lstm and in cnn_rnn/lstm",
        ),
        (lambda raw: concept(raw, "GRU").update(name="lstm"), "have the same address 'lstm'"),
        (lambda raw: concept(raw, "LSTM").update(means="A cell"), "'LSTM': `means` must be a sentence"),
        (lambda raw: concept(raw, "LSTM").pop("means"), "'LSTM': `means` must be a sentence"),
        (lambda raw: concept(raw, "LSTM").update(color="red"), "'LSTM' has an unknown `color`"),
        (lambda raw: concept(raw, "LSTM").update(needs="gate"), "'LSTM': `needs` must be a list of names"),
        (lambda raw: concept(raw, "LSTM").update(needs=["gate", "gate"]), "'LSTM' needs 'gate' twice"),
        (lambda raw: concept(raw, "LSTM").update(term="no term"), "the glossary has no term 'no term'"),
        (lambda raw: concept(raw, "LSTM").update(name="x" * 50), "is 50 signs long; the map has room for"),
        (
            lambda raw: row(raw, "rl/alphago").update(chapter="rl/chess"),
            "'rl/chess' is no chapter of course.yml",
        ),
        (lambda raw: raw.append(copy.deepcopy(row(raw, "rl/alphago"))), "rl/alphago is listed twice"),
        (lambda raw: raw.insert(0, raw.pop(1)), "stands after basics/arrays_and_tensors, against the order"),
        (lambda raw: row(raw, "rl/alphago").update(assume="x"), "rl/alphago: unknown `assume`"),
        (
            lambda raw: row(raw, "rl/alphago")["concepts"].append("x"),
            "a concept must have `name` and `means`",
        ),
        (
            lambda raw: (
                [
                    one["needs"].remove("embedding")
                    for one in row(raw, "transformers/attention")["concepts"]
                    if "embedding" in one["needs"]
                ]
                and concept(raw, "scaled dot-product attention").update(needs=["attention"])
            ),
            "transformers/attention needs basics/embeddings in course.yml, and none of its concepts",
        ),
    ],
)
def test_what_cannot_be_is_named(raw, course, terms, change, message):
    change(raw)
    with pytest.raises(ConceptError, match=re.escape(message)):
        parse_concepts(raw, course, terms)


@pytest.mark.parametrize("raw", [None, {}, "text", ["text"]])
def test_a_file_of_another_form_is_refused(raw, course):
    with pytest.raises(ConceptError, match="must be a list of chapters"):
        parse_concepts(raw, course, [])


def test_a_missing_or_broken_file_is_said(tmp_path, course):
    with pytest.raises(ConceptError, match=r"there is no concepts\.yml"):
        load_concepts(tmp_path, course)
    (tmp_path / "concepts.yml").write_text("- [")
    with pytest.raises(ConceptError, match="not valid YAML"):
        load_concepts(tmp_path, course)


def test_an_unknown_concept_names_those_like_it(concepts):
    with pytest.raises(ConceptError, match=r"no concept 'latent'; did you mean latent variable"):
        concepts.concept("latent")


def graph(needs):
    made = {name: Concept(name, "A.", "p/c", tuple(wanted)) for name, wanted in needs.items()}
    return ConceptMap(concepts=made, assumes={})


def fewest(needs, goal, done):
    """The smallest set that holds the goal and, of each of its concepts, all needs that are not done."""
    if goal in done:
        return set()
    for size in range(1, len(needs) + 1):
        for chosen in itertools.combinations(needs, size):
            covered = set(chosen) | done
            if goal in chosen and all(set(needs[name]) <= covered for name in chosen):
                return set(chosen)
    raise AssertionError


def test_the_shortest_way_is_the_smallest_set_that_can_be_learned():
    random.seed(0)
    for _ in range(200):
        names = [f"c{index}" for index in range(8)]
        needs = {
            name: random.sample(names[:at], random.randint(0, min(3, at))) for at, name in enumerate(names)
        }
        done = set(random.sample(names, random.randint(0, 4)))
        goal = random.choice(names)
        way = [found.name for found in graph(needs).shortest_way(goal, done)]
        assert set(way) == fewest(needs, goal, done)
        assert way == sorted(way)


def test_what_is_known_shortens_the_way(concepts):
    whole = [found.name for found in concepts.shortest_way("causal mask")]
    assert whole[-1] == "causal mask"
    assert {"softmax", "attention weights"} <= set(whole)
    shorter = [found.name for found in concepts.shortest_way("causal mask", {"scaled dot-product attention"})]
    assert "dot product" not in shorter
    assert shorter[-1] == "causal mask"
    assert concepts.shortest_way("causal mask", {"causal mask"}) == []
    assert [found.name for found in concepts.before("causal mask")] == whole[:-1]
    assert "next-token prediction" in {found.name for found in concepts.opens("causal mask")}


def test_an_address_is_made_of_plain_letters(concepts):
    assert slug("stride, padding and dilation") == "stride-padding-and-dilation"
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found.slug) for found in concepts.concepts.values())


def test_the_layout_is_the_same_each_time_and_nothing_overlaps(course):
    layout = lay_out(course)
    assert layout == lay_out(course)
    width, height = TILE
    places = [place.wide for place in layout.chapters.values()]
    for one, other in itertools.combinations(places, 2):
        assert abs(one[0] - other[0]) >= width or abs(one[1] - other[1]) >= height
    assert all(x + width <= layout.wide_size[0] and y + height <= layout.wide_size[1] for x, y in places)
    spots = {(place.column, place.row) for place in layout.chapters.values()}
    assert len(spots) == len(layout.chapters)


def test_a_chapter_stands_right_of_what_it_needs(course):
    depths, rows = chapter_depths(course), chapter_rows(course)
    assert set(rows) == set(depths)
    for chapter in course.chapters:
        assert all(depths[need] < depths[chapter.key] for need in chapter.needs)
