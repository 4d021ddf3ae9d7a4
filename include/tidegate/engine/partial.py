"""A partial answer to a partial failure: where only the database of a region is lost, only the database moves.

The instances of every region write to whichever database takes writes, so nobody's users have to be sent elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread

from tidegate.drivers.estate import Estate
from tidegate.engine.open_request import Request
from tidegate.engine.view import OperationView
from tidegate.errors import Refused, TidegateError
from tidegate.model.operation import OperationKind
from tidegate.model.topology import SERVING, Arm
from tidegate.model.traffic import canary_split
from tidegate.plan.model import Node, Stage
from tidegate.plan.names import ADMISSION, CUTOVER_END, DEGRADE_NODE, FEATURES
from tidegate.policy.likely import likely

DATABASE = "database"
PARTS = (DATABASE,)  # what may be moved alone
LOOK_SECONDS = 2.0
OF_TRAFFIC = frozenset({"scale", "shift", ADMISSION, FEATURES})  # stages of a failover


@dataclass(frozen=True)
class Glance:
    """``silent``: why the region's control does not answer. ``unwell``: why it does, and its instances do not."""

    silent: str = ""
    unwell: str = ""


def dark(estate: Estate) -> dict[str, str]:
    """Region -> why nobody in it could answer users, for those where that is so. Only looks, never raises, and takes
    :data:`LOOK_SECONDS` at most: what has not answered by then is dark.

    Instances that are unwell in every region at once tell nothing of any of them: they miss the one database."""
    found = dict.fromkeys(estate.site.regions, Glance(f"no answer within {LOOK_SECONDS:g} s"))
    looks = [Thread(target=_note, args=(found, estate, region), daemon=True) for region in found]
    deadline = time.monotonic() + LOOK_SECONDS
    for look in looks:
        look.start()
    for look in looks:
        look.join(max(0.0, deadline - time.monotonic()))
    return in_the_dark(dict(found))


def in_the_dark(found: Mapping[str, Glance]) -> dict[str, str]:
    """See :func:`dark`. Pure."""
    everywhere = all(one.unwell for one in found.values())
    why = {region: one.silent or ("" if everywhere else one.unwell) for region, one in found.items()}
    return {region: words for region, words in why.items() if words}


def nobody_answers(estate: Estate, region: str) -> str:
    """Why none of the region's instances answers users, empty if one does or if it has none. Raises as compute
    drivers do."""
    instances = [one for slot in SERVING for one in estate.compute.observe(Arm(region, slot)).instances]
    return f"none of {len(instances)} instances answers" if instances and not any(i.healthy for i in instances) else ""


def refuse_unfit(request: Request, source: str, shares: Mapping[str, int], seen: Mapping[str, str]) -> None:
    """``seen``: as :func:`dark` says. Raises :class:`Refused` where more than that is lost: users would be left in a
    region that does not answer them. Pure."""
    if request.kind is not OperationKind.FAILOVER or request.only not in PARTS:
        hint = likely(request.only, PARTS) or f"what a failover moves alone: {', '.join(PARTS)}"
        raise Refused(f"a {request.kind.value} does not move only {request.only!r}", next_step=hint)
    if source in seen and shares.get(source):
        raise Refused(
            f"more than the database is lost in {source}, which has {shares[source] / 100:g}% of the traffic: "
            f"{seen[source]}",
            next_step="the same command without --only: traffic moves as well",
        )


def stays(view: OperationView, stage: Stage, node: Node) -> str:
    """Why a node of traffic is not needed where only the database moves; empty if it is. What a superseded operation
    had given its candidate goes back to the stable release all the same. Pure."""
    if not view.binding.only or (stage.id not in OF_TRAFFIC and node.id not in (CUTOVER_END, DEGRADE_NODE)):
        return ""
    if node.id == CUTOVER_END and not _as_meant(view):
        return ""
    return f"only the {view.binding.only} moves"


def _as_meant(view: OperationView) -> bool:
    """Whether the stable release has all of the traffic, and no shift of somebody else's can be on its way."""
    binding = view.binding
    return not binding.superseded and view.left_split == canary_split(binding.shares, binding.stable_slot, {})


def _note(found: dict[str, Glance], estate: Estate, region: str) -> None:
    try:
        estate.compute.ping(region)
        found[region] = Glance(unwell=nobody_answers(estate, region))
    except TidegateError as error:
        found[region] = Glance(error.message)
