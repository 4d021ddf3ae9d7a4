"""Which properly signed releases are not promoted all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, small_policy
from tidegate.drivers.artifacts.memory import MemoryStore, store_of
from tidegate.engine.execute import run_step
from tidegate.errors import Refused


def store(rig: Rig) -> MemoryStore:
    return store_of(rig.world.estate.site)


def test_too_old(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    store(rig).publish_index(oldest_sequence=3)
    with pytest.raises(Refused, match="too old: its sequence is 2 and the release index allows 3 or newer"):
        run_step(rig.world, open_promotion(rig, "1.1.0").id, "admit.verify", actor="test")


def test_vetoed(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    store(rig).publish_index(vetoed=[rig.releases["1.1.0"].digest])
    with pytest.raises(Refused, match="is vetoed"):
        run_step(rig.world, open_promotion(rig, "1.1.0").id, "admit.verify", actor="test")


def test_stable_already(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    with pytest.raises(Refused, match="is the stable release already"):
        run_step(rig.world, open_promotion(rig, "1.0.0").id, "admit.verify", actor="test")
