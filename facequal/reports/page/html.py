"""Elements of HTML, escaped unless they are HTML already."""

import html
import re
from collections.abc import Iterable, Sequence

_EMPTY = {"img", "meta"}
_MAX_TOGETHER = 9  # rows that are printed on one page


class Html(str):
    """Text that is HTML; all other text is escaped where it becomes part of an element."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | int | None) -> Html:
    """Return one element.

    Args:
        name: Of the tag.
        children: What is in it; text that is no `Html` is escaped.
        attributes: Those of the tag, `class_` for `class`; None leaves one out.
    """
    given = [
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    head = f"<{name}{''.join(given)}>"
    return Html(head if name in _EMPTY else f"{head}{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Html:
    """Return several pieces as one."""
    return Html("".join(child if isinstance(child, Html) else html.escape(child) for child in children))


def table(
    caption: str, head: Sequence[str], bodies: Iterable[tuple[str, Sequence[Sequence[str]]]], is_text: bool = False
) -> Html:
    """Return a table that scrolls within its own box; the first cell of each row is its heading.

    Args:
        caption: What it shows; for those who do not see the heading above it.
        head: Headings of the columns.
        bodies: Groups of rows, each with a heading, empty for none.
        is_text: Whether it holds words and not figures.
    """
    headings = element("tr", *[element("th", breakable(text), scope="col") for text in head])
    groups = []
    for name, rows in bodies:
        lines = (
            [element("tr", element("th", name, scope="rowgroup", colspan=len(head)), class_="group")] if name else []
        )
        for first, *rest in rows:
            heading = first if isinstance(first, Html) else breakable(first)
            lines.append(element("tr", element("th", heading, scope="row"), *[element("td", cell) for cell in rest]))
        groups.append(element("tbody", *lines, class_="together" if len(lines) <= _MAX_TOGETHER else None))
    kind = "words" if is_text else None
    whole = element("table", element("caption", caption), element("thead", headings), *groups, class_=kind)
    # A box that scrolls must be reached by the keyboard, and then needs a name.
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def details(summary: str, *children: str, class_: str | None = None) -> Html:
    """Return what is folded until it is asked for; printed in full unless its class says otherwise."""
    return element("details", element("summary", summary), *children, class_=class_)


def breakable(text: str) -> Html:
    """Return a path, a dotted key or another long name, which may be broken behind its signs, but not within numbers."""
    pieces = re.split(r"(?<=[/_=,])|(?<=\.)(?!\d)", text)
    return joined([part for piece in pieces for part in (piece, Html("<wbr>"))][:-1])


def bullets(items: Iterable[str]) -> Html:
    """Return a list."""
    return element("ul", *[element("li", item) for item in items])
