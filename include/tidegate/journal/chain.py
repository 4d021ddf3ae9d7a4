"""The hash chain, pure: how a row is hashed, and where a sequence of rows stops verifying."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring
from typing import NamedTuple

from tidegate.journal.model import ROW_VERSION, ZERO_HASH, Lease
from tidegate.model.canonical import canonical


class Row(NamedTuple):
    """One stored row, as the database holds it: ``body`` and ``lease`` are canonical JSON texts."""

    service: str
    seq: int
    at: float
    kind: str
    operation: str | None
    epoch: int
    actor: str
    lease: str | None
    body: str
    version: int
    prev_hash: str
    hash: str


@dataclass(frozen=True)
class Link:
    """The end of a verified piece of chain: the next row must follow it."""

    seq: int = 0
    hash: str = ZERO_HASH
    epoch: int = 0
    lease: str | None = None


@dataclass(frozen=True)
class Break:
    """The first row that cannot be trusted, and why."""

    seq: int
    what: str


def row_bytes(row: Row) -> bytes:
    """The canonical JSON of a row without its hashes.

    Equal to ``canonical({...})`` of the same fields; spliced from the stored texts, since parsing 100,000 bodies to
    write them out again is most of the cost of verifying.
    """
    service, seq, at, kind, operation, epoch, actor, lease, body, version, _, _ = row
    return (
        f'{{"actor":{_text(actor)},"at":{at!r},"body":{body},"epoch":{epoch},"kind":{_text(kind)},'
        f'"lease":{lease or "null"},"operation":{_text(operation)},"seq":{seq},"service":{_text(service)},'
        f'"version":{version}}}'
    ).encode(errors="surrogatepass")


@lru_cache(maxsize=4096)
def _text(value: str | None) -> str:
    if value is None:
        return "null"
    encoded: str = encode_basestring(value)
    return encoded


def row_hash(prev_hash: str, row: Row) -> str:
    """SHA-256, hex, of the previous row's hash followed by this row."""
    return hashlib.sha256(prev_hash.encode() + row_bytes(row)).hexdigest()


def lease_text(lease: Lease | None) -> str | None:
    """What a row says of the lease: all but its expiry, which is renewed outside the chain."""
    if lease is None:
        return None
    return canonical({"holder": lease.holder, "kind": lease.kind.value, "operation": lease.operation}).decode()


@dataclass(frozen=True)
class Walk:
    """How far rows follow a trusted link. ``link``: the last good one; ``found``: the break, None if all rows are good;
    ``hashes``: of the good rows asked for."""

    link: Link
    found: Break | None
    hashes: Mapping[int, str]


def walk(rows: Iterable[Row], start: Link = Link(), marks: Collection[int] = ()) -> Walk:
    """Follow ``rows`` from ``start`` up to the first that does not verify, and note the hashes of ``marks`` (seqs)."""
    seq, last, epoch, lease = start.seq, start.hash, start.epoch, start.lease
    hashes = {start.seq: start.hash}
    found = None
    for row in rows:
        good = row_hash(last, row)
        in_place = row.seq == seq + 1 and row.prev_hash == last and row.epoch >= epoch
        if not (in_place and row.hash == good and row.version == ROW_VERSION):
            found = _explain(Link(seq, last, epoch, lease), row, good)
            break
        seq, last, epoch, lease = row.seq, row.hash, row.epoch, row.lease
        if seq in marks:
            hashes[seq] = last
    return Walk(Link(seq, last, epoch, lease), found, hashes)


def _explain(link: Link, row: Row, good: str) -> Break:
    expected = link.seq + 1
    if row.seq != expected:
        return Break(expected, f"missing: the row after {link.seq} is {row.seq}")
    if row.hash != good and row.prev_hash != link.hash and row.hash == row_hash(row.prev_hash, row):
        return _predecessor(link, row)
    if row.hash != good:
        return Break(row.seq, f"edited: its content hashes to {good[:12]}…, it says {row.hash[:12]}…")
    if row.prev_hash != link.hash:
        return Break(
            row.seq, f"prev_hash was edited: it says {row.prev_hash[:12]}…, row {link.seq} is {link.hash[:12]}…"
        )
    if row.epoch < link.epoch:
        return Break(row.seq, f"epoch went back from {link.epoch} to {row.epoch}")
    return Break(row.seq, f"format version {row.version} is unknown to this Tidegate, which writes {ROW_VERSION}")


def _predecessor(link: Link, row: Row) -> Break:
    """``row`` is whole but was chained to another row than the one that stands before it now."""
    if link.seq == 0:
        return Break(row.seq, f"first row follows {row.prev_hash[:12]}…, which is not the start of a chain")
    return Break(link.seq, f"replaced: row {row.seq} follows {row.prev_hash[:12]}…, this row is {link.hash[:12]}…")
