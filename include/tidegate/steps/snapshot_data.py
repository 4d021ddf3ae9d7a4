"""Note what the data looks like before the operation. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class SnapshotData(Record):
    """Row counts and a checksum, taken on the primary in one transaction."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "note row counts and a checksum of the data, to compare with after a reversion"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        snapshot = world.checks.snapshot(args["checks"])
        counts = ", ".join(f"{table}: {found['rows']} rows" for table, found in snapshot["tables"].items())
        return Result(f"snapshot taken: {counts or 'no tables'}", {"snapshot": snapshot})


VERB: Verb = SnapshotData()
