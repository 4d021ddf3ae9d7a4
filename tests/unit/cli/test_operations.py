"""plan, status, catalog, adopt, break-glass, audit: on a journal and an estate in memory, in this process."""

import json
import os
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build, quick_policy
from tests.support.operations import advance, now, open_promotion, promote, small_policy
from tidegate.checks.model import Status
from tidegate.cli import carrying, main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine import carriers, control
from tidegate.engine.approve import request_approval
from tidegate.engine.runner import Halt
from tidegate.errors import Unreachable
from tidegate.model.operation import OperationState
from tidegate.plan.model import ApprovalNode
from tidegate.policy.schema import Approval


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """An estate in memory lives in one object, so commands that act on it are handed that object."""
    made = build(tmp_path, quick_policy())
    for commands in ("operations", "adoption"):
        monkeypatch.setattr(f"tidegate.cli.{commands}.find_world", lambda service: made.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    monkeypatch.delenv("TIDEGATE_HEADS", raising=False)
    return made


def test_plan_names_every_node_and_touches_nothing(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shop"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "wave-1.shift-5" in text
    assert "return.stop-loss" in text
    assert "candidate takes 100% of east's sessions, 25% of west's\n" in text
    assert main(["plan", "shop", "rollback", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["kind"] == "rollback"
    assert rig.effects() == []


def test_an_unknown_service_suggests_the_likely_one(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shpo"]) == ExitCode.REFUSED
    assert "did you mean 'shop'?" in capsys.readouterr().err


def test_status_answers_the_three_questions(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    promote(rig, "1.2.0")
    assert main(["status", "shop"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "did anything change?  Yes, and it was taken back: 1.0.0 takes all traffic" in text
    assert "is it safe?           Yes." in text
    assert "what next?            Find out why: errors" in text
    assert "promotion of 1.2.0: rolled_back" in text
    assert "why it went back:     errors:" in text
    assert main(["status", "shop", "--json"]) == ExitCode.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["stable"] == "1.0.0"
    assert shown["lease"] is None


def test_catalog_tells_the_exact_way_back(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "shop"]) == ExitCode.OK
    assert "nothing has been promoted yet" in capsys.readouterr().out
    promote(rig, "1.1.0")
    assert main(["catalog", "shop"]) == ExitCode.OK
    assert "way back: rollback__shop with target 1.0.0" in capsys.readouterr().out


def test_adopting_twice_is_nothing_and_another_release_is_refused(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "shop", "1.0.0", "--by", "ann", "--reason", "again"]) == ExitCode.OK
    assert "is the baseline already" in capsys.readouterr().out
    assert main(["adopt", "shop", "1.1.0", "--by", "ann", "--reason", "no"]) == ExitCode.REFUSED
    assert "does not run 1.1.0" in capsys.readouterr().err


def test_break_glass_carries_a_halted_operation_to_its_end(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    with pytest.raises(Halt):
        promote(rig, "1.2.0")
    operation = open_promotion(rig, "1.2.0").id
    command = ["break-glass", "shop", operation, "--by", "ann", "--reason", "Airflow is gone"]
    assert main(command) == ExitCode.NEEDS_PERSON
    assert "return.rung-traffic" in capsys.readouterr().err, "still wrong: it holds, and says where"
    rig.checks.status.clear()
    assert main(command) == ExitCode.OK
    assert "rolled_back" in capsys.readouterr().out
    assert main(command) == ExitCode.REFUSED
    assert "is closed" in capsys.readouterr().err
    events = rig.world.journal.events("shop", operation=operation)
    assert any(e.kind == "lease_taken" and e.actor.startswith("ann (account ") for e in events)


def test_audit_names_the_first_bad_row(rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    assert main(["audit", "verify"]) == ExitCode.OK
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        for (trigger,) in connection.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            connection.execute(f"drop trigger {trigger}")
        connection.execute("update events set actor = 'somebody else' where seq = 1")
    capsys.readouterr()
    assert main(["audit", "verify"]) == ExitCode.CORRUPT
    assert "shop row 1" in capsys.readouterr().out


def test_pause_resume_and_abort_say_what_next(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for find in ("find_paper", "find_world"):
        monkeypatch.setattr(f"tidegate.cli.control.{find}", lambda service: rig.world)
    by = ["--by", "ann", "--reason", "customers call"]
    assert main(["pause", "shop", *by]) == ExitCode.REFUSED
    assert "no operation of shop is open" in capsys.readouterr().err
    operation = open_promotion(rig, "1.1.0").id
    assert main(["pause", "shop", *by]) == ExitCode.OK
    assert f"tidegate resume shop {operation}" in capsys.readouterr().out
    assert main(["resume", "shop", operation, *by]) == ExitCode.OK
    assert main(["abort", "shop", *by]) == ExitCode.OK
    assert "aborted by ann: customers call" in capsys.readouterr().out
    kinds = [e.kind.value for e in rig.world.journal.events("shop", operation=operation)]
    assert kinds[1:4] == ["held", "resumed", "turned_back"]


def test_a_hand_is_used_although_no_connection_resolves(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop's real policy, and none of its connections: the journal's row is what makes traffic safe."""
    for variable in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(variable)
    operation = open_promotion(rig, "1.1.0").id
    by = ["--by", "cat", "--reason", "customers call"]
    for command, code in (("pause", ExitCode.OK), ("resume", ExitCode.OK), ("abort", ExitCode.LOOK_FIRST)):
        assert main([command, "shop", *by]) == code, command
    kinds = [e.kind.value for e in rig.world.journal.events("shop", operation=operation)]
    assert kinds == ["operation_opened", "held", "resumed", "turned_back"]
    said = capsys.readouterr().out
    assert "is it safe?  NOT YET: this process cannot reach the estate: connection 'shop_" in said
    assert "The standing guard takes the weight away by itself" in said


BY = ["--by", "ann", "--reason", "customers call"]


def test_an_abort_that_is_not_safe_yet_says_look_first(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.cli.control.find_world", lambda service: rig.world)
    monkeypatch.setattr("tidegate.cli.control.find_paper", lambda service: rig.world)
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, "wave-1.gate-5")

    def away(*_: object, **__: object) -> None:
        raise Unreachable("the router does not answer")

    monkeypatch.setattr(rig.traffic, "apply", away)
    assert main(["abort", "shop", *BY]) == ExitCode.LOOK_FIRST
    assert "is it safe?  NOT YET" in capsys.readouterr().out


def test_an_abort_says_how_its_way_back_is_walked_if_nobody_carries_it_on(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.cli.control.find_world", lambda service: rig.world)
    monkeypatch.setattr("tidegate.cli.control.find_paper", lambda service: rig.world)
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, "wave-1.gate-5")
    carriers.sign(rig.world, view.id, who="airflow gate", node="wave-1.gate-5")
    assert main(["abort", "shop", *BY]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "airflow gate carries it on." in out
    assert "break-glass" not in out
    rig.clock.sleep(carriers.HOP + 1)
    assert main(["abort", "shop", *BY]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "Nobody carries this operation on" in out, "what the abort itself did is no carrying on"
    assert f"next:  tidegate break-glass shop {view.id}" in out


def broken_glass(rig: Rig, version: str) -> int:
    return main(["break-glass", "shop", open_promotion(rig, version).id, *BY])


def test_break_glass_ends_with_how_the_operation_did(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    assert broken_glass(rig, "1.2.0") == ExitCode.CAUGHT
    out = capsys.readouterr().out
    assert "wave-1.shift-5: done" in out, "a line for each node"
    assert "the way back begins: errors:" in out
    assert broken_glass(rig, "9.9.9") == ExitCode.REFUSED
    assert broken_glass(rig, "1.1.0") == ExitCode.OK


def test_break_glass_of_a_promotion_that_somebody_aborts_meanwhile(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")

    def abort(_: float) -> None:
        if now(rig, view).state is OperationState.RUNNING and now(rig, view).verified("wave-1.shift-5"):
            control.abort(rig.world, view.id, person="bob", reason="enough", actor="bob")

    rig.clock.ticks.append(abort)
    assert main(["break-glass", "shop", view.id, *BY]) == ExitCode.TURNED_BACK


def test_break_glass_of_one_that_was_on_its_way_back_has_done_what_was_meant(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, "wave-1.gate-5")
    control.abort(rig.world, view.id, person="ann", reason="customers call", actor="ann")
    assert main(["break-glass", "shop", view.id, *BY]) == ExitCode.OK


def test_break_glass_interrupted_says_that_nobody_carries_it_on(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    view = open_promotion(rig, "1.1.0")

    def interrupt(_: float) -> None:
        if now(rig, view).verified("wave-1.shift-5"):
            raise KeyboardInterrupt

    rig.clock.ticks.append(interrupt)
    assert main(["break-glass", "shop", view.id, *BY]) == ExitCode.INTERRUPTED
    assert "nobody carries it on now; run this command again" in capsys.readouterr().err
    rig.clock.ticks.remove(interrupt)
    assert main(["break-glass", "shop", view.id, *BY]) == ExitCode.OK


def test_break_glass_names_a_missing_guard_and_the_approvals_ahead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = Approval(before="25%", people=("bob", "dan"), quorum=2, within="30m")
    rig = build(tmp_path, small_policy(approvals=(approval,)), guarded=False)
    view = open_promotion(rig, "1.1.0")
    (line,) = carrying.ahead(rig.world, view)[1:]
    assert "needs 2 of bob, dan. The policy names no break_glass.keys" in line
    assert "it waits for 30m" in line
    monkeypatch.setattr("tidegate.cli.operations.find_world", lambda service: rig.world)
    assert main(["break-glass", "shop", view.id, *BY]) == ExitCode.REFUSED, "no guard came: nothing was begun"
    err = capsys.readouterr().err
    assert "warning: no guard is alive" in err
    assert "tidegate guard shop" in err
    assert "nobody can answer it without Airflow" in err


def test_break_glass_says_until_when_an_open_question_waits(tmp_path: Path) -> None:
    approval = Approval(before="25%", people=("bob", "dan"), quorum=2, within="30m")
    rig = build(tmp_path, small_policy(approvals=(approval,)))
    view = open_promotion(rig, "1.1.0")
    node = next(n.id for _, n in view.plan.nodes() if isinstance(n, ApprovalNode))
    request_approval(rig.world, advance(rig, view, node).id, node, actor="test")
    (line,) = carrying.ahead(rig.world, now(rig, view))
    assert "it waits until 20" in line
