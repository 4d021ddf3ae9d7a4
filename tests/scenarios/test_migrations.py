"""Releases that change the schema: proved first, expanded before any traffic, taken back as a rung of the ladder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, small_policy
from tidegate.checks.model import Severity, Status
from tidegate.drivers._world import Effect
from tidegate.engine.approve import give_approval
from tidegate.engine.execute import run_step
from tidegate.engine.runner import Halt, drive
from tidegate.engine.view import OperationView
from tidegate.errors import Refused, Rejected
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState, Outcome
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.return_path import allowed_rungs
from tidegate.policy.schema import Check, Driver, Migrations, PeopleAsked, Policy

REVISION = "schema_is_at_its_revision"
SMOKE = ("{python}", "-m", "shop.smoke")
RELEASES: dict[str, dict[str, Any]] = {
    "1.0.0": {"schema_revision": "0001", "smoke": SMOKE},
    "1.1.0": {"schema_revision": "0002", "smoke": SMOKE},
    "1.2.0": {"schema_revision": "0002", "contract_revision": "0003", "smoke": SMOKE},
    "1.3.0": {"schema_revision": "0004", "smoke": SMOKE},
}
PEOPLE = PeopleAsked.model_validate({"from": ["ann", "ben"], "within": "10m"})


def policy(**migrations: Any) -> Policy:
    base = small_policy()
    drivers = base.drivers.model_copy(update={"migrations": Driver(kind="memory")})
    check = Check(schema_revision="alembic_version", severity=Severity.NEXT_RUNG)
    rules = Migrations(**migrations)
    return base.model_copy(update={"drivers": drivers, "checks": {**base.checks, REVISION: check}, "migrations": rules})


def rig(tmp_path: Path, **migrations: Any) -> Rig:
    """The schema is at 0001; the check of its revision says what the real one would."""
    schema = {"revisions": ("0001", "0002", "0003", "0004"), "at": "0001"}
    built = build(tmp_path, policy(**migrations), settings=RELEASES, schema=schema)
    judge = built.world.checks.run

    def run(specs: Any, snapshot: Any, *, schema_revision: str = "") -> Any:
        wrong = schema_revision != built.world.estate.migrations.observe().revision
        built.checks.status[REVISION] = Status.VIOLATED if wrong else Status.PASSED
        return judge(specs, snapshot, schema_revision=schema_revision)

    built.checks.run = run  # type: ignore[method-assign]
    return built


def driver(built: Rig) -> Any:
    return built.world.estate.migrations


def done(built: Rig) -> list[str]:
    return [f"{e.family} {e.target}" for e in built.effects()]


def rungs(built: Rig, view: OperationView) -> list[tuple[str, str]]:
    rows = built.world.journal.events("shop", operation=view.id)
    return [(e.body["rung"], e.body["then"]) for e in rows if e.kind is EventKind.RUNG_JUDGED]


def test_the_schema_is_expanded_before_anything_of_the_release_runs(tmp_path: Path):
    built = rig(tmp_path)
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.PROMOTED
    assert done(built)[0] == "migrations 0002"
    assert ended.facts["expand.migrate"] == {"from": "0001", "to": "0002", "revisions": ["0002"]}
    assert [str(act) for act in driver(built).acts] == ["1.1.0 writes", "1.0.0 writes", "1.0.0 reads", "1.1.0 reads"]


def test_a_release_that_errs_goes_back_to_the_rung_at_which_the_schema_is_as_before(tmp_path: Path):
    built = rig(tmp_path)
    built.users.error_rate["1.1.0"] = {"checkout": 0.9}
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert rungs(built, ended) == [("traffic", "next"), ("release", "next"), ("schema", "stop")]
    assert driver(built).observe().revision == "0001"
    assert ended.facts["return.schema"] == {"changed": True, "from": "0002", "to": "0001"}


def test_a_migration_that_cannot_be_undone_is_found_before_any_effect(tmp_path: Path):
    built = rig(tmp_path)
    driver(built).irreversible = {"0002"}
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.REFUSED
    assert "migration 0002 cannot be undone" in ended.failures["admit.prove"]
    assert built.effects() == []


def test_where_people_may_decide_they_are_asked_and_their_yes_is_needed(tmp_path: Path):
    built = rig(tmp_path, irreversible="gate", approval=PEOPLE)
    driver(built).irreversible = {"0002"}
    view = advance(built, open_promotion(built, "1.1.0"), "expand.migrate")
    with pytest.raises(Exception, match=r"expand\.approve"):
        run_step(built.world, view.id, "expand.migrate", actor="test")
    assert built.effects() == []

    def yes(asked: OperationView, node: Any) -> None:
        give_approval(built.world, asked.id, node.id, person="ann", plan_digest=asked.plan_digest, actor="test")

    assert drive(built.world, view.id, actor="test", ask=yes).outcome is Outcome.PROMOTED


def test_nobody_is_asked_where_every_migration_can_be_undone(tmp_path: Path):
    built = rig(tmp_path, irreversible="gate", approval=PEOPLE)
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.PROMOTED
    assert ended.node("expand.approve").detail.startswith("nothing to do: every migration can be undone")
    assert ended.requested == {}


def test_with_the_proof_switched_off_it_is_said_loudly_and_a_failing_downgrade_holds(tmp_path: Path):
    """The way back stops at the schema, says so, and goes on once a person has seen to it."""
    built = rig(tmp_path, prove=False)
    driver(built).irreversible = {"0002"}
    built.users.error_rate["1.1.0"] = {"checkout": 0.9}
    view = open_promotion(built, "1.1.0")
    with pytest.raises((Halt, Rejected), match="the schema is at 0002, as before"):
        drive(built.world, view.id, actor="test")
    held = now(built, view)
    assert held.state is OperationState.STOPPING, "it is not over"
    notes = [e.body["what"] for e in built.world.journal.events("shop") if e.kind is EventKind.NOTE]
    assert any(what.startswith("NOT PROVED") for what in notes), notes
    driver(built).irreversible = set()
    assert drive(built.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK
    assert driver(built).observe().revision == "0001"


def test_a_stable_release_that_does_not_understand_the_candidates_rows_is_found_before_any_effect(tmp_path: Path):
    built = rig(tmp_path)
    driver(built).unfit = {"1.0.0"}
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.REFUSED
    assert "1.0.0 writes, and that fails" in ended.failures["admit.prove"]
    assert built.effects() == []


def test_an_expand_that_would_run_somebodys_pending_contract_is_refused(tmp_path: Path):
    built = rig(tmp_path)
    assert promote(built, "1.2.0").outcome is Outcome.PROMOTED
    built.traffic.world.effects.clear()
    ended = promote(built, "1.3.0")
    assert ended.outcome is Outcome.REFUSED
    assert "would run 0003, which is the contract of 1.2.0" in ended.failures["admit.prove"]
    assert built.effects() == []


def test_a_try_that_was_killed_behind_its_effect_still_knows_where_the_schema_came_from(tmp_path: Path):
    built = rig(tmp_path)
    view = advance(built, open_promotion(built, "1.1.0"), "expand.migrate")

    def die(effect: Effect) -> None:
        raise KeyboardInterrupt

    built.traffic.world.after_effect = die
    with pytest.raises(KeyboardInterrupt):
        run_step(built.world, view.id, "expand.migrate", actor="test")
    built.traffic.world.after_effect = lambda _: None
    report = run_step(built.world, view.id, "expand.migrate", actor="test")
    assert (report.outcome, report.facts["from"], report.facts["to"]) == ("was_done", "0001", "0002")


def test_a_schema_that_somebody_else_has_moved_since_the_proof_is_left_alone(tmp_path: Path):
    built = rig(tmp_path)
    view = advance(built, open_promotion(built, "1.1.0"), "expand.migrate")
    driver(built).revision = "0004"
    with pytest.raises(Refused, match="changed by someone else"):
        run_step(built.world, view.id, "expand.migrate", actor="test")
    assert built.effects() == []


def test_a_rollback_past_a_completed_contract_is_refused_with_what_can_be_done_instead(tmp_path: Path):
    built = rig(tmp_path)
    promoted = promote(built, "1.2.0")
    stable = built.releases["1.2.0"]
    body = {"revision": "0003", "release": {"version": "1.2.0"}, "closes": [built.releases["1.0.0"].digest]}
    with built.world.journal.locked("shop") as txn:
        txn.append(EventKind.CONTRACT_COMPLETED, body, actor="test", operation=promoted.id)
    with pytest.raises(Refused, match=r"the schema contract 0003 of 1\.2\.0 was completed") as caught:
        open_rollback(built)
    assert "roll forward" in caught.value.next_step
    assert stable.contract_revision == "0003"


def test_a_policy_without_the_driver_has_none_of_it_and_one_with_it_has_the_rung():
    with_driver, without = policy(), small_policy()
    ids = {node.id for _, node in promotion_plan(with_driver, "d").nodes()}
    assert {"admit.prove", "expand.migrate", "return.schema", "return.rung-schema"} <= ids
    assert not {"admit.prove", "expand.migrate", "return.schema"} & {
        n.id for _, n in promotion_plan(without, "d").nodes()
    }
    assert "schema" in [rung.value for rung in allowed_rungs(with_driver)]
