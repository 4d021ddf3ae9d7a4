"""The catalog, for people: what each promotion changed and why, until when it can be taken back, and how. Pure.

Everything comes from the service's chain, so it can be read while everything else is down.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, Outcome

KINDS = FACT_KINDS | {EventKind.OPERATION_OPENED, EventKind.OPERATION_CLOSED}
"""The rows that :func:`catalog_document` is made from."""

_WORDS = {"digest": "files", "schema_revision": "schema"}


def catalog_document(service: str, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Every promotion, oldest first. ``events``: the service's rows, of :data:`KINDS` at least.

    Besides what the row holds: ``changed`` (name, from, to), ``reversible`` (``now``, ``until``, ``why``),
    ``steps_back`` (commands, in order) and ``last_rehearsed`` (``at``, ``operation``, ``to``; None if never).
    """
    facts, rehearsed = fold_facts(events), list(_rehearsals(events))
    return [_entry(service, entry, facts, rehearsed) for entry in facts.catalog]


def catalog_lines(service: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The same in words, newest last."""
    for entry in entries:
        release, before, back = entry["release"]["version"], entry["replaces"]["version"], entry["reversible"]
        yield f"{_time(entry['at'])}  {before} -> {release}  by {entry['requested_by']}: {entry['why']}"
        for one in entry["changed"]:
            yield f"    {one['what']:14}{one['from'] or 'none'} -> {one['to'] or 'none'}"
        yield f"    reversible    {'yes' if back['now'] else 'NO'}, until: {back['until']}{_tail(back['why'])}"
        yield f"    way back: {entry['way_back']['dag']} with target {before}, {entry['way_back']['digest']}"
        for number, command in enumerate(entry["steps_back"], start=1):
            yield f"      {number}. {command}"
        yield f"    rehearsed     {_rehearsed_words(entry['last_rehearsed'])}"


def _entry(
    service: str, entry: Mapping[str, Any], facts: ServiceFacts, rehearsed: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    release, before = entry["release"], entry["replaces"]
    ran = [r for r in rehearsed if before["version"] == r["to"] or release["version"] == r["from"]]
    return {
        **entry,
        "changed": list(_changed(before, release)),
        "reversible": _reversible(entry, facts),
        "steps_back": steps_back(service, before["version"]),
        "last_rehearsed": dict(ran[-1]) if ran else None,
    }


def steps_back(service: str, version: str) -> list[str]:
    """The commands that take the service back to a baseline, in order; the first and the last only look."""
    name, to = shlex.quote(service), shlex.quote(version)
    return [
        f"tidegate rollback {name} --to {to} --preview",
        f"tidegate rollback {name} --to {to} --reason WHY --wait",
        f"tidegate status {name}",
    ]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("version", "digest", "configuration", "schema_revision"):
        if before.get(name, "") != after.get(name, ""):
            yield {"what": _WORDS.get(name, name), "from": before.get(name, ""), "to": after.get(name, "")}
    yield from _components(before.get("components", {}), after.get("components", {}))
    old, new = before.get("secrets", {}), after.get("secrets", {})
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield {"what": f"secret {name}", "from": old.get(name, ""), "to": new.get(name, "")}
    flags = set(before.get("flags", ())), set(after.get("flags", ()))
    for flag in sorted(flags[0] ^ flags[1]):
        added = flag in flags[1]
        yield {"what": f"flag {flag}", "from": "" if added else "declared", "to": "declared" if added else ""}


def _components(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield {"what": f"component {name}", "from": before.get(name, ""), "to": after.get(name, "")}


def _reversible(entry: Mapping[str, Any], facts: ServiceFacts) -> dict[str, Any]:
    """Whether one can go back behind this promotion today."""
    before, why = entry["replaces"], ""
    if contract := facts.closed.get(before["digest"]):
        why = f"the schema contract {contract['revision']} of {contract['release']['version']} was run: roll forward"
        return {"now": False, "until": f"{_time(contract['at'])}, when {contract['revision']} was run", "why": why}
    if before["digest"] in facts.vetoed:
        why = f"{before['version']} is vetoed: choose another baseline"
    elif before["digest"] not in {b.release.digest for b in facts.baselines}:
        why = f"{before['version']} is no certified baseline"
    return {"now": not why, "until": entry["reversible_until"], "why": why}


def _rehearsals(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """Rollbacks that came to their end, in the order in which they did."""
    open_ones: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event.kind is EventKind.OPERATION_OPENED and event.body["kind"] == OperationKind.ROLLBACK:
            open_ones[str(event.operation)] = event.body["binding"]
        elif event.kind is EventKind.OPERATION_CLOSED and event.operation in open_ones:
            binding = open_ones.pop(event.operation)
            if event.body["outcome"] == Outcome.ROLLED_BACK:
                to, left = binding["stable"]["version"], binding["candidate_version"]
                yield {"at": event.at, "operation": event.operation, "from": left, "to": to}


def _rehearsed_words(last: Mapping[str, Any] | None) -> str:
    if last is None:
        return "never: no rollback has gone this way yet"
    return f"{_time(last['at'])}: {last['from']} -> {last['to']} ({last['operation']})"


def _tail(why: str) -> str:
    return f"; {why}" if why else ""


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
