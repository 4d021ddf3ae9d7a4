"""One suite for every database driver: on memory, and on a real PostgreSQL with a streaming standby."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.postgres import Server, server, start, start_standby
from tidegate.drivers import registry
from tidegate.drivers.credentials import Credential, connection_name, parse_connection
from tidegate.drivers.database.contract import Database
from tidegate.drivers.site import Site
from tidegate.errors import NotYet, Refused, Unreachable

SECRET = "p@ss/w:rd $1%&"  # what a URL would take apart


@dataclass
class Bench:
    """A driver and the hand that changes what it looks at. ``place(east, west)``: roles from now on."""

    database: Database
    place: Callable[[str, str], None]


def memory_bench() -> Bench:
    database = registry.connect("database", {"kind": "memory"}, site())

    def place(east: str, west: str) -> None:
        database.set("east", east)
        database.set("west", west)

    return Bench(database, place)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary of its own and a standby of it."""
    primary = start()
    primary.execute(f"create role app login superuser password '{SECRET}'")
    standby = start_standby(primary)
    yield primary, standby
    standby.stop()
    primary.stop()


def postgres_bench(primary: Server, standby: Server) -> Bench:
    """Roles are given by pointing a region at a server that has that role."""
    ports = {"primary": primary.port, "standby": standby.port, "unreachable": 1}
    roles = {"east": "primary", "west": "standby"}

    def resolve(reference: str) -> Credential:
        region = connection_name(reference).removeprefix("db_")
        return parse_connection(region, uri(ports[roles[region]]))

    def place(east: str, west: str) -> None:
        roles.update(east=east, west=west)

    options = {"kind": "postgres", "regions": {"east": "conn://db_east", "west": "conn://db_west"}}
    return Bench(registry.connect("database", options, site(resolve)), place)


def uri(port: int, user: str = "app", password: str = SECRET) -> str:
    return f"postgres://{user}:{quote(password, safe='')}@127.0.0.1:{port}/postgres"


def site(resolve: Any = None) -> Site:
    extra = {"resolve": resolve} if resolve else {}
    return Site("shop", {"east": 5000, "west": 5000}, (), Path(), **extra)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real)])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return memory_bench()
    return postgres_bench(*request.getfixturevalue("pair"))


def test_every_region_is_observed_by_role(bench: Bench) -> None:
    bench.place("primary", "standby")
    states = bench.database.observe()
    assert {r: s.role for r, s in states.items()} == {"east": "primary", "west": "standby"}
    assert [s.region for s in states.values()] == ["east", "west"]


def test_the_primary_is_where_it_is_and_not_where_it_was(bench: Bench) -> None:
    bench.place("primary", "standby")
    assert bench.database.primary().region == "east"
    bench.place("standby", "primary")
    assert bench.database.primary().region == "west"


def test_an_unreachable_region_is_a_state_with_a_reason(bench: Bench) -> None:
    bench.place("primary", "unreachable")
    state = bench.database.observe()["west"]
    assert (state.role, state.lag_bytes) == ("unreachable", None)
    assert state.why
    assert bench.database.primary().region == "east"
    bench.database.ping()


def test_two_primaries_are_refused_by_name(bench: Bench) -> None:
    bench.place("primary", "primary")
    with pytest.raises(Refused, match="east and west") as caught:
        bench.database.primary()
    assert not caught.value.retryable


def test_no_primary_may_be_one_soon(bench: Bench) -> None:
    bench.place("unreachable", "standby")
    with pytest.raises(NotYet, match=r"east: unreachable.*west: standby"):
        bench.database.primary()


def test_nothing_answers(bench: Bench) -> None:
    bench.place("unreachable", "unreachable")
    for call in (bench.database.primary, bench.database.ping):
        with pytest.raises(Unreachable):
            call()


def test_an_address_does_not_show_its_secret(bench: Bench) -> None:
    bench.place("primary", "standby")
    address = bench.database.primary()
    assert "postgresql" not in repr(address) and "memory:" not in repr(address)


@pytest.mark.real
def test_the_address_connects_through_sqlalchemy(pair: tuple[Server, Server]) -> None:
    import sqlalchemy

    url = postgres_bench(*pair).database.primary().url
    assert url.startswith("postgresql+psycopg://")
    with sqlalchemy.create_engine(url).connect() as connection:
        assert connection.exec_driver_sql("select current_user").scalar_one() == "app"


