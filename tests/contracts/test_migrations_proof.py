"""The proof of reversibility, on a real PostgreSQL: what it finds, and that it leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.migrations import PG_DUMP, chain_of_others, write_chain, write_ini
from tests.support.postgres import database, server
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drivers.migrations import _proof
from tidegate.drivers.migrations._chain import from_directory, from_ini
from tidegate.drivers.migrations._proof import Request, prove
from tidegate.drivers.migrations._scratch import PREFIX
from tidegate.errors import Refused
from tidegate.model.migration import Lock, Proof, Reversible

TABLE = ("0001", 'op.execute("create table notes (id bigint primary key, body text)")', 'op.drop_table("notes")')
pytestmark = pytest.mark.real


def proof_of(
    folder: Path, *revisions: tuple[str, str, str], lower: str = "0001", pg_dump: Path | None = PG_DUMP
) -> Proof:
    chain = from_directory(write_chain(folder, TABLE, *revisions))
    return prove(Request(chain, server().url(), lower=lower, pg_dump=pg_dump))


def left() -> list[object]:
    return [n for (n,) in server().execute(f"select datname from pg_database where datname like '{PREFIX}%'")]


def test_a_column_that_is_added_and_dropped_again_is_reversible(tmp_path: Path):
    proof = proof_of(tmp_path, ("0002", 'op.execute("alter table notes add n int")', 'op.drop_column("notes", "n")'))
    (one,) = proof.revisions
    assert (one.reversible, one.shed, one.lost) == (Reversible.YES, ("notes.n",), ())
    assert one.locks == (Lock("public.notes", "AccessExclusiveLock"),)
    assert left() == []


@pytest.mark.parametrize("pg_dump", [PG_DUMP, None], ids=["pg_dump", "catalogue"])
def test_a_trigger_that_the_downgrade_forgets_is_found(tmp_path: Path, pg_dump: Path | None):
    up = """
    op.execute("create function hush() returns trigger language plpgsql as $$ begin return new; end $$")
    op.execute("create trigger hush before insert on notes for each row execute function hush()")
    """
    proof = proof_of(tmp_path, ("0002", up, "pass"), pg_dump=pg_dump)
    (one,) = proof.revisions
    assert one.reversible is Reversible.NO
    assert any("hush" in line and line.startswith("+") for line in one.differences), one.differences
    assert ("pg_dump" in proof.compared_by) and (("no pg_dump" in proof.compared_by) == (pg_dump is None))


def test_a_dropped_column_comes_back_without_its_values(tmp_path: Path):
    proof = proof_of(
        tmp_path, ("0002", 'op.drop_column("notes", "body")', 'op.execute("alter table notes add body text")')
    )
    (one,) = proof.revisions
    assert one.reversible is Reversible.LOSSY
    assert one.lost[0] == "notes.body"


def test_values_that_a_migration_changes_for_good_are_named(tmp_path: Path):
    proof = proof_of(tmp_path, ("0002", "op.execute(\"update notes set body = 'x'\")", "pass"))
    (one,) = proof.revisions
    assert (one.reversible, one.lost) == (Reversible.LOSSY, ("notes.body: values",))
    assert [b.why for b in one.blocks] == ["updates"]


def test_a_downgrade_that_raises_half_way_is_told_and_the_next_revision_is_tried_all_the_same(tmp_path: Path):
    down = 'op.drop_column("notes", "n")\nraise RuntimeError("half-way")'
    proof = proof_of(
        tmp_path,
        ("0002", 'op.execute("alter table notes add n int")', down),
        ("0003", 'op.execute("alter table notes add m int")', 'op.drop_column("notes", "m")'),
    )
    assert [one.reversible for one in proof.revisions] == [Reversible.NO, Reversible.YES]
    assert proof.revisions[0].why == "the downgrade fails: RuntimeError: half-way"


def test_statements_that_rewrite_or_read_a_large_table_are_named_with_its_size(tmp_path: Path):
    ups = (
        'op.execute("alter table notes alter id type numeric")',
        'op.execute("create index by_body on notes (body)")',
        'op.execute("alter table notes alter body set not null")',
    )
    chain = from_directory(write_chain(tmp_path, TABLE, ("0002", "\n".join(ups), "pass")))
    with database() as source:
        name = source.rpartition("/")[2]
        server().execute("create table notes (id bigint primary key, body text)", name)
        server().execute("create table alembic_version (version_num varchar(32) not null)", name)
        server().execute("insert into alembic_version values ('0001')", name)
        server().execute("insert into notes select n, 'b' || n from generate_series(1, 5000) n", name)
        server().execute("analyze notes", name)
        proof = prove(Request(chain, server().url(), source=source, sample=10, pg_dump=PG_DUMP))
    found = [(b.why, b.rows, b.mode) for b in proof.blocking(5000)]
    assert found == [
        ("rewrites", 5000, "AccessExclusiveLock"),
        ("scans", 5000, "AccessExclusiveLock"),  # under the lock that the rewrite has left
        ("scans", 5000, "AccessExclusiveLock"),
    ]
    assert proof.blocking(5001) == ()


def test_an_index_that_is_built_concurrently_goes_its_own_path_and_is_told(tmp_path: Path):
    up = """
    with op.get_context().autocommit_block():
        op.execute("create index concurrently by_body on notes (body)")
    """
    proof = proof_of(tmp_path, ("0002", up, 'op.execute("drop index by_body")'))
    (one,) = proof.revisions
    assert (one.reversible, one.outside, one.blocks) == (Reversible.YES, True, ())


@pytest.mark.parametrize("pg_dump", [PG_DUMP, None], ids=["pg_dump", "chain"])
def test_rows_of_the_source_are_copied_with_those_that_they_refer_to(tmp_path: Path, pg_dump: Path | None):
    up = 'op.execute("create table lines (id int primary key, note bigint references notes)")'
    lose = 'op.execute("delete from lines")\nop.execute("delete from notes")'
    chain = from_directory(write_chain(tmp_path, TABLE, ("0002", up, "pass"), ("0003", lose, "pass")))
    with database() as source:
        name = source.rpartition("/")[2]
        server().execute("create table notes (id bigint primary key, body text)", name)
        server().execute("create table lines (id int primary key, note bigint references notes)", name)
        server().execute("create table alembic_version (version_num varchar(32) not null)", name)
        server().execute("insert into alembic_version values ('0002')", name)
        server().execute("insert into notes select n, 'b' || n from generate_series(1, 50) n", name)
        server().execute("insert into lines select n, 51 - n from generate_series(1, 50) n", name)
        proof = prove(Request(chain, server().url(), source=source, sample=5, pg_dump=pg_dump))
        kept = server().execute("select count(*) from notes", name)
    assert proof.left_out == ()
    assert proof.revisions[0].lost == ("lines: 5 rows before, 0 after", "notes: 10 rows before, 0 after")
    assert kept == [(50,)], "the source is only read"
    assert left() == []


def test_nothing_is_left_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[object] = []

    def interrupted(*_: object) -> None:
        seen.extend(left())
        raise KeyboardInterrupt

    monkeypatch.setattr(_proof._Trial, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        proof_of(tmp_path, ("0002", "pass", "pass"))
    assert len(seen) == 2, "trunk and trial were there"
    assert left() == []


def test_a_role_that_may_not_create_databases_is_told_what_to_do(tmp_path: Path):
    server().execute("do $$ begin create role plain login password 'plain'; exception when others then null; end $$")
    chain = from_directory(write_chain(tmp_path, TABLE))
    url = server().url().replace("postgres:" + server().password, "plain:plain")
    with pytest.raises(Refused, match="may not create databases") as caught:
        prove(Request(chain, url))
    assert "createdb" in caught.value.next_step


def test_a_revision_that_is_not_known_is_told(tmp_path: Path):
    with pytest.raises(Refused, match="0009"):
        proof_of(tmp_path, lower="0009")


def test_the_command_proves_a_chain_that_others_wrote(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Revision 1e629a913727 puts an enumeration in the place of another, and its downgrade leaves the wrong values
    behind."""
    ini = chain_of_others(tmp_path_factory.getbasetemp() / "others")
    monkeypatch.setenv("AIRFLOW_CONN_TIDEGATE_SCRATCH", server().uri())
    asked = ["migrations", "prove", "--config", str(ini), "--revisions", "8c574ada5e5f:7cbcccf8b57a"]
    assert main([*asked, "--pg-dump", str(PG_DUMP), "--json"]) == ExitCode.NOT_REVERSIBLE
    value = json.loads(capsys.readouterr().out)
    found = {one["revision"]: one["reversible"] for one in value["revisions"]}
    assert found == {"3fc3c0839959": "yes", "1e629a913727": "no", "7cbcccf8b57a": "yes"}
    assert left() == []


def test_the_table_says_how_schemas_were_compared_and_a_clean_chain_exits_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ini = write_ini(tmp_path / "alembic.ini", write_chain(tmp_path / "scripts", TABLE))
    assert from_ini(ini).head == "0001"
    monkeypatch.setenv("AIRFLOW_CONN_TIDEGATE_SCRATCH", server().uri())
    assert main(["migrations", "prove", "--config", str(ini), "--pg-dump", str(PG_DUMP)]) == ExitCode.OK
    printed = capsys.readouterr().out
    assert "compared by pg_dump" in printed
    assert "0001      yes          on the way back: notes" in printed
    assert server().password not in printed
