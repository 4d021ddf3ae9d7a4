"""Between stored rows and values: reading, writing, and the filters both sides of a lock share."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

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


def to_event(row: Row) -> Event:
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


def select_events(
    service: str, operation: str | None, kinds: Collection[EventKind] | None, after: int
) -> Select[tuple[Any, ...]]:
    """Rows of one service after ``after``, in order. ``kinds``: None for all; empty for none."""
    table = tables.events
    query = select(*_COLUMNS).where(table.c.service == service, table.c.seq > after).order_by(table.c.seq)
    if operation is not None:
        query = query.where(table.c.operation == operation)
    if kinds is not None:
        query = query.where(table.c.kind.in_([kind.value for kind in kinds]))
    return query


def read_events(connection: Connection, query: Select[tuple[Any, ...]]) -> list[Event]:
    return [to_event(Row._make(row)) for row in connection.execute(query)]


def stream_rows(connection: Connection, service: str, after: int = 0) -> Iterator[Row]:
    """The rows as they are stored, a few thousand in memory at a time."""
    while True:
        result = connection.execute(select_events(service, None, None, after).limit(_BATCH))
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
