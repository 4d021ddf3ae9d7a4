"""May the schema be contracted? The stable release serves everywhere, its contract is pending, and a scratch copy of
the contracted schema suits it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.migrations.contract import Act
from tidegate.errors import NotYet, Refused
from tidegate.model.binding import release_to_json
from tidegate.model.release import Release
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record
from tidegate.steps.schema_range import driver

ADMIT_NODE = "admit.contract"


class AdmitContract(Record):
    """The facts say from where to where the schema goes, and which baselines no way leads back to afterwards."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return (
            "see that the stable release serves everywhere and its contract is pending; try the contract on a scratch "
            "copy, with the release's smoke test"
        )

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        stable, at = world.binding.stable, driver(world).observe().revision
        if stable.parents:
            raise Refused(
                f"{stable.version} holds a component of an older release, which may need what the contract takes away",
                next_step="promote a whole release first",
            )
        to = _pending(stable, at, world)
        files = world.estate.artifacts.fetch(stable)
        revisions = driver(world).between(files, at, to)
        if not revisions:
            says = f"the schema is at {at}, and no way leads up from there to the contract {to}"
            raise Refused(says, next_step="look: alembic current; promote the release's expand first")
        _serves_everywhere(world)
        closes = [one for one in world.known.baselines if one.sequence < stable.sequence]
        facts = {
            "from": at,
            "to": to,
            "revisions": list(revisions),
            "release": release_to_json(stable),
            "closes": [one.digest for one in closes],
            "closes_versions": [one.version for one in closes],
        }
        tried = self._tried(args, world, to)
        named = ", ".join(one.version for one in closes) or "no baseline"
        return Result(f"{to} of {stable.version} is pending; it closes the way back to {named}; {tried}", facts)

    def _tried(self, args: Mapping[str, Any], world: StepWorld, to: str) -> str:
        """On a scratch copy: it runs, it blocks no large table, and the release works on what it leaves."""
        stable = world.binding.stable
        files = world.estate.artifacts.fetch(stable)
        proof = driver(world).prove(files, to, int(args["sample"]))
        broken = [f"{one.revision}: {one.why}" for one in proof.revisions if one.reversible == "fails"]
        broken += [
            f"blocks {b.relation}: {b.statement}" for b in proof.blocking(int(args["large_table"])) if b.way == "up"
        ]
        if broken:
            raise Refused(f"the contract does not do: {'; '.join(broken)}", next_step="mend it in a new release")
        acts = [Act(stable.version, mode, stable.smoke, files) for mode in ("write", "read") if stable.smoke]
        for acted in driver(world).rehearse(files, to, acts, int(args["sample"])) if acts else ():
            if not acted.passed:
                says = f"on the contracted schema {acted.act}, and that fails: {acted.output}"
                raise Refused(says, next_step="mend the release: it still needs what its contract takes away")
        return f"tried on a scratch copy ({len(acts)} smoke tests)"


def _pending(stable: Release, at: str, world: StepWorld) -> str:
    if (
        any(one["release"]["digest"] == stable.digest for one in world.known.contracts)
        or at == stable.contract_revision
    ):
        raise Refused(f"the contract of {stable.version} was completed already", next_step="nothing to do")
    if not stable.contract_revision:
        raise Refused(
            f"the stable release, {stable.version}, brings no contract", next_step="promote the release that brings one"
        )
    return stable.contract_revision


def _serves_everywhere(world: StepWorld) -> None:
    """All traffic is on the stable release, and every slot that takes it runs it whole."""
    split = world.estate.traffic.observe().split
    if split is None:
        raise Refused("the router has no route of ours, so nobody knows which release serves")
    if any(world.candidate_weights(split).values()):
        raise Refused(f"the router has {split}: another release still takes traffic", next_step="let it end first")
    stable = world.binding.stable
    for region in world.shares:
        state = world.estate.compute.observe(world.binding.arm(region, "stable"))
        if not state.instances or not all(one.healthy and one.runs(stable) for one in state.instances):
            raise NotYet(f"{state.arm} does not run {stable.version} whole", next_step="see to it, then retry")


VERB: Verb = AdmitContract()
