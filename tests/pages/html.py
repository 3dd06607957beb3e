"""What any page must be: whole, self-contained, and deaf to what somebody typed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

EVIL = "<script>alert('x')</script>"
ESCAPED = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
# without an end tag
VOID = ("meta", "link", "input", "line", "circle", "path", "rect", "wbr")


class Tags(HTMLParser):
    """Every tag with its attributes, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def needs_nothing(text: str) -> None:
    """Every tag is closed, and nothing is fetched or run."""
    tags = Tags(text)
    assert not tags.open
    assert {name for name, _ in tags.found}.isdisjoint({"script", "link", "img", "iframe", "object", "base"})
    assert {key for _, attributes in tags.found for key in attributes}.isdisjoint({"src", "href", "style"})
    assert re.findall(r"https?:|url\(|@import", text) == []
