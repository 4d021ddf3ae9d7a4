"""A runbook as Markdown, with people's own notes in it; and what a file on disk says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidegate.errors import Refused
from tidegate.report.runbook import Entry, Runbook

BEGIN, END = "<!-- notes: begin -->", "<!-- notes: end -->"
_HINT = "Yours: what is written between these two marks is kept."
_DIGESTS = re.compile(r"^Made of policy `(?P<policy>[^`]+)`, plan `(?P<plan>[^`]+)`\.$", re.MULTILINE)


def markdown(book: Runbook, notes: str = "") -> str:
    """``notes``: of :func:`notes_of`."""
    return "\n".join([*top(book), *_steps(book), *_end(book, notes)]) + "\n"


def without_notes(book: Runbook) -> str:
    """For a place that nobody writes into, such as a DAG's documentation."""
    return "\n".join([*top(book), *_steps(book), _made(book)]) + "\n"


def notes_of(text: str, where: str) -> str:
    """What people wrote between the marks; "" where the text has no marks and is no runbook of ours yet.

    Raises :class:`Refused` where a mark is missing, doubled, or in the wrong order: nothing is to be overwritten then.
    """
    lines = [line.strip() for line in text.splitlines()]
    begun, ended = lines.count(BEGIN), lines.count(END)
    if begun != 1 or ended != 1 or lines.index(BEGIN) > lines.index(END):
        raise Refused(
            f"{where}: its notes cannot be told from the rest ({BEGIN} stands {begun} times, {END} {ended} times)",
            next_step=f"put each mark on a line of its own, {BEGIN} first; the file was left as it is",
        )
    kept = text.splitlines()[lines.index(BEGIN) + 1 : lines.index(END)]
    return "\n".join(kept).strip("\n")


def stale(text: str, book: Runbook) -> str:
    """Why this text is not the runbook of today's plan, "" if it is."""
    found = _DIGESTS.search(text)
    if found is None:
        return "it does not say of which plan it is"
    if found["plan"] != book.plan:
        return f"it is of plan {found['plan']}, today's is {book.plan}"
    return "" if found["policy"] == book.policy else f"it is of policy {found['policy']}, today's is {book.policy}"


def top(book: Runbook) -> Iterator[str]:
    """One screen: what it is for, and what to type first."""
    yield f"# {book.kind.value.capitalize()} of {book.service}"
    yield ""
    for why in book.red:
        yield f"> **RED: {why}**"
        yield ""
    yield f"**When:** {book.meant.when}"
    yield ""
    yield from (f"- Not this one? {other}" for other in book.meant.others)
    yield ""
    yield from _typed("1. Look: did anything change, is it safe, is anything under way?", book.look)
    yield from _typed("2. Begin (it runs here, waits at gates, and says each node):", book.begin)
    stands = "3. It stands still, or this terminal died. 1. shows the OPERATION. What is done is not done twice:"
    yield from _typed(stands, book.carry_on)
    if book.turn_back:
        yield from _typed(
            "4. Turn it back, while the step below says that it can. Says NOT YET safe (exit code 6)? Then 3:",
            book.turn_back,
        )
    yield from _typed(f"Did it work? Each node `verified`, and at the end `{book.ends}`:", book.seen)
    yield f"**Answers for it:** {book.owner}. **May begin:** {book.may_begin}. **Approves:** {book.may_approve}."
    yield ""
    yield from (f"- {name}: {words}" for name, words in book.history)
    yield from () if book.history else (f"With history: `tidegate runbook {book.service} {book.kind.value}`.",)
    yield ""


def _typed(words: str, command: str) -> Iterator[str]:
    yield from (words, "", f"    {command}", "")


def _steps(book: Runbook) -> Iterator[str]:
    for section in book.sections:
        yield f"## {section.title} (`{section.id}`{', the way back' if section.returning else ''})"
        yield ""
        for entry in section.entries:
            yield from _entry(entry, section.id)
        yield ""


def _entry(entry: Entry, stage: str) -> Iterator[str]:
    yield f"- `{entry.node.removeprefix(stage + '.')}`: {entry.what}"
    yield f"  - expect: {entry.expect}" + (f"; {entry.lasts}" if entry.lasts else "")
    yield f"  - stands still: `{entry.command}`"
    yield f"  - way back: {entry.back}"


def _end(book: Runbook, notes: str) -> Iterator[str]:
    yield from ("## Notes", "", _HINT, "", BEGIN, *([notes] if notes else []), END, "")
    yield _made(book)


def _made(book: Runbook) -> str:
    return f"Made of policy `{book.policy}`, plan `{book.plan}`."
