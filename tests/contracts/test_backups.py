"""Base backups, log archive and restore on real PostgreSQL: a primary and its streaming standby."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import Server
from tidegate.drivers.backups.contract import BackupState, Restored
from tidegate.drivers.backups.postgres import PostgresBackups, Settings, connect
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.errors import NotYet, Refused, Rejected

PATIENCE = 300.0


@dataclass
class Bench:
    """``rows``: what this client was told is committed."""

    servers: dict[str, Server]
    backups: PostgresBackups
    directory: Path
    beside: Path
    said: list[str] = field(default_factory=list)
    rows: dict[int, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    keeper: threading.Thread | None = None

    def keep(self, every: float = 3600.0, keep: int = 2) -> None:
        self.stop = threading.Event()
        self.keeper = threading.Thread(
            target=self.backups.keep_up, args=(self.stop, self.said.append), kwargs={"every": every, "keep": keep}
        )
        self.keeper.start()

    def rest(self) -> None:
        self.stop.set()
        if self.keeper is not None:
            self.keeper.join(PATIENCE)

    def write(self, number: int, text: str, region: str = "east") -> None:
        self.servers[region].execute(f"insert into notes values ({number}, '{text}')")
        self.rows[number] = text

    def now(self, region: str = "east") -> float:
        return float(str(self.servers[region].execute("select extract(epoch from clock_timestamp())")[0][0]))

    def reaches(self, at: float) -> BackupState:
        return until(self.backups.observe, lambda state: (state.archived_until or 0) >= at)

    def rows_of(self, restored: Restored) -> dict[int, str]:
        with psycopg.connect(self.uri(restored)) as connection:
            return dict(connection.execute("select id, text from notes").fetchall())

    def uri(self, restored: Restored) -> str:
        found = self.backups.address(restored.id, self.servers["east"].url())
        return found.replace("postgresql+psycopg:", "postgresql:", 1)


def until(look: Callable[[], BackupState], good: Callable[[BackupState], bool]) -> BackupState:
    deadline = time.monotonic() + PATIENCE
    while not good(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def bench(servers: dict[str, Server], database: str = "") -> Bench:
    """``database``: what may be swapped."""
    directory = Path(tempfile.mkdtemp(prefix="tidegate-backups-"))
    directory.chmod(0o755)
    beside = directory / "beside"
    beside.mkdir()
    extra = {"directory": str(directory / "kept"), "programs": str(Path(postgres._program("postgres")).parent)}
    if os.geteuid() == 0:
        account = pwd.getpwnam("embedded_postgres")
        os.chown(beside, account.pw_uid, account.pw_gid)
        extra["account"] = account.pw_name
    place = Credential("place", "file", "", None, extra={**extra, "beside": str(beside)})

    def resolve(reference: str) -> Credential:
        if reference == "conn://place":
            return place
        _, _, region = reference.removeprefix("conn://").rpartition("-")
        one, path = servers[region], database if "admin-" in reference else "postgres"
        return Credential("server", "postgres", "127.0.0.1", one.port, "postgres", one.password, path)

    regions = {"east": "conn://east", "west": "conn://west"}
    admin = {region: f"conn://admin-{region}" for region in regions} if database else {}
    settings = Settings(place="conn://place", regions=regions, admin=admin)
    made = connect(settings, Site("shop", {"east": 5000, "west": 5000}, (), directory, resolve))
    return Bench(servers, made, directory / "kept", beside)


@pytest.fixture
def kept() -> Iterator[Bench]:
    """The archive goes on, a backup is there, and 1,000 rows are committed."""
    east = postgres.start()
    west = postgres.start_standby(east, "west")
    made = bench({"east": east, "west": west})
    try:
        east.execute("create table notes (id int primary key, text text)")
        east.execute("insert into notes select n, 'note ' || n from generate_series(1, 1000) n")
        made.rows = {n: f"note {n}" for n in range(1, 1001)}
        made.keep()
        until(made.backups.observe, lambda state: state.newest is not None and state.archived_until is not None)
        yield made
    finally:
        made.rest()
        for one in made.backups.restored():
            made.backups.discard(one.id)
        for server in (west, east):
            server.stop()
        shutil.rmtree(made.directory.parent, ignore_errors=True)


def test_what_was_spoilt_is_had_back_as_it_was_just_before(kept: Bench) -> None:
    """A backup, writes, a bad UPDATE, more writes: what is restored is the client's record of just before, exactly."""
    for number in range(2001, 2051):
        kept.write(number, f"written after the backup, {number}")
    good = kept.now()
    before = dict(kept.rows)
    kept.servers["east"].execute("update notes set text = 'spoilt' where id % 50 = 0")
    kept.write(3001, "of a customer, after it was spoilt")
    kept.reaches(kept.now())

    found = kept.backups.restore(good)

    assert kept.rows_of(found) == before
    assert found.reached is not None
    assert found.reached <= good
    (notes,) = kept.backups.compare(found.id, kept.servers["east"].url())
    assert (notes.table, notes.live, notes.restored) == ("notes", 1051, 1050)
    assert (notes.only_live, notes.only_restored) == (21 + 1, 21), "21 were spoilt, one was written since"
    with (
        psycopg.connect(kept.uri(found), autocommit=True) as beside,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        beside.execute("insert into notes values (9999, 'into the restored one')")
    kept.write(3002, "the live one goes on")

    kept.reaches(kept.now())
    newest = kept.backups.restore(None)
    (same,) = kept.backups.compare(newest.id, kept.servers["east"].url())
    assert same.same, "the newest state is the live one's"
    for one in (found, newest):
        kept.backups.discard(one.id)
    assert kept.backups.restored() == ()
    assert list(kept.beside.iterdir()) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{found.port}/postgres", connect_timeout=5)


def test_a_time_that_cannot_be_had_is_refused_and_leaves_nothing(kept: Bench) -> None:
    with pytest.raises(Refused, match="no readable backup had ended by then"):
        kept.backups.restore(kept.now() - 3600)
    with pytest.raises(NotYet, match=r"is \d+\.\d s from that time"):
        kept.backups.restore(kept.now() + 3600)
    state = kept.reaches(kept.now())
    assert state.newest is not None
    for path in (kept.directory / "wal").iterdir():
        path.rename(path.with_name(f"away-{path.name}"))
    assert "is empty" in kept.backups.observe().gap
    with pytest.raises(Refused, match="has a gap"):
        kept.backups.restore(None)
    assert list(kept.beside.iterdir()) == []
    assert kept.backups.restored() == ()


def test_a_damaged_backup_is_found_and_never_restored(kept: Bench) -> None:
    (backup,) = kept.reaches(kept.now()).backups
    files = kept.directory / "base" / backup.id
    victim = max((p for p in (files / "base").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[4000] ^= 0xFF
    victim.write_bytes(content)

    assert kept.backups.observe().newest is not None, "as long as it was: only reading it in full can tell"
    with pytest.raises(Rejected, match="checksum mismatch"):
        kept.backups.restore(None)
    (found,) = kept.backups.observe(read_again_after=0.0).backups
    assert (found.readable, "is not what was written" in found.why) == (False, True)
    with pytest.raises(Refused, match="no readable backup"):
        kept.backups.restore(None)

    victim.write_bytes(b"")
    taken = kept.backups.take(keep=2)
    assert kept.backups.observe().newest == taken
    shutil.rmtree(kept.directory / "base" / taken.id)
    gone = next(one for one in kept.backups.observe().backups if one.id == taken.id)
    assert (gone.readable, gone.why) == (False, "its files are gone")


def test_the_archive_goes_on_from_the_new_primary(kept: Bench) -> None:
    kept.write(2001, "before east is lost")
    kept.reaches(kept.now())
    kept.servers["east"].signal_all(signal.SIGKILL)
    kept.servers["west"].execute("select pg_promote(true, 60)")
    kept.write(2002, "after west took over", region="west")
    at = kept.now("west")
    kept.write(2003, "later", region="west")
    state = kept.reaches(kept.now("west"))
    assert state.gap == ""

    found = kept.backups.restore(at)

    assert {n: t for n, t in kept.rows.items() if n != 2003} == kept.rows_of(found)
    assert any(path.name == "00000002.history" for path in (kept.directory / "wal").iterdir())


def test_an_archive_that_stands_still_is_seen(kept: Bench) -> None:
    until_then = kept.reaches(kept.now()).archived_until
    kept.rest()
    kept.write(2001, "nobody archives this")
    state = kept.backups.observe()
    assert until_then is not None
    assert state.archived_until is not None
    assert kept.now() > state.archived_until
    with pytest.raises(NotYet):
        kept.backups.restore(kept.now())
    kept.keep()
    kept.reaches(kept.now())
    assert kept.backups.observe().gap == "", "what was written meanwhile was kept for it"


def test_the_oldest_go_when_a_newer_one_was_read(kept: Bench) -> None:
    (first,) = kept.backups.observe().backups
    kept.servers["east"].execute("select pg_switch_wal()")
    kept.write(2001, "in the next file")
    kept.reaches(kept.now())
    second, third = (kept.backups.take(keep=2) for _ in range(2))
    assert [one.id for one in kept.backups.observe().backups] == [second.id, third.id]
    assert not (kept.directory / "base" / first.id).exists()
    kept.reaches(kept.now())
    assert kept.rows_of(kept.backups.restore(None)) == kept.rows
