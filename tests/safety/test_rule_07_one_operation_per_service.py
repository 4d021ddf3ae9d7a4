"""Rule 7. One operation per service; by rank failover > rollback > switchover > promotion > drill, the lower one is
aborted and compensated first.

A rollback takes the service from a promotion (tests/scenarios/test_giving_way.py); failovers come with part 4.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import open_promotion, open_rollback, promote, small_policy
from tidegate.engine.takeover import take_over
from tidegate.errors import GivesWay, Refused
from tidegate.journal.model import EventKind


def test_a_second_operation_is_refused(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    promote(rig, "1.1.0")
    view = open_promotion(rig, "1.2.0")
    with pytest.raises(Refused, match=f"is held by {view.id}"):
        open_promotion(rig, "1.3.0")
    with pytest.raises(GivesWay, match=f"{view.id} .promotion. gives way"):
        open_rollback(rig, "1.0.0")
    lease = rig.world.journal.head("shop").lease
    assert lease is not None
    assert lease.operation == view.id


def test_the_same_request_twice_is_one_operation(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    assert open_promotion(rig, "1.1.0", "r-1").id == open_promotion(rig, "1.1.0", "r-1").id
    opened = rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED})
    assert len(opened) == 1


def test_nobody_takes_over_another_operations_service(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    with rig.world.journal.locked("shop") as txn:
        assert txn.head.lease is not None
        txn.set_lease(dataclasses.replace(txn.head.lease, operation="shop-failover-1"))
        txn.append(EventKind.NOTE, {"what": "another holds it"}, actor="test")
    with pytest.raises(Refused, match="is held by shop-failover-1"):
        take_over(rig.world, view.id, person="ann", reason="I am in a hurry")
