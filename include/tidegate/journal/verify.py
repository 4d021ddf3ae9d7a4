"""Verifying one service: the chain, then the head that stands beside it, then what the witness has signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select, union

from tidegate.journal import rows, tables
from tidegate.journal.chain import Link, Walk, lease_text, row_hash, walk
from tidegate.journal.model import Finding, Head, SignedHead


@dataclass(frozen=True)
class Verified:
    """``rows``: how many rows verify, from the first. ``signed_seq``: the newest that a signed head vouches for."""

    service: str
    rows: int
    signed_seq: int
    findings: tuple[Finding, ...] = field(default=())


def services(connection: Connection) -> list[str]:
    """Every service that a chain or a head speaks of."""
    query = union(select(tables.events.c.service), select(tables.heads.c.service).where(tables.heads.c.seq > 0))
    return sorted(connection.execute(query).scalars())


def service(connection: Connection, name: str, signed: Sequence[SignedHead]) -> Verified:
    """Verify one service in the transaction of ``connection``, which must see one snapshot."""
    wanted = {head.seq for head in signed}
    walked = walk(rows.stream_rows(connection, name), marks=wanted)
    findings = [Finding(name, walked.found.seq, walked.found.what)] if walked.found else []
    if not findings:
        findings += _head_findings(connection, name, walked.link)
    good, against = _compare(signed, walked)
    return Verified(name, walked.link.seq, good, tuple(sorted([*findings, *against], key=lambda f: f.seq)))


def since(connection: Connection, name: str, signed: SignedHead | None) -> tuple[Link, Finding | None]:
    """Follow the chain from a signed head to its end; also whether ``heads`` agrees with that end."""
    if signed is None:
        walked = walk(rows.stream_rows(connection, name))
    else:
        chain = rows.stream_rows(connection, name, after=signed.seq - 1)
        row = next(chain, None)
        if row is None or row.seq != signed.seq:
            return Link(), _cut(signed, None)
        if row.hash != signed.hash or row_hash(row.prev_hash, row) != signed.hash:
            return Link(), Finding(name, signed.seq, f"rewritten: it is not the row signed at {signed.at:.3f}")
        walked = walk(chain, Link(row.seq, row.hash, row.epoch, row.lease))
    if walked.found:
        return walked.link, Finding(name, walked.found.seq, walked.found.what)
    return walked.link, next(iter(_head_findings(connection, name, walked.link)), None)


def _head_findings(connection: Connection, name: str, link: Link) -> list[Finding]:
    """``heads`` holds nothing that the chain does not say, but for the expiry of the lease."""
    found = connection.execute(select(tables.heads).where(tables.heads.c.service == name)).mappings().first()
    if found is None:
        return [Finding(name, link.seq, "the head is missing")] if link.seq else []
    try:
        head = rows.to_head(found)
    except ValueError as error:
        return [Finding(name, link.seq, f"the head's lease was edited: {error}")]
    what = _head_disagrees(head, link)
    return [Finding(name, *what)] if what else []


def _head_disagrees(head: Head, link: Link) -> tuple[int, str] | None:
    if head.seq > link.seq:
        return link.seq + 1, f"missing: the head says {head.seq} rows, the chain has {link.seq}"
    if head.seq < link.seq:
        return (
            head.seq + 1,
            f"not known to the head, which ends at row {head.seq}: appended past it, or the head was edited",
        )
    if head.hash != link.hash:
        return link.seq, f"replaced: it is {link.hash[:12]}…, the head says {head.hash[:12]}…"
    if head.epoch != link.epoch:
        return link.seq, f"the head was edited: it says epoch {head.epoch}, the chain says {link.epoch}"
    if lease_text(head.lease) != link.lease:
        return link.seq, f"the head was edited: it says lease {lease_text(head.lease)}, the chain says {link.lease}"
    return None


def _compare(signed: Sequence[SignedHead], walked: Walk) -> tuple[int, list[Finding]]:
    """The newest signed head that the chain agrees with, and the first that it does not."""
    good = 0
    for head in sorted(signed, key=lambda h: h.seq):
        if head.seq > walked.link.seq:
            return good, [] if walked.found else [_cut(head, walked.link.seq)]
        if walked.hashes[head.seq] != head.hash:
            what = f"rewritten: rows {good + 1} to {head.seq} are not those whose head was signed at {head.at:.3f}"
            return good, [Finding(head.service, good + 1, what)]
        good = head.seq
    return good, []


def _cut(head: SignedHead, last: int | None) -> Finding:
    ends = "" if last is None else f", the chain ends at {last}"
    seq = head.seq if last is None else last + 1
    return Finding(head.service, seq, f"missing: row {head.seq} was signed at {head.at:.3f}{ends}")
