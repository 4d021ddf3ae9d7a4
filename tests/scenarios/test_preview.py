"""A rollback's preview: what would change, what is there already, what would be refused; and it only looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, roll_back, small_policy
from tidegate.engine.preview import preview_rollback
from tidegate.errors import Refused, Unreachable
from tidegate.model.operation import Outcome


def test_it_says_what_would_change_and_touches_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    head, effects = rig.world.journal.head("shop"), rig.effects()
    found = preview_rollback(rig.world, None)
    assert (found.leaves, found.target, found.refusals) == ("1.1.0", "1.0.0", ())
    standing = {node.node: node.standing for node in found.nodes}
    assert standing["admit.target"] == "nothing"
    assert standing["return.restore-1"] == "change", "the old slot is kept warm at half its strength"
    assert standing["return.shift-0"] == "change"
    assert standing["return.withdraw-1"] == "later", "its traffic has to leave it first"
    assert {node.rung for node in found.nodes if node.node.startswith("return.shift")} == {"traffic"}
    assert (rig.world.journal.head("shop"), rig.effects()) == (head, effects)
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK


def test_a_target_that_is_gone_or_a_service_that_is_held_is_said(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    view = open_rollback(rig)
    assert preview_rollback(rig.world, None).held == view.id
    with pytest.raises(Refused, match=r"9\.9\.9 is no certified baseline"):
        preview_rollback(rig.world, "9.9.9")


def test_what_does_not_answer_is_not_seen(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED

    def away(*_: object) -> None:
        raise Unreachable("the control of east does not answer")

    rig.compute.observe = away  # type: ignore[method-assign]
    standing = {node.node: node.standing for node in preview_rollback(rig.world, None).nodes}
    assert standing["return.restore-1"] == "unseen"


def test_a_release_that_was_left_is_not_where_the_next_rollback_goes(tmp_path: Path) -> None:
    """1.1.0 was certified and taken back; 1.3.0 fails: back to 1.0.0, not to what nobody wanted."""
    rig = build(tmp_path, small_policy())
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    assert promote(rig, "1.3.0").outcome is Outcome.PROMOTED
    assert preview_rollback(rig.world, None).target == "1.0.0"
    assert preview_rollback(rig.world, "1.1.0").target == "1.1.0", "a person may"


def test_a_promotion_that_would_make_room_is_named_and_goes_on(tmp_path: Path) -> None:
    """A rollback outranks it: the release under way is what would be left."""
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    found = preview_rollback(rig.world, None)
    assert (found.makes_room, found.held) == (view.id, "")
    assert (found.leaves, found.target) == ("1.1.0", "1.0.0")
    assert now(rig, view).state.value == "running"
