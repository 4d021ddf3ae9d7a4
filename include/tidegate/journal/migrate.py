"""Bringing a journal's tables to the newest revision, also when two processes start at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from tidegate.errors import JournalError
from tidegate.journal.database import WRITE
from tidegate.journal.migrations import HEAD_REVISION, VERSION_TABLE

_ADVISORY_KEY = 0x7469646567617465  # "tidegate"; one migration at a time per PostgreSQL database


def migrate(engine: Engine) -> None:
    """Idempotent. All of it is one transaction: a failure leaves the tables as they were."""
    if engine.dialect.name == "sqlite":
        Path(engine.url.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        if _revision(connection) == HEAD_REVISION:
            return
    with engine.connect().execution_options(**WRITE) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
        if _revision(connection) != HEAD_REVISION:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def _upgrade(connection: Connection) -> None:
    """Alembic is imported here: most processes find the tables as they should be, and parsing DAGs never comes here."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise JournalError(
            f"the journal's tables cannot be brought to revision {HEAD_REVISION}: {error}",
            next_step="if a newer Tidegate has migrated this journal, use that one",
        ) from error
