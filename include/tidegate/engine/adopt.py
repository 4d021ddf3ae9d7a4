"""Adopt what runs today as the first baseline, in a named person's name."""

from __future__ import annotations

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.model.operation import OperationKind, Outcome, operation_id
from tidegate.model.release import Release
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split


def adopt(world: World, version: str, *, person: str, reason: str) -> Release:
    """Certify the release that all instances of the serving slots report. Reads the estate, writes the journal only.

    Raises :class:`Refused` if a baseline exists already, if not all traffic is on one slot, or if an instance
    reports another digest. Asked again for the same version: nothing.
    """
    release = world.estate.artifacts.verify(version)
    slot = _serving_slot(world)
    desired = SlotSpec(release, world.policy.capacity.instances)
    for region in world.policy.shares:
        state = world.estate.compute.observe(Arm(region, slot))
        if not state.matches(desired):
            seen = ", ".join(f"{i.name}: {i.digest}" for i in state.instances) or "no instances"
            raise Refused(f"{state.arm} does not run {version} ({release.digest}) on {desired.instances}: {seen}")
    _certify(world, release, slot, person, reason)
    return release


def _serving_slot(world: World) -> Slot:
    split = world.estate.traffic.observe().split
    for slot in Slot:
        if split == canary_split(world.policy.shares, slot, {}):
            return slot
    raise Refused(f"the router has {split}: not all traffic is on one slot by the policy's shares")


def _certify(world: World, release: Release, slot: Slot, person: str, reason: str) -> None:
    operation = operation_id(world.service, OperationKind.ADOPTION, release.digest)
    with world.journal.locked(world.service) as txn:
        facts = fold_facts(txn.events(kinds=FACT_KINDS))
        if facts.stable is not None:
            if facts.stable.digest == release.digest:
                return
            raise Refused(f"{facts.stable.version} has been adopted already", next_step="promote the other release")
        if txn.head.lease is not None:
            raise Refused(f"the service is held by {txn.head.lease.operation}")
        epoch = txn.raise_epoch()
        body = {"release": release_to_json(release), "slot": slot.value, "certified_by": person, "why": reason}
        txn.append(EventKind.BASELINE_CERTIFIED, body, actor=person, operation=operation, epoch=epoch)
        note = {"outcome": Outcome.ADOPTED.value, "why": reason}
        txn.append(EventKind.OPERATION_CLOSED, note, actor=person, operation=operation, epoch=epoch)
