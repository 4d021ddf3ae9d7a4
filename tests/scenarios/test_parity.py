"""Whether the environment of drills is what production is: each kind of difference is told, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import loaded_of
from tests.support.drills import SERVICE, environment
from tests.support.estate import Rig, build
from tests.support.operations import promote
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drill.parity import compare, settings
from tidegate.errors import Unreachable
from tidegate.model.topology import Arm, Slot
from tidegate.policy.drills import Drills
from tidegate.policy.schema import Driver, Policy

SCHEMA = {"revisions": ("0001", "0002")}


def production(there: Policy) -> Policy:
    """As the environment, with words of its own, and nothing that breaks it. Its name is the same: releases in memory
    are digested with it."""
    drivers = there.drivers.model_copy(update={"faults": None, "load": None})
    part = Drills.model_validate({"environment": "shop", "scenarios": {"region_loss": {}}})
    return there.model_copy(update={"description": "real", "drivers": drivers, "drills": part})


@pytest.fixture
def both(tmp_path: Path) -> tuple[Rig, Rig]:
    there = environment()
    return (
        build(tmp_path / "here", production(there), schema=SCHEMA),
        build(tmp_path / "there", there, schema=SCHEMA),
    )


def told(both: tuple[Rig, Rig]) -> list[str]:
    return [str(one) for one in compare(both[0].world, both[1].world).differences]


def test_two_that_are_alike_are_the_same_in_everything(both: tuple[Rig, Rig]) -> None:
    found = compare(both[0].world, both[1].world)
    assert found.ok, found
    assert found.same == ("settings", "release", "schema", "capacity")
    assert both[0].effects() == both[1].effects() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"capacity": {"instances": 1}}, "settings: capacity.instances: 1 there, 2 in production"),
        ({"objectives": {"rto": 600.0}}, "settings: objectives.rto: 10m there, 1m in production"),
    ],
)
def test_a_line_of_the_policy(both: tuple[Rig, Rig], change: dict[str, Any], words: str) -> None:
    here, there = (rig.world.policy for rig in both)
    parts = {name: getattr(there, name).model_copy(update=fields) for name, fields in change.items()}
    assert [str(one) for one in settings(here, there.model_copy(update=parts))] == [words]


def test_a_driver_of_another_kind_or_one_that_is_missing(both: tuple[Rig, Rig]) -> None:
    here, there = (rig.world.policy for rig in both)
    drivers = there.drivers.model_copy(update={"flags": None, "metrics": Driver(kind="envoy")})
    found = [str(one) for one in settings(here, there.model_copy(update={"drivers": drivers}))]
    assert found == [
        "settings: drivers.flags.kind: none there, memory in production",
        "settings: drivers.metrics.kind: envoy there, memory in production",
    ]


def test_another_release(both: tuple[Rig, Rig]) -> None:
    promote(both[0], "1.1.0")
    said = told(both)
    assert any(one.startswith("release: certified: 1.0.0 (") and "1.1.0" in one for one in said), said


def test_another_revision_of_the_schema(both: tuple[Rig, Rig]) -> None:
    both[1].world.estate.migrations.revision = "0002"  # type: ignore[union-attr]
    assert told(both) == ["schema: revision: 0002 there, 0001 in production"]


def test_an_instance_less_than_the_policy_says(both: tuple[Rig, Rig]) -> None:
    both[1].compute.kill(Arm("west", Slot.A))
    assert told(both) == ["capacity: instances that are well in west: 0 there, 2 in production"]


def test_what_cannot_be_looked_at_is_no_parity(both: tuple[Rig, Rig]) -> None:
    both[0].compute.faults.lost["east"] = Unreachable("east does not answer")
    found = compare(both[0].world, both[1].world)
    assert not found.ok
    assert found.unknown == ("capacity: east does not answer",)


def test_from_a_terminal(
    both: tuple[Rig, Rig], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = {SERVICE: both[0].world, "shop": both[1].world}
    loaded = dataclasses.replace(loaded_of(both[0]), policy=both[0].world.policy)
    monkeypatch.setattr("tidegate.cli.drilling.find_policy", lambda service: loaded)
    monkeypatch.setattr("tidegate.cli.drilling.find_world", lambda service: worlds[service])
    assert main(["parity", SERVICE]) == ExitCode.OK
    assert "shop: as prod; same: settings, release, schema, capacity" in capsys.readouterr().out
    both[1].compute.kill(Arm("west", Slot.A))
    assert main(["parity", SERVICE]) == ExitCode.REFUSED
    said = capsys.readouterr().out
    assert "DIFFERS  capacity: instances that are well in west: 0 there, 2 in production" in said
    assert "shop: NOT as prod" in said
    assert main(["parity", SERVICE, "--json"]) == ExitCode.REFUSED
    assert json.loads(capsys.readouterr().out)["differences"][0]["what"] == "capacity"
