"""A person takes and restores backups; readiness is red where the data could not be had back. On memory drivers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import small_policy
from tidegate.checks.model import Status
from tidegate.cli.backups import time_of
from tidegate.drivers.backups.contract import TableDifference
from tidegate.drivers.backups.memory import MemoryBackups, Settings
from tidegate.engine import backups, readiness, readiness_backups
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.world import World
from tidegate.errors import Forbidden, NotYet, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.verdict import Verdict
from tidegate.policy.backups import Backups
from tidegate.policy.schema import Driver, Roles

DAY = 86_400.0
OF_BACKUPS = frozenset(
    {EventKind.BACKUP_TAKEN, EventKind.RESTORE_ASKED, EventKind.RESTORED_BESIDE, EventKind.RESTORE_DISCARDED}
)


@dataclass
class Bench:
    rig: Rig
    world: World
    driver: MemoryBackups

    def rows(self) -> list[str]:
        return [row.kind.value for row in self.world.journal.events("shop", kinds=OF_BACKUPS)]

    def looks(self) -> dict[str, str]:
        """What is red, and why."""
        red = [item for item in readiness_backups.backups(self.world, ServiceFacts(), "test") if not item.ready]
        assert all(item.do for item in red), "a red one says what to do"
        return {item.what: item.why for item in red}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A backup was taken just now, and the archive has come as far."""
    policy = small_policy()
    drivers = policy.drivers.model_copy(update={"backups": Driver(kind="memory")})
    policy = policy.model_copy(update={"drivers": drivers, "backups": Backups()})
    rig = build(tmp_path, policy)
    driver = MemoryBackups(Settings(), rig.world.estate.site)
    driver.clock = rig.clock.now
    driver.take(keep=3)
    driver.archived_until = rig.clock.now()
    world = dataclasses.replace(rig.world, estate=dataclasses.replace(rig.world.estate, backups=driver))
    return Bench(rig, world, driver)


def restored(bench: Bench, to: float | None = None) -> backups.Found:
    return backups.restore(bench.world, to, person="cat", reason="a bad update", actor="test")


def test_a_restore_stands_beside_checked_and_compared(bench: Bench) -> None:
    bench.driver.differences = (TableDifference("orders", 10, 9, 3, 2), TableDifference("sessions", 4, 4, 0, 0))
    bench.rig.effects_log().clear()
    found = restored(bench)
    assert found.report.verdict is Verdict.PASS
    assert [one.table for one in found.different] == ["orders"]
    assert "orders_do_not_vanish" in found.left_out, "it compares with a snapshot of the live database"
    assert bench.rig.effects_log() == [], "the live database was not touched"
    assert bench.world.journal.head("shop").lease is None
    assert bench.rows() == ["restore_asked", "restored_beside"]
    backups.discard(bench.world, found.restored.id, person="cat", reason="looked at", actor="test")
    assert bench.driver.beside == {}
    assert bench.rows()[-1] == "restore_discarded"


def test_who_asks_and_why_is_journalled_before_a_copy_of_the_data_is_made(bench: Bench) -> None:
    bench.driver.gap = "a file is gone"
    with pytest.raises(Refused, match="a file is gone"):
        restored(bench)
    (row,) = bench.world.journal.events("shop", kinds=OF_BACKUPS)
    assert (row.kind, row.body["person"], row.body["why"]) == (EventKind.RESTORE_ASKED, "cat", "a bad update")


def test_a_violated_check_is_told_with_it(bench: Bench) -> None:
    bench.rig.checks.status["totals_are_equal"] = Status.VIOLATED
    found = restored(bench)
    assert found.report.verdict is not Verdict.PASS
    assert bench.world.journal.events("shop", kinds=OF_BACKUPS)[-1].body["verdict"] == found.report.verdict.value


def test_it_is_restored_while_the_live_database_is_gone(bench: Bench) -> None:
    for region in ("east", "west"):
        bench.rig.database.set(region, "unreachable")
    found = restored(bench)
    assert found.tables is None
    assert "not compared" in found.why


def test_it_takes_somebody_who_may(bench: Bench) -> None:
    roles = Roles(operator=("cat",), approver=("ann",))
    world = dataclasses.replace(bench.world, policy=bench.world.policy.model_copy(update={"roles": roles}))
    for act in (
        lambda: backups.restore(world, None, person="ann", reason="look", actor="test"),
        lambda: backups.take(world, person="ann", reason="look", actor="test"),
        lambda: backups.discard(world, "b1", person="ann", reason="look", actor="test"),
    ):
        with pytest.raises(Forbidden):
            act()
    assert bench.rows() == []
    assert bench.driver.beside == {}


def test_a_policy_without_backups_says_so(tmp_path: Path) -> None:
    rig = build(tmp_path)
    with pytest.raises(Refused, match="has no backups"):
        backups.take(rig.world, person="cat", reason="try", actor="test")
    assert list(readiness_backups.backups(rig.world, ServiceFacts(), "test")) == []


def test_readiness_tells_of_backup_and_archive(bench: Bench) -> None:
    told = {item.what: item for item in readiness.assess(bench.world, actor="test").items}
    assert told["backup"].ready
    assert told["log archive"].ready
    assert bench.looks() == {}


def test_none_at_all_is_red(bench: Bench) -> None:
    bench.driver.backups.clear()
    assert bench.looks()["backup"] == "there is no backup"


def test_one_that_is_damaged_is_red_though_another_is_fine(bench: Bench) -> None:
    bench.driver.damaged.add(bench.driver.backups[0].id)
    bench.rig.clock.at += 0.9 * DAY
    bench.driver.archived_until = bench.rig.clock.now()
    assert "cannot be read (b1: a file is not what was written)" in bench.looks()["backup"]
    bench.driver.take(keep=3)
    assert "1 of 2 backups cannot be read" in bench.looks()["backup"]


def test_one_that_is_too_old_is_red(bench: Bench) -> None:
    bench.rig.clock.at += 2 * DAY
    assert "is 2 d old, and one is taken every 1d" in bench.looks()["backup"]


@pytest.mark.parametrize(
    ("until", "said"), [(None, "has never reached"), (-300.0, "is 5 min behind, 1m is allowed")], ids=["never", "late"]
)
def test_an_archive_that_is_behind_is_red(bench: Bench, until: float | None, said: str) -> None:
    bench.driver.archived_until = None if until is None else bench.rig.clock.now() + until
    bench.driver.trouble = "pg_receivewal ended"
    assert said in bench.looks()["log archive"]
    assert "(pg_receivewal ended)" in bench.looks()["log archive"]


def test_a_gap_in_the_log_is_red(bench: Bench) -> None:
    bench.driver.gap = "000000010000000000000003 is missing"
    assert "000000010000000000000003 is missing" in bench.looks()["log archive"]


def test_a_place_that_cannot_be_had_is_red_twice(bench: Bench) -> None:
    bench.driver.faults.unreachable = Unreachable("the disk is away", next_step="look at it")
    assert set(bench.looks()) == {"backup", "log archive"}


def test_the_archive_has_to_have_come_as_far_as_is_asked(bench: Bench) -> None:
    with pytest.raises(NotYet):
        restored(bench, bench.rig.clock.now() + 1)


@pytest.mark.parametrize("text", ["2026-05-04 16:20", "yesterday", ""], ids=["no zone", "no time", "nothing"])
def test_a_time_says_its_zone(text: str) -> None:
    with pytest.raises(Refused):
        time_of(text)
    assert time_of("2026-05-04T16:20:00Z") == time_of("2026-05-04T18:20:00+02:00")
