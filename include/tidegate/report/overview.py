"""All services at one look, from the journal alone: what needs a person stands first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tidegate.engine import burning, class_loss, dependencies, detours, preview_arm, region_loss, relaxing, writes
from tidegate.engine.assess_moving import BLIND
from tidegate.engine.brakes import BRAKE_KINDS, Brakes, fold_brakes
from tidegate.engine.carriers import carried_on
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.guarding import BEAT
from tidegate.engine.noticing import untold
from tidegate.engine.readiness import KEY as READINESS_KEY
from tidegate.engine.readiness import ROW as READINESS
from tidegate.engine.readiness import STALE_AFTER
from tidegate.engine.readiness_item import State
from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import Beat, EventKind, Lease
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationState, Outcome
from tidegate.policy.people import Owners
from tidegate.report.headline import headline
from tidegate.report.planned import position
from tidegate.report.series import weights_of
from tidegate.report.vantage import vantage_document, vantage_words
from tidegate.report.watch import watch_words

OwnersOf = Callable[[str], Owners | None]  # service -> as its policy names them, None without a policy
ALARM, ASK, TELL = 0, 1, 2  # how soon somebody has to look: at once, soon, when there is time


def overview_document(
    journal: Journal,
    services: Iterable[str],
    now: float,
    troubles: Mapping[str, str] | None = None,
    owners: OwnersOf = lambda _: None,
) -> dict[str, Any]:
    """``troubles``: service -> what is wrong with its policy. Services in order of urgency, then by name."""
    wrong = troubles or {}
    rows = [service_document(journal, name, now, wrong.get(name, ""), owners(name)) for name in sorted(set(services))]
    rows.sort(key=lambda row: (row["urgency"], row["service"]))
    return {"version": 1, "at": now, "services": rows}


def service_document(
    journal: Journal, service: str, now: float, trouble: str = "", owners: Owners | None = None
) -> dict[str, Any]:
    """One service: its regions, its guard, its lease, its last operations, and what needs a person."""
    facts = fold_facts(journal.events(service, kinds=FACT_KINDS))
    brakes = fold_brakes(journal.events(service, kinds=BRAKE_KINDS))
    ready = _ready(journal, service, now)
    opened = journal.events(service, kinds={EventKind.OPERATION_OPENED})
    lease, beats = journal.head(service).lease, journal.beats(service)
    beat = beats.get(BEAT)
    last = opened[-1].operation if opened else None
    events = journal.events(service, operation=lease.operation if lease else last) if last else []
    view = fold_operation(events)
    stranded = [] if view is None or (found := carried_on(view, events, beats, now)).on else [(ALARM, found.words)]
    watch = watch_words(journal, service, now)
    failed = [(ALARM, watch.needs)] if watch is not None and watch.needs else []
    lost = [(ALARM, words)] if (words := region_loss.unanswered(journal, service)) else []
    failing = [(ALARM, words)] if (words := class_loss.unanswered(journal, service, now)) else []
    urgent, words = burning.unanswered(journal, service)
    burns = [(ALARM if urgent else ASK, words)] if words else []
    relaxed = [(ALARM, words)] if (words := relaxing.unprotected(journal, service)) else []
    halted = [(ALARM, held.words(service))] if (held := writes.stopped(journal, service)) else []
    away = [(ALARM, one.words(service)) for one in detours.standing(journal, service)]
    called = dependencies.last_seen(journal, service, now)
    unheard = [(ASK, one.words) for one in untold(events)] if view and view.state is not OperationState.CLOSED else []
    needs = sorted(
        [
            *_needs(view, facts, beat, now, trouble),
            *_braked(brakes, facts),
            *_unready(ready),
            *_preview(preview_arm.shown(journal, service)),
            *stranded,
            *failed,
            *lost,
            *failing,
            *burns,
            *relaxed,
            *halted,
            *away,
            *unheard,
            *((ASK, f"{one.words}: {one.do}") for one in called if one.do),
        ]
    )
    return {
        "service": service,
        "owners": owners.model_dump() if owners else {},
        "urgency": needs[0][0] if needs else TELL + 1,
        "needs": [words for _, words in needs],
        "stable": {"version": facts.stable.version, "slot": str(facts.stable_slot)} if facts.stable else None,
        "watch": watch.words if watch is not None else None,
        "vantage": vantage_words(vantage_document(journal, service, now)),
        "dependencies": [one.words for one in called],
        "brakes": brakes.to_json(),
        "readiness": ready,
        "burn": burning.last_seen(journal, service, now),
        "budget": (beat.body.get("budget") or None) if beat else None,
        "guard": _guard(beat, now),
        "lease": _lease(lease, now),
        "operation": _operation(journal, view, beat, now) if view else None,
        "regions": _regions(view, facts, beat, now),
        "operations": [_opened(event) for event in reversed(opened[-20:])],
        "catalog": [_entry(entry) for entry in reversed(facts.catalog[-20:])],
    }


def _needs(
    view: OperationView | None, facts: ServiceFacts, beat: Beat | None, now: float, trouble: str
) -> Iterable[tuple[int, str]]:
    is_open = view is not None and view.state is not OperationState.CLOSED
    if trouble:
        yield ASK, f"its policy cannot be used as it stands: {trouble}"
    if facts.stable is None:
        yield TELL, "nothing is adopted yet: there is no baseline to go back to"
    if beat is None or beat.expires_at < now:
        yield (ALARM if is_open else ASK), "no guard is alive: nobody would stop a loss"
    elif beat.body.get("blind"):
        yield (ALARM if is_open else ASK), f"the guard is blind: {beat.body['blind']}"
    if view is not None and is_open:
        yield from _open_needs(view, now)
    elif view is not None and view.outcome is Outcome.ROLLED_BACK and view.why_back:
        yield TELL, f"{view.binding.candidate_version} was taken back: find out why"


def _ready(journal: Journal, service: str, now: float) -> dict[str, Any] | None:
    """The newest answer to whether the service could go back and move, None if nobody has asked. ``red``: what could
    not; ``never``: what was never there to be looked at. An answer of before there was such a thing has no state."""
    found = journal.evidence(service, READINESS, READINESS_KEY)
    if found is None:
        return None
    told = {State.NOT_READY: list[str](), State.NEVER: list[str]()}
    for one in found["items"]:
        if not one["ready"]:
            told[State(one.get("state", State.NOT_READY))].append(f"{one['of']} {one['what']}: {one['why']}".strip())
    age = round(max(0.0, now - found["at"]), 1)
    return {
        "ready": found["ready"],
        "age": age,
        "stale": age > STALE_AFTER,
        "red": told[State.NOT_READY],
        "never": told[State.NEVER],
        "of": len(found["items"]),
    }


def _unready(ready: Mapping[str, Any] | None) -> Iterable[tuple[int, str]]:
    if ready and not ready["ready"]:
        yield ASK, f"it is not ready ({len(ready['red'])} red): {ready['red'][0]}"
    elif ready and ready["stale"]:
        yield TELL, f"whether it is ready was last asked {_age(ready['age'])} ago"


def _preview(shown: preview_arm.Shown | None) -> Iterable[tuple[int, str]]:
    if shown is not None:
        yield (ALARM if shown.vetoed else TELL), f"a preview is open: {shown}"


def _braked(brakes: Brakes, facts: ServiceFacts) -> Iterable[tuple[int, str]]:
    if facts.stable and (veto := brakes.veto(facts.stable.digest)):
        yield ALARM, f"{facts.stable.version} runs, and was vetoed by {veto.brake}: roll back"
    if brakes.line:
        yield TELL, f"the line is stopped by {brakes.line}"
    if brakes.pin:
        yield TELL, f"pinned by {brakes.pin}"


def _open_needs(view: OperationView, now: float) -> Iterable[tuple[int, str]]:
    if view.held is not None:
        yield ASK, f"{view.held.person} paused {view.id} {_age(now - view.held.at)} ago: {view.held.why}"
    for name, state in view.nodes.items():
        if state.status == "verified" and BLIND in state.detail:
            yield ALARM, f"{name} went on without figures: {state.detail}"
    stands = position(view)
    node = stands["node"] if stands else None
    if node and view.node(node).status == "failed":
        yield ALARM, f"{node} failed: {view.node(node).detail}"
    elif node and node in view.requested and node not in view.refused_by:
        request = view.requested[node]
        left = request["expires_at"] - (view.held.at if view.held else now)
        yield ASK, f"{node} waits for {request['quorum']} of {', '.join(request['people'])}, {_age(left)} left"
    elif view.state is OperationState.STOPPING:
        yield ASK, f"{view.binding.candidate_version} is on its way back: {view.why_back}"


def _guard(beat: Beat | None, now: float) -> dict[str, Any]:
    if beat is None:
        return {"alive": False, "age": None, "blind": ""}
    age = round(max(0.0, now - beat.at), 1)
    return {"alive": beat.expires_at >= now, "age": age, "blind": str(beat.body.get("blind", ""))}


def _lease(lease: Lease | None, now: float) -> dict[str, Any] | None:
    if lease is None:
        return None
    return {"operation": lease.operation, "holder": lease.holder, "expires_in": round(lease.expires_at - now, 1)}


def _operation(journal: Journal, view: OperationView, beat: Beat | None, now: float) -> dict[str, Any]:
    closed = journal.events(view.service, operation=view.id, kinds={EventKind.OPERATION_CLOSED})
    why = str(closed[0].body.get("why", "")) if closed else ""
    top = headline(view, why, beat is not None and beat.expires_at >= now)
    return {
        "id": view.id,
        "kind": view.kind.value,
        "headline": vars(top),
        "outcome": view.outcome.value if view.outcome else None,
        "state": view.state.value,
        "requester": view.requester,
        "opened_at": view.opened_at,
        "closed_at": closed[0].at if closed else None,
        "position": position(view),
    }


def _regions(view: OperationView | None, facts: ServiceFacts, beat: Beat | None, now: float) -> list[dict[str, Any]]:
    """Region by region: what it serves with which part, and how its users fared when the guard last looked."""
    health = (beat.body.get("health") or {}) if beat else {}
    demand = (beat.body.get("demand") or {}) if beat else {}
    weights = weights_of(view.left_split, view) if view else {}
    names = list(weights) or list(health) or list(demand)
    return [
        {
            "region": name,
            "share": weights.get(name, {}).get("share"),
            "serving": _serving(view, facts, weights.get(name, {}).get("candidate", 0.0)),
            "per_second": demand.get(name),
            "health": health.get(name),
            "window": beat.body.get("health_window") if beat else None,
            "age": round(max(0.0, now - beat.at), 1) if beat else None,
        }
        for name in names
    ]


def _serving(view: OperationView | None, facts: ServiceFacts, candidate: float) -> list[dict[str, Any]]:
    """Releases with their percent of the region, the larger first."""
    if view is None:
        return [{"version": facts.stable.version, "percent": 100.0}] if facts.stable else []
    parts = [(view.binding.stable.version, 100.0 - candidate), (view.binding.candidate_version, candidate)]
    return [{"version": v, "percent": p} for v, p in sorted(parts, key=lambda part: -part[1]) if p > 0]


def _opened(event: Any) -> dict[str, Any]:
    body = event.body
    version = body["binding"]["candidate_version"]
    return {"id": event.operation, "kind": body["kind"], "version": version, "at": event.at, "by": body["requester"]}


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": entry["release"]["version"],
        "replaces": entry["replaces"]["version"],
        "at": entry["at"],
        "by": entry["requested_by"],
        "why": entry["why"],
        "operation": entry["operation"],
    }


def _age(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
