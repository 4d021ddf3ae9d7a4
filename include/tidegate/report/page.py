"""One operation as a page: self-contained, readable on a phone, light or dark. It needs nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate.engine.guarding import beat_expires_at
from tidegate.engine.view import NodeState, OperationView, fold_operation, require
from tidegate.journal.model import Event, EventKind, Finding
from tidegate.journal.store import Journal
from tidegate.model.clock import Clock, SystemClock
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Stage, Step
from tidegate.report.headline import Headline, headline
from tidegate.report.markup import Markup, join, table, tag
from tidegate.report.style import STYLE
from tidegate.steps.registry import verb

_MARKS = {"verified": "✓", "failed": "✗", "intended": "…", "open": "·"}


def operation_html(journal: Journal, service: str, operation: str, clock: Clock | None = None) -> str:
    """The whole page. Raises :class:`~tidegate.errors.Refused` if the journal has no such operation."""
    now = (clock or SystemClock()).now()
    events = journal.events(service, operation=operation)
    view = require(fold_operation(events), operation)
    expires = beat_expires_at(journal, service)
    top = headline(view, _closing_words(events), expires is not None and expires >= now)
    return _page(top, view, events, journal.verify(service), now)


def _closing_words(events: Iterable[Event]) -> str:
    return next((str(e.body.get("why", "")) for e in events if e.kind is EventKind.OPERATION_CLOSED), "")


def _page(top: Headline, view: OperationView, events: Sequence[Event], findings: list[Finding], now: float) -> str:
    body = join(
        [
            tag("h1", top.title, class_=top.tone),
            _answers(top),
            _facts(view, now),
            tag("h2", "Plan"),
            *(_stage(view, stage, _evidence_by_node(events)) for stage in view.plan.stages),
            _checks(events),
            _approvals(view),
            _who_did_what(view, events),
            _chain(findings),
        ]
    )
    head = join(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", f"{top.title} · {view.service}"),
            tag("style", Markup(STYLE)),
        ]
    )
    return "<!doctype html>" + tag("html", tag("head", head), tag("body", tag("main", body)), lang="en")


def _answers(top: Headline) -> Markup:
    rows = (("Did anything change?", top.changed), ("Is it safe?", top.safe), ("What next?", top.next))
    return tag("dl", [(tag("dt", question), tag("dd", answer)) for question, answer in rows], class_="answers")


def _facts(view: OperationView, now: float) -> Markup:
    rows: list[tuple[str, object]] = [
        ("Service", view.service),
        ("Operation", tag("code", view.id)),
        ("Asked for by", f"{view.requester}, {_when(view.opened_at)}: {view.reason}"),
        ("State", str(view.outcome or view.state).replace("_", " ")),
        ("Stable", f"{view.binding.stable.version} in slot {view.binding.stable_slot}"),
        ("Routing left", tag("code", view.left_split)),
        ("Plan", tag("code", view.plan_digest)),
    ]
    if view.why_back:
        rows.insert(4, ("Why it turned back", view.why_back))
    rows.append(("This page", _when(now)))
    return table(("", ""), rows, class_="facts")


def _evidence_by_node(events: Iterable[Event]) -> dict[str, Mapping[str, Any]]:
    gates = (EventKind.GATE_OPENED, EventKind.GATE_FAILED)
    return {e.body["node"]: e.body["evidence"] for e in events if e.kind in gates and e.body.get("evidence")}


def _stage(view: OperationView, stage: Stage, evidence: Mapping[str, Mapping[str, Any]]) -> Markup:
    done = sum(view.verified(node.id) for node in stage.nodes)
    way = " · the way back" if stage.phase is Phase.RETURN else ""
    title = tag("summary", f"{stage.title}: {done} of {len(stage.nodes)}{way}")
    rows = (_node(view, node, evidence.get(node.id)) for node in stage.nodes)
    body = table(("", "Step", "When", "What was seen"), rows, class_="stack")
    return Markup(tag("details", title, body).replace("<details>", "<details open>", 1))


def _node(view: OperationView, node: Node, evidence: Mapping[str, Any] | None) -> tuple[object, ...]:
    state = view.node(node.id)
    mark = tag("span", _MARKS[state.status], class_=state.status, title=state.status)
    name = (tag("strong", node.id), tag("div", tag("small", _meaning(node))))
    return mark, name, tag("span", _after(view, state), class_="time"), (state.detail, _readings(evidence))


def _meaning(node: Node) -> str:
    if isinstance(node, Step):
        return verb(node.verb).describe(node.args)
    if isinstance(node, Gate):
        return f"gate: {node.kind.replace('_', ' ')}, at most {node.within:g} s"
    assert isinstance(node, ApprovalNode)
    return f"approval: {node.quorum} of {', '.join(node.people)}"


def _after(view: OperationView, state: NodeState) -> str:
    return "" if state.at is None else f"+{state.at - view.opened_at:.1f} s"


def _readings(evidence: Mapping[str, Any] | None) -> Markup | None:
    readings = (evidence or {}).get("readings") or ()
    if not readings:
        return None
    rows = ((r["signal"], r["verdict"], r["why"], _figures(r["figures"]), r["missing"]) for r in readings)
    shown = table(("Signal", "Verdict", "Why", "Figures", "Missing"), rows)
    return tag("details", tag("summary", f"{len(readings)} signals"), shown)


def _figures(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in figures.items())


def _checks(events: Iterable[Event]) -> Markup:
    runs = [e.body for e in events if e.kind is EventKind.DATA_CHECKED]
    if not runs:
        return join([tag("h2", "Data checks"), tag("p", "None were run.")])
    rows = (
        (run["node"], tag("code", run["run_id"] or "did not run"), r["id"], r["status"].replace("_", " "), r["detail"])
        for run in runs
        for r in run["report"]["results"]
    )
    return join([tag("h2", "Data checks"), table(("After", "Run", "Check", "Result", "Detail"), rows)])


def _approvals(view: OperationView) -> Markup | None:
    if not view.requested:
        return None
    return join([tag("h2", "Approvals"), table(("For", "Asked", "Answer", "Plan"), _approval_rows(view))])


def _approval_rows(view: OperationView) -> Iterator[tuple[object, ...]]:
    for node, request in view.requested.items():
        asked = f"{request['quorum']} of {', '.join(request['people'])}, until {_when(request['expires_at'])}"
        given = [f"{a.person} said yes, {_when(a.at)}" for a in view.approvals if a.node == node]
        refused = [f"no: {view.refused_by[node]}"] if node in view.refused_by else []
        answer = "; ".join([*given, *refused]) or "not yet"
        yield node, asked, answer, tag("code", str(request["plan_digest"])[:19] + "…")


def _who_did_what(view: OperationView, events: Iterable[Event]) -> Markup:
    rows = (
        (
            e.seq,
            tag("span", f"+{e.at - view.opened_at:.1f} s", class_="time"),
            e.actor,
            e.kind.replace("_", " "),
            e.body.get("node", ""),
            e.epoch,
        )
        for e in events
    )
    shown = table(("Row", "When", "Who", "What", "Where", "Epoch"), rows)
    return tag("details", tag("summary", "Who did what"), shown)


def _chain(findings: list[Finding]) -> Markup:
    if findings:
        return tag("p", f"THE JOURNAL DOES NOT VERIFY. {findings[0]}", class_="bad")
    return tag("p", "The service's journal verifies up to its last row.", class_="quiet")


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
