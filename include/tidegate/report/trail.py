"""What an auditor reads: every row in words, who did it, and what it rests on. Pure.

Works on rows as they are stored, so that a kind of row which this Tidegate does not know is told as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tidegate.journal.chain import Row

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One row. ``who``: the person, or what acted; ``actor``: who wrote it. ``rests_on``: digests it is bound to."""

    row: int
    at: float
    kind: str
    operation: str | None
    who: str
    actor: str
    what: str
    rests_on: Mapping[str, str]
    body: Body

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def entries(rows: Iterable[Row]) -> list[Entry]:
    """In the order written."""
    return [_entry(row, json.loads(row.body)) for row in rows]


def lines(found: Iterable[Entry]) -> Iterable[str]:
    """For people: grouped by nothing, one row a line, what it rests on beneath."""
    operation: str | None = ""
    for entry in found:
        if entry.operation != operation:
            operation = entry.operation
            yield f"{operation or 'no operation'}:"
        at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        yield f"  {at}  row {entry.row:<5} {entry.who}: {entry.what}"
        for name, digest in entry.rests_on.items():
            yield f"  {'':20}            {name.replace('_', ' ')}: {digest}"


def _entry(row: Row, body: Body) -> Entry:
    who = str(body.get("person") or body.get("requester") or body.get("certified_by") or row.actor)
    tell = _WORDS.get(row.kind, _anything)
    rests_on = {name: str(body[name]) for name in ("plan_digest", "evidence_digest") if body.get(name)}
    return Entry(row.seq, row.at, row.kind, row.operation, who, row.actor, tell(row.kind, body), rests_on, body)


def _anything(kind: str, body: Body) -> str:
    """A kind without words of its own: its name, and what is short enough to be told."""
    told = [f"{k} {v}" for k, v in body.items() if k not in ("person", "requester") and _short(v)]
    return ", ".join([kind.replace("_", " "), *told])


def _short(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and len(str(value)) <= 120


def _opened(_: str, body: Body) -> str:
    release = body["binding"].get("candidate_version", "")
    return f"asked for a {body['kind']} ({release}): {body['reason']}"


def _asked(_: str, body: Body) -> str:
    people = ", ".join(body.get("people", ())) or "another person"
    why = f": {body['why']}" if body.get("why") else ""
    rows = [str(one["row"]) for one in body["evidence"]] if isinstance(body.get("evidence"), list) else []
    shown = f"; shown: the evidence in rows {', '.join(rows)}" if rows else ""
    return f"asks {body.get('quorum', 1)} of {people} to approve {body['node']}{why}{shown}"


def _given(_: str, body: Body) -> str:
    roles = f" as {', '.join(body['roles'])}" if body.get("roles") else ""
    return f"APPROVED {body['node']}{roles}"


def _refused(_: str, body: Body) -> str:
    return f"REFUSED {body['node']}: {body['why']}"


def _node(kind: str, body: Body) -> str:
    what, _, how = kind.partition("_")
    if kind == "step_intended":
        return f"about to do {body['node']} ({body.get('verb', '?')})"
    return f"{what} {body['node']} {how}: {body.get('detail', '')}"


def _why(words: str) -> Callable[[str, Body], str]:
    return lambda _, body: f"{words}: {body.get('why', '')}"


def _overridden(_: str, body: Body) -> str:
    return f"OVERRODE {body.get('rule', 'a rule')}: {body.get('why', '')}"


def _vetoed(_: str, body: Body) -> str:
    return f"VETOED {body.get('version', '')} ({body['digest']}): {body.get('why', '')}"


def _baseline(kind: str, body: Body) -> str:
    release = body["release"]
    why = f": {body['why']}" if body.get("why") else ""
    return f"{kind.replace('_', ' ')}: {release['version']} ({release['digest']}){why}"


def _closed(_: str, body: Body) -> str:
    rung = f" at the rung {body['rung']}" if body.get("rung") else ""
    return f"ended, {body['outcome']}{rung}: {body.get('why', '')}"


def _measured(_: str, body: Body) -> str:
    back = f"users were without it for {body['gone']:.1f} s" if body["proved"] else "it never gave the service back"
    return f"measured: {back}; lost: {body['loss']['bytes'] if body['loss']['exact'] else 'not exactly known'}"


def _rung(_: str, body: Body) -> str:
    how = {"stop": "restored, the ladder stops", "next": "not restored, the ladder goes on", "hold": "HOLDS, and asks"}
    return f"judged the rung {body['rung']}: {how.get(body['then'], body['then'])}: {body['why']}"


def secret_words(body: Body) -> str:
    """Which secret was read, for what; what it held is nowhere."""
    regions = ", ".join(body.get("regions", ()))
    return f"secret {body['name']} in version {body['version']}, for {body.get('purpose', '?')} in {regions}"


def _secret(_: str, body: Body) -> str:
    return f"READ {secret_words(body)}"


_WORDS: Mapping[str, Callable[[str, Body], str]] = {
    "operation_opened": _opened,
    "approval_requested": _asked,
    "approval_given": _given,
    "approval_refused": _refused,
    "step_intended": _node,
    "step_verified": _node,
    "step_failed": _node,
    "gate_opened": _node,
    "gate_failed": _node,
    "lease_taken": _why("BREAK-GLASS, took the operation over"),
    "held": _why("PAUSED"),
    "resumed": _why("lifted the pause"),
    "turned_back": _why("turned it back"),
    "stop_loss": _why("STOPPED THE LOSS"),
    "overridden": _overridden,
    "release_vetoed": _vetoed,
    "pinned": _why("PINNED, no promotion begins"),
    "unpinned": _why("lifted the pin"),
    "line_stopped": _why("STOPPED THE LINE"),
    "line_started": _why("started the line again"),
    "operation_closed": _closed,
    "rung_judged": _rung,
    "objectives_measured": _measured,
    "secret_read": _secret,
    "baseline_certified": _baseline,
    "baseline_restored": _baseline,
    "catalog_entered": _baseline,
}
