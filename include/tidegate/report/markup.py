"""HTML built from values: whatever is not markup already is escaped, so nothing that was journalled can become code."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: str) -> Markup:
    """``tag("td", "a < b", class_="x")``; None is left out, iterables of children are joined."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Markup:
    """Children one after the other."""
    return Markup("".join(_text(child) for child in children))


def _text(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, list | tuple):
        return join(child)
    return html.escape(str(child))


def table(head: Iterable[object], rows: Iterable[Iterable[object]], class_: str = "scroll") -> Markup:
    """``scroll``: sideways on a narrow screen; ``stack``: its cells stand one below the other there."""
    header = tag("tr", [tag("th", cell) for cell in head])
    body = [tag("tr", [tag("td", cell) for cell in row]) for row in rows]
    return tag("div", tag("table", tag("thead", header), tag("tbody", body)), class_=class_)
