"""The standby takes writes: after the old primary is fenced, or people have signed for what may be lost."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tidegate.errors import EffectError, Refused, Unreachable
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

TAKES_WRITES_WITHIN = 30.0  # seconds
FENCE_LOST = "declare.fence"  # the step of a failover that has the proof; a switchover's is another


class PromoteDatabase:
    """``region``: what is promoted. ``of``: the region of the old primary. ``signed_by``: the approval that stands in
    for a proof, if any does. The proof of its fence is looked at again just before; a signature stands in for it only
    where nobody sees the old primary take writes. In a failover one that was fenced, and was started again since, is
    fenced once more, by power."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"promote_database: the {args['region']}'s database takes writes from now on"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        if region in world.estate.database.writers():
            return Look(Standing.DONE, f"{region} takes writes already")
        again = _started_again(args, world)
        why = f"{again} was fenced and was started again since: it is fenced once more" if again else ""
        aim = {"fenced_again": again} if again else {}
        return Look(Standing.NOT_DONE, why or _allowed(args, world), {**_mark(args, world), **aim})

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        if again := look.aim.get("fenced_again"):
            with contextlib.suppress(Unreachable):
                world.estate.database.fence(again, world.token, graceful=False)
            _allowed(args, world)
        world.estate.database.promote_database(world.binding.region(args["region"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region, database = world.binding.region(args["region"]), world.estate.database
        world.wait(lambda: region in database.writers(), within=TAKES_WRITES_WITHIN, what=f"{region} takes writes")
        state = database.observe()[region]
        facts = {"writer": region, "timeline": state.timeline, "position": state.position, "because": look.detail}
        facts |= look.aim
        return Result(f"{region} takes writes, on timeline {state.timeline}", facts)


def _started_again(args: Mapping[str, Any], world: StepWorld) -> str:
    """The old primary, if this failover had a proof that it is off and has none now; "" if not. One that takes writes
    at this moment is left to people."""
    old, database = world.binding.region(args["of"]), world.estate.database
    had = world.known.facts.get(FENCE_LOST, {}).get("fenced")
    return old if had and database.fenced(old) is None and old not in database.writers() else ""


def _allowed(args: Mapping[str, Any], world: StepWorld) -> str:
    """Why it may be promoted now. Raises :class:`Refused`: nothing was sent."""
    old, database = world.binding.region(args["of"]), world.estate.database
    proof = database.fenced(old)
    if proof is not None:
        return f"{old} is fenced: {proof.detail}"
    if old in database.writers():
        raise Refused(
            f"{old} takes writes at this moment: two writers are never made, whoever has signed",
            next_step=f"fence {old} first: its power, or its own control; then retry this task",
        )
    if args.get("signed_by", "") in world.known.signed:
        return f"nothing proves that {old} is off; people have signed for that"
    raise Refused(
        f"nothing proves that {old} takes no writes: it was fenced before at most, and is not now",
        next_step=f"fence {old}: its power, or its own control; then retry this task",
    )


def _mark(args: Mapping[str, Any], world: StepWorld) -> dict[str, str]:
    """As late as can be: what the region has before it takes writes of its own. A failover waits for no mark."""
    if "signed_by" not in args or not world.settings["failover"].get("ledger"):
        return {}
    with contextlib.suppress(EffectError):
        return {"mark": world.estate.database.mark(world.binding.region(args["region"]))}
    return {}


VERB: Verb = PromoteDatabase()
