"""``tidegate plan | status | catalog | break-glass``: look at operations, and carry one on without Airflow."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_policy, find_world
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import Refused
from tidegate.journal.settings import journal_url
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind
from tidegate.plan.describe import lines
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan

Service = Annotated[str, typer.Argument(help="The service's name, as in its policy.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")]


def register(app: typer.Typer) -> None:
    for command in (plan, status, catalog, break_glass):
        app.command(command.__name__.replace("_", "-"))(command)


def plan(
    service: Service,
    kind: Annotated[str, typer.Argument(help="promotion or rollback")] = "promotion",
    as_json: AsJson = False,
) -> None:
    """Print what an operation would do, step by step. Touches nothing."""
    builders = {"promotion": promotion_plan, "rollback": rollback_plan}
    if kind not in builders:
        raise Refused(f"there is no plan of kind {kind!r}", next_step="promotion or rollback")
    found = find_policy(service)
    built = builders[kind](found.policy, found.digest)
    typer.echo(json.dumps({**built.to_json(), "digest": built.digest}) if as_json else "\n".join(lines(built)))


def status(
    service: Service,
    operation: Annotated[str | None, typer.Option("--operation", help="One operation, node by node.")] = None,
    as_json: AsJson = False,
) -> None:
    """Did anything change, is it safe, what next. Reads the journal only."""
    journal = Journal(journal_url())
    journal.migrate()
    chosen = operation or _latest(journal, service)
    view = fold_operation(journal.events(service, operation=chosen)) if chosen else None
    if operation and view is None:
        raise Refused(f"there is no operation {operation!r}", next_step=f"tidegate status {service}")
    facts = fold_facts(journal.events(service, kinds=FACT_KINDS))
    shown = _status(journal, service, facts, view)
    typer.echo(json.dumps(shown) if as_json else _status_words(shown, view))


def _latest(journal: Journal, service: str) -> str | None:
    lease = journal.head(service).lease
    if lease is not None:
        return lease.operation
    events = [e for e in journal.events(service) if e.body.get("plan")]
    return events[-1].operation if events else None


def _status(journal: Journal, service: str, facts: ServiceFacts, view: OperationView | None) -> dict[str, Any]:
    lease, now = journal.head(service).lease, time.time()
    guard = journal.beats(service).get("guard")
    return {
        "service": service,
        "stable": facts.stable.version if facts.stable else None,
        "stable_slot": facts.stable_slot.value if facts.stable_slot else None,
        "baselines": [b.release.version for b in facts.baselines],
        "lease": lease.operation if lease else None,
        "lease_expires_in": round(lease.expires_at - now, 1) if lease else None,
        "guard_alive": guard is not None and guard.expires_at >= now,
        "operation": _operation(view) if view else None,
    }


def _operation(view: OperationView) -> dict[str, Any]:
    return {
        "id": view.id,
        "kind": view.kind.value,
        "state": view.state.value,
        "outcome": view.outcome.value if view.outcome else None,
        "changed": view.touched,
        "candidate": view.binding.candidate_version,
        "split": str(view.left_split) if view.left_split else None,
        "why_back": view.why_back,
        "next": next((n.id for _, n in view.plan.nodes() if not view.verified(n.id)), None),
        "nodes": {n.id: view.node(n.id).status for _, n in view.plan.nodes()},
    }


def _status_words(shown: dict[str, Any], view: OperationView | None) -> str:
    guard = "alive" if shown["guard_alive"] else "NOT ALIVE: no weight grows without it"
    stable = f"{shown['stable']} in slot {shown['stable_slot']}" if shown["stable"] else "not adopted yet"
    head = f"{shown['service']}: stable {stable}; guard {guard}"
    if view is None:
        return f"{head}\nno operation yet"
    operation = shown["operation"]
    ended = operation["outcome"] or operation["state"]
    text = [head, f"{operation['kind']} of {operation['candidate']}: {ended} ({operation['id']})"]
    text.append(f"  did anything change?  {'yes' if operation['changed'] else 'no'}")
    text.append(f"  routing left:         {operation['split'] or 'none'}")
    if operation["why_back"]:
        text.append(f"  why it went back:     {operation['why_back']}")
    if not operation["outcome"]:
        text.append(f"  next:                 {operation['next']}")
        command = f"tidegate break-glass {shown['service']} {operation['id']} --by NAME --reason WHY"
        text.append(f"  without Airflow:      {command}")
    for node_id, state in view.nodes.items():
        text.append(f"    {state.status:9} {node_id}: {state.detail[:140]}")
    return "\n".join(text)


def catalog(service: Service, as_json: AsJson = False) -> None:
    """Every promotion: what changed, why, and the exact way back."""
    journal = Journal(journal_url())
    journal.migrate()
    entries = fold_facts(journal.events(service, kinds=FACT_KINDS)).catalog
    if as_json:
        typer.echo(json.dumps(list(entries)))
        return
    for entry in entries:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["at"]))
        release, before = entry["release"], entry["replaces"]
        typer.echo(f"{at}  {before['version']} -> {release['version']}  by {entry['requested_by']}: {entry['why']}")
        typer.echo(f"    way back: {entry['way_back']['dag']} with target {before['version']}, {before['digest']}")
    if not entries:
        typer.echo(f"{service}: nothing has been promoted yet")


def break_glass(
    service: Service,
    operation: Annotated[str, typer.Argument(help="The operation's id (tidegate status).")],
    by: By,
    reason: Reason,
) -> None:
    """Take an open operation over and carry it to its end, without Airflow. Whoever ran it is refused from now on."""
    from tidegate.engine.runner import Halt, drive
    from tidegate.engine.takeover import take_over

    world = find_world(service)
    view = take_over(world, operation, person=by, reason=reason, actor=actor(by))
    if view.kind not in (OperationKind.PROMOTION, OperationKind.ROLLBACK):
        raise Refused(f"{operation} is a {view.kind.value}, which has no plan to carry on")
    try:
        ended = drive(world, operation, actor=actor(by))
    except Halt as halt:
        raise Refused(str(halt), next_step=f"mend it, then run this command again; tidegate status {service}") from None
    typer.echo(f"{operation}: {ended.outcome}")
