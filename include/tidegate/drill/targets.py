"""What a scenario is held against, and what it missed, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.drill import DrillResult, Scenario
from tidegate.policy.drills import MOVES
from tidegate.policy.schema import Policy


def of(policy: Policy, scenario: Scenario) -> tuple[float | None, float | None]:
    """RTO and RPO, seconds; None where there is none. What a restore may lack is what the archive may be behind: no
    backup has the last write."""
    objectives = policy.objectives
    if scenario is Scenario.RESTORE:
        own = policy.drills.scenarios[scenario].rto if policy.drills else None
        return own or objectives.rto, policy.backups.archive_lag if policy.backups else None
    return (objectives.rto, objectives.rpo) if scenario in MOVES else (None, None)


def missed(result: DrillResult) -> Iterator[str]:
    """What did not meet its target, with what to do about it where a backup was restored."""
    if result.rto_met is False:
        words = f"restored after {result.restored:.1f} s, the RTO is {result.rto_target:g} s"
        yield f"{words}{_slower(result) if result.scenario is Scenario.RESTORE else ''}"
    if result.rpo_met is False:
        keeps = f"see that `tidegate keep-backups {result.environment}` runs, and what it says"
        yield f"the restored copy is {result.behind:.1f} s behind, the RPO is {result.rpo_target:g} s: {keeps}"
    if result.rpo_target == 0 and result.users.lost:
        yield f"{result.users.lost} acknowledged writes are lost, and the RPO is 0 s"


def _slower(result: DrillResult) -> str:
    made, proved = result.times.act or 0.0, result.times.verify or 0.0
    return f" ({made:.1f} s to restore, {proved:.1f} s to prove): take backups more often, or allow more (rto)"
