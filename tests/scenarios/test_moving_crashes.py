"""Kill whoever moves the service after every journal write and every effect, resume: same end, one writer, no effect
twice. And freeze it instead, let another finish, thaw it: it is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import Fuse, Killed, _Freeze, made
from tests.support.estate import Rig, build
from tests.support.moving import Writers, both_sign, move, moving_policy, open_move, placement, regions
from tests.support.operations import advance, open_promotion
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView
from tidegate.errors import LeaseLost, Refused
from tidegate.model.operation import OperationKind, Outcome

AWAY, THERE, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT


def switchover(rig: Rig) -> OperationView:
    return open_move(rig, THERE, "west")


def turned_back(rig: Rig) -> OperationView:
    """The standby will not get everything: it turns back at the cutover."""
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    return open_move(rig, THERE, "west")


def failover(rig: Rig) -> OperationView:
    rig.database.kill("east")
    return open_move(rig, AWAY)


def database_alone(rig: Rig) -> OperationView:
    rig.database.crash("east")
    return open_move(rig, AWAY, only="database")


def reprotect(rig: Rig) -> OperationView:
    advance(rig, open_promotion(rig, "1.1.0"), "wave-1.gate-25")
    rig.database.crash("east")
    move(rig, AWAY, ask=both_sign(rig.world))
    rig.database.comes_back("east")
    rig.effects_log().clear()
    return open_move(rig, AGAIN)


CASES: dict[str, Callable[[Rig], OperationView]] = {
    "switchover": switchover,
    "turned back": turned_back,
    "failover": failover,
    "database alone": database_alone,
    "reprotect": reprotect,
}


def prepared(tmp_path: Path, case: str, fuse: Fuse) -> tuple[Rig, OperationView, Writers]:
    rig = build(tmp_path, moving_policy(synchronous="block"), after_commit=fuse)
    rig.users.rate = 40.0
    move(rig, AGAIN)
    rig.effects_log().clear()
    clients = Writers(rig.database)
    view = CASES[case](rig)

    def after(effect: Any) -> None:
        clients.look()
        fuse(effect)

    rig.traffic.world.after_effect = after
    fuse.count = 0
    return rig, view, clients


def end_state(rig: Rig) -> dict[str, Any]:
    where = placement(rig)
    assert where is not None
    slots = {arm.name: len(rig.compute.observe(arm).instances) for arm in rig.arms()}
    return {
        "writers": rig.database.writers(),
        "regions": regions(rig),
        "placement": {k: v for k, v in where.to_json().items() if k != "operation"},
        "slots": slots,
        "lease": rig.world.journal.head("shop").lease,
    }


@pytest.mark.parametrize("case", CASES)
def test_killed_anywhere_and_resumed(tmp_path: Path, case: str) -> None:
    fuse = Fuse()
    rig, view, _ = prepared(tmp_path / "undisturbed", case, fuse)
    outcome = drive(rig.world, view.id, actor="one").outcome
    count, wanted, once = fuse.count, end_state(rig), made(rig)
    assert outcome is not None
    assert (outcome is Outcome.TURNED_BACK) == (case == "turned back")
    assert count > 20, f"a matrix of {count} places is no matrix"
    for place in range(1, count + 1):
        fuse = Fuse()
        rig, view, clients = prepared(tmp_path / str(place), case, fuse)
        fuse.left = place
        with pytest.raises(Killed):
            drive(rig.world, view.id, actor="one")
        rig.replace_guard()
        rig.clock.moving = False
        ended = drive(rig.world, view.id, actor="two")
        assert ended.outcome is outcome, f"killed at {place}: {ended.why_back}"
        assert end_state(rig) == wanted, f"killed at {place}"
        assert clients.most <= 1, f"killed at {place}: two writers"
        twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
        assert not twice, f"killed at {place}: done twice {twice}"
        assert not rig.world.journal.verify("shop"), f"killed at {place}: the chain does not verify"


@pytest.mark.parametrize("case", ["switchover", "failover"])
def test_frozen_anywhere_and_thawed_is_refused(tmp_path: Path, case: str) -> None:
    fuse = Fuse()
    rig, view, _ = prepared(tmp_path / "undisturbed", case, fuse)
    rig.traffic.world.after_effect = lambda _: None
    drive(rig.world, view.id, actor="one")
    count, wanted, once = fuse.count, end_state(rig), made(rig)
    for place in range(1, count + 1):
        fuse = Fuse()
        rig, view, clients = prepared(tmp_path / str(place), case, fuse)
        thaw = _Freeze(rig, view, place)
        rig.world.journal._after_commit = thaw
        rig.traffic.world.after_effect = clients.look
        with contextlib.suppress(LeaseLost, Refused):  # superseded, or the operation is closed
            drive(rig.world, view.id, actor="one")
        assert thaw.finished, f"frozen at {place}: the second runner never ran"
        assert end_state(rig) == wanted, f"frozen at {place}"
        assert clients.most <= 1, f"frozen at {place}: two writers"
        twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
        assert not twice, f"frozen at {place}: done twice {twice}"
