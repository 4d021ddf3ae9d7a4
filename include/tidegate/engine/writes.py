"""Reads only: a person has the router itself answer what writes, since nobody can take a write, and lets it through
again.

Each is one row with name and reason, written before the effect, and counts by its number in the service's chain: so an
older command that arrives late loses, and no operation that is under way is fenced. It stays until it is undone, also
when routes are written anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.drivers.token import Token
from tidegate.drivers.traffic.contract import HaltingTraffic
from tidegate.engine.permission import permit
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.model.roles import Action
from tidegate.model.writes import Halt

WRITE_KINDS = frozenset({EventKind.WRITES_STOPPED, EventKind.WRITES_STARTED})


@dataclass(frozen=True)
class Stopped:
    """Who stopped writes, why, when (epoch seconds), what those who write are told (seconds), and the row's number."""

    person: str
    why: str
    at: float
    retry_after: int
    seq: int

    def __str__(self) -> str:
        return f"{self.person}: {self.why}"

    def words(self, service: str) -> str:
        """What it means and how it ends, for people."""
        meant = f"reads only, by {self}. The router answers writes with 503 and Retry-After: {self.retry_after}"
        return f"{meant}. Once they can be taken: tidegate start-writes {service} --by <name> --reason <why>"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def stopped(journal: Journal, service: str) -> Stopped | None:
    """What the journal has; None while writes are to be taken."""
    return _fold(journal.events(service, kinds=WRITE_KINDS))


def stop_writes(world: World, retry_after: int, *, person: str, reason: str, actor: str) -> bool:
    """From now on reads alone are served. Whether it is new: if it was so already, the router is told once more, and
    the first name, reason and time to come again stand.

    Raises :class:`Forbidden`; :class:`Refused` for a router that cannot, or a time that nobody may be told; and as the
    router does: then it is on record, and the same command tells the router again.
    """
    permit(world.policy, person, Action.CONTROL)
    router, wanted = _router(world), _halt(retry_after)
    with world.journal.locked(world.service) as txn:
        found = _fold(txn.events(kinds=WRITE_KINDS))
        body = {"person": person, "why": reason, "retry_after": wanted.retry_after}
        seq = found.seq if found else txn.append(EventKind.WRITES_STOPPED, body, actor=actor).seq
    router.halt_writes(_halt(found.retry_after) if found else wanted, _token(seq))
    return found is None


def start_writes(world: World, *, person: str, reason: str, actor: str) -> bool:
    """Requests that write go where all requests go. Whether it is new: else the router is told once more, if anybody
    ever stopped them. Raises as :func:`stop_writes`."""
    permit(world.policy, person, Action.CONTROL)
    router = _router(world)
    with world.journal.locked(world.service) as txn:
        seq, new = _to_start(txn, {"person": person, "why": reason}, actor)
    if seq:
        router.halt_writes(None, _token(seq))
    return new


def _to_start(txn: Transaction, body: dict[str, Any], actor: str) -> tuple[int, bool]:
    rows = txn.events(kinds=WRITE_KINDS)
    if _fold(rows) is not None:
        return txn.append(EventKind.WRITES_STARTED, body, actor=actor).seq, True
    return (rows[-1].seq if rows else 0), False


def _fold(events: Iterable[Event]) -> Stopped | None:
    found: Stopped | None = None
    for event in events:
        found = _stopped(event) if event.kind is EventKind.WRITES_STOPPED else None
    return found


def _stopped(event: Event) -> Stopped:
    body = event.body
    return Stopped(str(body["person"]), str(body["why"]), event.at, int(body["retry_after"]), event.seq)


def _token(seq: int) -> Token:
    return Token(seq, "writes")


def _halt(retry_after: int) -> Halt:
    try:
        return Halt(retry_after)
    except ValueError as wrong:
        raise Refused(str(wrong), next_step="choose the seconds after which a client may try again") from wrong


def _router(world: World) -> HaltingTraffic:
    router = world.estate.traffic
    if not isinstance(router, HaltingTraffic):
        kind = world.policy.drivers.traffic.kind
        raise Refused(
            f"the traffic driver {kind!r} cannot serve reads alone",
            next_step="have the service itself answer writes with 503 while no database takes them",
        )
    return router
