"""Drills on the memory estate: the same plans, a fault, the way back, and that nothing is left."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.support.drills import SERVICE, Stage, stage
from tidegate.drill.answers import Answering
from tidegate.drill.cast import GameDay
from tidegate.drill.session import hold
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.drivers.load.contract import Seen
from tidegate.engine.after_promotion import FAILED
from tidegate.engine.brakes import DRILL
from tidegate.engine.drills import drills, results_of
from tidegate.engine.obstacles import in_the_way
from tidegate.engine.region_loss import LOST
from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind
from tidegate.model.drill import Phase, Scenario, Users
from tidegate.model.operation import OperationKind

BAD = {"bad_release": {"version": "1.2.0"}}


def bad_release(tmp_path: Path) -> Stage:
    found = stage(tmp_path, BAD)
    found.rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    return found


def parts(found: Stage, scenario: Scenario) -> list[str]:
    rows = found.rows(EventKind.DRILL_PHASE)
    return [row["phase"] for row in rows if row["scenario"] == scenario.value]


def test_a_bad_release_is_caught_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    found = bad_release(tmp_path)
    held = hold(found.cast, [Scenario.BAD_RELEASE])
    assert held.ok, found.said
    (result,) = held.results
    assert (result.kind, result.outcome) == ("promotion", "rolled_back")
    assert result.times.detect is not None
    assert result.times.act is not None
    assert result.plan.startswith("sha256:")
    assert parts(found, Scenario.BAD_RELEASE) == [phase.value for phase in Phase]
    assert found.load.running() == ()


def test_a_lost_region_is_left_and_gone_home_to(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    held = hold(found.cast, [Scenario.REGION_LOSS])
    assert held.ok, found.said
    (result,) = held.results
    assert (result.kind, result.outcome) == ("failover", "failed_over")
    assert result.times.detect is not None
    assert result.times.total is not None
    assert "cutover.promote" in result.steps or result.steps
    kinds = [kind for kind, _ in found.hands.asked]
    assert kinds == [OperationKind.FAILOVER, OperationKind.REPROTECT, OperationKind.SWITCHOVER]
    assert found.rig.database.observe()["east"].role == "primary"
    assert found.faults.active() == ()


def test_with_airflow_lost_somebody_goes_on_at_a_terminal(tmp_path: Path) -> None:
    found = stage(tmp_path, {"airflow_lost": {}})
    held = hold(found.cast, [Scenario.AIRFLOW_LOST])
    assert held.ok, found.said
    assert [kind for kind, _ in found.terminal.asked] == [OperationKind.FAILOVER]
    assert OperationKind.FAILOVER not in [kind for kind, _ in found.hands.asked]


def test_what_it_took_counts_from_the_fault_that_users_meet(tmp_path: Path) -> None:
    found = stage(tmp_path, {"airflow_lost": {}})
    inject, asked = found.faults.on_inject, list[float]()

    def slowly(fault: Fault) -> None:
        if fault.kind is FaultKind.AIRFLOW_DEAD:
            found.rig.clock.sleep(8.0)
        inject(fault)

    def saw(since: float, until: float) -> Seen:
        asked.append(since)
        return Seen(Users(1000 + len(asked), 0, 0, 0))

    found.faults.on_inject, found.load.saw = slowly, saw
    held = hold(found.cast, [Scenario.AIRFLOW_LOST])
    assert held.ok, found.said
    (fault,) = [row for row in found.rows(EventKind.DRILL_PHASE) if row["phase"] == Phase.FAULT.value]
    (steady,) = [row.at for row in found.rig.world.journal.events(SERVICE, kinds={EventKind.DRILL_PHASE})
                 if row.body["phase"] == Phase.STEADY.value]  # fmt: skip
    assert fault["facts"]["at"] >= steady + 8.0, "it was a while until the region went, too"
    assert fault["facts"]["at"] in asked


def test_on_a_game_day_people_answer_what_they_were_not_told(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    found.cast = dataclasses.replace(found.cast, game_day=GameDay(120.0))
    journal, rig = found.rig.world.journal, found.rig
    hesitates, seen = 45.0, dict[str, Any]()

    def person() -> None:
        """Looks, and after a while begins what the runbook says."""
        lost = [row for row in journal.events(rig.world.service, kinds={EventKind.NOTE}) if row.body["what"] == LOST]
        if lost and "told" not in seen and rig.clock.now() >= lost[-1].at + hesitates:
            seen["told"] = journal.events(SERVICE), list(found.said)
            found.terminal.ask(OperationKind.FAILOVER, {"reason": "the region is dark"}, "by-a-person")

    found.beside_the_drill(person)
    began = rig.clock.now()
    held = hold(found.cast, [Scenario.REGION_LOSS])
    assert held.ok, found.said
    assert OperationKind.FAILOVER not in [kind for kind, _ in found.hands.asked], "nobody stands in for people"
    rows, said = seen["told"]
    assert "region_loss" not in " ".join([*said, *(str(row.body) for row in rows)])
    assert "region_dead" not in " ".join([*said, *(str(row.body) for row in rows)])
    (result,) = held.results
    assert result.scenario is Scenario.REGION_LOSS
    assert result.game_day
    assert result.times.wait is not None
    assert result.times.wait >= hesitates, "that is what people took"
    (fault,) = [row for row in found.rows(EventKind.DRILL_PHASE) if row["phase"] == Phase.FAULT.value]
    assert fault["facts"]["at"] >= began + 120.0


def test_people_are_compared_with_people(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    hold(found.cast, [Scenario.REGION_LOSS])
    (held,) = drills(found.rig.world.journal, SERVICE)
    game_day = dataclasses.replace(held, results=(dataclasses.replace(held.results[0], game_day=True),))
    assert results_of([held, game_day], Scenario.REGION_LOSS) == list(held.results)
    assert results_of([held, game_day], Scenario.REGION_LOSS, game_day=True) == list(game_day.results)


def test_a_steady_state_that_does_not_return_fails_the_drill(tmp_path: Path) -> None:
    found = bad_release(tmp_path)
    lift = found.hands.ask

    def ask(kind: OperationKind, conf: object, request_id: str) -> str:
        done = lift(kind, conf, request_id)  # type: ignore[arg-type]
        found.rig.database.servers["east"].slots = ("old_standby",)
        return done

    found.hands.ask = ask  # type: ignore[method-assign]
    held = hold(found.cast, [Scenario.BAD_RELEASE])
    assert not held.ok
    assert "steady state again: a replication slot is left over: old_standby" in held.results[0].wrong


def test_what_is_in_the_way_is_said_before_anything_is_touched(tmp_path: Path) -> None:
    found = bad_release(tmp_path)
    found.rig.database.kill("west")
    found.rig.effects_log().clear()
    held = hold(found.cast, [Scenario.BAD_RELEASE])
    assert not held.ok
    assert any("readiness of shop" in said for said in held.results[0].wrong), held.results[0].wrong
    assert parts(found, Scenario.BAD_RELEASE) == [Phase.READY.value]
    assert found.hands.asked == []
    assert found.rig.effects() == []


def test_what_happens_to_the_service_itself_ends_the_drill_at_once(tmp_path: Path) -> None:
    found = stage(tmp_path, {"dependency_slow": {"lasts": "60s"}})

    def begin(_: float) -> None:
        rows = found.rows(EventKind.DRILL_PHASE)
        if (
            rows
            and rows[-1]["phase"] == Phase.FAULT.value
            and not found.rig.world.journal.events(SERVICE, kinds={EventKind.NOTE})
        ):
            body = {"what": LOST, "id": "loss-1", "region": "east", "lost": "region", "why": "east is dark",
                    "seen_by": ["guard"], "observed_at": 1.0, "then": "page", "because": ""}  # fmt: skip
            with found.rig.world.journal.locked(SERVICE) as txn:
                txn.append(EventKind.NOTE, body, actor="test", operation="prod-failover-0000000000000000")

    found.rig.clock.ticks.append(begin)
    began = found.rig.clock.now()
    held = hold(found.cast, [Scenario.DEPENDENCY_SLOW])
    assert any("ended at once" in said for said in held.results[0].wrong)
    assert found.rig.clock.now() - began < 60, "it did not wait for its time"
    assert found.faults.active() == ()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_is_interrupted_goes_home_first(tmp_path: Path, error: type[BaseException]) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    ask, asked = found.hands.ask, list[OperationKind]()

    def interrupted(kind: OperationKind, conf: object, request_id: str) -> str:
        asked.append(kind)
        if len(asked) == 1:
            raise error
        return ask(kind, conf, request_id)  # type: ignore[arg-type]

    found.hands.ask = interrupted  # type: ignore[method-assign]
    with pytest.raises(error):
        hold(found.cast, [Scenario.REGION_LOSS])
    (held,) = drills(found.rig.world.journal, SERVICE)
    assert held.ended is not None
    assert not held.ok
    assert found.faults.active() == ()
    assert found.rig.database.observe()["east"].role == "primary"


def stricter(found: Stage, **section: Any) -> None:
    """Production is the same in all but its RTO; ``section``: what the policy says of drills besides."""
    rig, policy = found.rig, found.cast.policy
    real = policy.objectives.model_copy(update={"rto": 30.0})
    production = rig.world.policy.model_copy(update={"objectives": real})
    part = found.cast.section.model_copy(update=section)
    found.cast = dataclasses.replace(
        found.cast,
        policy=policy.model_copy(update={"drills": part}),
        production=dataclasses.replace(rig.world, policy=production),
    )


def test_an_environment_that_is_not_what_production_is_fails_the_drill(tmp_path: Path) -> None:
    found = bad_release(tmp_path)
    stricter(found)
    held = hold(found.cast, [Scenario.BAD_RELEASE])
    assert [result.ok for result in held.results] == [True], "it is rehearsed all the same"
    assert not held.ok
    assert held.wrong == ("not as production: settings: objectives.rto: 1m there, 30s in production",)


@pytest.mark.parametrize(("line", "counts"), [("objectives.rto", False), ("objectives", False), ("objective", True)])
def test_a_line_that_may_differ_is_named_in_the_policy(tmp_path: Path, line: str, counts: bool) -> None:
    found = bad_release(tmp_path)
    stricter(found, may_differ=(line,))
    assert hold(found.cast, [Scenario.BAD_RELEASE]).ok is not counts


def test_promotions_are_held_while_a_drill_is_overdue_where_the_policy_says_so(tmp_path: Path) -> None:
    found = stage(tmp_path, BAD, hold_promotions=True)
    rig, policy = found.rig, found.cast.policy
    owed = dataclasses.replace(rig.world, policy=policy.model_copy(update={"service": "shop"}))
    with owed.journal.locked("shop") as txn:
        found_there = [o.words for o in in_the_way(owed, txn, OperationKind.PROMOTION) if o.rule == DRILL]
    assert ["none was ever held" in words for words in found_there] == [True]
    without = dataclasses.replace(owed, policy=rig.world.policy)
    with owed.journal.locked("shop") as txn:
        assert [o for o in in_the_way(without, txn, OperationKind.PROMOTION) if o.rule == DRILL] == []


def test_a_database_that_is_lost_alone_is_moved_alone(tmp_path: Path) -> None:
    found = stage(tmp_path, {"database_loss": {}})
    held = hold(found.cast, [Scenario.DATABASE_LOSS])
    assert held.ok, found.said
    assert found.hands.asked[0][1]["only"] == "database"


def test_a_release_that_goes_bad_late_is_taken_back(tmp_path: Path) -> None:
    found = stage(tmp_path, {"bad_release_late": {"version": "1.1.0"}})
    found.acts()
    held = hold(found.cast, [Scenario.BAD_RELEASE_LATE])
    assert held.ok, found.said
    (result,) = held.results
    assert (result.kind, result.outcome) == ("rollback", "rolled_back")
    assert result.times.detect is not None


def test_a_dependency_that_hangs_needs_nobody(tmp_path: Path) -> None:
    found = stage(tmp_path, {"dependency_slow": {"lasts": "10s"}})
    held = hold(found.cast, [Scenario.DEPENDENCY_SLOW])
    assert held.ok, found.said
    assert held.results[0].operation == ""


def test_a_restoration_over_the_rto_fails_the_drill(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    slow = Seen(Users(1000, 50, 0, 0), served_again=61.0)
    calm = found.load.saw
    found.load.saw = lambda since, until: slow if until - since != 2.0 else calm(since, until)
    held = hold(found.cast, [Scenario.REGION_LOSS])
    assert any("the RTO is 60 s" in said for said in held.results[0].wrong), held.results[0]


@pytest.mark.parametrize("because, asked", [("the guard has failed over 9 min ago", 1), ("", 0)])
def test_a_release_that_goes_bad_late_is_taken_back_by_a_person_where_the_guard_may_not(
    tmp_path: Path, because: str, asked: int
) -> None:
    """Two scenarios of one night are two reversals within an hour."""
    found = stage(tmp_path, {"bad_release_late": {"version": "1.2.0", "within": "5s"}})
    asks: list[OperationKind] = []
    found.hands.ask = lambda kind, conf, request_id: str(asks.append(kind))  # type: ignore[method-assign]
    journal, service = found.cast.world.journal, found.cast.world.service
    behind = journal.head(service).seq
    with journal.locked(service) as txn:
        txn.append(EventKind.NOTE, {"what": FAILED, "why": "it fails", "because": because}, actor="guard")
    late = Scenario.BAD_RELEASE_LATE
    section = found.cast.policy.drills
    assert section is not None
    answering = Answering(found.cast, late, section.scenarios[late], "load", found.rig.clock.now(), behind, "east")
    if asked:
        answering._back(behind)
    else:
        with pytest.raises(NotSettled, match="no rollback was begun"):
            answering._back(behind)
    assert asks == [OperationKind.ROLLBACK] * asked
