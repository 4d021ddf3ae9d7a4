"""Adopt what runs today as the first baseline: what is seen, and the effect, which is a row in the journal.

People come here through :mod:`tidegate.engine.adoption`, where a second person has to say yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.binding import release_to_json
from tidegate.model.canonical import digest
from tidegate.model.mix import vetoed_part
from tidegate.model.operation import OperationKind, Outcome, operation_id
from tidegate.model.release import Release
from tidegate.model.topology import SERVING, Arm, Slot
from tidegate.model.traffic import canary_split


@dataclass(frozen=True)
class Seen:
    """What runs: the release, its slot, and how many instances of each arm report its digest."""

    release: Release
    slot: Slot
    instances: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {"release": release_to_json(self.release), "slot": self.slot.value, "instances": self.instances}

    @property
    def digest(self) -> str:
        return digest(self.to_json())


def look(world: World, version: str) -> Seen:
    """Read the estate. Raises :class:`Refused` if not all traffic is on one slot, or an instance reports another
    digest than the release of that version."""
    release = world.estate.artifacts.verify(version)
    slot = _serving_slot(world)
    desired = SlotSpec(release, world.policy.capacity.instances)
    found: dict[str, int] = {}
    for region in world.policy.shares:
        state = world.estate.compute.observe(Arm(region, slot))
        if not state.matches(desired):
            seen = ", ".join(f"{i.name}: {i.digest}" for i in state.instances) or "no instances"
            raise Refused(f"{state.arm} does not run {version} ({release.digest}) on {desired.instances}: {seen}")
        found[state.arm.name] = len(state.instances)
    return Seen(release, slot, found)


def adopt(world: World, version: str, *, person: str, reason: str) -> Release:
    """Look and certify, in one person's name. Asked again for the same version: nothing."""
    seen = look(world, version)
    with world.journal.locked(world.service) as txn:
        if not is_stable(txn, seen.release):
            certify(txn, seen, by=person, why=reason, actor=person)
    return seen.release


def operation_of(world: World, release: Release) -> str:
    """The adoption's id: the same release is always the same adoption."""
    return operation_id(world.service, OperationKind.ADOPTION, release.digest)


def is_stable(txn: Transaction, release: Release) -> bool:
    """Whether it is the baseline already. Raises :class:`Refused` if another one is, or an operation is open."""
    facts = fold_facts(txn.events(kinds=FACT_KINDS))
    if bad := vetoed_part(release, facts.vetoed):
        raise Refused(
            f"release {bad} ({release.parents.get(bad, release.digest)}) is vetoed", next_step="it must not run at all"
        )
    if facts.stable is not None:
        if facts.stable.digest == release.digest:
            return True
        raise Refused(f"{facts.stable.version} has been adopted already", next_step="promote the other release")
    if txn.head.lease is not None:
        raise Refused(f"the service is held by {txn.head.lease.operation}")
    return False


def certify(txn: Transaction, seen: Seen, *, by: str, why: str, actor: str) -> None:
    """The effect: what was seen is the stable release from now on."""
    operation = operation_id(txn.head.service, OperationKind.ADOPTION, seen.release.digest)
    epoch = txn.raise_epoch()
    body = {"release": release_to_json(seen.release), "slot": seen.slot.value, "certified_by": by, "why": why}
    txn.append(EventKind.BASELINE_CERTIFIED, body, actor=actor, operation=operation, epoch=epoch)
    note = {"outcome": Outcome.ADOPTED.value, "why": why}
    txn.append(EventKind.OPERATION_CLOSED, note, actor=actor, operation=operation, epoch=epoch)


def _serving_slot(world: World) -> Slot:
    split = world.estate.traffic.observe().split
    for slot in SERVING:
        if split == canary_split(world.policy.shares, slot, {}):
            return slot
    raise Refused(f"the router has {split}: not all traffic is on one slot by the policy's shares")
