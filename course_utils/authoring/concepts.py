"""Read ``concepts.yml``: what the course teaches, idea by idea, and which ideas each one needs.

The concept map and the "Before this" and "After this" of the chapters' pages are made from it. It is held
to ``course.yml``: every chapter has concepts, a concept needs only what its chapter may build on, and a
chapter that needs another really uses something of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from course_utils.authoring.course_map import Course

FILE_NAME = "concepts.yml"
GLOSSARY = "book/glossary.md"

_CHAPTER_KEYS = {"chapter", "assumes", "concepts"}
_CONCEPT_KEYS = {"name", "means", "needs", "term"}
_LONGEST_NAME = 42
"""Signs of a name, so that it fits one line of the map."""


class ConceptError(ValueError):
    """``concepts.yml`` is missing or says something that cannot be."""


@dataclass(frozen=True)
class Concept:
    """An idea of which one can ask what to know before it."""

    name: str
    means: str
    """One sentence."""
    chapter: str
    """The chapter that teaches it, as ``part/chapter``."""
    needs: tuple[str, ...] = ()
    """Names of the concepts to know before."""
    term: str | None = None
    """The term of the glossary, where there is one."""

    @property
    def slug(self) -> str:
        """The name in an address: ``Hoeffding's inequality`` is ``hoeffdings-inequality``."""
        return slug(self.name)


@dataclass(frozen=True)
class ConceptMap:
    """All concepts by name, in reading order: each comes after those that it needs."""

    concepts: Mapping[str, Concept]
    assumes: Mapping[str, str]
    """What a chapter takes for granted beside concepts, for chapters that say it."""

    def concept(self, name: str) -> Concept:
        """Return the concept called ``name``.

        Raises:
            ConceptError: If there is none; the message names those that are spelled alike.
        """
        if name in self.concepts:
            return self.concepts[name]
        words = set(re.findall(r"\w+", name.lower()))
        near = [known for known in self.concepts if words & set(re.findall(r"\w+", known.lower()))]
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ConceptError(f"{FILE_NAME} has no concept {name!r}{hint}")

    def of(self, chapter: str) -> list[Concept]:
        """Return the concepts that a chapter teaches."""
        return [concept for concept in self.concepts.values() if concept.chapter == chapter]

    def shortest_way(self, goal: str, done: Collection[str] = ()) -> list[Concept]:
        """Return the fewest concepts to read, in order, to know ``goal`` when those of ``done`` are known.

        Whoever knows a concept need not read what it needs. So the way is found by walking back from the goal
        and stopping at what is done; every concept met is unavoidable, hence no way is shorter.
        """
        wanted: set[str] = set()
        waiting = [self.concept(goal).name]
        while waiting:
            name = waiting.pop()
            if name not in wanted and name not in done:
                wanted.add(name)
                waiting += self.concepts[name].needs
        return self._in_order(wanted)

    def before(self, goal: str) -> list[Concept]:
        """Return everything that ``goal`` builds on, nearest or not, in reading order."""
        return [concept for concept in self.shortest_way(goal) if concept.name != goal]

    def opens(self, name: str) -> list[Concept]:
        """Return the concepts that need ``name`` directly, in reading order."""
        return [concept for concept in self.concepts.values() if name in concept.needs]

    def chapter_needs(self, chapter: str) -> dict[str, list[Concept]]:
        """Return the concepts of other chapters that one of this one needs, by chapter, in reading order."""
        used = {need for concept in self.of(chapter) for need in concept.needs}
        return self._by_chapter(name for name in used if self.concepts[name].chapter != chapter)

    def chapter_opens(self, chapter: str) -> dict[str, list[Concept]]:
        """Return the concepts of other chapters that need one of this one, by chapter, in reading order."""
        taught = {concept.name for concept in self.of(chapter)}
        users = (c.name for c in self.concepts.values() if c.chapter != chapter and taught & set(c.needs))
        return self._by_chapter(users)

    def _in_order(self, names: Collection[str]) -> list[Concept]:
        return [concept for name, concept in self.concepts.items() if name in names]

    def _by_chapter(self, names: Iterable[str]) -> dict[str, list[Concept]]:
        grouped: dict[str, list[Concept]] = {}
        for concept in self._in_order(set(names)):
            grouped.setdefault(concept.chapter, []).append(concept)
        return grouped


