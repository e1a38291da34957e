"""The order of the tests (the longest first, so that no worker is left alone), the slow ones, a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONGEST_FIRST = (
    *("test_attacks", "test_killed", "test_class", "test_parts", "test_users", "test_clerk"),
    *("test_lighthouse", "test_browser", "test_exchange_browser"),
)
# What is tried with processes of its own, or with a whole edition or page: left out of daily work.
SLOW_FOLDERS = frozenset({"sandbox", "edition", "reporting"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and sort the modules; the order inside of a module stays."""
    for item in items:
        if SLOW_FOLDERS & set(item.path.parts):
            item.add_marker(pytest.mark.slow)

    def place(item: pytest.Item) -> int:
        module = item.path.stem
        return LONGEST_FIRST.index(module) if module in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    # Only now: most tests need no browser, and the library takes a while to load.
    from tests.browsing import chromium

    with chromium() as browser:
        yield browser
