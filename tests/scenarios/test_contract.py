"""Contract: asked of people, run once, and from then on no rollback goes behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_migrations import PEOPLE, driver, rig
from tests.support.estate import Rig
from tests.support.operations import advance, open_promotion, open_rollback, promote
from tidegate.drivers._world import Effect
from tidegate.engine.approve import give_approval, refuse_approval
from tidegate.engine.control import abort
from tidegate.engine.execute import run_step
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView
from tidegate.errors import GivesWay, Refused, Rejected
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.contract import contract_plan, has_contract
from tidegate.report.catalog import catalog_document


def ready(tmp_path: Path, *, promoted: str = "1.2.0") -> Rig:
    built = rig(tmp_path, approval=PEOPLE)
    assert promote(built, promoted).outcome is Outcome.PROMOTED
    built.traffic.world.effects.clear()
    return built


def open_contract(built: Rig) -> OperationView:
    request = Request(OperationKind.CONTRACT, "contract", "cat", "nobody needs it any more")
    return open_operation(built.world, request, contract_plan(built.world.policy, "d"), actor="test")


def yes(built: Rig):
    def ask(view: OperationView, node: Any) -> None:
        give_approval(built.world, view.id, node.id, person="ann", plan_digest=view.plan_digest, actor="test")

    return ask


def contract(built: Rig) -> OperationView:
    return drive(built.world, open_contract(built).id, actor="test", ask=yes(built))


def facts(built: Rig):
    return fold_facts(built.world.journal.events("shop", kinds=FACT_KINDS))


def test_it_withdraws_the_release_before_runs_once_and_closes_the_window(tmp_path: Path):
    built = ready(tmp_path)
    ended = contract(built)
    assert ended.outcome is Outcome.CONTRACTED
    assert driver(built).observe().revision == "0003"
    assert [e.family for e in built.effects()] == ["compute", "compute", "migrations"], "the spare first"
    assert [one["closes_versions"] for one in facts(built).contracts] == [["1.0.0"]]


def test_a_rollback_behind_it_is_refused_with_what_can_be_done_instead(tmp_path: Path):
    built = ready(tmp_path)
    contract(built)
    for target in (None, "1.0.0"):
        with pytest.raises(Refused, match="1\\.0\\.0 cannot be gone back to: the schema contract 0003") as caught:
            open_rollback(built, target)
        assert "roll forward" in caught.value.next_step
        assert "restore a backup beside" in caught.value.next_step


def test_the_catalog_says_until_when_and_then_since_when(tmp_path: Path):
    built = ready(tmp_path)
    (before,) = catalog_document("shop", built.world.journal.events("shop"))
    assert before["reversible"]["now"] is True
    assert before["reversible"]["until"] == "its schema contract 0003, which `tidegate contract shop` runs"
    contract(built)
    (after,) = catalog_document("shop", built.world.journal.events("shop"))
    assert after["reversible"]["now"] is False
    assert "0003 of 1.2.0 was run: roll forward" in after["reversible"]["why"]


def test_nothing_is_touched_before_somebody_has_said_yes(tmp_path: Path):
    built = ready(tmp_path)
    view = advance(built, open_contract(built), "contract.withdraw-1")
    with pytest.raises(Exception, match=r"contract\.approve"):
        run_step(built.world, view.id, "contract.migrate", actor="test")
    assert built.effects() == []


def test_a_no_ends_it_with_nothing_touched(tmp_path: Path):
    built = ready(tmp_path)

    def no(view: OperationView, node: Any) -> None:
        refuse_approval(built.world, view.id, node.id, person="ben", why="ben said no", actor="test")

    ended = drive(built.world, open_contract(built).id, actor="test", ask=no)
    assert ended.outcome is Outcome.REFUSED
    assert built.effects() == []
    assert facts(built).contracts == ()


def test_while_people_think_a_rollback_goes_first(tmp_path: Path):
    """It holds the service, and gives it up to whoever outranks it."""
    built = ready(tmp_path)
    view = advance(built, open_contract(built), "contract.withdraw-1")
    with pytest.raises(GivesWay):
        open_rollback(built)
    assert drive(built.world, view.id, actor="test").outcome is Outcome.REFUSED
    assert open_rollback(built).binding.stable.version == "1.0.0"


def test_behind_the_point_of_no_return_it_gives_no_way_and_is_not_aborted(tmp_path: Path):
    built = ready(tmp_path)
    view = open_contract(built)

    def die(effect: Effect) -> None:
        if effect.family == "migrations":
            raise KeyboardInterrupt

    built.traffic.world.after_effect = die
    with pytest.raises(KeyboardInterrupt):
        drive(built.world, view.id, actor="test", ask=yes(built))
    built.traffic.world.after_effect = lambda _: None
    with pytest.raises(Refused, match="the service is held"):
        open_rollback(built)
    with pytest.raises(Refused, match="point of no return"):
        abort(built.world, view.id, person="cat", reason="no", actor="test")
    ended = drive(built.world, view.id, actor="test")
    assert ended.outcome is Outcome.CONTRACTED
    assert [e.target for e in built.effects() if e.family == "migrations"] == ["0003"], "once"
    assert len(facts(built).contracts) == 1


def test_one_that_failed_and_changed_nothing_may_be_aborted(tmp_path: Path):
    built = ready(tmp_path)
    view = open_contract(built)
    driver(built).faults.fail_next = Rejected("the upgrade fails; the schema is as before")
    with pytest.raises((Rejected, Exception), match="as before"):
        drive(built.world, view.id, actor="test", ask=yes(built))
    abort(built.world, view.id, person="cat", reason="mend it first", actor="test")
    assert drive(built.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK
    assert facts(built).contracts == ()
    assert driver(built).observe().revision == "0002"


@pytest.mark.parametrize(("promoted", "words"), [("1.1.0", "brings no contract"), ("1.2.0", "was completed already")])
def test_where_there_is_nothing_to_contract_it_is_refused(tmp_path: Path, promoted: str, words: str):
    built = ready(tmp_path, promoted=promoted)
    if promoted == "1.2.0":
        contract(built)
        built.traffic.world.effects.clear()
    request = Request(OperationKind.CONTRACT, "again", "cat", "again")
    view = open_operation(built.world, request, contract_plan(built.world.policy, "d"), actor="test")
    ended = drive(built.world, view.id, actor="test", ask=yes(built))
    assert ended.outcome is Outcome.REFUSED
    assert words in ended.failures["admit.contract"]
    assert built.effects() == []


def test_a_release_that_still_needs_what_is_taken_away_is_found_on_the_scratch_copy(tmp_path: Path):
    built = ready(tmp_path)
    driver(built).unfit = {"1.2.0"}
    ended = drive(built.world, open_contract(built).id, actor="test", ask=yes(built))
    assert ended.outcome is Outcome.REFUSED
    assert "on the contracted schema 1.2.0 writes" in ended.failures["admit.contract"]


def test_a_promotion_under_way_holds_it_off(tmp_path: Path):
    built = rig(tmp_path, approval=PEOPLE)
    open_promotion(built, "1.2.0")
    with pytest.raises(Refused, match="the service is held"):
        open_contract(built)


def test_a_policy_that_names_nobody_has_no_contract(tmp_path: Path):
    assert not has_contract(rig(tmp_path).world.policy)
    assert has_contract(rig(tmp_path, approval=PEOPLE).world.policy)