def slug(name: str) -> str:
    """Return a name as it stands in an address.

    >>> slug("Hoeffding's inequality")
    'hoeffdings-inequality'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("'", "")).strip("-")


def glossary_terms(root: Path) -> list[str]:
    """Return the terms of the glossary, in its order."""
    text = (root / GLOSSARY).read_text(encoding="utf-8")
    body = text.partition("```{glossary}")[2].partition("```")[0]
    return [line.strip() for line in body.splitlines() if line.strip() and not line.startswith(" ")]


def load_concepts(root: Path, course: Course) -> ConceptMap:
    """Read and check the concepts.

    Args:
        root: The project's root.
        course: The course map that the concepts are held to.

    Raises:
        ConceptError: If the file is missing or says something that cannot be; all faults are named.
    """
    path = root / FILE_NAME
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConceptError(f"there is no {FILE_NAME} in {root}") from None
    except yaml.YAMLError as error:
        raise ConceptError(f"{FILE_NAME} is not valid YAML: {error}") from error
    return parse_concepts(raw, course, glossary_terms(root))


def parse_concepts(raw: Any, course: Course, terms: Collection[str]) -> ConceptMap:
    """Make the concept map from the loaded YAML.

    Args:
        raw: What the YAML file holds.
        course: The course map that the concepts are held to.
        terms: The terms of the glossary.

    Raises:
        ConceptError: If it says something that cannot be; all faults are named.
    """
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        raise ConceptError(f"{FILE_NAME} must be a list of chapters, each with `chapter` and `concepts`")
    faults: list[str] = []
    concepts: dict[str, Concept] = {}
    assumes: dict[str, str] = {}
    order = {chapter.key: place for place, chapter in enumerate(course.chapters)}
    listed: list[str] = []
    for row in raw:
        key = str(row.get("chapter"))
        faults += [f"{key}: unknown `{name}`" for name in sorted(set(row) - _CHAPTER_KEYS)]
        if key not in order:
            faults.append(f"{key!r} is no chapter of course.yml; write part/chapter")
        if key in listed:
            faults.append(f"{key} is listed twice")
        elif listed and order.get(key, 0) < order.get(listed[-1], 0):
            faults.append(f"{key} stands after {listed[-1]}, against the order of course.yml")
        listed.append(key)
        if "assumes" in row:
            assumes[key] = _sentence(row["assumes"], f"{key}: `assumes`", faults)
        for entry in row.get("concepts") or []:
            concept = _concept(key, entry, terms, faults)
            if concept.name in concepts:
                taught = concepts[concept.name].chapter
                faults.append(f"{concept.name!r} is listed twice: in {taught} and in {key}")
            concepts.setdefault(concept.name, concept)
    found = ConceptMap(concepts=concepts, assumes=assumes)
    faults += _alike(found) + _impossible_needs(found, course) + _out_of_step(found, course)
    if faults:
        raise ConceptError(f"{FILE_NAME} has to be mended:\n" + "\n".join(f"  - {fault}" for fault in faults))
    return found


def _concept(chapter: str, raw: Any, terms: Collection[str], faults: list[str]) -> Concept:
    """Make one concept; add what is wrong with it to ``faults``."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        faults.append(f"{chapter}: a concept must have `name` and `means`, and one is {raw!r}")
        return Concept(name=str(raw), means="", chapter=chapter)
    name = raw["name"]
    where = f"{chapter}: {name!r}"
    faults += [f"{where} has an unknown `{key}`" for key in sorted(set(raw) - _CONCEPT_KEYS)]
    if len(name) > _LONGEST_NAME:
        faults.append(f"{where} is {len(name)} signs long; the map has room for {_LONGEST_NAME}")
    needs = raw.get("needs") or []
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        faults.append(f"{where}: `needs` must be a list of names")
        needs = []
    faults += [f"{where} needs {need!r} twice" for need in sorted({n for n in needs if needs.count(n) > 1})]
    term = raw.get("term", name if name in terms else None)
    if term is not None and term not in terms:
        faults.append(f"{where}: the glossary has no term {term!r}")
    means = _sentence(raw.get("means"), f"{where}: `means`", faults)
    return Concept(name=name, means=means, chapter=chapter, needs=tuple(needs), term=term)


