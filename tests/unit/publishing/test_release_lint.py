"""``tidegate release lint``: what a promotion would refuse is said where the release is built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig
from tests.support.estate import build as build_rig
from tests.support.operations import small_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.retire_flag import retire_flag
from tidegate.policy.schema import Driver


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    policy = small_policy()
    flags = Driver.model_validate({"kind": "memory"})
    made = build_rig(
        tmp_path, policy.model_copy(update={"drivers": policy.drivers.model_copy(update={"flags": flags})})
    )
    monkeypatch.setattr("tidegate.cli.release_lint.find_paper", lambda service: made.world)
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "app.py").write_text("print('shop')\n")
    return made


def built(*flags: str) -> None:
    wanted = [
        "--service",
        "shop",
        "--version",
        "1.1.0",
        "--sequence",
        "101",
        "--command",
        "x {port}",
        "--out",
        "bundle",
    ]
    assert main(["release", "build", "files", *wanted, *(f"--flag={flag}" for flag in flags)]) == ExitCode.OK


def lint(*more: str, service: str = "shop") -> int:
    return main(["release", "lint", "bundle", "--for", service, *more])


def test_a_fit_release_is_fit(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    built("new_basket=off")
    capsys.readouterr()
    assert lint("--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["fit"] is True


def test_a_retired_key_is_refused_with_what_to_do(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    built("new_basket=off")
    assert retire_flag(rig.world, "new_basket", person="cat", reason="the code is gone", actor="cat")
    assert lint() == ExitCode.REFUSED
    told = capsys.readouterr().err
    assert "asks for the retired flag new_basket" in told
    assert "build the release with a new key" in told


def test_a_default_that_nobody_knows_to_be_good_is_refused(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    built("new_basket=on")
    assert lint() == ExitCode.REFUSED
    assert "--flag new_basket=off" in capsys.readouterr().err


def test_another_services_release_and_an_index_are_told_apart(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    built()
    assert lint(service="shoppe") == ExitCode.REFUSED
    assert main(["release", "index", "--oldest-sequence", "1", "--out", "index"]) == ExitCode.OK
    assert main(["release", "lint", "index", "--for", "shop"]) == ExitCode.REFUSED
    assert "holds a release index" in capsys.readouterr().err
