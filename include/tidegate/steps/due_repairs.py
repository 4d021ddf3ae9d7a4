"""Which of the policy's repairs are due: those whose check is violated now. Not a verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.checks.model import CheckResult, Status
from tidegate.drivers.database.contract import Repaired, RepairOrder
from tidegate.errors import NotYet
from tidegate.model.projection import Projection
from tidegate.steps.contract import StepWorld


@dataclass(frozen=True)
class Due:
    """One repair as the plan has it, what its check says now, and what the database has on record of it in this
    operation."""

    spec: Mapping[str, Any]
    result: CheckResult
    record: Repaired | None

    @property
    def name(self) -> str:
        return str(self.spec["id"])

    @property
    def now(self) -> bool:
        """A repair that is done, and whose check is still violated, does not help: it is not made again."""
        return self.result.status is Status.VIOLATED and not (self.record and self.record.done)

    @property
    def what(self) -> str:
        projection = order_of(self.spec).projection
        return f"rebuild {projection.projection} from {projection.events}" if projection else "compensate"


def order_of(spec: Mapping[str, Any]) -> RepairOrder:
    """A repair of the plan, as the driver takes it."""
    replay = spec.get("replay")
    return RepairOrder(str(spec["id"]), spec.get("sql", ""), Projection.from_json(replay) if replay else None)


def all_repairs(args: Mapping[str, Any], world: StepWorld) -> list[Due]:
    """Every declared repair. Raises ``NotYet`` if a check could not be made: then nobody can say what is due."""
    repairs = args["repairs"]
    checks = {repair["when"]["id"]: repair["when"] for repair in repairs}
    report = world.checks.run(list(checks.values()), None, schema_revision=world.binding.stable.schema_revision)
    results = {result.id: result for result in report.results}
    unseen = [result for result in results.values() if result.status is Status.NOT_CHECKED]
    if unseen:
        raise NotYet(
            f"no telling which repair is due: {unseen[0].id}: {unseen[0].detail}",
            next_step="see that the database answers; this task looks again",
        )
    record = world.estate.database.repaired
    return [Due(r, results[r["when"]["id"]], record(world.operation, str(r["id"]))) for r in repairs]
