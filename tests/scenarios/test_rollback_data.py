"""The data gate of a rollback compares with what the promotion had noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, roll_back
from tidegate.checks.model import CheckReport
from tidegate.model.operation import Outcome


def test_a_rollback_checks_against_the_promotions_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path)
    monkeypatch.setattr(rig.checks, "snapshot", lambda specs: {"tables": {"orders": {"rows": 1700}}})
    promote(rig, "1.1.0")
    seen = snapshots_checked(rig, monkeypatch)
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    assert seen == [{"tables": {"orders": {"rows": 1700}}}]


def snapshots_checked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any] | None]:
    seen: list[Mapping[str, Any] | None] = []
    checked = rig.checks.run

    def noted(
        specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None, *, schema_revision: str = ""
    ) -> CheckReport:
        seen.append(snapshot)
        return checked(specs, snapshot, schema_revision=schema_revision)

    monkeypatch.setattr(rig.checks, "run", noted)
    return seen
