"""Databases in memory: what a test can do to them, and what they then accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.drivers.database.memory import MemoryDatabase, Settings
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, OutcomeUnknown, Refused, Unreachable

NOW = Token(3, "op-1")


@pytest.fixture
def database(tmp_path: Path) -> MemoryDatabase:
    return MemoryDatabase(Settings(), Site("shop", {"east": 5000, "west": 5000}, (), tmp_path))


def test_a_move_that_is_planned_loses_nothing_and_comes_home(database: MemoryDatabase) -> None:
    assert database.write("east", "first")
    end = database.quiesce("east", NOW)
    assert not database.write("east", "too late")
    assert database.observe()["west"].received == end
    assert database.fence("east", NOW, graceful=True).proof == "stopped"
    database.promote_database("west", NOW)
    assert (database.writers(), database.writable()) == (("west",), ("west",))
    assert database.write("west", "second")
    assert "goes on" in database.reprotect("east", NOW)
    assert database.servers["east"].rows == ["first", "second"]
    assert database.observe()["east"].streaming


def test_what_only_the_old_primary_had_is_gone_once_it_is_rewound(database: MemoryDatabase) -> None:
    database.hold("west")
    assert database.write("east", "lost")
    database.kill("east")
    assert database.fenced("east") is None
    assert database.fence("east", NOW, graceful=False).proof == "power"
    database.hold("west", False)
    database.promote_database("west", NOW)
    assert not database.comes_back("east", as_writer=True)
    assert "rewound" in database.reprotect("east", NOW)
    assert database.servers["east"].rows == database.servers["west"].rows == []
    assert database.writable() == ("west",)


def test_a_synchronous_primary_acknowledges_only_what_its_standby_has(database: MemoryDatabase) -> None:
    database.synchronise("west", NOW)
    assert database.write("east")
    assert database.observe()["west"].synchronous
    database.part()
    assert not database.write("east")
    database.part(False)
    assert database.servers["west"].has_all_of(database.servers["east"])


def test_a_region_that_nobody_reaches_is_not_fenced_and_goes_on_writing(database: MemoryDatabase) -> None:
    database.cut("east")
    with pytest.raises(Unreachable, match="neither east nor its power switch"):
        database.fence("east", NOW, graceful=False)
    assert (database.writers(), database.writable()) == ((), ("east",))
    assert database.observe()["west"].streaming is False


def test_a_frozen_primary_that_thaws_after_its_power_was_taken_writes_nothing(database: MemoryDatabase) -> None:
    database.freeze("east")
    with pytest.raises(NotSettled):
        database.fence("east", NOW, graceful=True)
    database.fence("east", NOW, graceful=False)
    database.promote_database("west", NOW)
    database.thaw("east")
    assert not database.write("east")


def test_a_primary_beside_another_is_refused_in_both_directions(database: MemoryDatabase) -> None:
    with pytest.raises(Refused, match="primary still"):
        database.promote_database("west", NOW)
    database.quiesce("east", NOW)
    database.cut("east")
    database.promote_database("west", NOW)
    database.join("east")
    with pytest.raises(Refused, match="west is"):
        database.unquiesce("east", NOW)


def test_faults_come_before_the_change_or_after_it_once(database: MemoryDatabase) -> None:
    database.fence("east", NOW, graceful=True)
    database.faults.fail_at("promote_database", Unreachable("gone"))
    with pytest.raises(Unreachable):
        database.promote_database("west", NOW)
    assert database.writable() == ()
    database.faults.fail_at("promote_database", OutcomeUnknown("no answer"))
    with pytest.raises(OutcomeUnknown):
        database.promote_database("west", NOW)
    assert database.writable() == ("west",)
    database.promote_database("west", NOW)


def test_an_older_epoch_and_none_at_all_move_nothing(database: MemoryDatabase) -> None:
    database.quiesce("east", NOW)
    with pytest.raises(LeaseLost):
        database.unquiesce("east", Token(2, "op-0"))
    with pytest.raises(Refused, match="no lease"):
        database.fence("east", Token(0, "lab"), graceful=True)
    assert [effect.verb for effect in database.world.effects] == ["quiesce"]
