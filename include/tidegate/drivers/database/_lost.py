"""What a PostgreSQL that was the primary alone has: read from it as a standby, kept on the new primary.

Both servers have the same history up to the fork, transaction numbers included. So a row of the old one that was
written by a transaction which both have seen end is no lost write, whatever has become of it on the new one since; and
one that was written by any other transaction is, unless the new one has the very same row. The mark says which
transactions the new one had seen begin when it was promoted; whether one of those has ended in the common history, it
can still say itself (``pg_xact_status``).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.database import _moves
from tidegate.drivers.database._address import libpq, sqlalchemy_url
from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database._lost_tables import KEEP_ENTRY, KEEP_LEDGER, columns_of, number_of, read_kept, set_up
from tidegate.drivers.database._moves import START_SECONDS, Wiring
from tidegate.drivers.database._observing import ANSWER_SECONDS, CONNECT_SECONDS, LOOKING
from tidegate.drivers.database._repair import opened, translated
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.token import Token
from tidegate.errors import NotSettled, Refused, Unreachable
from tidegate.model.lost_write import Kept, Lack, LedgerOrder

BATCH = 500  # rows in memory at once
REST = 5  # looks in a row at which it has replayed nothing more
_BETWEEN = 0.1
_MARK = "SELECT pg_is_in_recovery(), pg_current_snapshot()::text"


def mark(wiring: Wiring, region: str) -> str:
    """See :meth:`~tidegate.drivers.database.contract.Database.mark`."""
    import psycopg

    uri = libpq(sqlalchemy_url(wiring.resolve(wiring.regions[region])))
    try:
        with (
            psycopg.connect(uri, connect_timeout=CONNECT_SECONDS, autocommit=True, application_name=LOOKING) as asked,
            cut_off(asked, ANSWER_SECONDS),
        ):
            row = asked.execute(_MARK).fetchone()
    except psycopg.Error as error:
        raise Unreachable(f"{region} cannot say how far it has come ({type(error).__name__})") from None
    assert row is not None
    if not row[0]:
        raise Refused(f"the database in {region} is a primary", next_step="look which one is")
    return str(row[1])


def keep(wiring: Wiring, order: LedgerOrder, token: Token) -> Kept:
    """See :meth:`~tidegate.drivers.database.contract.Database.keep_lost`."""
    _moves.check(wiring, order.region, token)
    states = wiring.observe()
    if states[order.region].role == "primary":
        raise Refused(f"the database in {order.region} is a primary", next_step="fence it first")
    source = the_primary({r: s for r, s in states.items() if r != order.region})
    _moves.hold_epoch(wiring, source, token)
    new = libpq(sqlalchemy_url(wiring.resolve(wiring.repairs[source])))
    old = libpq(sqlalchemy_url(wiring.resolve(wiring.repairs[order.region])))
    found = translated(lambda: _kept_already(new, wiring.service, order.ledger), sent=False, what="ledger")
    if found is not None:
        return found
    _bring_up(wiring, order.region)
    return translated(lambda: _keep(old, new, wiring.service, order, token), sent=True, what="ledger")


@dataclass(frozen=True)
class Fork:
    """``low``: every smaller transaction has ended before the mark. ``high``: every smaller one had begun by then."""

    low: int
    high: int

    @classmethod
    def at(cls, mark: str) -> Fork:
        """Without a mark every transaction counts as one of the old primary's own."""
        low, high, _ = mark.split(":", 2) if mark else ("0", "0", "")
        return cls(int(low), int(high))


def _kept_already(uri: str, service: str, ledger: str) -> Kept | None:
    with opened(uri) as reader:
        return read_kept(reader, service, ledger)


