"""The order of the tests: what takes longest comes first, so that no worker is left with it at the end."""

from __future__ import annotations

import pytest

LONGEST_FIRST = ("test_attacks", "test_killed", "test_class", "test_parts", "test_users", "test_clerk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the modules; the order inside of a module stays."""

    def place(item: pytest.Item) -> int:
        module = item.path.stem
        return LONGEST_FIRST.index(module) if module in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)
