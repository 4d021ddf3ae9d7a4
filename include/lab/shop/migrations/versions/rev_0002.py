"""orders may be wrapped as a gift: expand, so that releases that know nothing of it go on"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("create type gift_wrap as enum ('none', 'paper', 'box')")
    op.execute("alter table orders add column gift gift_wrap")


def downgrade() -> None:
    op.drop_column("orders", "gift")
    op.execute("drop type gift_wrap")
