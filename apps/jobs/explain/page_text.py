"""What a person would see of an answer that is an HTML page: an error's words, without the tags around them."""

from __future__ import annotations

from html.parser import HTMLParser

_UNSEEN = frozenset({"head", "script", "style", "template", "noscript"})


class _Text(HTMLParser):
    """`seen`: what stands in the page; `title`: its name, for pages that show nothing else. Also of a page cut off."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.title: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._within.clear()
        elif tag in _UNSEEN or tag == "title":
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            del self._within[self._within.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.seen.append(data)
        elif self._within[-1] == "title":
            self.title.append(data)


def visible_text(body: str) -> str:
    """In one line. Anything but HTML stays as it is."""
    if body.lstrip().startswith("<"):
        page = _Text()
        page.feed(body)
        body = " ".join(page.seen).strip() or " ".join(page.title).strip() or body
    return " ".join(body.split())


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
