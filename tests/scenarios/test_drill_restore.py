"""The latest backup is restored beside the live database, proven whole, and dropped. On memory drivers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_drill_deaths import Killed, die, mortal
from tests.support.drills import SERVICE, Stage, bundle, stage
from tests.support.estate import Checks
from tidegate.checks.model import Status
from tidegate.drill.restoring import beating
from tidegate.drill.session import hold
from tidegate.drivers.backups.contract import Restored, TableDifference
from tidegate.drivers.backups.memory import MemoryBackups, Settings
from tidegate.engine import backups as engine
from tidegate.engine.drills import BEAT
from tidegate.errors import Rejected
from tidegate.journal.model import EventKind
from tidegate.model.drill import DrillResult, Phase, Scenario
from tidegate.policy.backups import Backups
from tidegate.policy.schema import Driver

LAG = 2.0  # seconds that the archive is behind
OF_BACKUPS = frozenset({EventKind.RESTORE_ASKED, EventKind.RESTORED_BESIDE, EventKind.RESTORE_DISCARDED})


class Kept(MemoryBackups):
    """``lag``: seconds that the archive is behind, None where it stands still. ``takes``: seconds of a restore;
    ``broken``: what it says. ``sticks``: a copy that nobody gets rid of."""

    lag: float | None = LAG
    takes = 0.0
    broken = ""
    sticks = False
    sleep: Callable[[float], None]
    on_restore: Callable[[], Any] = staticmethod(lambda: None)

    def observe(self, *, read_again_after: float | None = None) -> Any:
        if self.lag is not None:
            self.archived_until = self.clock() - self.lag
        return super().observe(read_again_after=read_again_after)

    def restore(self, to: float | None) -> Restored:
        if self.broken:
            raise Rejected(self.broken, next_step="tidegate backup shop --reason WHY")
        self.sleep(self.takes)
        made = super().restore(to)
        self.on_restore()
        return made

    def discard(self, restored: str) -> None:
        if not self.sticks:
            super().discard(restored)


class Elsewhere(Checks):
    """Checks on the copy. ``snapshots``: what they were given."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshots: list[Any] = []
        self.asked: list[list[str]] = []

    def run(self, specs: Any, snapshot: Mapping[str, Any] | None, **given: Any) -> Any:
        self.snapshots.append(snapshot)
        self.asked.append([spec["id"] for spec in specs])
        return super().run(specs, snapshot, **given)


@dataclasses.dataclass
class Bench:
    found: Stage
    driver: Kept
    copy: Elsewhere

    def held(self) -> DrillResult:
        (result,) = hold(self.found.cast, [Scenario.RESTORE]).results
        return result

    def phases(self) -> dict[str, dict[str, Any]]:
        return {row["phase"]: row for row in self.found.rows(EventKind.DRILL_PHASE)}

    def rows(self) -> list[str]:
        world = self.found.cast.world
        return [row.kind.value for row in world.journal.events(world.service, kinds=OF_BACKUPS)]


def only(result: DrillResult) -> str:
    """What was wrong: one thing."""
    assert len(result.wrong) == 1, result.wrong
    return result.wrong[0]


def staged(tmp_path: Path, **rehearsal: Any) -> Bench:
    """Its environment has a backup, and an archive that is two seconds behind."""
    found = stage(tmp_path, {"restore": {"rto": "60s", **rehearsal}})
    rig, rules = found.rig, Backups.model_validate({"archive_lag": "10s"})
    driver, copy = Kept(Settings(), rig.world.estate.site), Elsewhere()
    driver.clock, driver.sleep = rig.clock.now, rig.clock.sleep
    driver.take(keep=3)
    drivers = rig.world.policy.drivers.model_copy(update={"backups": Driver(kind="memory")})
    policy = rig.world.policy.model_copy(update={"drivers": drivers, "backups": rules})
    estate = dataclasses.replace(rig.world.estate, backups=driver)
    rig.checks.elsewhere = lambda url: copy  # type: ignore[method-assign,assignment]
    rig.world = dataclasses.replace(rig.world, policy=policy, estate=estate)
    bundle(rig)
    drilled = found.cast.policy.model_copy(update={"backups": rules})
    found.cast = dataclasses.replace(found.cast, world=rig.world, policy=drilled)
    return Bench(found, driver, copy)


