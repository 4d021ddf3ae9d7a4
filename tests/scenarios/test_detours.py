"""One endpoint class fails in one region: only its route moves, by the guard or a person, until a person lifts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.moving import both_sign, move, moving_policy, regions
from tests.support.operations import open_promotion
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine import automatic, class_loss, detours
from tidegate.errors import Forbidden, LeaseLost, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.detour import Detour
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind, Outcome
from tidegate.policy.load import load_policy
from tidegate.report.overview import service_document

BY: dict[str, Any] = {"person": "cat", "reason": "checkouts fail in east", "actor": "test"}
WEST = (Detour("checkout", "west"),)


def rig_with(tmp_path: Path, **detour: Any) -> Rig:
    roles = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.roles
    return build(tmp_path, moving_policy(detour=detour).model_copy(update={"roles": roles}))


@pytest.fixture
def acting(tmp_path: Path) -> Rig:
    return rig_with(tmp_path, then="act")


@pytest.fixture
def paging(tmp_path: Path) -> Rig:
    return rig_with(tmp_path, then="page")


def notes(rig: Rig) -> list[tuple[str, str]]:
    rows = rig.world.journal.events("shop", kinds={EventKind.NOTE})
    return [(e.body["then"], e.body["because"]) for e in rows if e.body.get("what") == class_loss.FAILS]


def needs(rig: Rig) -> list[str]:
    return [str(one) for one in service_document(rig.world.journal, "shop", rig.clock.now())["needs"]]


def set_by(rig: Rig) -> list[tuple[str, str, str]]:
    return [(one.endpoint, one.to, one.person) for one in detours.standing(rig.world.journal, "shop")]


def test_the_guard_moves_only_its_route_and_says_so(acting: Rig) -> None:
    before = acting.traffic.observe()
    acting.users.class_dark.add(("east", "checkout"))
    acting.clock.sleep(5)
    assert acting.traffic.observe_detours().detours == WEST
    assert acting.traffic.observe() == before, "something else has moved"
    assert set_by(acting) == [("checkout", "west", "guard")]
    assert notes(acting) == [("act", "")]
    told = next(one for one in needs(acting) if "is answered in west alone, by guard: checkout in east:" in one)
    assert "tidegate detour shop checkout --lift" in told

    acting.clock.sleep(10)
    batch = acting.metrics.follow(None).cursor
    acting.clock.sleep(5)
    seen = acting.metrics.follow(batch).observations
    assert {o.arm.region for o in seen if o.arm and o.endpoint == "checkout"} == {"west"}
    assert {o.arm.region for o in seen if o.arm and o.endpoint == "browse"} == {"east", "west"}
    assert notes(acting) == [("act", "")], "the same is told twice"
    assert acting.world.journal.verify("shop") == []


def test_where_the_policy_says_page_it_moves_nothing_and_says_what_to_type(paging: Rig) -> None:
    paging.users.class_dark.add(("east", "checkout"))
    paging.clock.sleep(5)
    assert paging.traffic.observe_detours().detours == ()
    assert notes(paging) == [("page", "")]
    (told,) = [one for one in needs(paging) if "checkout in east" in one]
    assert told.endswith("tidegate detour shop checkout --to west --by <name> --reason <why>")
    paging.users.class_dark.clear()
    paging.clock.sleep(12)
    assert not [one for one in needs(paging) if "checkout in east" in one], "told when it is over"


@pytest.mark.parametrize(
    "dark",
    [{("east", "checkout"), ("west", "checkout")}, {("east", "checkout"), ("east", "browse")}],
    ids=["in both regions", "the whole region"],
)
def test_what_one_route_does_not_answer_moves_none(acting: Rig, dark: set[tuple[str, str]]) -> None:
    acting.users.class_dark |= dark
    acting.clock.sleep(10)
    assert acting.traffic.observe_detours().detours == ()
    assert notes(acting) == []


def test_a_second_time_within_an_hour_takes_a_person(acting: Rig) -> None:
    acting.users.class_dark.add(("east", "checkout"))
    acting.clock.sleep(5)
    detours.lift_detour(acting.world, "checkout", **BY)
    acting.clock.sleep(8)
    assert acting.traffic.observe_detours().detours == ()
    assert [then for then, _ in notes(acting)] == ["act", "page"]
    assert any("a second time within an hour takes a person" in one for one in needs(acting))
    acting.clock.sleep(automatic.ONCE_IN)
    assert acting.traffic.observe_detours().detours == WEST


def test_a_region_without_room_gets_nothing_and_a_person_is_told_why(acting: Rig) -> None:
    acting.users.rate = 220.0
    acting.clock.sleep(6)
    acting.users.class_dark.add(("east", "checkout"))
    acting.clock.sleep(6)
    assert acting.traffic.observe_detours().detours == ()
    (told,) = [one for one in needs(acting) if "checkout in east" in one]
    assert "west carries 120/s with 2 healthy instances" in told and "tidegate switchover shop --to west" in told
    assert set_by(acting) == []


def test_while_an_operation_moves_traffic_no_class_is_moved(acting: Rig) -> None:
    open_promotion(acting, "1.1.0")
    acting.users.class_dark.add(("east", "checkout"))
    acting.clock.sleep(6)
    assert (acting.traffic.observe_detours().detours, notes(acting)) == ((), [])
    with pytest.raises(Refused, match="is under way, and moves traffic itself"):
        detours.set_detour(acting.world, "checkout", "west", **BY)
    assert set_by(acting) == []


def test_no_promotion_begins_meanwhile_but_for_a_hotfix(paging: Rig) -> None:
    detours.set_detour(paging.world, "checkout", "west", **BY)
    with pytest.raises(Refused, match="checkout is answered in west alone") as refused:
        open_promotion(paging, "1.1.0")
    assert "tidegate detour shop checkout --lift" in (refused.value.next_step or "")
    open_promotion(paging, "1.1.0", exempt=Exemption.HOTFIX)


def test_a_failover_neither_lifts_it_nor_is_held_by_it(paging: Rig) -> None:
    detours.set_detour(paging.world, "checkout", "east", **{**BY, "reason": "checkouts fail in west"})
    paging.database.power_off("east")
    assert move(paging, OperationKind.FAILOVER, "west", ask=both_sign(paging.world)).outcome is Outcome.FAILED_OVER
    assert regions(paging)["west"] == 10_000
    assert paging.traffic.route("s1", endpoint="checkout").region == "west", "an old detour leads to a dead region"
    assert set_by(paging) == [("checkout", "east", "cat")]


def test_on_record_before_the_effect_and_whoever_comes_next_finishes_it(acting: Rig) -> None:
    real = acting.traffic.detour
    acting.traffic.detour = _unreachable  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        detours.set_detour(acting.world, "checkout", "west", **BY)
    assert set_by(acting) == [("checkout", "west", "cat")]
    acting.traffic.detour = real  # type: ignore[method-assign]
    acting.users.class_dark.add(("east", "checkout"))
    acting.clock.sleep(6)
    assert acting.traffic.observe_detours().detours == WEST, "the guard does not finish it"
    assert not detours.set_detour(acting.world, "checkout", "west", **{**BY, "person": "pat"})
    assert set_by(acting) == [("checkout", "west", "cat")]


def test_an_older_command_that_arrives_late_loses(paging: Rig) -> None:
    detours.set_detour(paging.world, "checkout", "west", **BY)
    late = paging.traffic.observe_detours().epoch
    (row,) = paging.world.journal.events("shop", kinds={EventKind.DETOUR_SET})
    assert late == row.seq, "it counts by its row's number"
    detours.lift_detour(paging.world, "checkout", **BY)
    with pytest.raises(LeaseLost):
        paging.traffic.detour(WEST, detours.Token(late, "detours"))
    assert paging.traffic.observe_detours().detours == ()


def test_one_that_stands_is_kept_when_another_is_set_and_lifted(paging: Rig) -> None:
    detours.set_detour(paging.world, "checkout", "west", **BY)
    detours.set_detour(paging.world, "browse", "east", **BY)
    assert paging.traffic.observe_detours().detours == (*WEST, Detour("browse", "east"))
    assert detours.lift_detour(paging.world, "browse", **BY)
    assert not detours.lift_detour(paging.world, "browse", **BY)
    assert paging.traffic.observe_detours().detours == WEST


def test_who_may_not_and_what_cannot_leaves_no_row(paging: Rig) -> None:
    with pytest.raises(Forbidden):
        detours.set_detour(paging.world, "checkout", "west", **{**BY, "person": "zoe"})
    with pytest.raises(Forbidden):
        detours.set_detour(paging.world, "checkout", "west", **{**BY, "person": "guard"})
    with pytest.raises(Refused, match="no endpoint class 'chekout'") as refused:
        detours.set_detour(paging.world, "chekout", "west", **BY)
    assert "checkout" in (refused.value.next_step or "")
    with pytest.raises(Refused, match="no region 'wets'"):
        detours.set_detour(paging.world, "checkout", "wets", **BY)
    with pytest.raises(Refused, match="no endpoint class"):
        detours.lift_detour(paging.world, "chekout", **BY)
    assert set_by(paging) == []


def test_the_commands(paging: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("tidegate.cli.detours.find_world", lambda service: paging.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    shop = ["detour", "shop", "checkout", "--by", "cat", "--reason", "it fails in east"]
    assert main([*shop, "--to", "west"]) == ExitCode.OK
    assert "checkout is answered in west alone; everything else stays" in capsys.readouterr().out
    assert main(["status", "shop"]) == ExitCode.OK
    assert "ON A DETOUR:          checkout is answered in west alone, by cat" in capsys.readouterr().out
    assert main([*shop, "--lift"]) == ExitCode.OK
    assert "checkout goes where all requests go" in capsys.readouterr().out
    for both in ([], ["--to", "west", "--lift"]):
        assert main([*shop, *both]) == ExitCode.REFUSED
        assert "give one of --to and --lift" in capsys.readouterr().err


def _unreachable(*_: object) -> None:
    raise Unreachable("the edge is down")
