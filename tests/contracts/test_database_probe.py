"""What a vantage point asks of one region's database, on memory and on a real PostgreSQL."""

from __future__ import annotations

import signal
import time

import pytest

from tests.contracts.test_database import SECRET, Bench, bench, pair, postgres_bench, site, uri
from tests.support.postgres import Server, server, start
from tidegate.drivers import registry
from tidegate.drivers.credentials import Credential, parse_connection
from tidegate.drivers.database import _probe
from tidegate.drivers.database.contract import PROBE_SECONDS
from tidegate.errors import Refused, Rejected, Unreachable

__all__ = ["bench", "pair"]


def test_each_region_is_asked_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probe, "HOLD_SECONDS", 0.0)  # the bench moves a role by another address
    bench.place("primary", "standby")
    assert [bench.database.probe(region).role for region in ("east", "west")] == ["primary", "standby"]
    bench.place("unreachable", "primary")
    east, west = (bench.database.probe(region) for region in ("east", "west"))
    assert (east.role, bool(east.why), west.role) == ("unreachable", True, "primary")


def test_a_region_that_is_not_known_is_refused(bench: Bench) -> None:
    with pytest.raises(Refused, match="eats"):
        bench.database.probe("eats")


@pytest.mark.real
def test_a_frozen_server_is_a_state_in_time() -> None:
    frozen = start()
    try:
        frozen.execute(f"create role app login password '{SECRET}'")
        database = postgres_bench(frozen, server()).database
        assert database.probe("east").role == "primary"
        frozen.signal_all(signal.SIGSTOP)
        began = time.monotonic()
        assert database.probe("east").role == "unreachable"
        assert time.monotonic() - began < 3 * PROBE_SECONDS, "the log-in's own time limit holds"
    finally:
        frozen.stop()


def probing(resolve: object) -> object:
    options = {"kind": "postgres", "regions": {"east": "conn://db_east", "west": "conn://db_west"}}
    return registry.connect("database", options, site(resolve))


@pytest.mark.real
def test_a_wrong_password_is_no_loss_and_tells_no_secret(pair: tuple[Server, Server]) -> None:
    wrong = "wr0ng pass@1"
    database = probing(lambda _: parse_connection("db", uri(pair[0].port, password=wrong)))
    with pytest.raises(Rejected, match="answers, and refuses") as caught:
        database.probe("east")
    assert wrong not in str(caught.value)


@pytest.mark.real
def test_a_rotated_password_is_picked_up(pair: tuple[Server, Server]) -> None:
    given = ["an old one", SECRET]
    database = probing(lambda _: parse_connection("db", uri(pair[0].port, password=given.pop(0))))
    assert database.probe("east").role == "primary"


@pytest.mark.real
def test_who_cannot_say_the_address_any_more_is_not_needed(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_probe, "HOLD_SECONDS", 0.0)
    there = [parse_connection("db", uri(pair[0].port))]

    def resolve(_: str) -> Credential:
        if not there:
            raise Unreachable("Airflow is gone")
        return there.pop()

    database = probing(resolve)
    assert [database.probe("east").role for _ in range(2)] == ["primary", "primary"]
