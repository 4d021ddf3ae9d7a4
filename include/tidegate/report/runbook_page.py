"""A runbook as a page that stands alone: fit to be read on a phone at night, and printed."""

from __future__ import annotations

from tidegate.report.markup import Markup, join, table, tag
from tidegate.report.runbook import Runbook, Section
from tidegate.report.shell import page


def runbook_html(book: Runbook, notes: str = "") -> str:
    """The whole page."""
    return page(f"{book.kind.value} of {book.service}", _body(book, notes))


def _body(book: Runbook, notes: str) -> Markup:
    people = f"Answers for it: {book.owner}. May begin: {book.may_begin}. Approves: {book.may_approve}."
    rows = [(tag("dt", name), tag("dd", words)) for name, words in book.history]
    kept = tag("section", tag("h2", "Notes"), tag("pre", notes), class_="card") if notes else None
    made = tag("p", f"Made of policy {book.policy}, plan {book.plan}.", class_="quiet")
    about = tag("section", tag("h2", "About it"), tag("p", people), tag("dl", rows, class_="facts"), class_="card")
    return join([_top(book), kept, about, *(_section(one) for one in book.sections), made])


def _top(book: Runbook) -> Markup:
    typed = [("1. Look", book.look), ("2. Begin", book.begin), ("3. It stands still", book.carry_on)]
    typed += (
        [("4. Turn it back, while the step says that it can; NOT YET safe (exit code 6)? Then 3", book.turn_back)]
        if book.turn_back
        else []
    )
    typed += [(f"Did it work? Each node verified, at the end {book.ends}", book.seen)]
    return tag(
        "section",
        tag("h1", f"{book.kind.value.capitalize()} of {book.service}"),
        [tag("p", f"RED: {why}", class_="alarm") for why in book.red],
        tag("p", book.meant.when),
        tag("ul", [tag("li", f"Not this one? {other}") for other in book.meant.others], class_="needs"),
        [(tag("h3", words), tag("code", command, class_="command")) for words, command in typed],
        class_=f"card top {'bad' if book.red else 'open'}",
    )


def _section(section: Section) -> Markup:
    rows = [
        (
            tag("code", entry.node.removeprefix(f"{section.id}.")),
            join([entry.what, tag("div", entry.expect, class_="quiet")]),
            entry.lasts,
            join([tag("code", entry.command, class_="command"), tag("small", entry.back)]),
        )
        for entry in section.entries
    ]
    title = f"{section.title}{', the way back' if section.returning else ''}"
    return tag(
        "section",
        tag("h2", title),
        table(("step", "what, and what to expect", "takes", "stands still; way back"), rows, "stack"),
        class_="card",
    )
