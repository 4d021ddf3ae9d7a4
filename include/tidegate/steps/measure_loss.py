"""Before a failover: what would be lost by it, as far as it can be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.database.contract import DatabaseState
from tidegate.errors import Refused, Unreachable
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class MeasureLoss(Record):
    """``region``: the one that is lost. ``then``: the one that takes over. Looks only; refuses where there is nobody to
    take over. An old primary that was started again as a standby takes no writes, so what it has is all there is."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"measure what the {args['then']}'s database may lack of what the {args['region']}'s has acknowledged"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        source, target = world.binding.region(args["region"]), world.binding.region(args["then"])
        states = world.estate.database.observe()
        old, new = states[source], states[target]
        _can_take_over(new)
        synced = world.known.placement is not None and world.known.placement.synced == target
        has = old.position if old.role == "primary" else old.received
        behind = None if has is None or new.received is None else max(0, has - new.received)
        facts = {
            "received": new.received,
            "position": has,
            "behind": behind,
            "lag_seconds": new.lag_seconds,
            "synced": synced,
            "complete": (old.role == "standby" or old.read_only) and behind == 0,
            "by": world.requester,
            "why": world.reason,
        }
        return Result(_words(target, old, new, synced, behind), facts)


def _can_take_over(new: DatabaseState) -> None:
    if new.role == "unreachable":
        raise Unreachable(
            f"the database in {new.region} does not answer ({new.why})", next_step="see to it: it is left"
        )
    if new.role == "primary":
        raise Refused(
            f"{new.region} takes writes already, so there is nothing to fail over", next_step="tidegate status"
        )


def _words(target: str, old: DatabaseState, new: DatabaseState, synced: bool, behind: int | None) -> str:
    if synced:
        return f"{target} is on record as having every acknowledged write: nothing is lost"
    if behind is not None:
        return f"{target} is {behind} bytes behind {old.region}, which still answers"
    seen = "" if new.lag_seconds is None else f"; its newest change was {new.lag_seconds:.1f} s old"
    return f"NOT KNOWN what is lost: {old.region} does not answer; {target} has up to {new.received}{seen}"


VERB: Verb = MeasureLoss()
