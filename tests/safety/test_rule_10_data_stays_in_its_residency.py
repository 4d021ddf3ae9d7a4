"""Rule 10. Data residency: a failover target outside the policy's residency is refused at plan time.

The policy is refused where it says so itself, with line and column; an operation is refused before it begins where a
connection says that it leads elsewhere.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import moving_policy, open_move
from tests.support.operations import open_promotion, open_rollback
from tests.support.policies import changed, complaints
from tidegate.drivers.credentials import Credential, connection_name
from tidegate.engine import readiness
from tidegate.engine.readiness_item import State
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind
from tidegate.policy.residency import Residency
from tidegate.policy.schema import Policy

KEPT = "kept: {journal: eu, snapshots: eu, backups: none, logs: eu, artifacts: eu}"
HELD = f"residency: {{within: [eu], regions: {{east: eu, west: eu}}, {KEPT}}}\nregions:"


def written(*changes: tuple[str, str]) -> list[str]:
    text = HELD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return complaints(changed(("regions:", text)))


def test_a_policy_that_keeps_everything_within_is_good() -> None:
    assert written() == []


@pytest.mark.parametrize("what", ["journal", "snapshots", "logs", "artifacts"])
def test_each_place_that_is_outside_is_refused_where_it_is_written(what: str) -> None:
    found = written((f"{what}: eu", f"{what}: us"))
    assert len(found) == 1, found
    wrong = found[0]
    assert f"{what} is in us, outside eu" in wrong
    line, column, _ = wrong.split(":", 2)
    assert (int(line), int(column) > 1) == (5, True), wrong


def test_backups_are_held_to_it_too() -> None:
    assert "backups is in us" in written(("backups: none", "backups: us"))[0]


def test_a_region_outside_is_refused_and_one_of_which_nothing_is_said() -> None:
    assert "region west is in us, outside eu" in written(("west: eu", "west: us"))[0]
    assert "where west is, is not said" in written((", west: eu", ""))[0]
    assert any("there is no region 'wst'" in one for one in written(("west: eu", "wst: eu")))


def test_a_place_that_is_left_out_is_refused() -> None:
    assert any("logs" in wrong for wrong in written((", logs: eu", "")))


def resident(**changes: object) -> Policy:
    part = {
        "within": ["eu"],
        "regions": {"east": "eu", "west": "eu"},
        "kept": {"journal": "eu", "snapshots": "eu", "backups": "none", "logs": "eu", "artifacts": "eu"},
        **changes,
    }
    return moving_policy().model_copy(update={"residency": Residency.model_validate(part)})


def leading_to(rig: Rig, area: str) -> None:
    """From now on the connection to west's control says that it leads there."""

    def resolve(reference: str) -> Credential:
        said = {"residency": area} if connection_name(reference) == "shop_west" else {}
        return Credential(connection_name(reference), "http", "localhost", 1, extra=said)

    site = dataclasses.replace(rig.world.estate.site, resolve=resolve)
    rig.world = dataclasses.replace(rig.world, estate=dataclasses.replace(rig.world.estate, site=site))


def opened(rig: Rig) -> int:
    return len(rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED}))


@pytest.mark.parametrize("kind", [OperationKind.SWITCHOVER, OperationKind.FAILOVER], ids=str)
def test_a_target_outside_is_refused_before_anything(tmp_path: Path, kind: OperationKind) -> None:
    rig = build(tmp_path, resident(regions={"east": "eu", "west": "us"}))
    with pytest.raises(Refused, match=r"data would leave eu: region west is in us"):
        open_move(rig, kind, "west")
    assert opened(rig) == 0


def test_a_connection_that_leads_outside_is_refused_and_the_way_back_is_not(tmp_path: Path) -> None:
    rig = build(tmp_path, resident())
    leading_to(rig, "us")
    for begin in (lambda: open_move(rig, OperationKind.SWITCHOVER, "west"), lambda: open_promotion(rig, "1.2.0")):
        with pytest.raises(Refused, match="conn://shop_west leads to us"):
            begin()
    assert opened(rig) == 0
    with pytest.raises(Refused, match="no earlier baseline"):  # and not because of where data would be
        open_rollback(rig)


def test_readiness_is_red_where_a_connection_leads_outside(tmp_path: Path) -> None:
    rig = build(tmp_path, resident())
    told = {i.what: i for i in readiness.assess(rig.world, actor="test").items}
    assert told["residency"].state is State.READY
    leading_to(rig, "us")
    told = {i.what: i for i in readiness.assess(rig.world, actor="test").items}
    assert told["residency"].state is State.NOT_READY
