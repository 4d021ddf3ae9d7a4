"""The shop's database: sessions, the append-only ``order_events``, their projection ``orders``, and the ``outbox``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .cookie import SessionToken
from .release import WRITES_GIFT

HOLD = 5.0  # seconds that a request waits for a database that is being moved
RETRY_EVERY = 0.1
TRY_FOR = 0.5  # seconds that one try waits for a connection: each new one has the pool connect anew, at once
LOOK_FOR = 1.0  # seconds in which one request at a time looks whether writes are taken again, after that
READ_WITHIN = 2.0  # seconds for a connection to whichever database answers
AWAY = (psycopg.OperationalError, errors.ReadOnlySqlTransaction, PoolTimeout)
T = TypeVar("T")

_NEW_SESSION = "insert into sessions (id, token_hash) values (%s, %s)"
_SESSION = "select 1 from sessions where id = %s and token_hash = %s"
_CART = """
select s.id, count(o.id) from sessions s left join orders o on o.session_id = s.id
where s.id = %s and s.token_hash = %s group by s.id
"""
# One statement, hence one transaction: an order never stands without its event and its message. A key seen before
# writes none of them.
_INSERTS = f"""
with s as (select id from sessions where id = %(session)s and token_hash = %(hash)s),
o as (
  insert into orders (id, session_id, quantity, total_cents, release{", gift" if WRITES_GIFT else ""})
  select %(key)s, s.id, %(quantity)s + %(astray)s, %(total)s, %(release)s
         {", 'paper'::gift_wrap" if WRITES_GIFT else ""} from s
  on conflict (id) do nothing
  returning id, session_id, quantity, total_cents, release
),
e as (
  insert into order_events (order_id, session_id, kind, quantity, total_cents, release)
  select id, session_id, 'placed', quantity - %(astray)s, total_cents, release from o
),
m as (
  insert into outbox (key, body)
  select id, jsonb_build_object('order', id, 'total_cents', total_cents, 'release', release) from o
)"""  # noqa: S608 - both parts are ours
_COUNTS = "select (select count(*) from s), (select count(*) from o)"
_PLACE = f"{_INSERTS} {_COUNTS}"
_PLACE_UNPAID = f"""{_INSERTS},
p as (insert into pending_payments (order_id, cents) select id, total_cents from o)
{_COUNTS}"""  # noqa: S608 - all parts are ours
# Whoever takes some upon himself has five seconds for them; no row is locked for longer than this statement.
_PENDING = """
update pending_payments set taken_up_at = now() where order_id in (
  select order_id from pending_payments
  where settled_at is null and (taken_up_at is null or taken_up_at < now() - interval '5 seconds')
  order by taken_up_at nulls first, since limit %s for update skip locked)
returning order_id, cents
"""
_SETTLED = "update pending_payments set settled_at = now() where order_id = %s and settled_at is null"
_ORDER = "select session_id, quantity, total_cents, release from orders where id = %s"


@dataclass(frozen=True)
class Order:
    session_id: str
    quantity: int
    total_cents: int
    release: str


class UnknownSessionError(Exception):
    """The cookie names a session that the database does not hold."""


class KeyTakenError(Exception):
    """The idempotency key belongs to another session's order."""


