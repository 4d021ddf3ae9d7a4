"""Roles of a journal on PostgreSQL: its owner migrates, writers may only append to the chain, readers only read.

The triggers on ``events`` stop a mistake; a role without the right to change stops whoever has a writer's password.
What is left to a writer is to move the head along with what it appends, and the working tables outside the chain.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection

from tidegate.errors import Refused, TidegateError
from tidegate.journal import database
from tidegate.journal.migrations import VERSION_TABLE
from tidegate.journal.store import Journal

WRITER, READER = "tidegate_writer", "tidegate_reader"


def statements(writer: str = WRITER, reader: str = READER) -> tuple[str, ...]:
    """What each role may do, all of it: earlier grants on these tables are taken back first."""
    tables = f"events, heads, beats, evidence, {VERSION_TABLE}"
    return (
        "revoke all on schema public from public",
        f"grant usage on schema public to {writer}, {reader}",
        f"revoke all on {tables} from {writer}, {reader}",
        f"grant select on {tables} to {writer}, {reader}",
        f"grant insert on events to {writer}",
        f"grant insert, update on heads to {writer}",
        f"grant insert, update, delete on beats, evidence to {writer}",
    )


def prepare(owner_url: str, passwords: Mapping[str, str]) -> None:
    """Tables at their newest revision, both roles with these passwords, and their rights. Idempotent.

    ``passwords``: of :data:`WRITER` and :data:`READER`; they are sent as SCRAM verifiers. Raises :class:`Refused` for
    a SQLite file, which has no roles, and :class:`~tidegate.errors.JournalError`.
    """
    url = database.parse(owner_url)
    if url.get_backend_name() != "postgresql":
        raise Refused("roles are for a journal on PostgreSQL", next_step="a SQLite file is guarded by its mode")
    journal = Journal(owner_url)
    journal.migrate()
    journal.close()
    engine = database.connect(owner_url)
    with database.writing(engine, "preparing the journal's roles") as connection:
        for role in (WRITER, READER):
            _set_password(connection, role, passwords[role])
        for statement in statements():
            connection.exec_driver_sql(statement)
    engine.dispose()


def _set_password(connection: Connection, role: str, password: str) -> None:
    raw = connection.connection.dbapi_connection
    assert raw is not None
    verifier = raw.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    known = connection.exec_driver_sql("select 1 from pg_roles where rolname = %s", (role,)).first()
    verb = "alter" if known else "create"
    connection.exec_driver_sql(f"{verb} role {role} login password '{verifier}'")  # base64 and $ only


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m tidegate.journal.grants``: prepare the journal; each secret is read from a file. 0 done, 2 not."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.journal.grants", description=main.__doc__)
    for name, what in (("owner-url", "the URL as the owner"), ("writer", "a password"), ("reader", "a password")):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"file that holds {what}")
    files = parser.parse_args(arguments)
    try:
        prepare(
            files.owner_url.read_text().strip(), {WRITER: files.writer.read_text(), READER: files.reader.read_text()}
        )
    except (TidegateError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("the journal's tables and roles are as they should be\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
