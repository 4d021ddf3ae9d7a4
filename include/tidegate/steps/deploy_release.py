"""Run a release in a slot, on so many instances."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from tidegate.drivers.compute.contract import SlotSpec, SlotState
from tidegate.errors import Refused
from tidegate.model.topology import Arm
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.secret_access import unseal

SETTLE_WITHIN = 120.0  # seconds for N of N to report the digest


class DeployRelease:
    """Done when N of N instances are healthy and report the digest of the files they loaded, configuration among them,
    and of the versions of the secrets they loaded.

    ``wait`` False: the change is started and left to converge; whoever needs the capacity waits for it behind a gate.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"run the {args['role']} release in {args['region']} on {args['instances']} instances"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        arm, desired = _desired(args, world)
        state = world.estate.compute.observe(arm)
        if state.matches(desired):
            return Look(Standing.DONE, _words(state))
        _refuse_to_replace_what_serves(arm, state, desired, world)
        return Look(Standing.NOT_DONE, _words(state))

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        arm, desired = _desired(args, world)
        release = world.release(args["role"])
        secrets = unseal(world, release, arm.region)
        fetch = partial(world.estate.artifacts.fetch, release)
        world.estate.compute.apply(arm, desired, world.token, fetch, secrets)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        arm, desired = _desired(args, world)
        if not args.get("wait", True):
            return Result(f"{arm} is converging: {_words(world.estate.compute.observe(arm))}")
        count, version = desired.instances, world.release(args["role"]).version
        wanted = f"{arm}: {count} of {count} instances healthy on {version}"
        world.wait(lambda: world.estate.compute.settled(arm, desired), within=SETTLE_WITHIN, what=wanted)
        return Result(wanted, {"instances": desired.instances})


def _desired(args: Mapping[str, Any], world: StepWorld) -> tuple[Arm, SlotSpec]:
    return world.binding.arm(args["region"], args["role"]), SlotSpec(world.release(args["role"]), args["instances"])


def _words(state: SlotState) -> str:
    healthy = sum(i.healthy for i in state.instances)
    return f"{state.arm}: {state.version or 'empty'}, {healthy} of {len(state.instances)} instances healthy"


def _refuse_to_replace_what_serves(arm: Arm, state: SlotState, desired: SlotSpec, world: StepWorld) -> None:
    """A destructive step proves the live role of its target just before it acts."""
    release = desired.release
    foreign = [i.name for i in state.instances if i.digest is not None and not (release and i.runs(release))]
    split = world.estate.traffic.observe().split
    weight = split[arm] if split else 0
    if foreign and weight:
        raise Refused(
            f"{arm} takes {weight / 100:g}% of the traffic and runs {state.version}: not replaced under load",
            next_step="bring its weight to 0 first",
        )


VERB: Verb = DeployRelease()