def test_the_latest_backup_is_restored_proven_measured_and_dropped(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.takes = 5.0
    bench.driver.differences = (TableDifference("orders", 1010, 1000, 10, 0), TableDifference("stock", 4, 4, 0, 0))
    bench.found.rig.effects_log().clear()
    result = bench.held()
    assert result.ok, "\n".join(bench.found.said)
    assert (result.rto_target, result.rto_met, result.rpo_target, result.rpo_met) == (60.0, True, 10.0, True)
    assert (result.times.total, result.restored) == (5.0, 5.0)
    assert result.behind is not None
    assert LAG <= result.behind < 10.0
    assert list(bench.phases()) == [phase.value for phase in Phase]
    told = bench.phases()[Phase.ANSWER.value]
    assert "at most 10 rows as they are live are not in it" in told["why"]
    assert told["facts"]["restored"]["backup"] == "b1"
    assert told["facts"]["different"] == [
        {"table": "orders", "live": 1010, "restored": 1000, "only_live": 10, "only_restored": 0}
    ]
    assert bench.driver.beside == {}
    assert bench.rows() == ["restore_asked", "restored_beside", "restore_discarded"]
    assert bench.found.rig.effects_log() == [], "the live database was not touched"
    assert bench.driver.live == "", "and never swapped"
    assert bench.found.hands.asked == [], "no operation"


def test_the_copy_is_held_against_what_was_there_before_the_order(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    assert bench.held().ok, "\n".join(bench.found.said)
    assert bench.copy.snapshots == [{"tables": {"orders": {"rows": 0}}}]
    assert "orders_do_not_vanish" in bench.copy.asked[0]
    assert bench.phases()[Phase.ANSWER.value]["facts"]["checks_left_out"] == ["schema_is_at_its_revision"]


def test_rows_that_have_vanished_from_the_copy_fail_it(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.copy.status["orders_do_not_vanish"] = Status.VIOLATED
    result = bench.held()
    said = only(result)
    assert "data check orders_do_not_vanish" in said
    assert result.restored is None, "what is not whole was not restored, however fast it came"
    assert "tidegate restore shop --to latest" in said
    assert bench.driver.beside == {}


def test_a_table_that_the_copy_has_not_fails_it(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.differences = (TableDifference("orders", 10, None, 10, 0),)
    said = only(bench.held())
    assert "table orders is only in the live database" in said


def test_a_live_database_that_cannot_be_compared_with_fails_it(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    rig = bench.found.rig
    bench.driver.on_restore = lambda: rig.database.set("east", "unreachable")
    assert any("not compared with the live database" in one for one in bench.held().wrong)


def test_without_a_backup_nothing_is_touched(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.backups.clear()
    said = only(bench.held())
    assert "there is no backup" in said
    assert "tidegate backup shop" in said
    assert list(bench.phases()) == [Phase.READY.value]


def test_an_environment_without_backups_says_so(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    world = bench.found.cast.world
    bare = world.policy.model_copy(update={"backups": None})
    estate = dataclasses.replace(world.estate, backups=None)
    bench.found.cast = dataclasses.replace(
        bench.found.cast, world=dataclasses.replace(world, policy=bare, estate=estate)
    )
    said = bench.held().wrong
    assert any("has no backups" in one and "add drivers.backups" in one for one in said), said
    assert list(bench.phases()) == [Phase.READY.value], "nothing was touched"


def test_a_backup_that_turns_out_damaged_fails_it(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.broken = "backup b1 cannot be read: checksum mismatch"
    result = bench.held()
    said = only(result)
    assert said == "answer: backup b1 cannot be read: checksum mismatch. tidegate backup shop --reason WHY"
    assert (result.restored, result.behind) == (None, None)
    assert Phase.EMPTY.value in bench.phases()


def test_a_copy_that_takes_too_long_misses_the_rto(tmp_path: Path) -> None:
    bench = staged(tmp_path, rto="10s")
    bench.driver.takes = 12.5
    result = bench.held()
    said = only(result)
    assert said.startswith("restored after 12.5 s, the RTO is 10 s (")
    assert "take backups more often" in said


def test_one_that_is_not_proven_in_time_at_all_says_so(tmp_path: Path) -> None:
    bench = staged(tmp_path, within="10s")
    bench.driver.takes = 12.5
    assert "answer: not proven whole within 10 s of the order" in bench.held().wrong


def test_an_archive_that_stops_during_the_drill_misses_the_rpo(tmp_path: Path) -> None:
    bench = staged(tmp_path)

    def stops() -> None:
        if "restore: fault" in " ".join(bench.found.said):
            bench.driver.lag = None

    bench.found.beside_the_drill(stops)
    result = bench.held()
    assert result.behind is not None
    assert result.behind > 10.0
    assert (result.rpo_met, result.restored, bench.driver.beside) == (False, None, {})
    assert any("s behind, the RPO is 10 s: see that `tidegate keep-backups shop`" in one for one in result.wrong)
    assert any("did not come to have what was there" in one for one in result.wrong)
    assert bench.copy.snapshots == [None], "what was there is not asked of a copy that need not have it"


def test_a_copy_that_nobody_gets_rid_of_fails_it(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.sticks = True
    wrong = bench.held().wrong
    (name,) = bench.driver.beside
    assert f"steady state again: a restored database is left over: {name}" in wrong


def test_one_that_was_there_before_is_left_alone(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.observe()
    mine = bench.driver.restore(None)
    assert bench.held().ok, "\n".join(bench.found.said)
    assert list(bench.driver.beside) == [mine.id]


def test_whoever_is_interrupted_leaves_no_copy(tmp_path: Path) -> None:
    bench = staged(tmp_path)

    def interrupt(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    bench.copy.run = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        bench.held()
    assert bench.driver.beside == {}


def test_after_a_holder_that_was_killed_the_next_one_drops_its_copy(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    cast, run = mortal(bench.found.cast, 10_000), bench.copy.run

    def killed(*given: Any, **named: Any) -> Any:
        cast.rows.extend(["dead"] * 20_000)
        raise Killed

    bench.copy.run = killed  # type: ignore[method-assign]
    die(bench.found, cast, Scenario.RESTORE)
    assert len(bench.driver.beside) == 1, "it was there, and is left"
    others = bench.driver.restore(None)
    bench.copy.run = run  # type: ignore[method-assign]
    bench.found.cast = bench.found.again("drill-2")
    assert bench.held().ok, "\n".join(bench.found.said)
    assert list(bench.driver.beside) == [others.id], "its own alone"


def test_the_most_that_the_archive_was_seen_behind_is_what_counts(tmp_path: Path) -> None:
    """It comes in leaps: right behind one it is always fresh."""
    bench = staged(tmp_path)

    def leaps() -> None:
        bench.driver.lag = 0.0 if bench.driver.lag and "restore: fault" in " ".join(bench.found.said) else 8.0

    bench.found.beside_the_drill(leaps)
    result = bench.held()
    assert result.behind is not None
    assert 8.0 <= result.behind <= 10.0


def test_what_begins_with_the_service_itself_ends_it_before_the_copy_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = staged(tmp_path)
    happens: list[str] = []
    bench.driver.on_restore = lambda: happens.append("op-9 of prod itself is open")
    monkeypatch.setattr("tidegate.drill.restoring.incident", lambda *given: "".join(happens))
    result = bench.held()
    assert only(result).startswith("answer: the drill was ended at once: op-9 of prod itself is open")
    assert bench.copy.asked == []
    assert bench.driver.beside == {}


def test_while_a_restore_lasts_everybody_sees_that_the_drill_is_held(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    cast = bench.found.cast
    seen = threading.Event()
    beat = type(cast.world.journal).beat

    def told(self: Any, service: str, what: str, **given: Any) -> Any:
        if what == BEAT:
            seen.set()
        return beat(self, service, what, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(cast.world.journal), "beat", told)
        with beating(cast, Scenario.RESTORE, every=0.01):
            assert seen.wait(60)
    assert cast.world.journal.beats(SERVICE)[BEAT].body["phase"] == Phase.ANSWER.value


def test_a_persons_restore_is_as_it_was(tmp_path: Path) -> None:
    bench = staged(tmp_path)
    bench.driver.observe()
    found = engine.restore(bench.found.cast.world, None, person="cat", reason="look", actor="test")
    assert "orders_do_not_vanish" in found.left_out