def _keep(old_uri: str, new_uri: str, service: str, order: LedgerOrder, token: Token) -> Kept:
    with opened(old_uri) as old, opened(new_uri) as new:
        fence = set_up(new, service, token)
        fence.hold(token)
        fork, number, counted = Fork.at(order.mark), 0, {}
        for table, key in order.tables:
            seen: Counter[str] = Counter()
            for text, lack, was, now, untouched in _lost_of(old, new, table, key, fork):
                number += 1
                seen[lack.value] += 1
                row = (service, order.ledger, number, table, key, text, lack.value, was, now, untouched)
                new.execute(KEEP_ENTRY, row)
            counted[table] = dict(seen)
        shown = {table: lacks for table, lacks in counted.items() if lacks}
        new.execute(KEEP_LEDGER, (service, order.ledger, number, json.dumps(shown)))
        new.commit()
    return Kept(number, shown)


Lost = tuple[str, Lack, str, str | None, bool]


def _lost_of(old: Any, new: Any, table: str, key: str, fork: Fork) -> Iterator[Lost]:
    """Key, what is missing, the old row, the new one, and whether nobody has written that one since the fork."""
    from psycopg import sql

    names = {"table": sql.Identifier(table), "key": sql.Identifier(key), "xid": sql.SQL(number_of("t.xmin"))}
    later = sql.SQL(
        "SELECT t.{key}::text, to_jsonb(t)::text, {xid} FROM {table} AS t WHERE {xid} >= %s ORDER BY t.{key}"
    ).format(**names)
    kind = sql.SQL(columns_of(new, table, key).key_type)
    same = sql.SQL(
        "SELECT t.{key}::text, to_jsonb(t)::text, {xid} FROM {table} AS t WHERE t.{key} = ANY(%s::text[]::{kind}[])"
    ).format(kind=kind, **names)
    with old.cursor(name="tidegate_lost") as cursor:
        cursor.execute(later, (fork.low,))
        while batch := cursor.fetchmany(BATCH):
            yield from _compared(new, same, batch, fork)


def _compared(new: Any, same: Any, batch: Sequence[tuple[str, str, int]], fork: Fork) -> Iterator[Lost]:
    shared = _ended_before(new, {xid for _, _, xid in batch if xid < fork.high})
    own = [(key, row) for key, row, xid in batch if xid not in shared]
    there: dict[str, list[tuple[str, int]]] = {}
    if own:
        for key, row, xid in new.execute(same, ([key for key, _ in own],)).fetchall():
            there.setdefault(key, []).append((row, xid))
    for key, was in own:
        rows = there.get(key, [])
        if not rows:
            yield key, Lack.MISSING, was, None, False
        elif was not in [row for row, _ in rows]:
            yield key, Lack.DIFFERENT, was, rows[0][0], len(rows) == 1 and rows[0][1] < fork.high


def _ended_before(new: Any, numbers: set[int]) -> set[int]:
    """Which of these transactions were committed in the history that both servers have. One that the server has
    forgotten is an old one: it has."""
    query = "SELECT x FROM unnest(%s::bigint[]) AS x WHERE coalesce(pg_xact_status(x::text::xid8), 'committed') = %s"
    return {x for (x,) in new.execute(query, (sorted(numbers), "committed")).fetchall()} if numbers else set()


def _bring_up(wiring: Wiring, region: str) -> None:
    """It runs, as a standby, and has replayed all that it has. Its control starts it as nothing else."""
    if wiring.observe()[region].role == "unreachable":
        power, control = wiring.power(region), wiring.control(region)
        if power is not None and not power.look().on:
            power.on()
        control.await_answer(_moves.BOOT_SECONDS)
        control.start()
    deadline, seen, still = time.monotonic() + START_SECONDS, None, 0
    while still < REST:
        state = wiring.observe()[region]
        if state.role == "primary":
            raise Refused(f"the database in {region} takes writes", next_step="fence it first")
        still = still + 1 if state.role == "standby" and state.position == seen else 0
        seen = state.position
        if time.monotonic() >= deadline:
            raise NotSettled(
                f"{region} was started to be read, and does not come to rest: {state.why or state.role}",
                next_step="read its log; a retry looks again; if it can never be read: tidegate ledger unreadable",
            )
        time.sleep(_BETWEEN)
