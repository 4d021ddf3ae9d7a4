"""veto, pin, stop-line and the rest: what they print and exit with, and that status shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.operations import advance, open_promotion, promote, small_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.policy.schema import Driver

BY = ["--by", "cat", "--reason", "the fair is on"]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    policy = small_policy()
    drivers = policy.drivers.model_copy(update={"artifacts": Driver.model_validate({"kind": "memory"})})
    made = build(tmp_path, policy.model_copy(update={"drivers": drivers}))
    for commands in ("brakes.find_world", "brakes.find_paper", "readiness.find_world"):
        monkeypatch.setattr(f"tidegate.cli.{commands}", lambda service: made.world)
    monkeypatch.setattr("tidegate.cli.brakes.find_artifacts", lambda service: made.world.estate.artifacts)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return made


def test_pin_and_unpin_say_what_they_did_and_status_shows_it(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pin", "shop", *BY]) == ExitCode.OK
    assert main(["status", "shop"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "shop: pinned: promotions are refused" in text
    assert "PINNED:               by cat: the fair is on" in text
    assert main(["brakes", "shop", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["pin"]["person"] == "cat"
    assert main(["unpin", "shop", *BY]) == ExitCode.OK
    assert main(["unpin", "shop", *BY]) == ExitCode.OK
    assert "not pinned: nothing to do" in capsys.readouterr().out


def test_the_line_of_every_service_is_stopped_and_started(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.deploy")
    assert main(["stop-line", *BY]) == ExitCode.REFUSED
    assert main(["stop-line", "--all", *BY]) == ExitCode.OK
    assert f"{view.id}: stands still" in capsys.readouterr().out
    assert main(["start-line", "shop", *BY]) == ExitCode.OK
    assert f"{view.id}: goes on" in capsys.readouterr().out


def test_a_veto_of_what_runs_says_so_and_what_next(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    promote(rig, "1.1.0")
    assert main(["veto", "shop", "1.1.0", *BY]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "IT RUNS" in text
    assert "tidegate rollback shop" in text
    assert main(["veto", "shop", "1.1.0", *BY]) == ExitCode.OK
    assert "is vetoed already" in capsys.readouterr().out
    assert main(["brakes", "shop"]) == ExitCode.OK
    assert "veto:  1.1.0 (sha256:" in capsys.readouterr().out


def test_a_veto_in_mid_promotion_makes_traffic_safe(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.gate-25")
    assert main(["veto", "shop", "1.1.0", *BY]) == ExitCode.OK
    text = capsys.readouterr().out
    assert f"{view.id}: on its way back" in text
    assert "is it safe?  yes" in text


def test_a_version_that_nobody_knows_is_no_veto(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["veto", "shop", "9.9.9", *BY]) == ExitCode.REFUSED
    assert "9.9.9" in capsys.readouterr().err


def test_readiness_is_red_until_there_is_something_to_go_back_to(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["readiness", "shop"]) == ExitCode.REFUSED
    assert "NOT READY: 1 of" in capsys.readouterr().out
    promote(rig, "1.1.0")
    assert main(["readiness", "shop", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["ready"] is True
