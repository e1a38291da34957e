"""Class editions to be looked into and worked in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils.grading.edition.write import ClassEdition, write_class_edition
from course_utils.grading.places import Places

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def edition_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ClassEdition]:
    """Return a function that writes the edition of a part, once for all tests."""
    made: dict[tuple[str, bool], ClassEdition] = {}

    def write(part: str, *, book: bool = False) -> ClassEdition:
        if (part, book) not in made:
            places = Places(ROOT)
            folder = tmp_path_factory.mktemp("editions") / part
            made[part, book] = write_class_edition(places, places.chapters(part), folder, book=book)
        return made[part, book]

    return write
