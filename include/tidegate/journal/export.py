"""A piece of one service's chain as a file that proves itself: rows as they were hashed, heads as they were signed.

The piece begins at the row of the newest head signed before the range, or at row 1, and goes on to the first head
signed after it: so both ends are held by a signature, and a row that is taken out of the range shows. Rows newer than
the newest signed head are in the file, and nobody vouches for them. ``scripts/verify_audit.py`` checks such a file
without this code, without a database, with the witness's public key. One JSON value a line:

``about`` (service, range, what the file claims to hold), ``row`` …, ``head`` … (the witness's own lines), ``alarm`` …,
``end`` (SHA-256 of everything before it, which shows a torn file at once).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.errors import JournalCorrupt, JournalError
from tidegate.journal.chain import Link, Row, walk
from tidegate.journal.headstore import ALARMS, HEADS, HeadStore
from tidegate.journal.model import ZERO_HASH, SignedHead
from tidegate.journal.signing import parse_head
from tidegate.journal.store import Journal
from tidegate.model.canonical import canonical

FORMAT = 1


@dataclass(frozen=True)
class Span:
    """What is asked for: epoch seconds, both ends included."""

    service: str
    since: float
    until: float


@dataclass(frozen=True)
class Piece:
    """``heads``: the store's own lines, in order, none left out between the first and the last."""

    span: Span
    rows: tuple[Row, ...]
    heads: tuple[str, ...]
    alarms: tuple[str, ...]

    @property
    def vouched(self) -> int:
        """The newest row that a signed head vouches for, 0 if there is none."""
        return max((parse_head(line).seq for line in self.heads), default=0)

    @property
    def whole(self) -> bool:
        """Whether a head was signed at or after the end of the range: then no row of it can be missing."""
        return any(parse_head(line).at >= self.span.until for line in self.heads)


def cut(journal: Journal, store: HeadStore, span: Span) -> Piece:
    """The piece of the chain that holds ``span``. Raises :class:`JournalCorrupt` if it does not verify."""
    lines = store.lines(f"{HEADS}/{span.service}")  # before the rows: heads signed meanwhile would be ahead of them
    heads = [_head(span.service, line) for line in lines]
    first = max((n for n, head in enumerate(heads) if head.at < span.since), default=None)
    last = next((n for n, head in enumerate(heads) if head.at >= span.until), len(heads) - 1)
    after = heads[first].seq - 1 if first is not None else 0
    until = heads[last].seq if heads and heads[last].at >= span.until else None
    rows = tuple(journal.stored_rows(span.service, after=after, until=until))
    _verify(span.service, rows, after, heads[first or 0 : last + 1])
    return Piece(span, rows, tuple(lines[first or 0 : last + 1]), _alarms(store, span.service))


def lines_of(piece: Piece, *, by: str, at: float) -> Iterator[str]:
    """The file, line by line, without line ends."""
    seen = hashlib.sha256()
    for value in (_about(piece, by, at), *(row_value(row) for row in piece.rows)):
        line = canonical(value).decode()
        seen.update(f"{line}\n".encode())
        yield line
    for line in (*piece.heads, *piece.alarms):
        seen.update(f"{line}\n".encode())
        yield line
    yield canonical({"type": "end", "sha256": seen.hexdigest()}).decode()


def row_value(row: Row) -> dict[str, object]:
    """``body`` and ``lease`` stay the texts that were hashed."""
    return {"type": "row", **row._asdict()}


def _about(piece: Piece, by: str, at: float) -> dict[str, object]:
    heads = [parse_head(line) for line in piece.heads]
    return {
        "type": "about",
        "format": FORMAT,
        "service": piece.span.service,
        "from": piece.span.since,
        "to": piece.span.until,
        "first_row": piece.rows[0].seq if piece.rows else 0,
        "last_row": piece.rows[-1].seq if piece.rows else 0,
        "key_id": heads[-1].key_id if heads else None,
        "exported_by": by,
        "exported_at": at,
    }


def _head(service: str, line: str) -> SignedHead:
    try:
        return parse_head(line)
    except ValueError as error:
        raise JournalError(
            f"a signed head of {service} cannot be read: {error}", next_step="tidegate audit verify"
        ) from None


def _verify(service: str, rows: Sequence[Row], after: int, heads: Sequence[SignedHead]) -> None:
    if not rows:
        if heads:
            raise _corrupt(service, heads[0].seq, f"missing: row {heads[0].seq} was signed")
        return
    start = Link(after, rows[0].prev_hash if after else ZERO_HASH, 0, None)
    walked = walk(rows, start, {head.seq for head in heads})
    if walked.found:
        raise _corrupt(service, walked.found.seq, walked.found.what)
    for head in heads:
        if walked.hashes.get(head.seq) != head.hash:
            raise _corrupt(service, head.seq, "it is not the row whose head was signed")


def _corrupt(service: str, seq: int, what: str) -> JournalCorrupt:
    message = f"{service} row {seq}: {what}; nothing was exported"
    return JournalCorrupt(message, service=service, seq=seq, next_step="tidegate audit verify names all that is wrong")


def _alarms(store: HeadStore, service: str) -> tuple[str, ...]:
    """What the witness refused to sign of this service, as it wrote it."""
    return tuple(line for line in store.lines(ALARMS) if _service_of(line) in (service, None))


def _service_of(line: str) -> object:
    try:
        return json.loads(line).get("service")
    except (ValueError, AttributeError):
        return None
