"""Veto, pin, stopped line, change window: each refuses where it must, each is journalled, none holds a rollback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import test_contract as contracts
from tests.scenarios.test_who_may_act import ROLES
from tests.support.estate import Rig, build
from tests.support.operations import (
    advance,
    now,
    open_promotion,
    open_rollback,
    promote,
    roll_back,
    small_policy,
    weights,
)
from tidegate.engine import braking, control
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.engine.view import OperationView
from tidegate.errors import Forbidden, Paused, Refused
from tidegate.journal.model import EventKind
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.model.roles import Action
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.load import load_policy
from tidegate.policy.schema import Windows

BY: dict[str, Any] = {"person": "ann", "reason": "a hole", "actor": "test"}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, small_policy())


def veto(rig: Rig, version: str) -> braking.Braked:
    return braking.veto(rig.world, rig.releases[version].digest, version, **BY)


def ask(rig: Rig, version: str, exempt: Exemption | None = None, **more: Any) -> OperationView:
    request = Request(OperationKind.PROMOTION, f"ask {version}", "cat", "a test", version, exempt=exempt, **more)
    return open_operation(rig.world, request, promotion_plan(rig.world.policy, rig.world.policy_digest), actor="test")


# Veto


def test_a_vetoed_release_is_not_admitted(rig: Rig) -> None:
    veto(rig, "1.1.0")
    assert promote(rig, "1.1.0").outcome is Outcome.REFUSED
    assert rig.effects() == []


def test_a_veto_in_mid_promotion_turns_it_back_at_once(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.gate-25")
    assert veto(rig, "1.1.0").turned == view.id
    assert now(rig, view).state is OperationState.STOPPING
    assert control.make_safe(rig.world, view.id, actor="test").done
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}


def test_a_veto_that_slips_in_behind_the_admission_stops_the_next_step(rig: Rig) -> None:
    """As if the row had been written while the admission was being recorded."""
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.deploy")
    with rig.world.journal.locked("shop") as txn:
        body = {"digest": rig.releases["1.1.0"].digest, "version": "1.1.0", "person": "ann", "why": "a hole"}
        txn.append(EventKind.RELEASE_VETOED, body, actor="test")
    with pytest.raises(Refused, match=r"was vetoed by ann: a hole"):
        run_step(rig.world, view.id, "wave-1.deploy", actor="test")
    assert rig.effects() == []


def test_break_glass_carries_no_vetoed_release_to_users(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    with rig.world.journal.locked("shop") as txn:
        body = {"digest": rig.releases["1.1.0"].digest, "version": "1.1.0", "person": "ann", "why": "a hole"}
        txn.append(EventKind.RELEASE_VETOED, body, actor="test")
    take_over(rig.world, view.id, person="ann", reason="Airflow is gone")
    assert drive(rig.world, view.id, actor="ann").outcome is Outcome.ROLLED_BACK


def test_a_vetoed_baseline_is_no_target_and_is_passed_over(rig: Rig) -> None:
    promote(rig, "1.1.0")
    promote(rig, "1.2.0")
    veto(rig, "1.1.0")
    with pytest.raises(Refused, match=r"baseline 1\.1\.0 is vetoed"):
        open_rollback(rig, "1.1.0")
    assert roll_back(rig).binding.stable.version == "1.0.0"


def test_a_target_that_is_vetoed_before_anybody_is_served_by_it_is_refused(rig: Rig) -> None:
    promote(rig, "1.1.0")
    view = advance(rig, open_rollback(rig, "1.0.0"), "return.restore-2")
    veto(rig, "1.0.0")
    with pytest.raises(Refused, match=r"release 1\.0\.0 .* was vetoed"):
        run_step(rig.world, view.id, "return.restore-2", actor="test")


def test_once_users_are_served_by_the_target_the_rollback_goes_on(rig: Rig) -> None:
    promote(rig, "1.1.0")
    view = advance(rig, open_rollback(rig, "1.0.0"), "return.drained")
    assert veto(rig, "1.0.0").new
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK


def test_a_vetoed_release_is_not_adopted(tmp_path: Path) -> None:
    from tidegate.engine.adopt import adopt

    rig = build(tmp_path, small_policy(), adopted=False)
    veto(rig, "1.0.0")
    with pytest.raises(Refused, match="is vetoed"):
        adopt(rig.world, "1.0.0", person="ann", reason="it runs")


def test_twice_is_once_and_whoever_may_not_brakes_nothing(rig: Rig) -> None:
    assert veto(rig, "1.2.0").new
    assert not veto(rig, "1.2.0").new
    with_roles = build(rig.world.journal.file.parent / "roles", small_policy().model_copy(update={"roles": ROLES}))  # type: ignore[union-attr]
    for act in (braking.pin, braking.unpin, braking.stop_line, braking.start_line):
        with pytest.raises(Forbidden, match=f"aud may not {Action.CONTROL}"):
            act(with_roles.world, person="aud", reason="no", actor="test")
    with pytest.raises(Forbidden):
        braking.veto(with_roles.world, "sha256:1", "", person="aud", reason="no", actor="test")


# Pin


def test_a_pinned_service_is_not_promoted_but_rolled_back(rig: Rig) -> None:
    promote(rig, "1.1.0")
    braking.pin(rig.world, **BY)
    with pytest.raises(Refused, match="is pinned to its release by ann"):
        open_promotion(rig, "1.2.0")
    with pytest.raises(Refused, match="is pinned"):
        ask(rig, "1.2.0", Exemption.SECURITY)
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK
    braking.unpin(rig.world, **BY)
    assert promote(rig, "1.2.0").outcome is Outcome.PROMOTED


def test_what_is_half_way_in_is_not_pinned(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    with pytest.raises(Refused, match=f"{view.id} is open"):
        braking.pin(rig.world, **BY)


# Stop the line


def test_on_a_stopped_line_nothing_begins_but_a_rollback(rig: Rig) -> None:
    promote(rig, "1.1.0")
    braking.stop_line(rig.world, **BY)
    with pytest.raises(Refused, match="the line of shop is stopped by ann: a hole"):
        open_promotion(rig, "1.2.0")
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK


def test_what_is_under_way_stands_still_until_the_line_runs(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    before = weights(rig)
    assert braking.stop_line(rig.world, **BY).held == view.id
    with pytest.raises(Paused, match="the line is stopped"):
        run_step(rig.world, view.id, "wave-1.shift-100", actor="test")
    with pytest.raises(Refused, match="stands still until it is started again"):
        control.resume(rig.world, view.id, person="cat", reason="I am in a hurry", actor="test")
    assert weights(rig) == before
    assert braking.start_line(rig.world, **BY).freed == view.id
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED


def test_the_line_frees_nothing_that_a_person_has_paused(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    control.pause(rig.world, view.id, person="cat", reason="looking", actor="test")
    assert braking.stop_line(rig.world, **BY).held == ""
    assert braking.start_line(rig.world, **BY).freed == ""
    assert now(rig, view).held is not None


def test_a_stopped_promotion_can_be_aborted(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    braking.stop_line(rig.world, **BY)
    control.abort(rig.world, view.id, person="cat", reason="not today", actor="test")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK


def test_an_exemption_names_rule_ground_person_and_reason_before_any_effect(rig: Rig) -> None:
    braking.stop_line(rig.world, **BY)
    view = ask(rig, "1.1.0", Exemption.SECURITY)
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED
    rows = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OVERRIDDEN})
    told = [[row.body[key] for key in ("rule", "exemption", "person", "why")] for row in rows]
    assert told == [["stop the line", "security", "cat", "a test"]]
    assert all(effect.epoch > rows[0].epoch for effect in rig.effects())


def test_an_exempted_promotion_is_not_held_by_a_line_that_stops_later(rig: Rig) -> None:
    view = ask(rig, "1.1.0", Exemption.HOTFIX)
    assert braking.stop_line(rig.world, **BY).held == ""
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED
    (row,) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OVERRIDDEN})
    assert row.body["rule"] == "stop the line"


def test_only_what_was_certified_is_restored(rig: Rig) -> None:
    promote(rig, "1.1.0")
    roll_back(rig, "1.0.0")
    braking.stop_line(rig.world, **BY)
    with pytest.raises(Refused, match=r"1\.2\.0 was never certified"):
        ask(rig, "1.2.0", Exemption.RESTORE)
    assert ask(rig, "1.1.0", Exemption.RESTORE).exemption is Exemption.RESTORE


# Change windows: the estate's clock begins on a Friday, 2027-01-15, at 08:00 UTC.


def windowed(tmp_path: Path, hours: str) -> Rig:
    windows = Windows.model_validate({"zone": "UTC", "open": ({"days": ("fri",), "hours": hours},)})
    return build(tmp_path, small_policy(windows=windows))


def test_outside_the_window_a_promotion_is_refused_with_the_next_opening(tmp_path: Path) -> None:
    rig = windowed(tmp_path, "14:00-16:00")
    with pytest.raises(Refused, match=r"outside its change window; it opens on fri 2027-01-15 at 14:00 \(UTC\)"):
        open_promotion(rig, "1.1.0")
    assert ask(rig, "1.1.0", Exemption.HOTFIX).overridden == {"change window"}


def test_a_window_that_closes_before_the_first_effect_ends_it_as_refused(tmp_path: Path) -> None:
    rig = windowed(tmp_path, "07:00-08:01")
    view = open_promotion(rig, "1.1.0")
    rig.clock.sleep(61)
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.REFUSED
    assert "outside its change window" in ended.why_back
    assert rig.effects() == []


def test_what_has_begun_inside_the_window_is_let_finish(tmp_path: Path) -> None:
    rig = windowed(tmp_path, "07:00-08:01")
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.ready")
    rig.clock.sleep(61)
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED


def test_no_window_holds_a_rollback(tmp_path: Path) -> None:
    rig = windowed(tmp_path, "07:00-08:01")
    promote(rig, "1.1.0")
    rig.clock.sleep(61)
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK


def test_a_longer_freeze_does_not_make_another_plan() -> None:
    """The digest is of what plans are made from: a new blackout must hold nothing that runs."""
    from tests.support.policies import ROOT
    from tidegate.policy.load import policy_digest

    policy = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy
    windows = Windows.model_validate({"zone": "UTC", "open": ({"days": ("fri",), "hours": "08:00-09:00"},)})
    frozen = policy.model_copy(update={"promotion": policy.promotion.model_copy(update={"windows": windows})})
    assert policy_digest(frozen) == policy_digest(policy)


# A contract goes forward too


def test_a_stopped_line_holds_a_contract_and_a_pin_does_not(tmp_path: Path) -> None:
    made = contracts.ready(tmp_path)
    braking.pin(made.world, **BY)
    view = contracts.open_contract(made)
    assert braking.stop_line(made.world, **BY).held == view.id
    with pytest.raises(Refused, match="stands still until it is started again"):
        control.resume(made.world, view.id, person="cat", reason="hurry", actor="test")
    assert braking.start_line(made.world, **BY).freed == view.id
    assert drive(made.world, view.id, actor="test", ask=contracts.yes(made)).outcome is Outcome.CONTRACTED


def test_on_a_stopped_line_no_contract_begins(tmp_path: Path) -> None:
    made = contracts.ready(tmp_path)
    braking.stop_line(made.world, **BY)
    with pytest.raises(Refused, match="the line of shop is stopped"):
        contracts.open_contract(made)


def test_a_baseline_behind_a_contract_is_not_kept_ready(tmp_path: Path) -> None:
    from tidegate.engine import readiness

    made = contracts.ready(tmp_path)
    contracts.contract(made)
    (item,) = [one for one in readiness.assess(made.world, actor="test").items if one.what == "baselines"]
    assert not item.ready
    assert "there is none to go back to" in item.why
