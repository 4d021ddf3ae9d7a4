"""Writes wait for a standby that has gone: under `relax` they go on without it, and nobody forgets that they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import move, moving_policy, open_move, placement
from tidegate.engine import relaxing
from tidegate.errors import Unreachable
from tidegate.guard.sync_watch import SyncWatch
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome
from tidegate.report.overview import service_document


def protected(tmp_path: Path, synchronous: str = "relax", then: str = "act") -> Rig:
    rig = build(tmp_path, moving_policy(synchronous=synchronous, decide={"then": then}))
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    assert rig.database.write("east"), "the standby is there, so a write is acknowledged"
    return rig


def looked(rig: Rig, watch: SyncWatch, seconds: float = 3.0) -> bool:
    """Whether writes were let go within the time."""
    done = False
    for _ in range(int(seconds / 0.5)):
        done = watch.look() or done
        rig.clock.sleep(0.5)
    return done


def test_writes_go_on_without_a_standby_that_has_gone(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.kill("west")
    assert not rig.database.write("east"), "they wait for it"
    assert looked(rig, SyncWatch(rig.world))
    assert rig.database.write("east")
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.synced) == ("east", "")


def test_a_partition_between_the_regions_is_the_same_to_those_who_write(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.part()
    assert looked(rig, SyncWatch(rig.world))
    assert rig.database.write("east")


def test_the_record_is_withdrawn_before_the_primary_is_told(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.kill("west")
    rig.database.faults.fail_at("synchronise", Unreachable("the primary gives no session"))
    watch = SyncWatch(rig.world)
    with pytest.raises(Unreachable):
        looked(rig, watch)
    where = placement(rig)
    assert where is not None
    assert where.synced == "", "a failover now may lose nothing, but nobody may count on it"
    assert not rig.database.write("east")
    assert looked(rig, SyncWatch(rig.world)), "another guard finishes what was begun"
    assert rig.database.write("east")
    kinds = {EventKind.NOTE}
    notes = [e.body["what"] for e in rig.world.journal.events("shop", kinds=kinds)]
    assert (notes.count(relaxing.WITHDRAWN), notes.count(relaxing.RELAXED)) == (1, 1)


def test_a_standby_that_is_back_at_once_is_waited_for(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    watch = SyncWatch(rig.world)
    rig.database.part()
    assert not watch.look()
    rig.database.part(False)
    assert not looked(rig, watch)
    where = placement(rig)
    assert where is not None
    assert where.synced == "west"


def test_a_primary_that_is_lost_is_no_reason(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.kill("east")
    assert not looked(rig, SyncWatch(rig.world))
    where = placement(rig)
    assert where is not None
    assert where.synced == "west", "else nobody could fail over without being asked"


def test_under_block_writes_wait(tmp_path: Path) -> None:
    assert not relaxing.may_relax(protected(tmp_path, "block").world)
    assert relaxing.may_relax(build(tmp_path / "other", moving_policy(synchronous="relax")).world)


def test_an_operation_that_moves_the_service_sees_to_it_itself(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.kill("west")
    open_move(rig, OperationKind.REPROTECT)
    assert not looked(rig, SyncWatch(rig.world))
    where = placement(rig)
    assert where is not None
    assert where.synced == "west"


def test_it_stands_on_the_first_page_until_it_is_protected_again(tmp_path: Path) -> None:
    rig = protected(tmp_path)
    rig.database.part()
    looked(rig, SyncWatch(rig.world))
    words = relaxing.unprotected(rig.world.journal, "shop")
    assert "tidegate reprotect shop" in words
    assert words in service_document(rig.world.journal, "shop", rig.clock.now())["needs"]
    rig.database.part(False)
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    assert relaxing.unprotected(rig.world.journal, "shop") == ""


def test_after_it_a_lost_region_is_not_left_without_asking(tmp_path: Path) -> None:
    """What the primary took since, the standby may not have."""
    rig = protected(tmp_path)
    it = Eyed(rig)
    rig.clock.sleep(2)
    rig.database.part()
    looked(rig, SyncWatch(rig.world))
    assert rig.database.write("east", "an order that west has not")
    it.lose("east")
    rig.clock.sleep(3)
    it.act()
    assert rig.database.writers() == (), "two have to sign before west takes writes"


def test_a_withdrawal_that_was_never_finished_does_not_excuse_the_next_one(tmp_path: Path) -> None:
    """A guard dies between the two; somebody reprotects; the standby goes again: the record is withdrawn again."""
    rig = protected(tmp_path)
    rig.database.part()
    rig.database.faults.fail_at("synchronise", Unreachable("the primary gives no session"))
    with pytest.raises(Unreachable):
        looked(rig, SyncWatch(rig.world))
    rig.database.part(False)
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    where = placement(rig)
    assert where is not None
    assert where.synced == "west"
    rig.database.part()
    assert looked(rig, SyncWatch(rig.world))
    where = placement(rig)
    assert where is not None
    assert where.synced == ""
