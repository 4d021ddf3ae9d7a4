"""The release's smoke test, on the database in ``SMOKE_DATABASE_URL``: ``python -m shop.smoke write`` or ``read``.

``write`` leaves what this release writes: sessions, orders with their events, enumerations. ``read`` goes through all
of it, whoever wrote it, and exits with 1 at the first thing that this release does not understand.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid

import psycopg

from .cookie import new_token
from .release import VERSION
from .store import Store

EVENTS = {"placed"}  # kinds that this release knows
ORDERS = 5
MOST = 500


class NotUnderstoodError(Exception):
    """A row that this release cannot read."""


async def write(url: str) -> None:
    """A session and its orders, through the code that serves users; each order sent twice, as clients do."""
    store = Store(url, size=2)
    await store.open()
    try:
        token = new_token()
        await store.add_session(token)
        for quantity in range(1, ORDERS + 1):
            key = str(uuid.uuid4())
            first = await store.place(token, key, quantity, 450 * quantity, VERSION)
            if first != await store.place(token, key, quantity, 450 * quantity, VERSION):
                raise NotUnderstoodError(f"order {key} is another one when it is sent again")
        if await store.orders_of(token) != ORDERS:
            raise NotUnderstoodError(f"a session that placed {ORDERS} orders has {await store.orders_of(token)}")
    finally:
        await store.close()


async def read(url: str) -> None:
    """Every session, order and event, newest first."""
    with psycopg.connect(url) as connection:
        ids = [
            str(one)
            for (one,) in connection.execute("select id from orders order by created_at desc limit %s", (MOST,))
        ]
        kinds = {kind for (kind,) in connection.execute("select distinct kind from order_events")}
        tokens = connection.execute("select id, token_hash from sessions order by created_at desc limit %s", (MOST,))
        odd = [public for public, secret in tokens if len(public) != 16 or len(secret) != 64]
    if unknown := kinds - EVENTS:
        raise NotUnderstoodError(f"events of a kind that {VERSION} does not know: {', '.join(sorted(unknown))}")
    if odd:
        raise NotUnderstoodError(f"sessions of another form: {odd[0]}")
    store = Store(url, size=2)
    await store.open()
    try:
        for order_id in ids:
            order = await store.order(order_id)
            if order is None or order.quantity < 1:
                raise NotUnderstoodError(f"order {order_id} reads as {order}")
    finally:
        await store.close()


def main() -> None:
    try:
        asyncio.run({"write": write, "read": read}[sys.argv[1]](os.environ["SMOKE_DATABASE_URL"]))
    except (NotUnderstoodError, psycopg.Error) as wrong:
        sys.exit(f"{VERSION}: {type(wrong).__name__}: {wrong}")


if __name__ == "__main__":
    main()
