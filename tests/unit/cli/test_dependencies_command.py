"""``tidegate dependencies``: what it prints, and when a script may go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import estate
from tests.support.estate import Rig
from tests.support.policies import SHOP
from tidegate.cli import dependencies as command
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drivers.traffic._envoy_breaker import limits_of
from tidegate.model.dependency import Breaker, BreakerState
from tidegate.policy.dependencies import Dependency
from tidegate.policy.load import load_policy

PAYMENTS = Dependency(used_by=("checkout",), without_it="orders are paid later", connections=7, probe="/_health")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = estate.build(tmp_path)
    _with(rig, {"payments": PAYMENTS}, monkeypatch)
    monkeypatch.setattr(command, "find_world", lambda _: rig.world)
    rig.traffic.breakers["payments"] = BreakerState(Breaker.CLOSED, 1, 0, calls=9, limits=PAYMENTS.limits)
    return rig


def _with(rig: Rig, parts: dict[str, Dependency], monkeypatch: pytest.MonkeyPatch) -> None:
    policy = rig.world.policy.model_copy(update={"dependencies": parts})
    object.__setattr__(rig.world, "policy", policy)
    loaded = replace(load_policy(SHOP), policy=policy)
    monkeypatch.setattr(command, "find_policy", lambda _: loaded)


def test_all_is_well(rig: Rig, capsys: pytest.CaptureFixture[str]):
    assert main(["dependencies", "shop"]) == ExitCode.OK
    assert capsys.readouterr().out == "payments: closed; 9 calls, 0 timed out, 0 turned away\n"


def test_an_open_breaker_says_what_to_do_and_stops_a_script(rig: Rig, capsys: pytest.CaptureFixture[str]):
    rig.traffic.breakers["payments"] = BreakerState(Breaker.OPEN, 1, 1)
    assert main(["dependencies", "shop"]) == ExitCode.REFUSED
    out = capsys.readouterr().out
    assert "payments: OPEN; no call gets through: orders are paid later" in out
    assert "what to do: find out why payments does not answer" in out
    assert main(["dependencies", "shop", "--json"]) == ExitCode.REFUSED
    (one,) = json.loads(capsys.readouterr().out)["dependencies"]
    assert (one["name"], one["breaker"]) == ("payments", "open")


def test_what_envoy_is_given_has_the_policys_limits(rig: Rig, capsys: pytest.CaptureFixture[str]):
    assert main(["dependencies", "shop", "--envoy"]) == ExitCode.OK
    printed = json.loads(capsys.readouterr().out)
    (cluster,), (route,) = printed["clusters"], printed["routes"]
    assert cluster["name"] == route["route"]["cluster"] == "to-payments"
    assert limits_of(cluster, route["route"]) == PAYMENTS.limits


def test_a_service_without_any_is_told_how(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    _with(rig, {}, monkeypatch)
    assert main(["dependencies", "shop"]) == ExitCode.REFUSED
    assert "names no dependency" in capsys.readouterr().err
