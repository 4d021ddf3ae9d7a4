"""The facts of one operation, and of all services, as JSON: what page, live refresh and command line share.

Everything comes from the journal, so it is to be had while the scheduler, the triggerer and the estate are down; each
figure that ages says how old it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tidegate.engine.carriers import carried_on
from tidegate.engine.guarding import BEAT, EVIDENCE
from tidegate.engine.noticing import untold
from tidegate.engine.objectives import recovery_of
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind, OperationState
from tidegate.policy.people import Owners
from tidegate.report.headline import headline
from tidegate.report.objectives import objectives_document
from tidegate.report.overview import overview_document
from tidegate.report.planned import plan_document, position
from tidegate.report.rungs import ladder_document
from tidegate.report.series import series, weights_of
from tidegate.report.trail import secret_words
from tidegate.report.waiting import in_words, waiting

__all__ = ["operation_document", "overview_document"]

VERSION = 1


def operation_document(
    journal: Journal,
    service: str,
    operation: str,
    now: float,
    *,
    run_state: Callable[[str], str | None] = lambda _: None,
    owners: Owners | None = None,
) -> dict[str, Any]:
    """``run_state``: request id -> what Airflow says of the run, where it can be asked. ``owners``: as the policy names
    them, where it is at hand.

    Raises :class:`~tidegate.errors.Refused` if the journal has no such operation.
    """
    events = journal.events(service, operation=operation)
    view = require(fold_operation(events), operation)
    closed = next((e for e in events if e.kind is EventKind.OPERATION_CLOSED), None)
    guard = guard_document(journal, service, now)
    gate = waiting(journal, view, now)
    why = str(closed.body.get("why", "")) if closed else ""
    carried = _carried(journal, view, events, now, run_state)
    waits = in_words(view, gate, now) if carried["on"] else f"Nobody carries it on: {carried['next'][0]}"
    top = headline(view, why, bool(guard["alive"]), waits)
    return {
        "version": VERSION,
        "at": now,
        "service": service,
        "headline": vars(top),
        "operation": _about(view, closed),
        "owner": owners.of(view.kind, going_back=view.state is OperationState.STOPPING) if owners else "",
        "untold": [one.words for one in untold(events)],
        "routing": str(view.left_split) if view.left_split else "",
        "weights": weights_of(view.left_split, view),
        "guard": guard,
        "lease": lease_document(journal, service, now),
        "held": vars(view.held) if view.held else None,
        "carried": carried,
        "position": position(view),
        "plan": plan_document(view, events),
        "ladder": ladder_document(view),
        "objectives": objectives_document(recovery_of(journal, view, now)),
        "waiting": gate,
        "verdict": _verdict(journal, view, now),
        "series": series(journal, view, events, closed.at if closed else now),
        "checks": _checks(events),
        "repairs": _repairs(view),
        "approvals": _approvals(view, now),
        "log": [_row(event, view) for event in events],
        "controls": controls(view),
        "break_glass": f"tidegate break-glass {service} {view.id} --by <name> --reason <why>",
    }


def _about(view: OperationView, closed: Event | None) -> dict[str, Any]:
    binding = view.binding
    return {
        "id": view.id,
        "kind": view.kind.value,
        "requester": view.requester,
        "reason": view.reason,
        "request_id": view.request_id,
        "opened_at": view.opened_at,
        "closed_at": closed.at if closed else None,
        "state": view.state.value,
        "outcome": view.outcome.value if view.outcome else None,
        "why_back": view.why_back,
        "held": vars(view.held) if view.held else None,
        "changed": view.touched,
        "stable": {"version": binding.stable.version, "slot": binding.stable_slot.value},
        "candidate": {"version": binding.candidate_version, "slot": binding.candidate_slot.value},
        **({"source": binding.source, "target": binding.target} if binding.source else {}),
    }


def _carried(
    journal: Journal, view: OperationView, events: list[Event], now: float, run_state: Callable[[str], str | None]
) -> dict[str, Any]:
    """Whether anybody carries it on, and what to do if not: the journal's word, with Airflow's where they differ."""
    state = run_state(view.request_id) if view.state is not OperationState.CLOSED else None
    found = carried_on(view, events, journal.beats(view.service), now, run_state=state)
    return {**asdict(found), "next": list(found.next), "age": round(max(0.0, now - found.at), 1), "run_state": state}


def guard_document(journal: Journal, service: str, now: float) -> dict[str, Any]:
    """``age``: seconds since its last beat, None without any. ``health``: region -> what it counted lately."""
    beat = journal.beats(service).get(BEAT)
    if beat is None:
        return {"alive": False, "age": None, "blind": "", "health": {}, "window": None}
    return {
        "alive": beat.expires_at >= now,
        "age": round(max(0.0, now - beat.at), 1),
        "blind": str(beat.body.get("blind", "")),
        "health": beat.body.get("health") or {},
        "window": beat.body.get("health_window"),
    }


def lease_document(journal: Journal, service: str, now: float) -> dict[str, Any] | None:
    """Who may act on the service now, None if nobody does."""
    lease = journal.head(service).lease
    if lease is None:
        return None
    left = round(lease.expires_at - now, 1)
    return {"operation": lease.operation, "kind": lease.kind.value, "holder": lease.holder, "expires_in": left}


def controls(view: OperationView) -> dict[str, bool]:
    """Which of the controls would do something now; the engine decides again when one is used."""
    is_open = view.state is not OperationState.CLOSED
    forward = view.state is OperationState.RUNNING and view.kind is OperationKind.PROMOTION and not view.committed
    held = view.held is not None
    return {"pause": is_open and not held, "resume": is_open and held, "abort": forward}


def _verdict(journal: Journal, view: OperationView, now: float) -> dict[str, Any] | None:
    """What the guard's judge says; ``age`` in seconds. None if it has never looked."""
    document = journal.evidence(view.service, view.id, EVIDENCE)
    if document is None:
        return None
    return {
        "verdict": document["verdict"],
        "why": document["why"],
        "age": round(max(0.0, now - document["written_at"]), 1),
        "crossed": document["crossed"],
        "signals": document["signals"],
        "regions": {name: _arms(region) for name, region in document["regions"].items()},
    }


