"""notes are found by what they say"""

from alembic import op

revision = "0004_notes"
down_revision = "0003_notes"


def upgrade() -> None:
    op.execute("create index order_notes_by_note on order_notes (note)")


def downgrade() -> None:
    op.execute("drop index order_notes_by_note")
