"""What is done while a service's head is locked: read, append, raise the epoch, take or free the lease."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from tidegate.errors import JournalError, LeaseLost
from tidegate.journal import rows, tables
from tidegate.journal.chain import Row, lease_text, row_hash
from tidegate.journal.model import ROW_VERSION, Event, EventKind, Head, Lease
from tidegate.redaction import scrub

_TEXTS = frozenset({"detail", "why", "looked", "reason"})  # words of people and of other people's errors
_OF_CHAIN = tables.heads.c.service == bindparam("chain")
_LOCK = select(tables.heads).where(_OF_CHAIN).with_for_update()  # composed once: done at every step
_MOVE = update(tables.heads).where(_OF_CHAIN)


class Transaction:
    """One service's head, locked. Nothing is visible to others before the ``with`` block ends without an exception.

    ``head`` is what was found, kept up to date with what is done here. Each row carries the epoch and the holder of the
    lease, so that both can be told from the chain alone: an epoch is raised before the event that records it, a lease
    is set before or just after it. Renewing a lease (same operation, kind and holder, later expiry) needs no event.
    """

    def __init__(self, connection: Connection, head: Head, now: float) -> None:
        self.head = head
        self._connection = connection
        self._now = now
        self._found = head
        self._recorded = (head.epoch, lease_text(head.lease))
        self._rows: list[Row] = []  # appended here, not yet written

    @property
    def appended(self) -> list[Event]:
        """What this block has appended, in order."""
        return [rows.to_event(row) for row in self._rows]

    def events(
        self,
        *,
        operation: str | None = None,
        kinds: Collection[EventKind] | None = None,
        after: int = 0,
    ) -> list[Event]:
        """As :meth:`Journal.events`, and those appended here."""
        stored = rows.read_events(self._connection, self.head.service, operation, kinds, after)
        mine = (event for event in self.appended if event.seq > after)
        mine = (event for event in mine if operation is None or event.operation == operation)
        return stored + [e for e in mine if kinds is None or e.kind in kinds]

    def append(
        self,
        kind: EventKind,
        body: Mapping[str, Any],
        *,
        actor: str,
        operation: str | None = None,
        epoch: int | None = None,
        at: float | None = None,
    ) -> Event:
        """Chain one event to the head. ``at``: when it happened, in epoch seconds, where that was not now: a row that
        was written elsewhere and is taken in.

        ``epoch``: what the caller believes; raises :class:`LeaseLost` if the service has moved on. Raises
        :class:`JournalError` for a body that canonical JSON cannot hold (NaN, for one). The hash of the event returned
        is the final one unless the lease is set afterwards.
        """
        if epoch is not None and epoch != self.head.epoch:
            raise LeaseLost(
                f"{self.head.service}: {kind} at epoch {epoch}, the service is at epoch {self.head.epoch}",
                next_step="stop: another actor has taken over; `tidegate status <service>` shows who",
            )
        row = self._row(kind, body, actor, operation, at)
        self._rows.append(row)
        self._chained(row)
        return rows.to_event(row)

    def raise_epoch(self, at_least: int = 0) -> int:
        """The next epoch, or ``at_least`` if that is higher: whoever acts under an older one is refused from now on."""
        self.head = replace(self.head, epoch=max(self.head.epoch + 1, at_least))
        return self.head.epoch

    def set_lease(self, lease: Lease | None) -> None:
        """Take, renew or free the lease. A change of its holder is recorded by the event before or after it here."""
        if lease is not None:
            rows.plain_text(lease.operation, "a lease's operation")
            rows.plain_text(lease.holder, "a lease's holder")
            if not math.isfinite(lease.expires_at):
                raise JournalError(f"a lease cannot expire at {lease.expires_at}")
        self.head = replace(self.head, lease=lease)
        if self._rows and self._rows[-1].epoch == self.head.epoch:
            row = self._rows[-1]._replace(lease=lease_text(lease))
            self._rows[-1] = row._replace(hash=row_hash(row.prev_hash, row))
            self._chained(self._rows[-1])

    def finish(self) -> None:
        """Write rows and head. Called by the journal at the end of the block."""
        if self._recorded != (self.head.epoch, lease_text(self.head.lease)):
            raise JournalError(
                f"{self.head.service}: epoch or lease changed and no event records it",
                next_step="append an event in the same block, after raise_epoch",
            )
        if self._rows:
            self._connection.execute(insert(tables.events), [row._asdict() for row in self._rows])
        if self.head != self._found:
            self._connection.execute(_MOVE, {"chain": self.head.service, **rows.head_values(self.head)})

    def _chained(self, row: Row) -> None:
        self.head = replace(self.head, seq=row.seq, hash=row.hash)
        self._recorded = (row.epoch, row.lease)

    def _row(
        self, kind: EventKind, body: Mapping[str, Any], actor: str, operation: str | None, at: float | None
    ) -> Row:
        head = self.head
        row = Row(
            service=head.service,
            seq=head.seq + 1,
            at=self._now if at is None else at,
            kind=kind.value,
            operation=None if operation is None else rows.plain_text(operation, "an operation"),
            epoch=head.epoch,
            actor=rows.plain_text(actor, "an actor"),
            lease=lease_text(head.lease),
            body=rows.json_text(scrub(body, _TEXTS), f"the body of {kind}"),
            version=ROW_VERSION,
            prev_hash=head.hash,
            hash="",
        )
        return row._replace(hash=row_hash(head.hash, row))


def lock(connection: Connection, service: str, insert_missing: Any) -> Head:
    """Lock the service's head, made at zero if there is none. On SQLite the transaction has the write lock already."""
    row = connection.execute(_LOCK, {"chain": service}).mappings().first()
    if row is None:
        connection.execute(insert_missing)
        row = connection.execute(_LOCK, {"chain": service}).mappings().one()
    return rows.to_head(row)