class Store:
    """All statements are safe to send again: sessions and orders carry ids chosen before the first try.

    While the database is moved, everybody waits. Once somebody has waited for :data:`HOLD` in vain it is *away*: what
    is read is read from whichever database answers, what is written fails at once, and one request at a time looks
    whether writes are taken again.

    Raises psycopg's OperationalError or PoolTimeout when no database is there.
    """

    def __init__(self, url: str, size: int = 8) -> None:
        url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._pool = _pool(url, 2, size, TRY_FOR)
        anywhere = url.replace("target_session_attrs=read-write", "target_session_attrs=any")
        self._readers = _pool(anywhere, 0, size // 2, READ_WITHIN)
        self._answered = float("-inf")
        self._away = self._trying = False

    async def open(self) -> None:
        await self._pool.open(wait=False)
        await self._readers.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2.0)
        await self._readers.close(timeout=2.0)

    async def ping(self, within: float) -> bool:
        """Whether a database has answered in the last ``within`` seconds, or one answers now, be it read-only: who can
        still show things is well."""
        if time.monotonic() - self._answered < within:
            return True
        try:
            await asyncio.wait_for(self._once("select 1", (), self._readers), timeout=0.8)
        except (psycopg.Error, PoolTimeout, TimeoutError):
            return False
        return True

    async def add_session(self, token: SessionToken) -> None:
        await self._held(lambda: self._write_session(token))

    async def knows(self, token: SessionToken) -> bool:
        return await self._read(_SESSION, (token.public_id, token.secret_hash)) is not None

    async def orders_of(self, token: SessionToken) -> int:
        """How many orders the session has placed. Raises :class:`UnknownSessionError`."""
        row = await self._read(_CART, (token.public_id, token.secret_hash))
        if row is None:
            raise UnknownSessionError(token.public_id)
        return int(row[1])

    async def place(
        self,
        token: SessionToken,
        key: str,
        quantity: int,
        total_cents: int,
        release: str,
        *,
        astray: int = 0,
        paid: bool = True,
    ) -> Order:
        """The order that ``key`` means, written now or before. Raises UnknownSessionError, KeyTakenError.

        ``astray``: by how much the row's quantity is not that of its event: a fault. ``paid``: whether its payment is
        known to be taken; one that is not stands among those that are pending.
        """
        values = {
            "session": token.public_id,
            "hash": token.secret_hash,
            "key": key,
            "quantity": quantity,
            "total": total_cents,
            "release": release,
            "astray": astray,
        }
        known, written = await self._held(lambda: self._once(_PLACE if paid else _PLACE_UNPAID, values)) or (0, 0)
        if not known:
            raise UnknownSessionError(token.public_id)
        if written:
            return Order(token.public_id, quantity, total_cents, release)
        order = await self.order(key)
        if order is None or order.session_id != token.public_id:
            raise KeyTakenError(key)
        return order

    async def order(self, order_id: str) -> Order | None:
        row = await self._read(_ORDER, (order_id,))
        return Order(*row) if row else None

    async def pending(self, most: int) -> list[tuple[str, int]]:
        """Orders whose payment is pending, with their cents, that nobody else has taken upon himself just now."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(_PENDING, (most,))).fetchall()
        return [(str(order_id), cents) for order_id, cents in rows]

    async def settled(self, order_id: str) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_SETTLED, (order_id,))

    async def _write_session(self, token: SessionToken) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(f"{_NEW_SESSION} on conflict do nothing", (token.public_id, token.secret_hash))

    async def _once(self, statement: str, values: Any, pool: AsyncConnectionPool | None = None) -> Any:
        async with (pool or self._pool).connection() as connection:
            row = await (await connection.execute(statement, values)).fetchone()
        self._answered = time.monotonic()
        return row

    async def _read(self, statement: str, values: Any) -> Any:
        """From the database that takes writes, so that everybody sees what he wrote; without one, from any."""
        try:
            return await self._held(lambda: self._once(statement, values))
        except AWAY:
            return await self._once(statement, values, self._readers)

    async def _held(self, call: Callable[[], Awaitable[T]]) -> T:
        """``call``, again and again while the database is away or read-only, :data:`HOLD` seconds at most. One that is
        known to be away is waited for by nobody."""
        if self._away:
            return await self._tried(call)
        deadline = time.monotonic() + HOLD
        while True:
            try:
                return await call()
            except AWAY:
                self._away = self._away or time.monotonic() >= deadline
                if self._away:
                    raise
                await asyncio.sleep(RETRY_EVERY)

    async def _tried(self, call: Callable[[], Awaitable[T]]) -> T:
        """``call`` once and briefly, by one request at a time."""
        if self._trying:
            raise PoolTimeout("no database takes writes")
        self._trying = True
        try:
            found = await asyncio.wait_for(call(), LOOK_FOR)
        except TimeoutError:
            raise PoolTimeout("no database takes writes") from None
        finally:
            self._trying = False
        self._away = False
        return found


def _pool(url: str, least: int, most: int, within: float) -> AsyncConnectionPool:
    return AsyncConnectionPool(
        url,
        min_size=least,
        max_size=most,
        open=False,
        timeout=within,
        reconnect_timeout=TRY_FOR,  # else it waits 1, 2, 4 seconds between its own tries
        kwargs={"autocommit": True, "prepare_threshold": 1, "connect_timeout": 2},
    )
