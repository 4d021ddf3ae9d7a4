"""Going back with one component, or several, and no further: which mix that is, and whether it may be gone back to."""

from __future__ import annotations

from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.model.mix import MARK, uncertified, vetoed_part
from tidegate.model.operation import OperationKind
from tidegate.model.release import Release


def derived(world: World, kind: OperationKind, target: str | None) -> Release | None:
    """The mix that a rollback is asked to go to, made of what is on offer and verified; None if it asks for none.

    Raises as :meth:`~tidegate.drivers.artifacts.contract.Artifacts.verify`."""
    if kind is not OperationKind.ROLLBACK or target is None or MARK not in target:
        return None
    return world.estate.artifacts.verify(target)


def refuse_unfit(mix: Release, facts: ServiceFacts) -> None:
    """A mix is gone back to if every release that it is made of could be. Pure. Raises :class:`Refused`."""
    instead = "go back to a whole baseline: tidegate catalog <service>"
    if gone := uncertified(mix, (b.release for b in facts.baselines)):
        raise Refused(f"{mix.version} is made of {gone[0]}, which is no certified baseline", next_step=instead)
    if bad := vetoed_part(mix, facts.vetoed):
        raise Refused(f"{mix.version} cannot be gone back to: {bad} is vetoed", next_step=instead)
    for version, digest in mix.parents.items():
        if contract := facts.closed.get(digest):
            raise Refused(
                f"{mix.version} cannot be gone back to: the schema contract {contract['revision']} was completed, and "
                f"{version} needs what it took away",
                next_step="roll forward: mend the release and promote it",
            )


def unfit(world: World, version: str) -> str:
    """Why that mix cannot be gone back to now, in words; empty if it can."""
    try:
        mix = derived(world, OperationKind.ROLLBACK, version)
        if mix is None:
            return f"{version} is no mix"
        refuse_unfit(mix, fold_facts(world.journal.events(world.service, kinds=FACT_KINDS)))
    except TidegateError as error:
        return error.message
    return ""
