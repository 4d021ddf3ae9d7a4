"""Make up for what operations left undone that a failover took the service from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.model.topology import Arm
from tidegate.steps import withdraw_release
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class PayDebts:
    """The slots that are not the stable one are emptied where such an operation had brought a release. The rest, like a
    schema that was expanded, harms nobody and is only named."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "stop what operations left running from which a failover took the service; name the rest"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        left = [arm for arm in _arms(world) if world.estate.compute.observe(arm).instances]
        words = ", ".join(arm.name for arm in left)
        return Look(Standing.NOT_DONE if left else Standing.DONE, f"still runs: {words}" if left else "nothing is owed")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        for arm in _arms(world):
            how = {"region": arm.region, "role": "candidate"}
            withdraw_release.VERB.check(how, world)
            withdraw_release.VERB.apply(how, world, look)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        for arm in _arms(world):
            withdraw_release.VERB.verify({"region": arm.region, "role": "candidate"}, world, look)
        rest = [debt for debt in world.known.debts if not debt.get("slot")]
        words = f"; still to be seen to by somebody: {'; '.join(str(debt['what']) for debt in rest)}" if rest else ""
        facts = {
            "paid": [dict(debt) for debt in world.known.debts if debt.get("slot")],
            "named": [dict(d) for d in rest],
        }
        return Result(f"nothing is left running of what was superseded{words}", facts)


def _arms(world: StepWorld) -> list[Arm]:
    regions = {str(debt["region"]) for debt in world.known.debts if debt.get("slot")}
    return [world.binding.arm(region, "candidate") for region in world.shares if region in regions]


VERB: Verb = PayDebts()
