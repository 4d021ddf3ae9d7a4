"""What readiness asks of two real PostgreSQL, their control and their power switch; each is made wrong for real."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import two_databases
from tests.support.two_databases import TwoDatabases
from tidegate.drivers.ready import KnowsRights, TellsTime
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Unreachable

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def two() -> Iterator[TwoDatabases]:
    with two_databases.running() as found:
        yield found


def test_the_labs_log_ins_may_move_both_regions_and_their_clocks_are_ours(two: TwoDatabases) -> None:
    driver = two.driver()
    assert isinstance(driver, KnowsRights)
    assert isinstance(driver, TellsTime)
    for region in ("east", "west"):
        assert "may move it" in driver.rights(region)
        before = time.time()
        assert before - 1 <= driver.clock(region) <= time.time() + 1


@pytest.mark.parametrize(
    ("take", "give", "says"),
    [
        (
            "revoke execute on function pg_catalog.pg_promote(boolean, integer) from dbadmin",
            "grant execute on function pg_catalog.pg_promote(boolean, integer) to dbadmin",
            "execute pg_promote",
        ),
        (
            "revoke alter system on parameter synchronous_standby_names from dbadmin",
            "grant alter system on parameter synchronous_standby_names to dbadmin",
            "synchronous_standby_names",
        ),
        ("revoke pg_signal_backend from dbadmin", "grant pg_signal_backend to dbadmin", "end sessions"),
    ],
    ids=["promote", "synchronous", "sessions"],
)
def test_a_right_that_was_taken_away_is_told(two: TwoDatabases, take: str, give: str, says: str) -> None:
    with psycopg.connect(two.url("east", "postgres"), autocommit=True) as connection:
        connection.execute(take)  # type: ignore[call-overload]  # literal
        try:
            with pytest.raises(Refused, match=says):
                two.driver().rights("east")
        finally:
            connection.execute(give)  # type: ignore[call-overload]  # literal


def test_a_log_in_whose_time_is_over_is_told_and_what_renews_it(two: TwoDatabases) -> None:
    with psycopg.connect(two.url("east", "postgres"), autocommit=True) as connection:
        connection.execute("alter role dbadmin valid until '2020-01-01'")
        try:
            with pytest.raises(Unreachable, match="authentication failed") as refused:
                two.driver().rights("east")
        finally:
            connection.execute("alter role dbadmin valid until 'infinity'")
    assert "VALID UNTIL" in (refused.value.next_step or "")


def test_a_slot_that_nobody_reads_is_told_from_one_that_somebody_does(two: TwoDatabases) -> None:
    assert two.driver().observe()["east"].idle == ()
    with psycopg.connect(two.url("east", "postgres"), autocommit=True) as connection:
        connection.execute("select pg_create_physical_replication_slot('left_over', true)")
        try:
            seen = two.driver().observe()["east"]
        finally:
            connection.execute("select pg_drop_replication_slot('left_over')")
    assert seen.idle == ("left_over",)
    assert set(seen.slots) > {"left_over"}, "the standby's own is read"


def test_the_note_of_the_epoch_is_tried_and_not_changed(two: TwoDatabases) -> None:
    two.driver().unquiesce("east", Token(1_000_000, "set up"))
    two.driver().rights("east")
    with psycopg.connect(two.url("east", "postgres"), autocommit=True) as connection:
        (before,) = connection.execute("select xmin::text from tidegate.database_epoch").fetchone() or ("",)
        two.driver().rights("east")
        assert connection.execute("select xmin::text from tidegate.database_epoch").fetchone() == (before,)


def test_a_switch_that_is_off_is_told_and_a_control_that_is_dead(two: TwoDatabases) -> None:
    two.switch("west-postgres", on=False)
    with pytest.raises(Refused, match="says that west is off"):
        two.driver().rights("west")
    two.switch("west-postgres", on=True)
    two.kill_control("west")
    with pytest.raises(Unreachable):
        two.driver().rights("west")
    two.start_region("west")
