"""``tidegate status``: did anything change, is it safe, what next; the same words as the operation's page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from tidegate.cli.groups import GroupOption, one_of, show_group
from tidegate.cli.operations import AsJson
from tidegate.cli.reading import known_service, reading_journal
from tidegate.engine import burning, class_loss, dependencies, detours, preview_arm, region_loss, relaxing, writes
from tidegate.engine.braking import brakes_of
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.lost_writes import ledger_of, next_step
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import Refused
from tidegate.journal.store import Journal
from tidegate.model.operation import service_of
from tidegate.report.document import guard_document, lease_document, operation_document
from tidegate.report.objectives import status_lines
from tidegate.report.vantage import vantage_document, vantage_words
from tidegate.report.watch import watch_words


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    service: Annotated[str | None, typer.Argument(help="The service's name, as in its policy; or --group.")] = None,
    operation: Annotated[str | None, typer.Option("--operation", help="One operation, node by node.")] = None,
    as_json: AsJson = False,
    group: GroupOption = None,
) -> None:
    """Did anything change, is it safe, what next. Reads the journal only."""
    one_of(service, group)
    if group is not None:
        return show_group(group, as_json)
    assert service is not None  # one of the two
    journal, now = reading_journal(), time.time()
    known_service(journal, service)
    chosen = operation or _latest(journal, service)
    view = fold_operation(journal.events(service, operation=chosen)) if chosen else None
    if operation and view is None:
        raise Refused(f"there is no operation {operation!r}", next_step=f"tidegate status {service}")
    about = service_of(service)
    facts = fold_facts(journal.events(about, kinds=FACT_KINDS))
    shown = {**_service(journal, about, facts, now), "operation": _operation(journal, view, now) if view else None}
    typer.echo(json.dumps(shown) if as_json else "\n".join(_words(shown, view)))


def _latest(journal: Journal, service: str) -> str | None:
    lease = journal.head(service).lease
    if lease is not None:
        return lease.operation
    events = [e for e in journal.events(service) if e.body.get("plan")]
    return events[-1].operation if events else None


def _service(journal: Journal, service: str, facts: ServiceFacts, now: float) -> dict[str, Any]:
    lease, watch = lease_document(journal, service, now), watch_words(journal, service, now)
    preview, halted = preview_arm.shown(journal, service), writes.stopped(journal, service)
    return {
        "service": service,
        "journal": journal.place,
        "stable": facts.stable.version if facts.stable else None,
        "components": dict(facts.stable.components) if facts.stable else {},
        "stable_slot": facts.stable_slot.value if facts.stable_slot else None,
        "baselines": [b.release.version for b in facts.baselines],
        "lease": lease["operation"] if lease else None,
        "lease_expires_in": lease["expires_in"] if lease else None,
        "guard_alive": guard_document(journal, service, now)["alive"],
        "vantage": vantage_document(journal, service, now),
        "loss": region_loss.unanswered(journal, service),
        "burn": burning.last_seen(journal, service, now),
        "burns": burning.unanswered(journal, service)[1],
        "failing": class_loss.unanswered(journal, service, now),
        "relaxed": relaxing.unprotected(journal, service),
        "dependencies": [{**asdict(d), "words": d.words} for d in dependencies.last_seen(journal, service, now)],
        "watch": watch.words if watch else None,
        "watch_needs": watch.needs if watch else "",
        "brakes": brakes_of(journal, service).to_json(),
        "ledger": _ledger(journal, service),
        "placement": facts.placement.to_json() if facts.placement else None,
        "preview": vars(preview) if preview else None,
        "reads_only": {**halted.to_json(), "words": halted.words(service)} if halted else None,
        "detours": [{**one.to_json(), "words": one.words(service)} for one in detours.standing(journal, service)],
    }


def _ledger(journal: Journal, service: str) -> str:
    """The lost writes that people have to close, in words with the next step; empty if there are none."""
    found = ledger_of(partial(journal.events, service))
    said = found is not None and not found.settled and (found.asked_for or found.kept)
    return "" if found is None or not said else f"{found.words}: {next_step(found, service)}"


def _operation(journal: Journal, view: OperationView, now: float) -> dict[str, Any]:
    told = operation_document(journal, view.service, view.id, now)
    return {
        "id": view.id,
        "kind": view.kind.value,
        "state": view.state.value,
        "outcome": view.outcome.value if view.outcome else None,
        "changed": view.touched,
        "candidate": view.binding.candidate_version,
        "moves": f"from {view.binding.source} to {view.binding.target}" if view.binding.source else "",
        "only": view.binding.only,
        "split": str(view.left_split) if view.left_split else None,
        "why_back": view.why_back,
        "next": next((n.id for _, n in view.plan.nodes() if not view.verified(n.id)), None),
        "nodes": {n.id: view.node(n.id).status for _, n in view.plan.nodes()},
        **{key: told[key] for key in ("headline", "held", "carried", "break_glass", "ladder", "objectives", "untold")},
    }


def _words(shown: Mapping[str, Any], view: OperationView | None) -> Iterator[str]:
    guard = "alive" if shown["guard_alive"] else "NOT ALIVE: no weight grows without it"
    stable = f"{shown['stable']} in slot {shown['stable_slot']}" if shown["stable"] else "not adopted yet"
    yield f"{shown['service']}: stable {stable}; guard {guard}"
    for name, digest in shown["components"].items():
        yield f"  component:            {name} {digest}"
    yield f"  read from:            {shown['journal']}"
    yield from _around(shown)
    if shown["watch"]:
        yield f"  after promotion:      {shown['watch']}"
    if shown["watch_needs"]:
        yield f"  WHAT TO DO NOW:       {shown['watch_needs']}"
    if halted := shown["reads_only"]:
        yield f"  WRITES ARE STOPPED:   {halted['words']}"
    for one in shown["detours"]:
        yield f"  ON A DETOUR:          {one['words']}"
    yield from _placement(shown["placement"])
    if preview := shown["preview"]:
        yield f"  preview:              {preview_arm.Shown(**preview)}"
        yield f"    take it away:       tidegate preview withdraw {shown['service']} --reason <why>"
    if shown["ledger"]:
        yield f"  LOST WRITES:          {shown['ledger']}"
    yield from _brakes(shown["brakes"])
    if view is None:
        yield "no operation yet"
        return
    yield from _about(shown["operation"])
    for node_id, state in view.nodes.items():
        yield f"    {state.status:9} {node_id}: {state.detail[:140]}"


def _around(shown: Mapping[str, Any]) -> Iterator[str]:
    """The regions, and what the service calls."""
    if seen := vantage_words(shown["vantage"]):
        yield f"  regions:              {seen}"
    yield from (
        f"  WHAT TO DO NOW:       {shown[key]}" for key in ("loss", "failing", "burns", "relaxed") if shown[key]
    )
    if shown["burn"]:
        yield f"  error budget:         {shown['burn']}"
    for one in shown["dependencies"]:
        yield f"  calls:                {one['words']}"
        if one["do"]:
            yield f"  WHAT TO DO NOW:       {one['do']}"


def _placement(where: Mapping[str, Any] | None) -> Iterator[str]:
    """Where the service was last recorded to be; nothing where the policy has it there and all is well."""
    if where is None or (where["protected"] and not where["away"]):
        return
    shares = ", ".join(f"{region} {share / 100:g}%" for region, share in where["shares"].items())
    safe = "protected" if where["protected"] else "NOT PROTECTED: no second database follows"
    yield f"  writes go to:         {where['primary']}{' (away from home)' if where['away'] else ''}; {safe}"
    yield f"  traffic:              {shares}"


def _brakes(brakes: Mapping[str, Any]) -> Iterator[str]:
    if brakes["pin"]:
        yield f"  PINNED:               by {brakes['pin']['person']}: {brakes['pin']['why']}"
    if brakes["line"]:
        yield f"  LINE STOPPED:         by {brakes['line']['person']}: {brakes['line']['why']}"
    for one in brakes["vetoes"]:
        yield f"  vetoed:               {one['version'] or one['digest']} by {one['person']}: {one['why']}"


def _about(operation: Mapping[str, Any]) -> Iterator[str]:
    top = operation["headline"]
    ended = operation["outcome"] or operation["state"]
    alone = f" (only the {operation['only']})" if operation["only"] else ""
    what = f"{operation['moves']}{alone}".strip() or f"of {operation['candidate']}"
    yield f"{operation['kind']} {what}: {ended} ({operation['id']}). {top['title']}"
    yield f"  did anything change?  {top['changed']}"
    yield f"  is it safe?           {top['safe']}"
    yield f"  what next?            {top['next']}"
    yield from (f"  NOT TOLD:             {words}" for words in operation["untold"])
    yield from status_lines(operation["objectives"])
    yield f"  routing left:         {operation['split'] or 'none'}"
    if operation["why_back"]:
        yield f"  why it went back:     {operation['why_back']}"
    for judged in operation["ladder"]["judged"]:
        yield f"  rung {judged['rung'] + ':':17}{judged['words']}: {judged['why']}"
    for debt in operation["ladder"]["debts"]:
        yield f"  owed in {debt['region'] + ':':14}{debt['what']}: {debt['why']}"
    if operation["outcome"]:
        return
    carried = operation["carried"]
    yield f"  who carries it on:    {carried['words']}"
    for way in carried["next"]:
        yield f"    go on with:         {way}"
    yield f"  without Airflow:      {operation['break_glass']}"
