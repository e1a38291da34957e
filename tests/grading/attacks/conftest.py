"""One arena for all attacks: what an attack breaks would show in those that follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.grading.attacks.arena import Arena


@pytest.fixture(scope="session")
def arena() -> Iterator[Arena]:
    """Where attacks take place."""
    with Arena() as place:
        yield place
