"""One endpoint class moves alone: its requests are answered in another region, while everything else stays.

Each is one row with name and reason, written before the effect, and counts by its number in the service's chain: so an
older command that arrives late loses, and no operation that is under way is fenced. It stays until it is lifted, also
when routes are written anew. Who sets one has measured that the region has room for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.drivers.token import Token
from tidegate.drivers.traffic.contract import DetouringTraffic
from tidegate.engine.permission import GUARD, permit
from tidegate.engine.world import World
from tidegate.errors import NotYet, Refused
from tidegate.journal.model import Event, EventKind, Lease
from tidegate.journal.store import Journal, Transaction
from tidegate.model.detour import Detour, detoured
from tidegate.model.operation import MOVING, OperationKind
from tidegate.model.roles import Action
from tidegate.model.traffic import OTHER, Split
from tidegate.policy.likely import likely

DETOUR_KINDS = frozenset({EventKind.DETOUR_SET, EventKind.DETOUR_LIFTED})
WINDOW = 2.0  # seconds over which requests are counted where nobody has counted them
BUSY = MOVING | {OperationKind.PROMOTION}  # operations in which a class is not moved

Rates = Mapping[tuple[str, str], float]  # (region, endpoint class) -> requests per second


@dataclass(frozen=True)
class Detoured:
    """Which class goes where, who sent it, why, when (epoch seconds), and the row's number."""

    endpoint: str
    to: str
    person: str
    why: str
    at: float
    seq: int

    @property
    def detour(self) -> Detour:
        return Detour(self.endpoint, self.to)

    def words(self, service: str) -> str:
        """What it means and how it ends, for people."""
        meant = f"{self.endpoint} is answered in {self.to} alone, by {self.person}: {self.why}"
        lift = f"tidegate detour {service} {self.endpoint} --lift --by <name> --reason <why>"
        return f"{meant}. Once it is well again: {lift}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def standing(journal: Journal, service: str) -> tuple[Detoured, ...]:
    """What the journal has, in the order in which they were set."""
    return fold_detours(journal.events(service, kinds=DETOUR_KINDS))


def fold_detours(events: Iterable[Event]) -> tuple[Detoured, ...]:
    """Pure."""
    found: dict[str, Detoured] = {}
    for event in events:
        body, endpoint = event.body, str(event.body["endpoint"])
        found.pop(endpoint, None)
        if event.kind is EventKind.DETOUR_SET:
            where = str(body["to"]), str(body["person"]), str(body["why"])
            found[endpoint] = Detoured(endpoint, *where, event.at, event.seq)
    return tuple(found.values())


def set_detour(
    world: World, endpoint: str, to: str, *, person: str, reason: str, actor: str, rates: Rates | None = None
) -> bool:
    """From now on ``to`` alone answers the class. Whether it is new: if it was so already, the router is told once
    more, and the first name and reason stand. ``rates``: what was counted just now; else it is counted.

    Raises :class:`Forbidden`; :class:`Refused` for a class or region that there is not, one without room or traffic,
    or while an operation moves traffic; and as the router does: then it is on record, and the same command tells the
    router again.
    """
    if person != GUARD or actor != GUARD:
        permit(world.policy, person, Action.CONTROL)
    router = _router(world)
    _known(world, endpoint, to)
    refuse_without_room(world, endpoint, to, _split(router, to), rates or count(world))
    with world.journal.locked(world.service) as txn:
        now = {one.endpoint: one for one in fold_detours(txn.events(kinds=DETOUR_KINDS))}
        new = endpoint not in now or now[endpoint].to != to
        if new:
            _refuse_busy(txn.head.lease)
            body = {"endpoint": endpoint, "to": to, "person": person, "why": reason}
            txn.append(EventKind.DETOUR_SET, body, actor=actor)
        seq, wanted = _as_recorded(txn)
    router.detour(wanted, Token(seq, "detours"))
    return new


