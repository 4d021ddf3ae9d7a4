"""One suite for every migrations driver: in memory, and Alembic on a real PostgreSQL."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support.migrations import PG_DUMP, write_chain
from tests.support.postgres import database, server, start, start_standby
from tidegate.drivers import registry
from tidegate.drivers.credentials import Credential, connection_name, parse_connection
from tidegate.drivers.migrations.contract import Act, Migrations
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, NotYet, Refused, Rejected, Throttled
from tidegate.model.migration import Reversible

REVISIONS = (
    ("0001", 'op.execute("create table notes (id bigint primary key, body text)")', 'op.drop_table("notes")'),
    ("0002", 'op.execute("alter table notes add n int")', 'op.drop_column("notes", "n")'),
    ("0003", 'op.execute("create table more (id int)")', 'op.drop_table("more")\nraise RuntimeError("told to raise")'),
    ("0004", 'op.execute("alter table more add m int")', 'op.drop_column("more", "m")'),
)
SMOKE = "import os, sys\nprint(sys.argv[1], 'password' in os.environ['SMOKE_DATABASE_URL'])\nsys.exit({code})\n"


@dataclass
class Bench:
    """A driver, a release's files, and what was really done. ``columns()``: of the table notes, None if that is not
    known."""

    migrations: Migrations
    files: Path
    columns: Callable[[], set[str] | None]
    uri: str | None = None


def site(root: Path, **connections: str) -> Site:
    def resolve(reference: str) -> Credential:
        name = connection_name(reference)
        return parse_connection(name, connections[name])

    return Site("shop", {"east": 10_000}, (), root, resolve)


def alembic_bench(root: Path, files: Path, url: str) -> Bench:
    uri = url.replace("postgresql+psycopg:", "postgresql:", 1)
    options = {"kind": "alembic", "regions": {"east": "conn://db"}, "scratch": "conn://db", "pg_dump": str(PG_DUMP)}
    name = url.rpartition("/")[2]

    def columns() -> set[str]:
        found = server().execute("select column_name from information_schema.columns where table_name = 'notes'", name)
        return {str(one) for (one,) in found}

    return Bench(registry.connect("migrations", options, site(root, db=uri)), files, columns, uri)


@pytest.fixture(params=["memory", pytest.param("alembic", marks=pytest.mark.real)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    files = tmp_path / "files"
    write_chain(files / "migrations", *REVISIONS)
    if request.param == "alembic":
        with database() as url:
            yield alembic_bench(tmp_path, files, url)
        return
    options = {"kind": "memory", "revisions": [r[0] for r in REVISIONS], "at": "base"}
    memory = registry.connect("migrations", options, site(tmp_path))
    memory.irreversible = {"0003"}
    yield Bench(memory, files, lambda: None)


def to(bench: Bench, target: str, epoch: int = 1):
    return bench.migrations.migrate(bench.files, target, Token(epoch, "op"), 2.0)


def test_it_goes_up_to_exactly_the_revision_that_was_asked_for_and_down_again(bench: Bench):
    assert bench.migrations.observe().revision == "base"
    up = to(bench, "0002")
    assert (up.came_from, up.now_at, up.revisions) == ("base", "0002", ("0001", "0002"))
    assert bench.migrations.observe().revision == "0002"
    assert bench.columns() in (None, {"id", "body", "n"})
    down = to(bench, "0001")
    assert (down.came_from, down.now_at, down.revisions) == ("0002", "0001", ("0002",))
    assert bench.columns() in (None, {"id", "body"})


def test_where_it_is_already_nothing_is_run(bench: Bench):
    to(bench, "0001")
    assert to(bench, "0001").revisions == ()


def test_a_stale_epoch_is_refused_by_the_database_itself(bench: Bench):
    to(bench, "0001", epoch=5)
    assert bench.migrations.observe().epoch == 5
    with pytest.raises(LeaseLost):
        to(bench, "0002", epoch=4)
    assert bench.migrations.observe().revision == "0001"


def test_a_downgrade_of_several_steps_that_fails_leaves_the_schema_where_it_was(bench: Bench):
    to(bench, "0004")
    with pytest.raises(Rejected, match=r"told to raise.*the schema is at 0004, as before"):
        to(bench, "0001", epoch=2)
    assert bench.migrations.observe().revision == "0004"
    assert bench.migrations.observe().epoch == 1, "the epoch was taken back with the rest"


def test_a_revision_that_the_files_do_not_hold_is_refused(bench: Bench):
    with pytest.raises(Refused, match="0009"):
        to(bench, "0009")


def test_what_is_between_two_revisions(bench: Bench):
    between = bench.migrations.between
    assert between(bench.files, "0001", "0003") == ("0002", "0003")
    assert between(bench.files, "base", "0001") == ("0001",)
    assert between(bench.files, "0003", "0001") == ()


def test_the_proof_finds_the_revision_that_cannot_be_undone_and_touches_nothing(bench: Bench):
    to(bench, "0001")
    proof = bench.migrations.prove(bench.files, "0004", 10)
    found = {one.revision: one.reversible for one in proof.revisions}
    assert found == {"0002": Reversible.YES, "0003": Reversible.NO, "0004": Reversible.YES}
    assert bench.migrations.observe().revision == "0001"


def test_smoke_tests_run_in_turn_until_one_fails(bench: Bench):
    for name, code in (("good", 0), ("bad", 3)):
        (bench.files / f"{name}.py").write_text(SMOKE.format(code=code))
    to(bench, "0001")
    if hasattr(bench.migrations, "unfit"):
        bench.migrations.unfit = {"bad"}
    acts = [Act(v, m, ("{python}", f"{v}.py"), bench.files) for v, m in (("good", "write"), ("bad", "read"))]
    acted = bench.migrations.rehearse(bench.files, "0002", [*acts, acts[0]], 10)
    assert [(str(one.act), one.passed) for one in acted] == [("good writes", True), ("bad reads", False)]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Bench]:
    files = tmp_path / "files"
    write_chain(files / "migrations", *REVISIONS)
    with database() as url:
        yield alembic_bench(tmp_path, files, url)


@pytest.mark.real
def test_a_lock_that_is_not_had_soon_is_given_up_so_that_nobody_waits(real: Bench):
    to(real, "0001")
    with psycopg.connect(real.uri) as other:
        other.execute("select * from notes")  # an open transaction that has read
        with pytest.raises(Throttled, match=r"did not get its lock within 0\.1 s"):
            real.migrations.migrate(real.files, "0002", Token(1, "op"), 0.1)
    assert real.migrations.observe().revision == "0001"


@pytest.mark.real
def test_two_migrations_at_once_are_one_and_a_refusal(real: Bench, tmp_path: Path):
    begun, free = tmp_path / "begun", tmp_path / "free"
    slow = f"""
    import pathlib, time
    pathlib.Path({str(begun)!r}).touch()
    while not pathlib.Path({str(free)!r}).exists():
        time.sleep(0.02)
    """
    write_chain(real.files / "migrations", ("0001", slow, "pass"))
    first = threading.Thread(target=to, args=(real, "0001"))
    first.start()
    try:
        while not begun.exists():
            first.join(0.02)
        with pytest.raises(NotYet, match="another migration is running"):
            to(real, "0001")
    finally:
        free.touch()
        first.join()
    assert real.migrations.observe().revision == "0001"


@pytest.mark.real
def test_a_revision_that_leaves_its_transaction_has_a_path_of_its_own(real: Bench):
    index = """
    with op.get_context().autocommit_block():
        op.execute("create index concurrently by_body on notes (body)")
    """
    write_chain(real.files / "migrations", REVISIONS[0], ("0002", index, 'op.execute("drop index by_body")'))
    assert to(real, "0002").revisions == ("0001", "0002")
    assert real.migrations.observe().revision == "0002"
    assert to(real, "base", epoch=2).revisions == ("0002", "0001")


@pytest.mark.real
def test_one_that_fails_outside_a_transaction_says_where_the_schema_stands(real: Bench):
    index = """
    with op.get_context().autocommit_block():
        op.execute("create unique index concurrently by_body on notes (body)")
    """
    fill = REVISIONS[0][1] + "\nop.execute(\"insert into notes values (1, 'a'), (2, 'a')\")"
    write_chain(real.files / "migrations", ("0001", fill, "pass"), ("0002", index, "pass"))
    with pytest.raises(NotSettled, match="the schema is at 0001 on its way to 0002"):
        to(real, "0002")


@pytest.mark.real
def test_nothing_is_migrated_on_a_standby_even_if_it_is_the_only_one_that_was_named(tmp_path: Path):
    """Safety rule 9: the driver that looks for the primary refuses, and so does the transaction itself."""
    from tidegate.drivers.migrations import _chain, _one_move
    from tidegate.drivers.migrations._scratch import connected

    primary = start()
    standby = start_standby(primary)
    try:
        files = tmp_path / "files"
        write_chain(files / "migrations", *REVISIONS)
        options = {"kind": "alembic", "regions": {"east": "conn://db"}, "scratch": "conn://db"}
        driver = registry.connect("migrations", options, site(tmp_path, db=standby.uri()))
        with pytest.raises(NotYet, match="no database takes writes"):
            driver.migrate(files, "0001", Token(1, "op"), 1.0)
        chain = _chain.from_directory(files / "migrations")
        with connected(standby.url()) as connection, pytest.raises(Refused, match="standby"):
            _one_move.move(chain, connection, "0001", Token(1, "op"), 1.0)
    finally:
        standby.stop()
        primary.stop()


@pytest.mark.real
def test_a_release_without_migrations_is_told_so(real: Bench, tmp_path: Path):
    with pytest.raises(Refused, match="holds no migrations"):
        real.migrations.between(tmp_path, "base", "0001")


def test_connecting_imports_no_alembic():
    import subprocess

    code = (
        "import sys; from tidegate.drivers.migrations import alembic, memory, _proof, _one_move; "
        "sys.exit('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
