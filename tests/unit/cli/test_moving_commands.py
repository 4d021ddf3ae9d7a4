"""``tidegate switchover | failover | reprotect``, from a terminal; and what status says of where the service is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.moving import moving_policy, open_move, regions
from tidegate.cli import main
from tidegate.cli.again import again
from tidegate.cli.exit_codes import ExitCode
from tidegate.model.operation import OperationKind
from tidegate.policy.load import load_policy
from tidegate.remote.request import Asked


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = build(tmp_path, moving_policy())
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml")
    loaded = dataclasses.replace(shop, policy=made.world.policy, digest=made.world.policy_digest)
    monkeypatch.setattr("tidegate.cli.moving.find_world", lambda service: made.world)
    monkeypatch.setattr("tidegate.cli.moving.find_policy", lambda service: loaded)
    monkeypatch.setattr("tidegate.cli.operations.find_policy", lambda service: loaded)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return made


HERE = ["--without-airflow", "--by", "cat", "--reason", "a test"]


def test_there_and_what_status_says(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["switchover", "shop", "--to", "west", *HERE]) == ExitCode.OK
    assert "east -> west" in capsys.readouterr().out
    assert regions(rig) == {"east": 0, "west": 10_000}
    assert main(["status", "shop"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "writes go to:         west (away from home); protected" in said
    assert "switchover from east to west: switched_over" in said
    assert "did anything change?  Yes: writes go to west, east follows. Traffic: east 0%, west 100%." in said
    assert "is it safe?           Yes. Nothing was lost." in said
    assert "what next?            Home, when you like: tidegate switchover shop --to east" in said
    assert "what is lost:         " in said and "nothing that was acknowledged is lost" in said
    assert "where the time went:  (prepare " in said
    assert main(["objectives", "shop"]) == ExitCode.OK
    kept = capsys.readouterr().out
    assert "switchover  " in kept and "nothing that was acknowledged is lost" in kept
    assert main(["objectives", "shop", "--json"]) == ExitCode.OK
    (row,) = json.loads(capsys.readouterr().out)["measured"]
    assert (row["kind"], row["proved"], row["loss"]["bytes"]) == ("switchover", True, 0)


def test_only_the_database_and_what_status_says(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.database.crash("east")
    assert main(["failover", "shop", "--only", "database", *HERE]) == ExitCode.OK
    assert "east -> west, only the database" in capsys.readouterr().out
    assert main(["status", "shop"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "failover from east to west (only the database): failed_over" in said
    assert "Only the database failed over to west" in said
    assert "writes go to west. Traffic as it was: east 50%, west 50%." in said


def test_lost_and_what_status_says(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.database.crash("east")
    assert main(["failover", "shop", *HERE]) == ExitCode.OK
    capsys.readouterr()
    assert main(["status", "shop"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "NOT PROTECTED: no second database follows" in said
    assert "is it safe?           NOT PROTECTED: east does not follow. west takes writes alone." in said
    assert "tidegate reprotect shop --reason <why>" in said
    rig.database.comes_back("east")
    assert main(["reprotect", "shop", *HERE]) == ExitCode.OK
    assert rig.database.observe()["east"].streaming


def test_in_the_middle_status_says_where_writes_go(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.support.operations import advance

    advance(rig, open_move(rig, OperationKind.SWITCHOVER, "west"), "cutover.promote")
    assert main(["status", "shop"]) == ExitCode.OK
    assert "NOBODY TAKES WRITES NOW" in capsys.readouterr().out


def test_a_wrong_region_is_named(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["switchover", "shop", "--to", "wset", *HERE]) == ExitCode.REFUSED
    assert "did you mean 'west'" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["switchover", "failover", "reprotect"])
def test_the_plan_is_printed(rig: Rig, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["plan", "shop", kind]) == ExitCode.OK
    said = capsys.readouterr().out
    assert said.startswith(f"{kind} of shop, plan sha256:")
    assert "wait, at most" in said
    assert "east" not in said, "roles, never regions"


def test_a_policy_without_the_section(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml")
    without = dataclasses.replace(shop, policy=shop.policy.model_copy(update={"failover": None}))
    monkeypatch.setattr("tidegate.cli.operations.find_policy", lambda service: without)
    assert main(["plan", "shop", "failover"]) == ExitCode.REFUSED
    assert "has no failover" in capsys.readouterr().err


def test_the_same_command_follows_the_same_request() -> None:
    asked = Asked("shop", OperationKind.SWITCHOVER, "ci-1", {"target": "west", "reason": "a test"})
    assert again(asked) == "tidegate switchover shop --to west --reason 'a test' --request-id ci-1 --wait"
    asked = Asked("shop", OperationKind.FAILOVER, "ci-2", {"target": None, "reason": "gone"})
    assert again(asked) == "tidegate failover shop --reason gone --request-id ci-2 --wait"
