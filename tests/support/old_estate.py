"""A kept journal and the estate beside it, as an older Tidegate left them (``tests/corpus``), under today's code."""

from __future__ import annotations

import base64
import dataclasses
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.estate import Rig, build
from tidegate.drivers.artifacts._manifest import ENVELOPE
from tidegate.drivers.artifacts._signatures import RELEASE_TYPE, sign
from tidegate.drivers.artifacts.memory import store_of
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.token import Token
from tidegate.guard.watch import Watch
from tidegate.journal.store import Journal
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm
from tidegate.model.traffic import Split
from tidegate.policy.schema import Policy

CORPUS = Path(__file__).parents[1] / "corpus"


def old_journal(kept: Path, directory: Path) -> Journal:
    """A copy of the journal, its tables brought up to date."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "journal.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript((kept / "journal.sql").read_text())
    connection.close()
    journal = Journal(f"sqlite:///{file}")
    journal.migrate()
    return journal


def old_rig(kept: Path, directory: Path) -> Rig:
    """Router, slots, releases, access log and clock as they stood when the old process went away."""
    left = json.loads((kept / "estate.json").read_text())
    policy = Policy.model_validate_json(json.dumps(left["policy"]), strict=True, by_alias=True, by_name=False)
    rig = build(directory / "estate", policy, adopted=False, guarded=False)
    rig.clock.at = left["at"]
    journal = old_journal(kept, directory)
    journal._clock = rig.clock.now
    rig.world = dataclasses.replace(rig.world, journal=journal)
    rig.watch = Watch(rig.world)
    rig.users.error_rate, rig.users.rate = left["errors"], 40.0
    _offer(rig, left["releases"])
    _run(rig, left["slots"])
    _route(rig, left["route"])
    _log(rig, left["log"])
    rig.clock.ticks.append(rig.guard_tick)
    rig.effects_log().clear()
    return rig


def _offer(rig: Rig, releases: Mapping[str, Any]) -> None:
    """The manifests as they were signed, by the test's own key of today."""
    store = store_of(rig.world.estate.site)
    store.files = {key: data for key, data in store.files.items() if not key[0]}
    for version, release in releases.items():
        for name, data in release["files"].items():
            store.files[version, name] = base64.b64decode(data)
        store.files[version, ENVELOPE] = sign(release["manifest"], RELEASE_TYPE, store.keys)


def _run(rig: Rig, slots: Mapping[str, Any]) -> None:
    artifacts = rig.world.estate.artifacts
    for name, slot in slots.items():
        release = artifacts.verify(slot["version"]) if slot["instances"] else None
        rig.compute.apply(Arm.parse(name), SlotSpec(release, slot["instances"]), Token(slot["epoch"], "old"), Path)


def _route(rig: Rig, route: Mapping[str, Any]) -> None:
    rig.traffic.force(Split.parse(route["split"]), route["epoch"])


def _log(rig: Rig, log: Mapping[str, Any]) -> None:
    """What the guard had read and saved is never read again: only its length counts."""
    rig.metrics._log, rig.metrics._newest = [], [None]
    for _ in range(log["read"]):
        rig.metrics.push_malformed("read long ago")
    rig.metrics.push(_observation(*row) for row in log["rows"])


def _observation(*row: Any) -> Observation:
    at, arm, session, endpoint, status, took, epoch, split = row
    return Observation(at, Arm.parse(arm), session, endpoint, status, took, epoch, Split.parse(split))
