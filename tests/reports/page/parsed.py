"""A page as a browser would read it."""

from collections.abc import Iterator
from html.parser import HTMLParser

EMPTY = {"img", "meta", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, the cells of tables, and text; refuses what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self.caption = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "table":
            self.caption = ""
        if tag == "tr":
            self.tables[self.caption].append([])
        if tag in ("th", "td"):
            self.tables[self.caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "caption" in self.open:
            self.caption += data
            self.tables[self.caption] = []
        elif {"th", "td"} & set(self.open):
            self.tables[self.caption][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def cells_of(page: Page, caption: str, group: str) -> Iterator[list[str]]:
    """The rows below the heading of a group."""
    rows = iter(page.tables[caption])
    for row in rows:
        if len(row) == 1 and row[0].startswith(group):
            break
    for row in rows:
        if len(row) == 1:
            return
        yield row
