"""Before a failover: what would be lost by it, as far as it can be known."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tidegate.drivers.database.contract import DatabaseState
from tidegate.errors import Refused, TidegateError, Unreachable
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
            **_lacking(world, source, new, behind),
            "complete": (old.role == "standby" or old.read_only) and behind == 0,
            **_health(args, world, synced),
            "by": world.requester,
            "why": world.reason,
        }
        return Result(_words(target, old, new, facts), facts)


def _can_take_over(new: DatabaseState) -> None:
    if new.role == "unreachable":
        raise Unreachable(
            f"the database in {new.region} does not answer ({new.why})", next_step="see to it: it is left"
        )
    if new.role == "primary":
        raise Refused(
            f"{new.region} takes writes already, so there is nothing to fail over", next_step="tidegate status"
        )


def _lacking(world: StepWorld, source: str, new: DatabaseState, behind: int | None) -> dict[str, Any]:
    """By what the old primary was last seen to have written. ``at_least``: bytes. ``within``: seconds, at most, in
    which that was written. Of another primary nothing was seen that counts."""
    seen = world.known.written
    if seen is None or seen.region != source or new.received is None:
        return {}
    at_least, within = seen.lacking(new.received, world.clock.now())
    return {"at_least": at_least if behind is None else behind, "within": within}


def _health(args: Mapping[str, Any], world: StepWorld, synced: bool) -> dict[str, Any]:
    """Of the region that takes over, for the people who are asked: instances that answer. Nobody waits for it where
    nobody will be asked."""
    if synced:
        return {}
    with contextlib.suppress(TidegateError):
        instances = world.estate.compute.observe(world.binding.arm(args["then"], "stable")).instances
        return {"healthy": sum(one.healthy for one in instances), "instances": len(instances)}
    return {"healthy": None}


def _words(target: str, old: DatabaseState, new: DatabaseState, facts: Mapping[str, Any]) -> str:
    health = f"; {facts['healthy']} of {facts['instances']} instances there answer" if facts.get("healthy") else ""
    health = health or "; NO INSTANCE THERE IS KNOWN TO ANSWER"
    has = f"{target} has up to {new.received}{health}"
    if facts["synced"]:
        return f"{target} is on record as having every acknowledged write: nothing is lost"
    within = "" if facts.get("within") is None else f", written in the last {facts['within']:.1f} s at most"
    if facts["behind"] is not None:
        return f"{target} is {facts['behind']} bytes behind {old.region}, which still answers{within}; {has}"
    if facts.get("at_least") is None:
        return f"NOT KNOWN what is lost: {old.region} does not answer, and nobody saw what it had written; {has}"
    size = f"at least {facts['at_least']} bytes" if facts["at_least"] else "what it wrote after it was last seen"
    return f"NOT KNOWN exactly what is lost: {old.region} does not answer; {size}{within}; {has}"


VERB: Verb = MeasureLoss()
