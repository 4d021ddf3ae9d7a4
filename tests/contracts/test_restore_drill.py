"""The restore drill on real PostgreSQL, under a client that writes: base backup, archive, copy, checks, comparison."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.contracts.test_backups import Bench, bench, until
from tests.support import postgres
from tests.support.drills import stage
from tests.support.postgres import Server
from tidegate.drill.cast import Cast
from tidegate.drill.copies import drop_copies
from tidegate.drill.restoring import Restoring
from tidegate.drivers.backups import _beside
from tidegate.drivers.database.contract import DatabaseAddress
from tidegate.drivers.database.memory import MemoryDatabase
from tidegate.engine.data_checks import LiveChecks
from tidegate.errors import Rejected
from tidegate.model.clock import SystemClock
from tidegate.model.drill import Scenario
from tidegate.policy.backups import Backups
from tidegate.policy.check import Check

CHECKS = {
    "notes_do_not_vanish": Check.model_validate({"not_below_snapshot": "notes"}),
    "notes_stay_as_they_are": Check.model_validate(
        {"unchanged_since_snapshot": {"table": "notes", "key": "id", "written_at": "written_at"}}
    ),
}


class At(MemoryDatabase):
    """In memory, but for where it is."""

    url = ""

    def primary(self) -> DatabaseAddress:
        return DatabaseAddress("east", self.url)


def writing(server: Server, stop: threading.Event) -> threading.Thread:
    """Row after row, until ``stop``."""

    def run() -> None:
        with psycopg.connect(server.uri(), autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("insert into notes (text) values ('of a customer')")
                stop.wait(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def kept() -> Iterator[Bench]:
    """The archive goes on, a backup is there, 1,000 rows are committed, and a client writes more."""
    east = postgres.start()
    west = postgres.start_standby(east, "west")
    made, stop = bench({"east": east, "west": west}), threading.Event()
    client: threading.Thread | None = None
    try:
        east.execute(
            "create table notes (id serial primary key, text text, written_at timestamptz default clock_timestamp())"
        )
        east.execute("insert into notes (text) select 'note ' || n from generate_series(1, 1000) n")
        made.keep()
        until(made.backups.observe, lambda state: state.newest is not None and state.archived_until is not None)
        client = writing(east, stop)
        yield made
    finally:
        stop.set()
        if client is not None:
            client.join(60)
        made.rest()
        for one in made.backups.restored():
            made.backups.discard(one.id)
        for server in (west, east):
            server.stop()
        shutil.rmtree(made.directory.parent, ignore_errors=True)


def cast_of(kept: Bench, tmp_path: Path) -> Cast:
    """A drill by the machine's own clock, of a database and backups that are real."""
    found = stage(tmp_path, {"restore": {"rto": "10m"}})
    world, database = found.cast.world, object.__new__(At)
    database.__dict__.update(found.rig.database.__dict__)
    database.url = kept.servers["east"].url()
    policy = world.policy.model_copy(update={"backups": Backups(), "checks": CHECKS})
    estate = dataclasses.replace(world.estate, backups=kept.backups, database=database)
    checks, clock = LiveChecks(database), SystemClock()
    world = dataclasses.replace(world, policy=policy, estate=estate, checks=checks, clock=clock)
    return dataclasses.replace(found.cast, world=world)


def answering(cast: Cast) -> Restoring:
    rehearsal = cast.section.scenarios[Scenario.RESTORE]
    return Restoring(cast, Scenario.RESTORE, rehearsal, "load", cast.now(), 0, "east")


def test_a_real_backup_is_proven_whole_while_users_write_and_nothing_is_left(kept: Bench, tmp_path: Path) -> None:
    cast = cast_of(kept, tmp_path)
    answer = answering(cast).answer()
    assert answer.wrong == ()
    assert set(answer.facts["checks"]["results"].values()) == {"passed"}
    assert set(answer.facts["checks"]["results"]) == set(CHECKS), "also those that compare with what was there before"
    (notes,) = answer.facts["different"]
    assert (notes["table"], notes["only_restored"]) == ("notes", 0)
    assert notes["only_live"] > 0, "a client wrote meanwhile"
    assert answer.behind is not None
    assert 0 <= answer.behind < 60
    assert answer.times.total is not None
    assert answer.times.act is not None
    assert 0 < answer.times.act <= answer.times.total
    drop_copies(cast, cast.id)
    assert (kept.backups.restored(), list(kept.beside.iterdir())) == ((), [])
    print(f"behind {answer.behind} s, {answer.times}")


def test_a_copy_that_lacks_rows_of_before_is_found_out(
    kept: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, restore = kept.now(), kept.backups.restore
    kept.reaches(kept.now())
    monkeypatch.setattr(kept.backups, "restore", lambda to: restore(early))
    kept.servers["east"].execute("insert into notes (text) select 'later ' || n from generate_series(1, 50) n")
    cast = cast_of(kept, tmp_path)
    wrong = answering(cast).answer().wrong
    assert any("data check notes_do_not_vanish" in one for one in wrong), wrong
    drop_copies(cast, cast.id)
    assert kept.backups.restored() == ()


def test_a_damaged_backup_is_told_and_nothing_is_left(kept: Bench, tmp_path: Path) -> None:
    (backup,) = kept.backups.observe().backups
    files = kept.directory / "base" / backup.id
    victim = max((p for p in (files / "base").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[4000] ^= 0xFF
    victim.write_bytes(content)
    with pytest.raises(Rejected, match="checksum mismatch"):
        answering(cast_of(kept, tmp_path)).answer()
    assert (kept.backups.restored(), list(kept.beside.iterdir())) == ((), [])


def test_files_that_stay_are_never_said_to_be_gone(
    kept: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored = kept.backups.restore(None)
    nothing: Callable[..., None] = lambda *given, **named: None  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(_beside.shutil, "rmtree", nothing)
        with pytest.raises(Rejected, match="could not be removed"):
            kept.backups.discard(restored.id)
    assert [one.id for one in kept.backups.restored()] == [restored.id], "whoever looks sees it"
    kept.backups.discard(restored.id)
    assert kept.backups.restored() == ()
