"""orders have notes, and its downgrade will not throw them away unasked"""

import sqlalchemy as sa
from alembic import op

revision = "0003_notes"
down_revision = "0002"


def upgrade() -> None:
    op.execute("create table order_notes (order_id uuid primary key, note text not null)")


def downgrade() -> None:
    kept = op.get_bind().execute(sa.text("select to_regclass('order_notes_kept')")).scalar()
    if kept is None:
        raise RuntimeError("order_notes would be lost; keep them: create table order_notes_kept as table order_notes")
    op.drop_table("order_notes")
