"""Fixtures that the tests of figures that can be touched share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from playwright.sync_api import Page

from course_utils.figures.touch import TouchFigure
from tests.book.conftest import BuiltBook, book  # noqa: F401 - a fixture
from tests.figures.touch import pages


@pytest.fixture
def opened(browser) -> Iterator[Callable[..., Page]]:
    """Opens a page with figures; at the end of the test nothing may have gone wrong on it."""
    visited: list[tuple[Page, list[str]]] = []

    def open_page(*figures: TouchFigure, theme: str = "light", width: int = 900) -> Page:
        visited.append(pages.opened(browser, *figures, theme=theme, width=width))
        return visited[-1][0]

    yield open_page
    for page, problems in visited:
        page.close()
        assert not problems


@pytest.fixture
def in_its_chapter(browser, book: BuiltBook) -> Callable[[str], AbstractContextManager[Page]]:  # noqa: F811
    """Opens the chapter of a figure, given by its name, in the built book."""
    return partial(pages.in_its_chapter, browser, book.html)
