"""Chromium without a window, and folders that are served to it: what the browser tests share."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str:
    """Return where Chromium is.

    Raises:
        AssertionError: it is not installed.
    """
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert program, "the browser tests need Chromium: apt-get install chromium"
    return program


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that does not write down its requests."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a folder on the loopback address, and give the address."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Visit:
    """What happened while a page was open: what it asked of other sites, its errors, what it loaded."""

    outside: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each file that the server gave, as they lie on its disk."""


def watched(page: Page, own: str) -> Visit:
    """Watch a page: requests that do not start with `own` are refused and written down."""
    visit = Visit()

    def answer(route: Route) -> None:
        if route.request.url.startswith((own, "data:", "blob:")):
            route.continue_()
        else:
            visit.outside.add(route.request.url)
            route.abort()

    def note_response(response: Response) -> None:
        if response.status >= 400:
            visit.errors.append(f"{response.status} {response.url}")
        visit.sizes[response.url] = int(response.headers.get("content-length", 0))

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            visit.errors.append(message.text)

    page.route("**/*", answer)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("console", note_message)
    page.on("response", note_response)
    return visit
