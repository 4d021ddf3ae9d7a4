"""Alembic environment of the journal: runs on the connection that the caller has locked; there is no offline mode."""

from __future__ import annotations

from alembic import context

from tidegate.journal.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
