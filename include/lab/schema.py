"""The shop's tables, made by the migrations that its releases bring."""

from __future__ import annotations

from pathlib import Path

from tidegate.drivers.migrations._chain import from_directory
from tidegate.drivers.migrations._scratch import connected

MIGRATIONS = Path(__file__).resolve().parent / "shop" / "migrations"
START = "0001"  # what the release that the lab begins with needs


def create(url: str, revision: str = START) -> None:
    """Bring the database at ``url`` (psycopg or SQLAlchemy form) up to ``revision``; what is there is left alone."""
    chain = from_directory(MIGRATIONS)
    with connected(_sqlalchemy(url)) as connection, connection.begin():
        at = chain.current(connection)
        if at != revision:
            chain.upgrade(connection, chain.ascent(at, revision))


def restore(url: str) -> None:
    """Back to the start: whatever else the role at ``url`` owns in this database is dropped if a migration has been
    run since. Who noted an epoch in it is forgotten."""
    chain = from_directory(MIGRATIONS)
    with connected(_sqlalchemy(url)) as connection:
        if chain.current(connection) != START:
            connection.exec_driver_sql("drop owned by current_user cascade")
        connection.exec_driver_sql("drop schema if exists tidegate cascade")
        connection.commit()
    create(url)


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
