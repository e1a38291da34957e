"""Reading a page as a browser would, and holding it to rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "xlink:href", "srcdoc"}


@dataclass
class Page(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    source: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)
        self.feed(self.source)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing, at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all tags of a name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def dangers(self) -> list[str]:
        """What could run code, load something, or send something."""
        found = []
        for tag, attributes in self.tags:
            if tag in ("script", "iframe", "object", "embed", "form", "link", "base", "frame", "applet"):
                found.append(f"<{tag}>")
            for name, value in attributes.items():
                target = "".join(value.split()).lower()
                if name.startswith("on"):
                    found.append(f"<{tag} {name}>")
                if name in LOADING and not target.startswith("data:image/"):
                    found.append(f"<{tag} {name}={value[:40]}>")
                if name == "href" and not target.startswith(("https://", "http://", "#", "mailto:")):
                    found.append(f"<{tag} href={value[:40]}>")
                if name == "style" and ("url(" in target or "position" in target):
                    found.append(f"<{tag} style={value[:40]}>")
        return found
