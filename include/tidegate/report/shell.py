"""The frame of every page: head, way back to the overview, and the part that is looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tidegate.report.markup import Markup, join, tag
from tidegate.report.script import SCRIPT, source
from tidegate.report.style import STYLE

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {source(STYLE)}; script-src {source(SCRIPT)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def page(
    title: str,
    body: Markup,
    *,
    crumbs: Sequence[tuple[str, str | None]] = (),
    live: str = "",
    every: float = 0,
    below: Markup | None = None,
) -> str:
    """A whole HTML document. ``live``: where ``body`` is to be had anew, every ``every`` seconds (0: only on demand);
    without it the page stands still. ``crumbs``: words, each with its address or None. ``below`` is never replaced."""
    head = join(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", f"{title} · Tidegate"),
            tag("style", Markup(STYLE)),
        ]
    )
    attributes = {"data_from": live, "data_every": f"{every:g}"} if live else {}
    main = [
        tag("nav", _crumbs(crumbs)) if crumbs else None,
        Markup('<p id="banner" class="banner" role="status" hidden></p>'),
        tag("div", body, id="live", **attributes),
        below,
    ]
    scripts = tag("script", Markup(SCRIPT)) if live else None
    return "<!doctype html>" + tag("html", tag("head", head), tag("body", tag("main", main), scripts), lang="en")


def _crumbs(crumbs: Sequence[tuple[str, str | None]]) -> Markup:
    parts = [tag("a", words, href=address) if address else tag("span", words) for words, address in crumbs]
    return join(part if index == 0 else (" › ", part) for index, part in enumerate(parts))


def message(title: str, words: str, next_step: Markup | str = "", crumbs: Sequence[tuple[str, str | None]] = ()) -> str:
    """A page that says one thing."""
    return page(title, tag("section", tag("h1", title), tag("p", words), tag("p", next_step), class_="card top"))


def when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def age(seconds: float) -> str:
    """``12 s``, ``5 min``, ``3 h``, ``2 days``."""
    for limit, unit, word in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0.0, seconds) / unit:.0f} {word}"
    return f"{seconds / 86_400:.0f} days"
