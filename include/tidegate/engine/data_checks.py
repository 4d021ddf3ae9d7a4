"""Data checks on the real primary, wherever it is at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.checks.model import CheckReport, Kind, specs_from_json
from tidegate.checks.reference import needs
from tidegate.checks.warm import Runner, runner
from tidegate.drivers.database.contract import Database, DatabaseAddress


@dataclass(frozen=True)
class _At:
    """A database that is nobody's primary."""

    url: str

    def primary(self) -> DatabaseAddress:
        return DatabaseAddress("beside", self.url)

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        return ()


class LiveChecks:
    """A :class:`~tidegate.checks.contract.DataChecks` through Great Expectations: in this process where it is loaded
    already (a task forked from a parent that preloads it), else in a warm child that is begun at the first run."""

    def __init__(self, database: Database | _At, runs: Runner | None = None) -> None:
        self._database = database
        self._runner = runs

    def snapshot(self, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        from tidegate.checks.snapshot import take

        return take(self._database.primary().url, specs_from_json(specs))

    def run(
        self, specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None, *, schema_revision: str = ""
    ) -> CheckReport:
        self._runner = self._runner or runner()
        checks = specs_from_json(specs)
        standbys = self._standbys() if needs(checks, Kind.ON_STANDBY) else {}
        url = self._database.primary().url
        return self._runner(url, checks, snapshot, schema_revision=schema_revision, standbys=standbys)

    def elsewhere(self, url: str) -> LiveChecks:
        return LiveChecks(_At(url), self._runner)

    def _standbys(self) -> dict[str, str]:
        return {address.region: address.url for address in self._database.standbys()}
