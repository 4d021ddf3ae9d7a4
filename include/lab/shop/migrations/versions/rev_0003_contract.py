"""every order says how it is wrapped: contract, after which releases that do not write it cannot place orders"""

from alembic import op

revision = "0003_contract"
down_revision = "0002"


def upgrade() -> None:
    op.execute("update orders set gift = 'none' where gift is null")
    op.execute("alter table orders alter column gift set not null")


def downgrade() -> None:
    op.execute("alter table orders alter column gift drop not null")
