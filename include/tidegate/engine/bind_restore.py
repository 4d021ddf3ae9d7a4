"""Which restored database takes the live one's place: one of this service, that was checked and is still there, as far
as the journal knows; what the servers say is looked at by the operation's first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tidegate.drivers.database.contract import DatabaseState
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.lost_writes import ledger_of, refuse_open
from tidegate.engine.open_request import Request
from tidegate.errors import NotYet, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Transaction
from tidegate.model.binding import Binding
from tidegate.model.release import Release
from tidegate.model.topology import Slot
from tidegate.model.verdict import Verdict
from tidegate.plan.names import SWAP_NODE

_KINDS = frozenset({EventKind.RESTORED_BESIDE, EventKind.RESTORE_DISCARDED})


def bind_restore(
    txn: Transaction,
    request: Request,
    facts: ServiceFacts,
    stable: tuple[Release, Slot],
    states: Mapping[str, DatabaseState],
) -> Binding:
    """Raises :class:`Refused`, ``NotYet``."""
    service = txn.head.service
    row = _checked(txn.events(kinds=_KINDS), request.target or "", service)
    _not_overtaken(txn, row, service)
    refuse_open(ledger_of(txn.events), service, "putting a restored database in the live one's place")
    release, slot = stable
    kept = ("id", "backup", "asked", "reached", "position")
    restored = {**{name: row.body[name] for name in kept}, "revision": facts.revision_of(release)}
    return replace(Binding(slot, release, release.version, source=_writer(states)), restored=restored)


def _checked(rows: list[Event], restored: str, service: str) -> Event:
    mine = [row for row in rows if row.body["id"] == restored]
    again = f"restore it anew: tidegate restore {service} --to TIME --reason WHY"
    if not mine:
        known = ", ".join(sorted({str(row.body["id"]) for row in rows})) or "none"
        raise Refused(
            f"no restored database {restored!r} of {service} was ever checked", next_step=f"there are: {known}; {again}"
        )
    if mine[-1].kind is EventKind.RESTORE_DISCARDED:
        raise Refused(f"{restored} was discarded", next_step=again)
    if mine[-1].body["verdict"] != Verdict.PASS.value:
        raise Refused(
            f"the data checks on {restored} ended with {mine[-1].body['verdict']}, so it is not put in anybody's place",
            next_step=f"try an earlier time: tidegate restore {service} --to TIME --reason WHY",
        )
    return mine[-1]


def _not_overtaken(txn: Transaction, row: Event, service: str) -> None:
    """What it was compared with is gone once another database was put in its place."""
    done = txn.events(kinds={EventKind.STEP_VERIFIED})
    later = [e for e in done if e.seq > row.seq and e.body["node"] == SWAP_NODE]
    if later:
        raise Refused(
            f"{row.body['id']} is stale: {later[-1].operation} has swapped databases since it was restored",
            next_step=f"restore it anew: tidegate restore {service} --to TIME --reason WHY",
        )


def _writer(states: Mapping[str, DatabaseState]) -> str:
    writers = [name for name, state in states.items() if state.role == "primary"]
    if len(writers) != 1:
        raise NotYet(
            f"{' and '.join(writers) or 'no database'} takes writes, so there is no one live database to replace",
            next_step="first somebody has to take writes: tidegate failover, or look at the servers",
        )
    return writers[0]
