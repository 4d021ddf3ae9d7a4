"""plan, status, catalog, adopt, break-glass, audit: on a journal and an estate in memory, in this process."""

import json
import os
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build, quick_policy
from tests.support.operations import open_promotion, promote
from tidegate.checks.model import Status
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.runner import Halt


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
    assert main(command) == ExitCode.REFUSED
    assert "return.data-after-traffic" in capsys.readouterr().err, "still wrong: it holds, and says where"
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
    for command in ("pause", "resume", "abort"):
        assert main([command, "shop", *by]) == ExitCode.OK, command
    kinds = [e.kind.value for e in rig.world.journal.events("shop", operation=operation)]
    assert kinds == ["operation_opened", "held", "resumed", "turned_back"]
    said = capsys.readouterr().out
    assert "is it safe?  NOT YET: this process cannot reach the estate: connection 'shop_" in said
    assert "The standing guard takes the weight away by itself" in said