def _sentence(text: Any, where: str, faults: list[str]) -> str:
    """Return a text; note it where it is not a sentence."""
    if not isinstance(text, str) or not text.strip().endswith("."):
        faults.append(f"{where} must be a sentence, and end with a period")
    return str(text or "").strip()


def _alike(found: ConceptMap) -> list[str]:
    """Name concepts that would share an address."""
    slugs: dict[str, str] = {}
    return [
        f"{name!r} and {slugs[slug(name)]!r} have the same address {slug(name)!r}"
        for name in found.concepts
        if slugs.setdefault(slug(name), name) != name
    ]


def _impossible_needs(found: ConceptMap, course: Course) -> list[str]:
    """Name needs that are unknown, go in a circle, or are not taught before."""
    faults = [
        f"{concept.chapter}: {concept.name!r} needs {need!r}, which is no concept"
        for concept in found.concepts.values()
        for need in concept.needs
        if need not in found.concepts
    ]
    if circle := _circle(found):
        return [*faults, f"a circle: {' needs '.join(repr(name) for name in circle)}"]
    reached = chapters_reached(course)
    place = {name: index for index, name in enumerate(found.concepts)}
    for concept in found.concepts.values():
        for need in concept.needs:
            other = found.concepts.get(need)
            if other is None:
                continue
            where = f"{concept.chapter}: {concept.name!r} needs {need!r}"
            if other.chapter == concept.chapter:
                if place[need] > place[concept.name]:
                    faults.append(f"{where}, which stands after it in the same chapter; put it before")
            elif other.chapter not in reached.get(concept.chapter, set()):
                faults.append(
                    f"{where} of {other.chapter}, which {concept.chapter} does not need in course.yml, "
                    f"directly or through others; drop it, or add {other.chapter} to the chapter's needs"
                )
    return faults


def _circle(found: ConceptMap) -> list[str]:
    """Return concepts that need each other in a circle, the first one again at the end; empty if none do."""
    finished: set[str] = set()

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished or name not in found.concepts:
            return []
        for need in found.concepts[name].needs:
            if circle := search(need, [*path, name]):
                return circle
        finished.add(name)
        return []

    return next((circle for name in found.concepts if (circle := search(name, []))), [])


def chapters_reached(course: Course) -> dict[str, set[str]]:
    """Return, for each chapter, the chapters that it needs, directly or through others."""
    reached: dict[str, set[str]] = {}
    for chapter in course.chapters:
        reached[chapter.key] = set(chapter.needs).union(*(reached[need] for need in chapter.needs))
    return reached


def _out_of_step(found: ConceptMap, course: Course) -> list[str]:
    """Name chapters without concepts, and needs of course.yml that no concept has."""
    faults = []
    for chapter in course.chapters:
        if not found.of(chapter.key):
            faults.append(f"{chapter.key} has no concepts; list what it teaches")
            continue
        used = {
            found.concepts[need].chapter
            for concept in found.of(chapter.key)
            for need in concept.needs
            if need in found.concepts
        }
        faults += [
            f"{chapter.key} needs {need} in course.yml, and none of its concepts needs one of {need}"
            for need in chapter.needs
            if need not in used
        ]
    return faults
