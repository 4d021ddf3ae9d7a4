"""Note what the data looks like before the operation. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.checks.model import CheckSpec
from tidegate.checks.snapshot import take
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class SnapshotData(Record):
    """Row counts and a checksum, taken on the primary in one transaction."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "note row counts and a checksum of the data, to compare with after a reversion"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        address = world.estate.database.primary()
        specs = [CheckSpec.from_json(value) for value in args["checks"]]
        snapshot = take(address.url, specs)
        counts = ", ".join(f"{table} {rows}" for table, rows in snapshot.get("rows", {}).items())
        return Result(f"snapshot of {address.region}'s primary: {counts or 'no tables'}", {"snapshot": snapshot})


VERB: Verb = SnapshotData()
