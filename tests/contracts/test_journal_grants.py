"""The journal's roles on a real PostgreSQL: a writer appends and changes nothing, a reader reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tests.support.journal import empty_postgres, fill
from tests.support.postgres import server
from tidegate.errors import JournalError, Refused
from tidegate.journal.grants import READER, WRITER, main, prepare
from tidegate.journal.store import Journal

pytestmark = pytest.mark.real
PASSWORDS = {WRITER: "writer's 100 % secret", READER: "reader's"}


@pytest.fixture
def database() -> Iterator[str]:
    url = empty_postgres()
    prepare(url, PASSWORDS)
    yield "journal"
    server().execute(f"drop owned by {WRITER}, {READER}", "journal")
    server().execute(f"drop role {WRITER}, {READER}")


def url_of(role: str, database: str) -> str:
    found = psycopg.conninfo.conninfo_to_dict(server().uri(database))
    password = PASSWORDS[role].replace("%", "%25").replace(" ", "%20")
    return f"postgresql+psycopg://{role}:{password}@{found['host']}:{found['port']}/{database}"


def change(role: str, database: str, statement: str) -> None:
    with psycopg.connect(url_of(role, database).replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_writer_does_all_that_the_product_does(database: str) -> None:
    journal = Journal(url_of(WRITER, database))
    journal.migrate()  # every world does, and finds nothing to do
    fill(journal)
    assert journal.verify("shop") == []
    journal.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update events set body = '{}'",
        "delete from events",
        "truncate events",
        "drop table events",
        "alter table events disable trigger all",
        "delete from heads",
        "create table more (x int)",
        "drop function tidegate_events_append_only cascade",
    ],
)
@pytest.mark.parametrize("role", [WRITER, READER])
def test_neither_role_can_change_history(database: str, role: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        change(role, database, statement)


def test_a_reader_cannot_append(database: str) -> None:
    journal = Journal(url_of(READER, database))
    with pytest.raises(JournalError, match=r"InsufficientPrivilege|permission denied"):
        fill(journal)
    assert journal.services() == []
    journal.close()


def test_preparing_again_changes_nothing_but_the_passwords(database: str) -> None:
    prepare(server().url(database), {WRITER: "new", READER: "new"})
    with pytest.raises(psycopg.OperationalError):
        change(WRITER, database, "select 1")
    prepare(server().url(database), PASSWORDS)
    change(WRITER, database, "select 1")


def test_the_command_reads_each_secret_from_a_file(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("owner", server().url(database)), ("writer", "anew"), ("reader", PASSWORDS[READER])):
        (tmp_path / name).write_text(text)
    files = [f"--owner-url={tmp_path}/owner", f"--writer={tmp_path}/writer", f"--reader={tmp_path}/reader"]
    assert main(files) == 0
    with pytest.raises(psycopg.OperationalError):
        change(WRITER, database, "select 1")
    assert main([*files[:2], f"--reader={tmp_path}/nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


def test_a_file_has_no_roles(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="PostgreSQL"):
        prepare(f"sqlite:///{tmp_path}/journal.sqlite", PASSWORDS)