@pytest.mark.real
def test_lag_grows_while_replay_is_paused_and_goes_when_it_resumes(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    database = postgres_bench(primary, standby).database
    _until(lambda: database.observe()["west"].lag_bytes == 0, "the standby catches up")
    assert database.observe()["east"].lag_bytes is None
    standby.execute("select pg_wal_replay_pause()")
    _until(lambda: standby.execute("select pg_get_wal_replay_pause_state()") == [("paused",)], "replay pauses")
    primary.execute("create table lagging as select n, repeat('x', 100) x from generate_series(1, 10000) n")
    lag = database.observe()["west"].lag_bytes
    assert lag is not None and lag > 1_000_000, lag
    standby.execute("select pg_wal_replay_resume()")
    _until(lambda: database.observe()["west"].lag_bytes == 0, "the standby catches up again")


@pytest.mark.real
def test_a_frozen_server_is_unreachable_in_time() -> None:
    """SIGSTOP: the kernel still accepts connections, nobody answers."""
    frozen = start()
    try:
        frozen.execute(f"create role app login password '{SECRET}'")
        bench = postgres_bench(frozen, server())
        bench.place("primary", "unreachable")
        assert bench.database.observe()["east"].role == "primary"
        frozen.signal_all(signal.SIGSTOP)
        began = time.monotonic()
        state = bench.database.observe()["east"]
        assert (state.role, time.monotonic() - began < 8) == ("unreachable", True)
    finally:
        frozen.stop()


@pytest.mark.real
def test_a_server_that_freezes_after_connecting_is_cut_off(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.drivers.database import _observing

    monkeypatch.setattr(_observing, "QUESTION", "select pg_sleep(60)")
    monkeypatch.setattr(_observing, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()
    states = postgres_bench(*pair).database.observe()
    assert {s.role for s in states.values()} == {"unreachable"}
    assert time.monotonic() - began < 20


@pytest.mark.real
def test_no_error_and_no_state_holds_a_secret(pair: tuple[Server, Server]) -> None:
    primary, _ = pair
    wrong = "wr0ng pass@1"
    for raw in (
        uri(primary.port, password=wrong),
        uri(1, password=wrong),
        uri(primary.port, user="nobody", password=wrong),
    ):
        options = {"kind": "postgres", "regions": {"east": "conn://a", "west": "conn://b"}}
        database = registry.connect("database", options, site(lambda ref, raw=raw: parse_connection(ref, raw)))
        with pytest.raises(Unreachable) as caught:
            database.primary()
        said = f"{caught.value} {database.observe()}"
        assert wrong not in said and quote(wrong, safe="") not in said, said
        assert "127.0.0.1" in said or "nobody" in said or "app" in said, said


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("mysql://u:p@h/db", "is of type 'mysql'"),
        ("postgres://h/db", "has no user"),
        ("postgres://u:p@/db", "has no host"),
        ("postgres://u:p@h", "has no database"),
        ("postgres://u:p@h/db?password=x", "options that libpq is not given: password"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused(raw: str, message: str) -> None:
    options = {"kind": "postgres", "regions": {"east": "conn://a", "west": "conn://b"}}
    database = registry.connect("database", options, site(lambda ref: parse_connection("shop_db", raw)))
    with pytest.raises(Refused, match=message) as caught:
        database.observe()
    assert "u:p@" not in str(caught.value)


def test_an_undefined_connection_is_refused_and_named() -> None:
    os.environ.pop("AIRFLOW_CONN_SHOP_DB_EAST", None)
    options = {"kind": "postgres", "regions": {"east": "conn://shop_db_east", "west": "conn://shop_db_west"}}
    with pytest.raises(Refused, match="'shop_db_east' is not defined"):
        registry.connect("database", options, site()).observe()


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "postgres", "regions": {"east": "conn://a"}},
        {"kind": "postgres", "regions": {"east": "conn://a", "west": "conn://b", "north": "conn://c"}},
        {"kind": "memory", "roles": {"east": "primary"}},
    ],
)
def test_settings_name_every_region_and_no_other(options: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="are not the service's regions"):
        registry.connect("database", options, site())


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited 30 s until {what}"
        time.sleep(0.02)
