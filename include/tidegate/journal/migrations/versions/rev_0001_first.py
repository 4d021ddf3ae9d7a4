"""Events (append-only), heads, beats, evidence.

The triggers refuse changes of the chain by mistake. They are no protection against whoever owns the database: that is
what the hashes and the signed heads are for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_chain()
    _create_mutable()
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(sa.text(statement))


def downgrade() -> None:
    raise NotImplementedError("the journal is not taken away by a migration: drop its database by hand if you mean to")


def _create_chain() -> None:
    op.create_table(
        "events",
        sa.Column("service", sa.String(63), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(200)),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("lease", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("events_by_operation", "events", ["service", "operation", "seq"])
    op.create_index("events_by_kind", "events", ["service", "kind", "seq"])
    op.create_table(
        "heads",
        sa.Column("service", sa.String(63), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("lease_operation", sa.String(200)),
        sa.Column("lease_kind", sa.String(32)),
        sa.Column("lease_holder", sa.String(200)),
        sa.Column("lease_expires_at", sa.Float(53)),
    )


def _create_mutable() -> None:
    op.create_table(
        "beats",
        sa.Column("service", sa.String(63), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("service", sa.String(63), primary_key=True),
        sa.Column("operation", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def _guards(dialect: str) -> list[str]:
    """Statements that make ``events`` append-only for whoever does not take the triggers away."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
            "BEGIN SELECT RAISE(ABORT, 'events is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE FUNCTION tidegate_events_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'events is append-only'; END $$",
        "CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION tidegate_events_append_only()",
    ]
