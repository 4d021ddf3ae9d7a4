"""The shop's tables. No foreign keys: what hangs together is proved by the policy's checks, not assumed."""

from __future__ import annotations

STATEMENTS = (
    """create table if not exists sessions (
      id text primary key,
      token_hash text not null,
      created_at timestamptz not null default now()
    )""",
    """create table if not exists orders (
      id uuid primary key,
      session_id text not null,
      quantity integer not null,
      total_cents bigint not null,
      release text not null,
      created_at timestamptz not null default now()
    )""",
    "create index if not exists orders_by_session on orders (session_id)",
    """create table if not exists order_events (
      id bigint generated always as identity primary key,
      order_id uuid not null,
      session_id text not null,
      kind text not null,
      quantity integer not null,
      total_cents bigint not null,
      release text not null,
      created_at timestamptz not null default now()
    )""",
    "create index if not exists order_events_by_order on order_events (order_id)",
    """create or replace function order_events_only_grow() returns trigger language plpgsql as $$
    begin raise exception 'order_events is append-only: % refused', tg_op; end $$""",
    """create or replace trigger order_events_only_grow before update or delete or truncate on order_events
    for each statement execute function order_events_only_grow()""",
)


def create(url: str) -> None:
    """Create the shop's tables on the primary at ``url`` (psycopg or SQLAlchemy form); what exists is left alone."""
    import psycopg

    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
