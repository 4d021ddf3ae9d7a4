"""A preview beside what serves: opened and withdrawn alone, whatever else is under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.operations import advance, now, open_promotion, promote, roll_back, small_policy, weights
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine import braking, preview_arm
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request
from tidegate.engine.runner import Halt, drive
from tidegate.engine.view import OperationView
from tidegate.errors import Forbidden, LeaseLost, Refused
from tidegate.model.operation import OperationKind, Outcome, preview_chain
from tidegate.model.topology import Arm, Slot
from tidegate.plan.preview_arm import preview_plan, withdrawal_plan
from tidegate.policy.preview_arm import Preview
from tidegate.policy.schema import Policy

ARM = Arm("east", Slot.PREVIEW)
HEADER = {"x-preview": "1.3.0"}


def policy(**more: Any) -> Policy:
    return small_policy().model_copy(update={"preview": Preview(region="east"), **more})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = build(tmp_path, policy())
    made.users.rate = 40.0
    return made


def begin(rig: Rig, version: str = "1.3.0", request_id: str = "", by: str = "cat") -> OperationView:
    request = Request(OperationKind.PREVIEW, request_id or f"preview {version}", by, "a branch", version)
    return preview_arm.open_preview(rig.world, request, preview_plan(rig.world.policy, "sha256:p"), actor="test")


def begin_withdrawal(rig: Rig, request_id: str = "withdraw", by: str = "cat") -> OperationView | None:
    request = Request(OperationKind.WITHDRAWAL, request_id, by, "seen enough")
    plan = withdrawal_plan(rig.world.policy, "sha256:p")
    return preview_arm.withdraw_preview(rig.world, request, plan, actor="test")


def carry(rig: Rig, view: OperationView | None, actor: str = "test") -> OperationView:
    assert view is not None
    return drive(preview_arm.of_previews(rig.world), view.id, actor=actor)


def arms(rig: Rig) -> dict[str, Any]:
    """What serves: weights, the router's epoch, and which start of which process."""
    return {
        "routing": rig.traffic.observe(),
        "boots": {arm.name: rig.compute.boots(arm) for arm in rig.arms()},
        "head": rig.world.journal.head("shop"),
    }


def test_it_is_shown_to_those_alone_who_send_the_header(rig: Rig) -> None:
    before = arms(rig)
    assert carry(rig, begin(rig)).outcome is Outcome.PREVIEWED

    assert rig.traffic.route("s1", HEADER) == ARM
    assert {rig.traffic.route(f"s{n}", {"x-preview": "1.3"}).slot for n in range(20)} == {Slot.A}
    assert rig.compute.look(ARM).version == "1.3.0"
    assert arms(rig) == before, "what serves was touched, or its chain written"
    seen = preview_arm.shown(rig.world.journal, "shop")
    assert seen is not None and (seen.version, seen.region, seen.header) == ("1.3.0", "east", "x-preview")


def test_it_is_withdrawn_alone(rig: Rig) -> None:
    carry(rig, begin(rig))
    before = arms(rig)

    assert carry(rig, begin_withdrawal(rig)).outcome is Outcome.WITHDRAWN

    assert rig.traffic.route("s1", HEADER).slot is Slot.A
    assert not rig.compute.look(ARM).instances
    assert arms(rig) == before
    assert preview_arm.shown(rig.world.journal, "shop") is None
    assert begin_withdrawal(rig, "again") is None, "nothing is open: nothing to do"
    assert rig.world.journal.verify() == []


