"""A fault in the shop's data, as a careless repair by hand would leave it: an order without its event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_BREAK = """insert into orders (id, session_id, quantity, total_cents, release)
select gen_random_uuid(), session_id, 1, 100, 'by hand' from orders limit 1 returning id"""
_MEND = """insert into order_events (order_id, session_id, kind, quantity, total_cents, release)
select id, session_id, 'placed', quantity, total_cents, release from orders o where id = %s
and not exists (select 1 from order_events e where e.order_id = o.id)"""


@contextmanager
def order_without_event(url: str) -> Iterator[Callable[[], None]]:
    """The order stands without its event until the function that is given is called, or the block ends."""
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        row = connection.execute(_BREAK).fetchone()
        assert row is not None, "the shop has no order yet"

        def mend() -> None:
            connection.execute(_MEND, row)

        try:
            yield mend
        finally:
            mend()
