"""Data checks on the real primary, wherever it is at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.checks.model import CheckReport, specs_from_json
from tidegate.drivers.database.contract import Database


class LiveChecks:
    """A :class:`~tidegate.checks.contract.DataChecks` through Great Expectations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshot(self, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        from tidegate.checks.snapshot import take

        return take(self._database.primary().url, specs_from_json(specs))

    def run(self, specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None) -> CheckReport:
        from tidegate.checks.run import run

        return run(self._database.primary().url, specs_from_json(specs), snapshot)