def lift_detour(world: World, endpoint: str, *, person: str, reason: str, actor: str) -> bool:
    """The class goes where all requests go. Whether it is new: else the router is told once more, if there ever was
    one. Raises as :func:`set_detour`; never for want of room."""
    permit(world.policy, person, Action.CONTROL)
    router = _router(world)
    with world.journal.locked(world.service) as txn:
        new = endpoint in {one.endpoint for one in fold_detours(txn.events(kinds=DETOUR_KINDS))}
        if new:
            body = {"endpoint": endpoint, "person": person, "why": reason}
            txn.append(EventKind.DETOUR_LIFTED, body, actor=actor)
        else:
            _known(world, endpoint)
        seq, wanted = _as_recorded(txn)
    if seq:
        router.detour(wanted, Token(seq, "detours"))
    return new


def reassert(world: World, endpoint: str) -> bool:
    """Whether the class is on a detour by the journal. If the router does not know of it, since whoever set it was
    interrupted, it is told. Raises as the router does."""
    with world.journal.locked(world.service) as txn:
        seq, wanted = _as_recorded(txn)
    if endpoint not in {one.endpoint for one in wanted}:
        return False
    router = _router(world)
    if router.observe_detours().detours != wanted:
        router.detour(wanted, Token(seq, "detours"))
    return True


def count(world: World) -> Rates:
    """Requests per second by region and class, counted over :data:`WINDOW`. Raises as metrics drivers do;
    :class:`NotYet` where nothing can be read."""
    metrics = world.estate.metrics
    cursor, began = metrics.follow(None).cursor, world.clock.now()
    world.clock.sleep(WINDOW)
    seen = metrics.follow(cursor).observations
    if (seconds := world.clock.now() - began) <= 0:
        raise NotYet("the clock stands still: demand cannot be measured", next_step="try again")
    counted = Counter((one.arm.region, one.endpoint) for one in seen if one.arm is not None)
    return {key: number / seconds for key, number in counted.items()}


def refuse_without_room(world: World, endpoint: str, to: str, split: Split, rates: Rates) -> None:
    """``split``: as routed. Raises :class:`Refused` if the region's healthy instances are declared to carry less than
    they would get."""
    healthy = world.estate.metrics.counters().healthy
    able = sum(healthy.get(arm, 0) for arm, weight in detoured(split, to).weights if weight)
    carries = able * world.policy.capacity.per_instance
    wanted = sum(rate for (region, name), rate in rates.items() if region == to or name == endpoint)
    if wanted > carries or not able:
        raise Refused(
            f"{to} carries {carries:g}/s with {able} healthy instances; with all of {endpoint} it gets {wanted:.0f}/s",
            next_step=f"move the whole service, which makes room first: tidegate switchover {world.service} --to {to}",
        )


def _known(world: World, endpoint: str, to: str | None = None) -> None:
    classes, regions = (*world.policy.endpoints, OTHER), tuple(world.policy.regions)
    if endpoint not in classes:
        hint = likely(endpoint, classes) or f"known: {', '.join(classes)}"
        raise Refused(f"{world.service} has no endpoint class {endpoint!r}", next_step=hint)
    if to is not None and to not in regions:
        hint = likely(to, regions) or f"known: {', '.join(regions)}"
        raise Refused(f"{world.service} has no region {to!r}", next_step=hint)


def _split(router: DetouringTraffic, to: str) -> Split:
    split = router.observe().split
    if split is None or not split.region_share(to):
        raise Refused(
            f"{to} takes no traffic now, so no class of it is sent there alone",
            next_step="move the whole service, which starts and warms its instances first",
        )
    return split


def _refuse_busy(lease: Lease | None) -> None:
    if lease is not None and lease.kind in BUSY:
        raise Refused(
            f"{lease.operation} is under way, and moves traffic itself",
            next_step=f"tidegate status, and wait for it or: tidegate abort {lease.operation} --reason <why>",
        )


def _as_recorded(txn: Transaction) -> tuple[int, tuple[Detour, ...]]:
    """The number of the last row, 0 if there is none, and what stands by it."""
    rows = txn.events(kinds=DETOUR_KINDS)
    return (rows[-1].seq if rows else 0), tuple(one.detour for one in fold_detours(rows))


def _router(world: World) -> DetouringTraffic:
    router = world.estate.traffic
    if not isinstance(router, DetouringTraffic):
        kind = world.policy.drivers.traffic.kind
        raise Refused(
            f"the traffic driver {kind!r} cannot route one endpoint class alone",
            next_step=f"move the whole service: tidegate switchover {world.service} --to <region>",
        )
    return router
