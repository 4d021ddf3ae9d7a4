"""The journal: one append-only, hash-chained event log per service, in a database of its own."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from tidegate.errors import JournalError
from tidegate.journal import database, migrate, rows, tables, verify
from tidegate.journal.chain import Link, Row
from tidegate.journal.model import ZERO_HASH, Beat, Event, EventKind, Finding, Head, SignedHead
from tidegate.journal.transaction import Transaction, lock
from tidegate.journal.verify import Verified

__all__ = ["Journal", "Transaction"]

_HEAD = select(tables.heads).where(tables.heads.c.service == bindparam("chain"))  # composed once: read at every step
_BEATS = select(tables.beats).where(tables.beats.c.service == bindparam("chain"))


class Journal:
    """A journal at a SQLAlchemy URL: ``sqlite:///file`` or ``postgresql+psycopg://…``; both behave the same.

    ``clock``: epoch seconds, stamped on rows. ``after_commit``: called with each event once it is committed, outside
    the lock. ``read_only``: nothing can be written, which the database sees to. Safe to share between threads and to
    inherit over a fork. Every method raises :class:`JournalError`; :class:`JournalUnreachable` is worth a retry.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = time.time,
        after_commit: Callable[[Event], None] | None = None,
        read_only: bool = False,
    ) -> None:
        self._url = database.parse(url)
        self._engine = database.connect(url, read_only=read_only)
        self._clock = clock
        self._after_commit = after_commit

    def __repr__(self) -> str:
        return f"Journal({self.place})"

    def close(self) -> None:
        """Close idle connections. The journal can be used again."""
        self._engine.dispose()

    def migrate(self) -> None:
        """Bring the tables to the newest revision. Idempotent, and safe when two processes start at once."""
        with database.errors("migrating the journal", self._url):
            migrate.migrate(self._engine)

    def head(self, service: str) -> Head:
        """Where the chain stands; a head at zero if the service is unknown."""
        with self._reading(f"reading the head of {service}") as connection:
            row = connection.execute(_HEAD, {"chain": service}).mappings().first()
        return rows.to_head(row) if row else Head(service, 0, ZERO_HASH, 0, None)

    def events(
        self,
        service: str,
        *,
        operation: str | None = None,
        kinds: Collection[EventKind] | None = None,
        after: int = 0,
    ) -> list[Event]:
        """Committed events in order, with a ``seq`` greater than ``after``. ``kinds`` empty: none."""
        with self._reading(f"reading events of {service}") as connection:
            return rows.read_events(connection, service, operation, kinds, after)

    def stored_rows(self, service: str, *, after: int = 0, until: int | None = None) -> list[Row]:
        """Rows as they are stored and were hashed, of every kind, also those that this Tidegate does not know."""
        with self._reading(f"reading rows of {service}", "REPEATABLE READ") as connection:
            stored = rows.stream_rows(connection, service, after)
            return list(takewhile(lambda row: until is None or row.seq <= until, stored))

    @contextmanager
    def locked(self, service: str) -> Iterator[Transaction]:
        """Lock the service's head; commit at the end of the block, roll back on any exception.

        Raises :class:`JournalUnreachable` if the lock is not had within :data:`database.LOCK_SECONDS`, or if the
        database went away; if that was while committing, ``changed`` of the error is ``unknown``.
        """
        now = self._now()
        with self._writing(f"writing to the chain of {rows.service_name(service)}") as connection:
            transaction = Transaction(connection, lock(connection, service, self._missing_head(service)), now)
            yield transaction
            transaction.finish()
        for event in transaction.appended if self._after_commit else ():
            assert self._after_commit
            self._after_commit(event)

    def beat(self, service: str, name: str, *, ttl: float, body: Mapping[str, Any]) -> None:
        """Sign of life of ``name``, good for ``ttl`` seconds."""
        now = self._now()
        text = rows.json_text(body, f"the beat of {name}")
        self._upsert(
            tables.beats, {"service": service, "name": name}, {"at": now, "expires_at": now + ttl, "body": text}
        )

    def beats(self, service: str) -> dict[str, Beat]:
        """Newest beat of each name, also those that have expired."""
        with self._reading(f"reading beats of {service}") as connection:
            found = connection.execute(_BEATS, {"chain": service}).all()
        return {row.name: Beat(row.name, row.at, row.expires_at, json.loads(row.body)) for row in found}

    def put_evidence(self, service: str, operation: str, key: str, document: Mapping[str, Any]) -> None:
        """Replace the running evidence under ``key``."""
        text = rows.json_text(document, f"evidence {key}")
        where = {"service": service, "operation": operation, "key": key}
        self._upsert(tables.evidence, where, {"at": self._now(), "document": text})

    def evidence(self, service: str, operation: str, key: str) -> dict[str, Any] | None:
        """The running evidence under ``key``, None if there is none yet."""
        table = tables.evidence
        query = select(table.c.document).where(
            table.c.service == service, table.c.operation == operation, table.c.key == key
        )
        with self._reading(f"reading evidence of {service}") as connection:
            document = connection.execute(query).scalar()
        return None if document is None else dict(json.loads(document))

    def services(self) -> list[str]:
        """Services that have at least one event, or a head that says so."""
        with self._reading("listing services") as connection:
            return verify.services(connection)

    def verify(self, service: str | None = None, *, signed_heads: Iterable[SignedHead] = ()) -> list[Finding]:
        """What does not verify: per service the first bad row first. Empty means the chain and its heads are whole.

        ``signed_heads`` are taken as true: see :mod:`tidegate.journal.audit` for checking their signatures.
        """
        return [finding for found in self.verify_services(signed_heads, service) for finding in found.findings]

    def verify_services(self, signed_heads: Iterable[SignedHead] = (), service: str | None = None) -> list[Verified]:
        """As :meth:`verify`, with what was counted on the way. All of it is seen in one snapshot."""
        signed = list(signed_heads)
        with self._reading("verifying the journal", "REPEATABLE READ") as connection:
            names = [service] if service else sorted({*verify.services(connection), *(head.service for head in signed)})
            return [verify.service(connection, name, [h for h in signed if h.service == name]) for name in names]

    def since(self, service: str, signed: SignedHead | None) -> tuple[Link, Finding | None]:
        """The end of the chain, and what is wrong if it does not go on from ``signed``, or the head disagrees."""
        with self._reading(f"verifying {service}", "REPEATABLE READ") as connection:
            return verify.since(connection, service, signed)

    def reading(self, doing: str) -> AbstractContextManager[Connection]:
        """A connection for looking at the database itself. ``doing``: what for, as an error says it."""
        return self._reading(doing)

    @property
    def file(self) -> Path | None:
        """The database's file, if it is one."""
        sqlite_file = self._url.drivername == "sqlite" and self._url.database
        return Path(sqlite_file).absolute() if sqlite_file else None

    @property
    def place(self) -> str:
        """Where it is, for people: its file, or host, port and database. No user, no password."""
        return str(self.file or database.address(self._url))

    def _now(self) -> float:
        now = float(self._clock())
        if not math.isfinite(now):
            raise JournalError(f"the clock says {now}")
        return now

    def _reading(self, doing: str, isolation: str | None = None) -> AbstractContextManager[Connection]:
        return database.reading(self._engine, doing, isolation)

    def _writing(self, doing: str) -> AbstractContextManager[Connection]:
        return database.writing(self._engine, doing)

    def _insert(self, table: Table) -> Any:
        """``INSERT … ON CONFLICT`` is a dialect's own in SQLAlchemy; the two have the same methods."""
        return sqlite.insert(table) if self._engine.dialect.name == "sqlite" else postgresql.insert(table)

    def _missing_head(self, service: str) -> Any:
        values = rows.head_values(Head(service, 0, ZERO_HASH, 0, None))
        return self._insert(tables.heads).values(service=service, **values).on_conflict_do_nothing()

    def _upsert(self, table: Table, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
        rows.service_name(key["service"])
        statement = self._insert(table).values(**key, **values)
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=dict(values))
        with self._writing(f"writing {table.name} of {key['service']}") as connection:
            connection.execute(statement)