def test_a_promotion_under_way_keeps_its_arms_while_a_preview_comes_and_goes(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    assert weights(rig) == {"east-a": 3750, "east-b": 1250, "west-a": 5000}
    before = arms(rig)

    carry(rig, begin(rig))
    carry(rig, begin_withdrawal(rig))

    assert arms(rig) == before
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED


@pytest.mark.parametrize("fails", [False, True], ids=["promoted", "stopped by the guard"])
def test_a_promotion_leaves_the_preview_where_it_is(rig: Rig, fails: bool) -> None:
    carry(rig, begin(rig))
    shown, boots = rig.traffic.observe_preview(), rig.compute.boots(ARM)
    if fails:
        rig.users.error_rate["1.1.0"] = {"checkout": 1.0, "browse": 1.0}

    ended = promote(rig, "1.1.0")

    assert ended.outcome is (Outcome.ROLLED_BACK if fails else Outcome.PROMOTED)
    assert (rig.traffic.observe_preview(), rig.compute.boots(ARM)) == (shown, boots)
    if not fails:
        assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK
        assert (rig.traffic.observe_preview(), rig.compute.boots(ARM)) == (shown, boots)
    assert rig.traffic.route("s1", HEADER) == ARM
    assert carry(rig, begin_withdrawal(rig)).outcome is Outcome.WITHDRAWN


def test_the_same_request_is_the_same_operation_and_another_preview_is_refused(rig: Rig) -> None:
    view = carry(rig, begin(rig))
    assert begin(rig).id == view.id
    with pytest.raises(Refused, match=r"shows a preview already: 1\.3\.0"):
        begin(rig, "1.2.0")
    elsewhere = rig.world.policy.model_copy(update={"preview": Preview(region="west")})
    with pytest.raises(Refused, match=r"shows a preview already: 1\.3\.0 in east"):
        begin(replace(rig, world=replace(rig.world, policy=elsewhere)), request_id="in west")


def test_an_opening_that_was_broken_off_is_gone_on_with_or_withdrawn(rig: Rig) -> None:
    view = begin(rig)
    apart = preview_arm.of_previews(rig.world)
    run_step(apart, view.id, "admit.verify", actor="test")
    run_step(apart, view.id, "deploy.release", actor="test")
    assert begin(rig, request_id="another").id == view.id, "the same wish goes on with what is there"
    with pytest.raises(Refused, match="preview is held by"):
        begin(rig, "1.2.0")

    ended = carry(rig, begin_withdrawal(rig))

    assert (ended.id, ended.outcome) == (view.id, Outcome.ROLLED_BACK)
    assert not rig.compute.look(ARM).instances
    assert rig.world.journal.head(preview_chain("shop")).lease is None


def test_what_opens_it_late_is_refused_after_it_was_turned_back(rig: Rig) -> None:
    """Its hand is already on the router when the preview is withdrawn."""
    view, apart = begin(rig), preview_arm.of_previews(rig.world)
    for node in ("admit.verify", "deploy.release"):
        run_step(apart, view.id, node, actor="one")
    late: list[Callable[[], None]] = []
    real = rig.traffic.apply_preview

    def frozen(route: Any, token: Any) -> None:
        late.append(lambda: real(route, token))
        raise LeaseLost("frozen here, for the test")

    rig.traffic.apply_preview = frozen  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        run_step(apart, view.id, "show.route", actor="one")
    rig.traffic.apply_preview = real  # type: ignore[method-assign]
    carry(rig, begin_withdrawal(rig))

    with pytest.raises(LeaseLost):
        late[0]()
    assert rig.traffic.observe_preview().route is None


def test_a_vetoed_release_is_not_shown(rig: Rig) -> None:
    digest = rig.releases["1.3.0"].digest
    braking.veto(rig.world, digest, "1.3.0", person="ann", reason="leaks", actor="ann")
    ended = carry(rig, begin(rig))
    assert ended.outcome is Outcome.REFUSED
    assert ended.why_back.startswith("admit.verify: ") and "vetoed" in ended.why_back
    assert not [e for e in rig.effects() if "east-p" in e.target or e.verb == "preview"]


def test_a_veto_between_two_steps_keeps_it_from_being_shown(rig: Rig) -> None:
    view, apart = begin(rig), preview_arm.of_previews(rig.world)
    for node in ("admit.verify", "deploy.release"):
        run_step(apart, view.id, node, actor="test")
    braking.veto(rig.world, rig.releases["1.3.0"].digest, "1.3.0", person="ann", reason="leaks", actor="ann")

    assert carry(rig, view).outcome is Outcome.ROLLED_BACK
    assert rig.traffic.observe_preview().route is None
    assert not rig.compute.look(ARM).instances


def test_a_veto_on_what_is_shown_is_named(rig: Rig) -> None:
    carry(rig, begin(rig))
    braking.veto(rig.world, rig.releases["1.3.0"].digest, "1.3.0", person="ann", reason="leaks", actor="ann")
    seen = preview_arm.shown(rig.world.journal, "shop")
    assert seen is not None and "leaks" in seen.vetoed


def test_a_release_with_a_schema_of_its_own_is_refused(tmp_path: Path) -> None:
    made = build(tmp_path, policy(), settings={"1.3.0": {"schema_revision": "0009"}})
    ended = carry(made, begin(made))
    assert ended.outcome is Outcome.REFUSED
    assert "a preview changes no schema" in ended.why_back


def test_who_may_not_ask_may_not(tmp_path: Path) -> None:
    from tests.scenarios.test_who_may_act import ROLES

    made = build(tmp_path, policy(roles=ROLES))
    with pytest.raises(Forbidden):
        begin(made, by="ann")
    carry(made, begin(made))
    with pytest.raises(Forbidden):
        begin_withdrawal(made, by="ann")


def test_nothing_is_stopped_while_a_header_leads_to_it(rig: Rig) -> None:
    carry(rig, begin(rig))
    view = begin_withdrawal(rig)
    assert view is not None
    run_step(preview_arm.of_previews(rig.world), view.id, "withdraw.route", actor="test")
    rig.traffic._preview = replace(rig.traffic._preview, route=_route(rig))
    with pytest.raises(Halt, match="still leads to east-p"):
        carry(rig, view)
    assert rig.compute.look(ARM).instances


def _route(rig: Rig) -> Any:
    from tidegate.model.preview_arm import PreviewRoute

    return PreviewRoute("x-preview", "1.3.0", ARM)


class Killed(BaseException):
    """The runner's process is gone."""


@pytest.mark.parametrize("what", ["open", "withdraw"])
def test_killed_anywhere_and_gone_on_with(tmp_path: Path, what: str) -> None:
    """After each journal write and each effect: the same end, and no effect twice."""

    def prepared(place: Path, left: int | None) -> tuple[Rig, OperationView, list[int]]:
        count, fuse = [0], [left]

        def passed(_: Any) -> None:
            count[0] += 1
            if fuse[0] is not None and armed[0] and count[0] == fuse[0]:
                raise Killed

        armed = [False]
        made = build(place, policy(), after_commit=passed)
        made.users.rate = 40.0
        if what == "withdraw":
            carry(made, begin(made))
            made.effects_log().clear()
        view = begin(made) if what == "open" else begin_withdrawal(made)
        assert view is not None
        made.traffic.world.after_effect = passed
        count[0], armed[0] = 0, True
        return made, view, count

    def end(made: Rig) -> Any:
        return (
            made.traffic.observe_preview().route,
            made.compute.look(ARM).version,
            len(made.compute.look(ARM).instances),
            made.world.journal.head(preview_chain("shop")).lease,
        )

    def done(made: Rig) -> Counter[tuple[str, ...]]:
        return Counter((e.family, e.verb, e.target) for e in made.effects_log())

    made, view, count = prepared(tmp_path / "whole", None)
    good = carry(made, view).outcome
    wanted, once, places = end(made), done(made), count[0]
    assert places > 5
    for place in range(1, places + 1):
        made, view, _ = prepared(tmp_path / str(place), place)
        with pytest.raises(Killed):
            carry(made, view, "one")
        made.clock.moving = False
        made.traffic.world.after_effect = lambda _: None
        assert carry(made, view, "two").outcome is good, f"killed at {place}"
        assert (end(made), done(made)) == (wanted, once), f"killed at {place}"


def test_from_a_terminal(rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from types import SimpleNamespace

    found = SimpleNamespace(policy=rig.world.policy, digest="sha256:p")
    monkeypatch.setattr("tidegate.cli.preview.find_policy", lambda service: found)
    monkeypatch.setattr("tidegate.cli.preview.find_world", lambda service: rig.world)
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    assert rig.world.journal.file is not None
    monkeypatch.setenv("TIDEGATE_HOME", str(rig.world.journal.file.parent))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{rig.world.journal.file}")
    mine = ["--by", "cat", "--reason", "look at the branch"]

    assert main(["preview", "open", "shop", "1.3.0", *mine]) == ExitCode.OK
    assert "shop--preview-preview-" in (said := capsys.readouterr().out) and ": previewed" in said
    assert main(["preview", "show", "shop"]) == ExitCode.OK
    assert "x-preview: 1.3.0 to east-p" in capsys.readouterr().out
    assert main(["status", "shop"]) == ExitCode.OK
    assert "preview:              1.3.0 in east" in capsys.readouterr().out
    assert main(["status", "shop--preview"]) == ExitCode.OK
    assert "1.3.0 runs in east for those who ask for it by name" in capsys.readouterr().out
    assert main(["preview", "withdraw", "shop", *mine]) == ExitCode.OK
    assert ": withdrawn" in capsys.readouterr().out
    assert main(["preview", "withdraw", "shop", *mine]) == ExitCode.OK
    assert "no preview is open" in capsys.readouterr().out
    assert now(rig, promote(rig, "1.1.0")).outcome is Outcome.PROMOTED
