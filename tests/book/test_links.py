"""Every link inside the book leads somewhere, and no page fetches anything from another site."""

from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

pytestmark = pytest.mark.built

FETCHING = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
}
FETCHING_LINKS = {"stylesheet", "preload", "prefetch", "icon", "modulepreload", "preconnect", "dns-prefetch"}


class Page(HTMLParser):
    """The ids of a page, its links, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = {name: value for name, value in attrs if value}
        self.ids |= {values[key] for key in ("id", "name") if key in values}
        for key in ("href", "src"):
            if key not in values:
                continue
            self.links.append(values[key])
            rel = set(values.get("rel", "").split())
            if (tag, key) in FETCHING or (tag == "link" and rel & FETCHING_LINKS):
                self.fetched.append(values[key])


@pytest.fixture(scope="module")
def pages(book):
    return {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in book.pages}


def is_outside(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in {"http", "https"}


def test_internal_links_and_anchors_resolve(book, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            if is_outside(link) or urlsplit(link).scheme:
                continue
            address, anchor = urldefrag(link)
            address = unquote(address.split("?")[0])
            target = (path.parent / address).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            # The search page and the start of a page have ids that scripts make.
            made_by_script = anchor in {"", "top"}
            if not target.exists():
                broken.append(f"{path.relative_to(book.html)}: {link} is missing")
            elif target in pages and not made_by_script and unquote(anchor) not in pages[target].ids:
                broken.append(f"{path.relative_to(book.html)}: {link} has no such anchor")
    assert not broken, "\n".join(broken)


def test_nothing_is_fetched_from_another_site(book, pages):
    outside = {
        f"{path.relative_to(book.html)}: {address}"
        for path, page in pages.items()
        for address in page.fetched
        if is_outside(address)
    }
    assert not outside


def test_own_style_sheets_fetch_nothing_from_another_site(book):
    outside = [
        path.relative_to(book.html).as_posix()
        for path in book.html.rglob("*.css")
        if "url(http" in path.read_text(encoding="utf-8")
        or "@import url(//" in path.read_text(encoding="utf-8")
    ]
    assert not outside
