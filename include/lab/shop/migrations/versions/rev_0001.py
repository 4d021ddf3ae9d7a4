"""sessions, orders and the append-only log of their events; messages that are to be sent, and who may send them

No foreign keys: what hangs together is proved by the policy's checks, not assumed.
"""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """create table sessions (
      id text primary key,
      token_hash text not null,
      created_at timestamptz not null default now()
    )""",
    """create table orders (
      id uuid primary key,
      session_id text not null,
      quantity integer not null,
      total_cents bigint not null,
      release text not null,
      created_at timestamptz not null default now()
    )""",
    "create index orders_by_session on orders (session_id)",
    """create table order_events (
      id bigint generated always as identity primary key,
      order_id uuid not null,
      session_id text not null,
      kind text not null,
      quantity integer not null,
      total_cents bigint not null,
      release text not null,
      created_at timestamptz not null default now()
    )""",
    "create index order_events_by_order on order_events (order_id)",
    """create table outbox (
      key uuid primary key,
      body jsonb not null,
      created_at timestamptz not null default now(),
      sent_at timestamptz,
      sent_epoch bigint
    )""",
    "create index outbox_unsent on outbox (created_at) where sent_at is null",
    """create table job_epochs (
      name text primary key,
      epoch bigint not null
    )""",
    """create table pending_payments (
      order_id uuid primary key,
      cents bigint not null,
      since timestamptz not null default now(),
      taken_up_at timestamptz,
      settled_at timestamptz
    )""",
    "create index pending_payments_unsettled on pending_payments (since) where settled_at is null",
    """create function order_events_only_grow() returns trigger language plpgsql as $$
    begin raise exception 'order_events is append-only: % refused', tg_op; end $$""",
    """create trigger order_events_only_grow before update or delete or truncate on order_events
    for each statement execute function order_events_only_grow()""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("pending_payments", "job_epochs", "outbox", "order_events", "orders", "sessions"):
        op.drop_table(table)
    op.execute("drop function order_events_only_grow()")
