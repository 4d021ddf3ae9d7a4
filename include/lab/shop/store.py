"""The shop's database: sessions, the append-only ``order_events`` and their projection ``orders``."""

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
T = TypeVar("T")

_NEW_SESSION = "insert into sessions (id, token_hash) values (%s, %s)"
_SESSION = "select 1 from sessions where id = %s and token_hash = %s"
_CART = """
select s.id, count(o.id) from sessions s left join orders o on o.session_id = s.id
where s.id = %s and s.token_hash = %s group by s.id
"""
# One statement, hence one transaction: an order never stands without its event. A key seen before writes neither.
_PLACE = f"""
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
)
select (select count(*) from s), (select count(*) from o)
"""  # noqa: S608 - both parts are ours
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

    Raises psycopg's OperationalError or PoolTimeout when the database does not come back within :data:`HOLD`.
    """

    def __init__(self, url: str, size: int = 8) -> None:
        self._pool = AsyncConnectionPool(
            url.replace("postgresql+psycopg://", "postgresql://", 1),
            min_size=2,
            max_size=size,
            open=False,
            timeout=TRY_FOR,
            reconnect_timeout=TRY_FOR,  # else it waits 1, 2, 4 seconds between its own tries
            kwargs={"autocommit": True, "prepare_threshold": 1, "connect_timeout": 2},
        )
        self._answered = float("-inf")

    async def open(self) -> None:
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2.0)

    async def ping(self, within: float) -> bool:
        """Whether the database has answered in the last ``within`` seconds, or answers now."""
        if time.monotonic() - self._answered < within:
            return True
        try:
            await asyncio.wait_for(self._once("select 1", ()), timeout=1.0)
        except (psycopg.Error, PoolTimeout, TimeoutError):
            return False
        return True

    async def add_session(self, token: SessionToken) -> None:
        await self._held(lambda: self._write_session(token))

    async def knows(self, token: SessionToken) -> bool:
        return await self._held(lambda: self._once(_SESSION, (token.public_id, token.secret_hash))) is not None

    async def orders_of(self, token: SessionToken) -> int:
        """How many orders the session has placed. Raises :class:`UnknownSessionError`."""
        row = await self._held(lambda: self._once(_CART, (token.public_id, token.secret_hash)))
        if row is None:
            raise UnknownSessionError(token.public_id)
        return int(row[1])

    async def place(
        self, token: SessionToken, key: str, quantity: int, total_cents: int, release: str, *, astray: int = 0
    ) -> Order:
        """The order that ``key`` means, written now or before. Raises UnknownSessionError, KeyTakenError.

        ``astray``: by how much the row's quantity is not that of its event: a fault.
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
        known, written = await self._held(lambda: self._once(_PLACE, values)) or (0, 0)
        if not known:
            raise UnknownSessionError(token.public_id)
        if written:
            return Order(token.public_id, quantity, total_cents, release)
        order = await self.order(key)
        if order is None or order.session_id != token.public_id:
            raise KeyTakenError(key)
        return order

    async def order(self, order_id: str) -> Order | None:
        row = await self._held(lambda: self._once(_ORDER, (order_id,)))
        return Order(*row) if row else None

    async def _write_session(self, token: SessionToken) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(f"{_NEW_SESSION} on conflict do nothing", (token.public_id, token.secret_hash))

    async def _once(self, statement: str, values: Any) -> Any:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(statement, values)).fetchone()
        self._answered = time.monotonic()
        return row

    async def _held(self, call: Callable[[], Awaitable[T]]) -> T:
        """``call``, again and again while the database is away or read-only, :data:`HOLD` seconds at most."""
        deadline = time.monotonic() + HOLD
        while True:
            try:
                return await call()
            except (psycopg.OperationalError, errors.ReadOnlySqlTransaction, PoolTimeout):
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(RETRY_EVERY)
