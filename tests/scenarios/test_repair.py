"""A release that writes the data wrongly, and says nothing: found by a check, repaired on the rung for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, small_policy
from tidegate.checks.model import Severity, Status
from tidegate.drivers._world import Effect
from tidegate.drivers.database.contract import Difference
from tidegate.engine.runner import Halt
from tidegate.engine.view import OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationState, Outcome
from tidegate.policy.data import Follows, Repair
from tidegate.policy.schema import Check, Policy
from tidegate.report.document import operation_document
from tidegate.report.page_log import checks as checks_on_page
from tidegate.report.page_log import repairs as repairs_on_page

FOLLOW = "orders_follow_their_events"
RULE = "select order_id as id, quantity from order_events"
WRONG = Difference(412, 0, 0, ("o1", "o2"), "0/3000148")


class Killed(BaseException):
    """The runner is gone."""


def policy(severity: Severity = Severity.NEXT_RUNG) -> Policy:
    follows = Follows(projection="orders", events="order_events", key="id", rule=RULE)
    check = Check(follows=follows, severity=severity)
    base = small_policy()
    repair = {"orders_from_events": Repair(when=FOLLOW, replay=True)}
    return base.model_copy(update={"checks": {**base.checks, FOLLOW: check}, "repair": repair})


def rig(tmp_path: Path, severity: Severity = Severity.NEXT_RUNG) -> Rig:
    """1.1.0 writes the projection wrongly; the check is violated from its first wave on, until the rows are mended."""
    built = build(tmp_path, policy(severity))

    def went_wrong(effect: Effect) -> None:
        if effect.family == "traffic" and not built.database.differs and not mended:
            built.checks.status[FOLLOW] = Status.VIOLATED
            built.database.differs["orders"] = WRONG
        if effect.family == "database":
            mended.append(effect)
            built.checks.status.pop(FOLLOW, None)

    mended: list[Effect] = []
    built.traffic.world.after_effect = went_wrong
    return built


def rows(built: Rig, view: OperationView, *kinds: EventKind) -> list[Event]:
    return [e for e in built.world.journal.events("shop", operation=view.id) if e.kind in kinds]


def repairs(built: Rig) -> list[Any]:
    return [e for e in built.effects() if e.family == "database"]


def test_it_is_found_after_the_first_wave_and_the_ladder_ends_at_the_rung_that_repairs(tmp_path: Path) -> None:
    built = rig(tmp_path)
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert FOLLOW in ended.why_back and ended.why_back.startswith("wave-1.data"), ended.why_back
    judged = [(e.body["rung"], e.body["then"]) for e in rows(built, ended, EventKind.RUNG_JUDGED)]
    assert judged == [("traffic", "next"), ("release", "next"), ("schema", "stop")]
    assert [(e.verb, e.target, e.detail["rows"]) for e in repairs(built)] == [("repair", "orders_from_events", 412)]
    assert ended.facts["return.repair"]["repairs"]["orders_from_events"]["changed"] == 412


def test_the_difference_is_in_the_journal_before_anything_is_changed(tmp_path: Path) -> None:
    built = rig(tmp_path)
    ended = promote(built, "1.1.0")
    said = [e for e in rows(built, ended, EventKind.STEP_VERIFIED) if e.body["node"] == "return.preview"]
    begun = [e for e in rows(built, ended, EventKind.STEP_INTENDED) if e.body["node"] == "return.repair"]
    assert [r.body["node"] for r in sorted([*said, *begun], key=lambda r: r.seq)] == ["return.preview", "return.repair"]
    shown = said[0].body["facts"]["repairs"]["orders_from_events"]
    assert shown["difference"]["wrong"] == 412 and list(shown["difference"]["keys"]) == ["o1", "o2"], shown
    assert "412 rows wrong" in said[0].body["detail"]


def test_a_runner_that_dies_right_after_the_repair_does_not_repair_twice(tmp_path: Path) -> None:
    built = rig(tmp_path)
    mark = built.traffic.world.after_effect

    def killed(effect: Effect) -> None:
        mark(effect)
        if effect.family == "database":
            built.traffic.world.after_effect = mark
            raise Killed

    built.traffic.world.after_effect = killed
    with pytest.raises(Killed):
        promote(built, "1.1.0")
    ended = promote(built, "1.1.0")
    assert len(repairs(built)) == 1 and ended.outcome is Outcome.ROLLED_BACK
    assert ended.facts["return.repair"]["changed"] is True, "the rung has changed something, so it is judged"
    assert rows(built, ended, EventKind.RUNG_JUDGED)[-1].body["then"] == "stop"


def test_a_repair_that_is_not_due_does_nothing(tmp_path: Path) -> None:
    built = build(tmp_path, policy())
    built.users.error_rate["1.1.0"] = {"checkout": 0.9, "browse": 0.9}
    ended = promote(built, "1.1.0")
    assert ended.outcome is Outcome.ROLLED_BACK and repairs(built) == []


def test_a_check_that_holds_asks_a_person_and_repairs_nothing(tmp_path: Path) -> None:
    built = rig(tmp_path, Severity.HOLD)
    with pytest.raises(Halt, match="the data is not whole"):
        promote(built, "1.1.0")
    assert repairs(built) == []


def test_a_repair_that_does_not_help_is_not_made_again_and_the_operation_holds(tmp_path: Path) -> None:
    built = rig(tmp_path)
    built.traffic.world.after_effect = lambda _: built.checks.status.update({FOLLOW: Status.VIOLATED})
    with pytest.raises(Halt, match="no rung left"):
        promote(built, "1.1.0")
    assert len(repairs(built)) == 1


def test_a_warning_is_said_and_the_release_goes_on(tmp_path: Path) -> None:
    built = rig(tmp_path, Severity.WARN)
    ended = promote(built, "1.1.0")
    assert (ended.state, ended.outcome) == (OperationState.CLOSED, Outcome.PROMOTED)
    opened = next(e for e in rows(built, ended, EventKind.GATE_OPENED) if e.body["node"] == "wave-1.data")
    assert f"with a warning: {FOLLOW}" in opened.body["detail"]
    assert any(r["why"].startswith("warning:") for r in opened.body["evidence"]["readings"])


@pytest.mark.parametrize("node", ["wave-1.data", "wave-2.data", "bake.data"])
def test_each_data_gate_turns_the_release_back(tmp_path: Path, node: str) -> None:
    """The check is violated from just before that gate on."""
    built = rig(tmp_path)
    built.traffic.world.after_effect = lambda _: None
    run, seen = built.checks.run, []

    def checked(*args: Any, **more: Any) -> Any:
        seen.append(args)
        if len(seen) == 1 + ["wave-1.data", "wave-2.data", "bake.data"].index(node):
            built.checks.status[FOLLOW] = Status.VIOLATED
        elif len(seen) > 4:
            built.checks.status.pop(FOLLOW, None)
        return run(*args, **more)

    built.checks.run = checked  # type: ignore[method-assign]
    assert promote(built, "1.1.0").why_back.startswith(node)


def test_the_page_says_what_the_repair_would_change_and_what_it_changed(tmp_path: Path) -> None:
    built = rig(tmp_path)
    ended = promote(built, "1.1.0")
    document = operation_document(built.world.journal, "shop", ended.id, built.clock.now())
    (shown,) = document["repairs"]
    assert shown["what"] == "rebuild orders from order_events" and shown["because"].startswith(FOLLOW)
    assert "412 rows wrong" in shown["found"] and shown["keys"] == ["o1", "o2"] and shown["made"].startswith("412 rows")
    assert "Repairs of the data" in str(repairs_on_page(document))
    assert "one rung further" in str(checks_on_page(document))
