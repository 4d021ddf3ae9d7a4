"""Before a restored database takes the live one's place: it is what was checked, and it passes the checks of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.backups.contract import Backups
from tidegate.errors import NotYet, Refused
from tidegate.model.verdict import Verdict
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class CheckRestored(Record):
    """``checks``: run on the restored database itself, with the schema that the stable release needs."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"look at the restored database, and run {len(args['checks'])} data checks on it"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        bound, driver = world.binding.restored, backups_of(world)
        _same(world, driver)
        address = driver.address(bound["id"], live(world))
        report = world.checks.elsewhere(address).run(args["checks"], None, schema_revision=bound["revision"])
        if report.verdict is not Verdict.PASS:
            bad = ", ".join(one.id for one in report.results if one.status.value != "passed")
            raise Refused(
                f"the data checks on {bound['id']} ended with {report.verdict.value} ({bad}; run {report.run_id})",
                next_step=f"restore an earlier time: tidegate restore {world.estate.site.service} --to TIME",
            )
        words = f"{bound['id']} is what was checked, and passes all {len(report.results)} checks again"
        return Result(words, {"run_id": report.run_id, "verdict": report.verdict.value})


def backups_of(world: StepWorld) -> Backups:
    """Raises :class:`Refused` for a policy without."""
    if world.estate.backups is None:
        raise Refused("the policy has no backups any more", next_step="add drivers.backups, and look: tidegate lint")
    return world.estate.backups


def live(world: StepWorld) -> str:
    """The URL of the live database, where it was when this began. Raises :class:`NotYet` where the writer has moved,
    and as the driver."""
    primary = world.estate.database.primary()
    if primary.region != world.binding.source:
        raise NotYet(
            f"{primary.region} takes writes, and it was {world.binding.source} when this began",
            next_step="let it turn back, and ask again",
        )
    return primary.url


def _same(world: StepWorld, driver: Backups) -> None:
    """Raises :class:`Refused` where it is gone, stands still, or is not as it was when it was checked."""
    bound, service = world.binding.restored, world.estate.site.service
    found = next((one for one in driver.restored() if one.id == bound["id"]), None)
    again = f"restore it anew: tidegate restore {service} --to TIME --reason WHY"
    if found is None or not found.runs:
        raise Refused(f"{bound['id']} {'does not run' if found else 'is gone'}", next_step=again)
    if (found.position, found.backup) != (bound["position"], bound["backup"]):
        raise Refused(
            f"{bound['id']} stands at {found.position} of {found.backup}, and was checked at {bound['position']} of "
            f"{bound['backup']}",
            next_step=again,
        )


VERB: Verb = CheckRestored()
