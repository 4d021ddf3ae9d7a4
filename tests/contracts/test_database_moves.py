"""The moving verbs on memory, and on two real PostgreSQL with their supervisors, links and power switch."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support import two_databases
from tests.support.clients import Clients
from tests.support.two_databases import TwoDatabases
from tidegate.drivers import registry
from tidegate.drivers.database import _admin, _moves, _observing
from tidegate.drivers.database.contract import Database
from tidegate.drivers.database.memory import MemoryDatabase
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, OutcomeUnknown, Refused, Unreachable

NOW = Token(7, "op-7")
LATER = Token(8, "op-8")


@dataclass
class Bench:
    """A driver, a client's write beside a region's server (True: acknowledged), and a kill of everything there."""

    database: Database
    write: Callable[[str], bool]
    kill: Callable[[str], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[TwoDatabases]:
    with two_databases.running() as found:
        yield found


@pytest.fixture
def two(shared: TwoDatabases, monkeypatch: pytest.MonkeyPatch) -> TwoDatabases:
    """With time for a machine that is busy with other things."""
    monkeypatch.setattr(_observing, "CONNECT_SECONDS", 15)
    monkeypatch.setattr(_observing, "ANSWER_SECONDS", 15.0)
    monkeypatch.setattr(_admin, "CONNECT_SECONDS", 15)
    monkeypatch.setattr(_admin, "CALL_SECONDS", 60.0)
    shared.back_to_start()
    return shared


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param == "memory":
        site = Site("shop", {"east": 5000, "west": 5000}, (), tmp_path)
        memory: MemoryDatabase = registry.connect("database", {"kind": "memory"}, site)
        return Bench(memory, memory.write, memory.kill)
    found: TwoDatabases = request.getfixturevalue("two")
    return Bench(found.driver(), lambda region: _wrote(found.url(region)), found.kill)


def test_there_and_back_with_one_writer_at_a_time(bench: Bench) -> None:
    database = bench.database
    assert database.writers() == ("east",)
    for source, target, token in (("east", "west", NOW), ("west", "east", LATER)):
        end = database.quiesce(source, token)
        assert (database.writers(), bench.write(source)) == ((), False)
        assert database.observe()[source].read_only
        _until(lambda t=target, e=end: (database.observe()[t].received or 0) >= e, "everything has arrived")
        proof = database.fence(source, token, graceful=True)
        assert (proof.region, proof.proof) == (source, "stopped")
        found = database.fenced(source)
        assert found is not None and found.proof == "stopped"
        assert database.fenced(target) is None
        database.promote_database(target, token)
        assert (database.writers(), bench.write(target)) == ((target,), True)
        assert "goes on" in database.reprotect(source, token)
        states = database.observe()
        assert (states[source].role, states[source].streaming) == ("standby", True)
        assert states[source].timeline == states[target].timeline
        assert database.fenced(source) is None


def test_each_verb_may_be_asked_again(bench: Bench) -> None:
    database = bench.database
    database.quiesce("east", NOW)
    database.quiesce("east", NOW)
    database.unquiesce("east", NOW)
    database.unquiesce("east", NOW)
    assert bench.write("east")
    for graceful in (True, True, False, False):
        database.fence("east", NOW, graceful=graceful)
    database.promote_database("west", NOW)
    database.promote_database("west", NOW)
    database.reprotect("east", NOW)
    assert "already" in database.reprotect("east", NOW)
    assert database.writers() == ("west",)


def test_a_dead_region_is_fenced_by_power_and_comes_back_as_a_standby_only(bench: Bench) -> None:
    database = bench.database
    bench.kill("east")
    assert database.observe()["east"].role == "unreachable"
    assert database.fence("east", NOW, graceful=True).proof == "power"
    database.promote_database("west", NOW)
    assert database.writers() == ("west",)


def test_a_primary_is_not_promoted_beside_another(bench: Bench) -> None:
    with pytest.raises(Refused, match="east is a primary still"):
        bench.database.promote_database("west", NOW)
    bench.database.quiesce("east", NOW)
    with pytest.raises(Refused, match="east is a primary still"):
        bench.database.promote_database("west", NOW)


def test_a_move_whose_other_side_cannot_be_promoted_turns_back(bench: Bench) -> None:
    bench.database.quiesce("east", NOW)
    bench.database.fence("east", NOW, graceful=True)
    bench.database.promote_database("east", NOW)
    assert (bench.database.writers(), bench.write("east")) == (("east",), True)
    _until(lambda: bool(bench.database.observe()["west"].streaming), "the standby follows again")


def test_a_writer_is_not_made_a_standby(bench: Bench) -> None:
    with pytest.raises(Refused, match="is a primary"):
        bench.database.reprotect("east", NOW)


def test_a_stale_actor_and_one_without_a_lease_move_nothing(bench: Bench) -> None:
    database = bench.database
    for verb in (database.quiesce, database.promote_database, database.reprotect):
        with pytest.raises(Refused, match="no lease"):
            verb("east", Token(0, "lab"))
    database.quiesce("east", LATER)
    for call in (
        lambda: database.unquiesce("east", NOW),
        lambda: database.quiesce("east", NOW),
        lambda: database.fence("east", NOW, graceful=True),
        lambda: database.synchronise("west", NOW),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert database.observe()["east"].read_only
    database.fence("east", LATER, graceful=True)
    with pytest.raises(LeaseLost):
        database.promote_database("west", NOW)
    assert database.observe()["west"].role == "standby"


def test_a_synchronous_standby_is_shown_and_forgotten_by_a_promotion(bench: Bench) -> None:
    database = bench.database
    database.synchronise("west", NOW)
    assert database.observe()["west"].synchronous
    assert bench.write("east")
    database.fence("east", NOW, graceful=True)
    database.promote_database("west", NOW)
    assert bench.write("west"), "the new primary waits for nobody"
    database.reprotect("east", NOW)
    assert database.observe()["east"].synchronous is False
    database.synchronise("east", NOW)
    database.synchronise(None, NOW)
    assert database.observe()["east"].synchronous is False


def test_only_a_standby_that_streams_is_waited_for(bench: Bench) -> None:
    with pytest.raises(Refused, match="no standby in east"):
        bench.database.synchronise("east", NOW)


# What only real parts can show


@pytest.mark.real
def test_a_graceful_move_loses_nothing_while_clients_write(two: TwoDatabases) -> None:
    database = two.driver()
    with _clients(two) as clients:
        clients.await_write("east")
        database.quiesce("east", NOW)
        database.fence("east", NOW, graceful=True)
        database.promote_database("west", NOW)
        clients.await_write("west")
        database.reprotect("east", NOW)
        clients.await_write("west")
    assert clients.regions() == ["east", "west"]
    assert clients.lost(two.url("west")) == []


@pytest.mark.real
def test_a_killed_synchronous_primary_loses_nothing_that_was_acknowledged(two: TwoDatabases) -> None:
    database = two.driver()
    database.synchronise("west", NOW)
    with _clients(two) as clients:
        clients.await_write("east")
        two.kill("east")
        assert database.fence("east", LATER, graceful=False).proof == "power"
        database.promote_database("west", LATER)
        clients.await_write("west")
    assert clients.regions() == ["east", "west"]
    assert clients.lost(two.url("west")) == []


@pytest.mark.real
def test_a_frozen_primary_that_thaws_after_its_fence_takes_no_write(two: TwoDatabases) -> None:
    database = two.driver()
    with _clients(two) as clients:
        clients.await_write("east")
        pids = two.server_pids("east")
        two.signal(pids, signal.SIGSTOP)
        with pytest.raises(NotSettled, match=r"not ended cleanly|after 15 s"):
            database.fence("east", NOW, graceful=True)
        fence = database.fence("east", NOW, graceful=False)
        two.signal(pids, signal.SIGCONT)
        database.promote_database("west", NOW)
        clients.await_write("west")
        assert two.server_pids("east") == [] and database.fenced("east") is not None
    assert fence.proof == "power"
    assert clients.regions() == ["east", "west"]


@pytest.mark.real
def test_an_old_primary_that_is_started_again_finds_itself_fenced(two: TwoDatabases) -> None:
    database = two.driver()
    two.kill("east")
    database.fence("east", NOW, graceful=False)
    database.promote_database("west", NOW)
    two.start_region("east")
    control = two.lab.control("east")
    control.start("postgres")
    _until(lambda: control.states()["postgres"] == "EXITED", "the start is refused")
    assert two.server_pids("east") == []
    two.switch("east-postgres", on=True)  # somebody's hand
    control.start("postgres")
    _until(lambda: database.observe()["east"].role == "standby", "it is a standby whatever it was")
    assert database.writers() == ("west",)


@pytest.mark.real
def test_what_parted_is_rewound(two: TwoDatabases) -> None:
    database = two.driver()
    assert _wrote(two.url("east"))
    _until(lambda: database.observe()["west"].lag_bytes == 0, "the standby has it")
    two.link("west-to-east-replication", cut=True)
    assert _wrote(two.url("east")), "the standby never hears of this one"
    two.kill("east")
    database.fence("east", NOW, graceful=False)
    database.promote_database("west", NOW)
    two.link("west-to-east-replication", cut=False)  # not before: what is on its way would arrive
    two.start_region("east")
    how = database.reprotect("east", NOW)
    assert "rewound" in how, (two.lab.places.logs / "east-reprotect.log").read_text()
    assert _wrote(two.url("west"))
    _until(lambda: _rows(two.url("east")) == _rows(two.url("west")), "both say the same")
    assert len(_rows(two.url("west"))) == 2


@pytest.mark.real
def test_what_cannot_be_rewound_is_built_anew(two: TwoDatabases) -> None:
    database = two.driver()
    assert _wrote(two.url("east"))
    _until(lambda: database.observe()["west"].lag_bytes == 0, "the standby has it")
    two.kill("east")
    database.fence("east", NOW, graceful=False)
    database.promote_database("west", NOW)
    two.start_region("east")
    (two.data("east") / "global" / "pg_control").write_bytes(b"torn")
    assert "anew" in database.reprotect("east", NOW)
    assert _rows(two.url("east")) == _rows(two.url("west"))


@pytest.mark.real
def test_a_promotion_that_was_cut_off_is_unknown_and_found_done(
    two: TwoDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = two.driver()
    database.fence("east", NOW, graceful=True)
    monkeypatch.setattr(_moves, "PROMOTE", "SELECT pg_promote(false), pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OutcomeUnknown, match="west was asked to take writes"):
        database.promote_database("west", NOW)
    _until(lambda: database.observe()["west"].role == "primary", "it was promoted all the same")
    database.promote_database("west", NOW)
    assert database.writers() == ("west",)


@pytest.mark.real
def test_a_session_that_insists_on_writing_does_not_get_through(two: TwoDatabases) -> None:
    database = two.driver()
    assert _wrote(two.url("east"))
    with psycopg.connect(two.url("east"), autocommit=True) as stubborn:
        stubborn.execute("set default_transaction_read_only = off")
        stubborn.execute("begin read write")
        stubborn.execute("insert into writes values (-1, 'open')")
        database.quiesce("east", NOW)
        with pytest.raises(psycopg.Error):
            stubborn.execute("insert into writes values (-2, 'stubborn')")
    assert all(number > 0 for number in _rows(two.url("east")))


@pytest.mark.real
def test_a_role_that_is_exempt_from_the_default_is_named_and_nothing_changes(two: TwoDatabases) -> None:
    with psycopg.connect(two.url("east", "postgres"), autocommit=True) as connection:
        connection.execute("alter role scratch set default_transaction_read_only = off")
    with pytest.raises(Refused, match="scratch"):
        two.driver().quiesce("east", NOW)
    assert two.driver().writers() == ("east",)


@pytest.mark.real
def test_no_way_to_the_switch_is_no_proof(two: TwoDatabases) -> None:
    database = two.driver()
    two.link("third-to-east-power", cut=True)
    two.kill("east")
    with pytest.raises((Unreachable, OutcomeUnknown)):
        database.fence("east", NOW, graceful=True)
    assert database.fenced("east") is None


@pytest.mark.real
def test_a_server_that_outlived_its_control_is_not_taken_for_stopped(two: TwoDatabases) -> None:
    two.kill_control("east")
    two.start_region("east")
    database = two.driver()
    assert database.writers() == ("east",)
    assert database.fenced("east") is None


@pytest.mark.real
def test_moving_is_refused_by_name_where_a_connection_is_missing(two: TwoDatabases) -> None:
    with pytest.raises(Refused, match=r"drivers\.database\.admin"):
        two.driver(admin={}).quiesce("east", NOW)
    with pytest.raises(Unreachable, match="no power switch"):
        two.driver(power={}).fence("east", NOW, graceful=False)


def _clients(two: TwoDatabases) -> Clients:
    return Clients({region: two.url(region) for region in ("east", "west")})


def _wrote(url: str) -> bool:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
            connection.execute("set statement_timeout = '5s'")
            connection.execute("create table if not exists writes (number bigint primary key, region text)")
            connection.execute("insert into writes select coalesce(max(number), 0) + 1, 'one' from writes")
        return True
    except psycopg.Error:
        return False


def _rows(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [number for (number,) in connection.execute("select number from writes order by 1").fetchall()]


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited 60 s until {what}"
        time.sleep(0.02)
