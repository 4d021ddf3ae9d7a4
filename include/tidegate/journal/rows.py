"""Between stored rows and values: reading, writing, and the filters both sides of a lock share."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, select

from tidegate.errors import JournalError
from tidegate.journal import tables
from tidegate.journal.chain import Row
from tidegate.journal.model import Event, EventKind, Head, Lease
from tidegate.model.canonical import canonical
from tidegate.model.operation import OperationKind

_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")
_COLUMNS = [tables.events.c[name] for name in Row._fields]
_BATCH = 5_000  # rows fetched at a time when a whole chain is read


def service_name(service: str) -> str:
    """The name, if it is one. It becomes a file name in the witness's store, so nothing else may pass."""
    if not _SERVICE.fullmatch(service):
        raise JournalError(f"{service!r} is not a service", next_step="a service matches ^[a-z][a-z0-9-]{0,62}$")
    return service


def json_text(value: Mapping[str, Any], what: str) -> str:
    """Canonical JSON. Raises :class:`JournalError` naming ``what`` for NaN and whatever else JSON cannot hold."""
    try:
        return canonical(dict(value)).decode()
    except (ValueError, TypeError, RecursionError) as error:
        raise JournalError(f"{what} cannot be written as canonical JSON: {error}") from error


def plain_text(value: str, what: str, longest: int = 200) -> str:
    """A name as both databases can hold it."""
    if not value or len(value) > longest or not value.isprintable():
        raise JournalError(f"{what} {value[:40]!r} must be 1 to {longest} printable characters")
    return value


@lru_cache(maxsize=2048)
def to_event(row: Row) -> Event:
    """The row's event. The same row, to the letter, is parsed once, as whoever carries an operation reads its rows at
    every step: so nobody changes a body."""
    lease = json.loads(row.lease) if row.lease else None
    try:
        kind = EventKind(row.kind)
    except ValueError:
        raise JournalError(
            f"{row.service} row {row.seq} is of the unknown kind {row.kind!r}",
            next_step="it may be written by a newer Tidegate; see what `tidegate audit verify` says",
        ) from None
    return Event(
        service=row.service,
        seq=row.seq,
        at=row.at,
        kind=kind,
        operation=row.operation,
        epoch=row.epoch,
        actor=row.actor,
        body=json.loads(row.body),
        prev_hash=row.prev_hash,
        hash=row.hash,
        version=row.version,
        lease=lease,
    )


@lru_cache(maxsize=128)
def _select(of_operation: bool, kinds: frozenset[EventKind] | None) -> Select[tuple[Any, ...]]:
    """Composed once for each shape: that costs several times what SQLite takes to answer."""
    table = tables.events
    query = select(*_COLUMNS).where(table.c.service == bindparam("service"), table.c.seq > bindparam("after"))
    if of_operation:
        query = query.where(table.c.operation == bindparam("operation"))
    if kinds is not None:
        query = query.where(table.c.kind.in_(sorted(kind.value for kind in kinds)))
    return query.order_by(table.c.seq)


def read_events(
    connection: Connection, service: str, operation: str | None, kinds: Collection[EventKind] | None, after: int
) -> list[Event]:
    """Events of one service after ``after``, in order. ``kinds``: None for all; empty for none."""
    query = _select(operation is not None, None if kinds is None else frozenset(kinds))
    values = {"service": service, "after": after} | ({} if operation is None else {"operation": operation})
    return [to_event(Row._make(row)) for row in connection.execute(query, values)]


def stream_rows(connection: Connection, service: str, after: int = 0) -> Iterator[Row]:
    """The rows as they are stored, a few thousand in memory at a time."""
    while True:
        result = connection.execute(_select(False, None).limit(_BATCH), {"service": service, "after": after})
        batch = list(map(Row._make, result.cursor.fetchall()))  # the driver's tuples: SQLAlchemy's double the cost
        yield from batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].seq


def to_head(row: RowMapping) -> Head:
    lease = None
    if row["lease_operation"] is not None:
        kind = OperationKind(row["lease_kind"])
        lease = Lease(row["lease_operation"], kind, row["lease_holder"], row["lease_expires_at"])
    return Head(row["service"], row["seq"], row["hash"], row["epoch"], lease)


def head_values(head: Head) -> dict[str, Any]:
    """Columns of :data:`tables.heads` but the service."""
    lease = head.lease
    return {
        "seq": head.seq,
        "hash": head.hash,
        "epoch": head.epoch,
        "lease_operation": lease.operation if lease else None,
        "lease_kind": lease.kind.value if lease else None,
        "lease_holder": lease.holder if lease else None,
        "lease_expires_at": lease.expires_at if lease else None,
    }