def _arms(region: Mapping[str, Any]) -> dict[str, Any]:
    counts = ("requests", "errors", "sessions")
    return {role: {key: region[role][key] for key in counts} for role in ("stable", "candidate")}


def _checks(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [
        {
            "node": event.body["node"],
            "run": event.body["run_id"],
            "at": event.at,
            "results": [dict(result) for result in event.body["report"]["results"]],
        }
        for event in events
        if event.kind is EventKind.DATA_CHECKED
    ]


def _repairs(view: OperationView) -> list[dict[str, Any]]:
    """Each repair that was due: what was said before it was made, and what the database has on record of it."""
    said = view.facts.get("return.preview", {}).get("repairs", {})
    made = view.facts.get("return.repair", {}).get("repairs", {})
    return [_repair(name, said.get(name, {}), made.get(name)) for name in {**said, **made}]


def _repair(name: str, said: Mapping[str, Any], made: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = f"; {made['kept']} rows that no event explains are kept" if made and made["kept"] else ""
    return {
        "name": name,
        **{key: str(said.get(key, "")) for key in ("what", "because", "found")},
        "keys": list((said.get("difference") or {}).get("keys", ())),
        "made": f"{made['changed']} rows, up to {made['position']}{kept}" if made else "",
    }


def _approvals(view: OperationView, now: float) -> list[dict[str, Any]]:
    return [
        {
            "node": node,
            "people": list(request["people"]),
            "quorum": request["quorum"],
            "plan_digest": request["plan_digest"],
            "expires_at": request["expires_at"],
            "given": [{"person": a.person, "at": a.at} for a in view.approvals if a.node == node],
            "refused": view.refused_by.get(node, ""),
            "open": view.outcome is None
            and view.state is OperationState.RUNNING
            and not view.verified(node)
            and node not in view.refused_by
            and not view.time_is_over(node, now),
        }
        for node, request in view.requested.items()
    ]


def _row(event: Event, view: OperationView) -> dict[str, Any]:
    body = event.body
    words = body.get("why") or body.get("detail") or body.get("what") or ""
    if event.kind is EventKind.SECRET_READ:
        words = secret_words(body)
    return {
        "seq": event.seq,
        "after": round(event.at - view.opened_at, 1),
        "actor": str(body.get("person") or event.actor),
        "by": event.actor,
        "kind": event.kind.value,
        "node": body.get("node", ""),
        "words": str(words),
        "epoch": event.epoch,
    }
