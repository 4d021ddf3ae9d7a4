"""One operation as its journal rows tell it: a fold, to be had again by replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tidegate.engine.told import Approval, Hold, NodeState, RungJudged
from tidegate.errors import Changed, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.binding import Binding
from tidegate.model.exemption import Exemption
from tidegate.model.ladder import Rung
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.model.traffic import Split
from tidegate.plan.model import Phase, Plan, Step
from tidegate.plan.names import FENCE_NODE, PROMOTE_NODE, SWAP_NODE

CERTIFY_NODE = "certify.baseline"
STOP_LOSS_NODE = "return.stop-loss"
EXPOSE_STAGE = "expose"
GROWING = frozenset({"shift_traffic", "raise_exposure"})  # verbs that show users more of what is new
_DOUBTFUL = GROWING | {"shift_region", "route_preview"}  # their effect may still be on its way at the turn


@dataclass(frozen=True)
class OperationView:
    """Everything an engine needs to carry an operation on."""

    id: str
    service: str
    kind: OperationKind
    plan: Plan
    plan_digest: str
    binding: Binding
    requester: str
    reason: str
    request_id: str
    opened_at: float
    bound_split: Split | None
    state: OperationState = OperationState.RUNNING
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    requested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    refused_by: Mapping[str, str] = field(default_factory=dict)
    why_back: str = ""
    burn: float | None = None
    left_split: Split | None = None
    outcome: Outcome | None = None
    taken_by: str = ""
    back_epoch: int = 0
    held: Hold | None = None
    pauses: tuple[tuple[float, float], ...] = ()
    rungs: tuple[RungJudged, ...] = ()
    guilty: tuple[str, ...] = ()
    last_seq: int = 0
    exemption: Exemption | None = None
    overridden: frozenset[str] = frozenset()
    traceparent: str = ""

    def node(self, node_id: str) -> NodeState:
        return self.nodes.get(node_id, NodeState())

    def verified(self, node_id: str) -> bool:
        return self.node(node_id).status == "verified"

    def paused_since(self, since: float) -> float:
        """Seconds after ``since`` that lay in pauses which are over: time that no gate's clock counts."""
        return sum(max(0.0, end - max(begin, since)) for begin, end in self.pauses)

    def time_is_over(self, node_id: str, now: float) -> bool:
        """Whether the time to answer an approval has run out. It stands still during a pause."""
        request = self.requested.get(node_id)
        moment = min(now, self.held.at) if self.held else now
        return request is not None and moment > float(request["expires_at"])

    @property
    def forward_complete(self) -> bool:
        """Every forward node is verified."""
        return all(self.verified(n.id) for s, n in self.plan.nodes() if s.phase is Phase.FORWARD)

    @property
    def certified(self) -> bool:
        """The candidate is a baseline."""
        return self.verified(CERTIFY_NODE)

    @property
    def committed(self) -> bool:
        """Certified, and shown to everybody it is to be shown to: from here a rollback is an operation of its own, this
        one only finishes. While a flag is being raised the operation can still turn back. A switchover is once the old
        primary is stopped: then the shortest way to somebody who takes writes is forward. A restore is once the
        databases' names may have changed hands."""
        if self.kind is OperationKind.SWITCHOVER:
            return self.verified(FENCE_NODE) or self.node(PROMOTE_NODE).status != "open"
        if self.kind is OperationKind.RESTORE:
            return self.begun(SWAP_NODE)
        showing = (n.id for s, n in self.plan.nodes() if s.id == EXPOSE_STAGE)
        return self.certified and all(self.verified(node_id) for node_id in showing)

    @property
    def stopped_at(self) -> Rung | None:
        """The rung that restored health and data: the last one of the way back."""
        return next((judged.rung for judged in self.rungs if judged.then == "stop"), None)

    def begun(self, node_id: str) -> bool:
        """Whether it may have changed something: begun, and not known to have changed nothing."""
        node = self.node(node_id)
        return node.status != "open" and not (node.status == "failed" and f"(changed: {Changed.NO})" in node.detail)

    @property
    def touched(self) -> bool:
        """Whether any step with an effect has been begun: then something may have changed."""
        return any(
            isinstance(n, Step) and n.effect and self.node(n.id).status != "open" and not self.node(n.id).nothing_to_do
            for _, n in self.plan.nodes()
        )

    @property
    def facts(self) -> dict[str, Mapping[str, Any]]:
        """Results of verified nodes, by id."""
        return {node_id: state.facts for node_id, state in self.nodes.items() if state.status == "verified"}

    @property
    def fence(self) -> int:
        """The epoch at which the operation turned back, if a shift may still be on its way to the router, or a flag's
        exposure to its source; else 0."""
        doubtful = ("intended", "failed")
        shifts = (n.id for _, n in self.plan.nodes() if isinstance(n, Step) and n.verb in _DOUBTFUL)
        return self.back_epoch if any(self.node(node_id).status in doubtful for node_id in shifts) else 0

    @property
    def failures(self) -> dict[str, str]:
        """Nodes whose last word was a failure, with it."""
        return {node_id: state.detail for node_id, state in self.nodes.items() if state.status == "failed"}


def fold_operation(events: Iterable[Event]) -> OperationView | None:
    """Replay one operation's rows; None without an opening row.

    Where the last replay saw the same rows, this one goes on with those after them: an operation is read anew at every
    step, before and under the lock.
    """
    rows = tuple(events)
    last = _last_replay(rows[0].hash if rows else "")
    seen, view = last[0]
    if rows[: len(seen)] != seen:
        seen, view = (), None
    for event in rows[len(seen) :]:
        view = _open(event) if event.kind is EventKind.OPERATION_OPENED else (view and _apply(view, event))
    if view is not None:
        view = replace(view, last_seq=rows[-1].seq)
    last[0] = (rows, view)  # one value, so that another thread sees both or neither
    return view


@lru_cache(maxsize=64)
def _last_replay(first: str) -> list[tuple[tuple[Event, ...], OperationView | None]]:
    """What the last replay of the operation whose first row has this hash saw, and what it made of it."""
    return [((), None)]


def require(view: OperationView | None, operation: str) -> OperationView:
    """Raises :class:`Refused` if there is no such operation."""
    if view is None:
        raise Refused(
            f"there is no operation {operation!r} in the journal", next_step="look: tidegate status <service>"
        )
    return view


def _open(event: Event) -> OperationView:
    body = event.body
    split = Split.parse(body["split"]) if body.get("split") else None
    return OperationView(
        id=str(event.operation),
        service=event.service,
        kind=OperationKind(body["kind"]),
        plan=Plan.from_json(body["plan"]),
        plan_digest=body["plan_digest"],
        binding=Binding.from_json(body["binding"]),
        requester=body["requester"],
        reason=body["reason"],
        request_id=body["request_id"],
        opened_at=event.at,
        bound_split=split,
        left_split=split,
        exemption=Exemption(body["exemption"]) if body.get("exemption") else None,
        traceparent=str(body.get("traceparent", "")),
    )


def _apply(view: OperationView, event: Event) -> OperationView:
    handler = _HANDLERS.get(event.kind)
    return handler(view, event) if handler else view


def _with_node(view: OperationView, event: Event, status: str) -> OperationView:
    body = event.body
    state = NodeState(
        status,
        event.at,
        body.get("detail", ""),
        body.get("facts", {}),
        body.get("nothing_to_do", False),
        max(view.node(body["node"]).attempt, body.get("attempt", 0)),
    )
    split = state.facts.get("split") if status == "verified" else None
    left = Split.parse(split) if split else view.left_split
    return replace(view, nodes={**view.nodes, body["node"]: state}, left_split=left)


def _approval(view: OperationView, event: Event) -> OperationView:
    body = event.body
    in_time = body["node"] in view.requested and not view.time_is_over(body["node"], event.at)
    shown = body.get("evidence_digest", "")
    given = Approval(
        body["node"], body["person"], body["plan_digest"], event.at, in_time, shown, body.get("envelope", "")
    )
    return replace(view, approvals=(*view.approvals, given))


def _stop_loss(view: OperationView, event: Event) -> OperationView:
    view = replace(view, state=OperationState.STOPPING, why_back=event.body["why"])
    guilty = tuple(event.body.get("evidence", {}).get("flags", ()))
    return replace(view, burn=event.body.get("burn"), back_epoch=event.epoch, guilty=guilty)


def _held(view: OperationView, event: Event) -> OperationView:
    return replace(view, held=Hold(event.body["person"], event.body["why"], event.at, bool(event.body.get("line"))))


def _resumed(view: OperationView, event: Event) -> OperationView:
    """The pause is over, and whoever is asked has as much time left as when it began."""
    if view.held is None:
        return view
    pause = (view.held.at, event.at)
    asked = {
        node: body if view.verified(node) else {**body, "expires_at": body["expires_at"] + pause[1] - pause[0]}
        for node, body in view.requested.items()
    }
    return replace(view, held=None, pauses=(*view.pauses, pause), requested=asked)


def _turned_back(view: OperationView, event: Event) -> OperationView:
    """A person who aborts a paused operation wants its way back to go on; a failure lifts no pause."""
    back = replace(view, state=OperationState.STOPPING, why_back=event.body["why"], back_epoch=event.epoch)
    return _resumed(back, event) if event.body.get("person") else back


def _rung_judged(view: OperationView, event: Event) -> OperationView:
    body = event.body
    judged = RungJudged(Rung(body["rung"]), body["restored"], body["then"], body["why"], event.at)
    return replace(view, rungs=(*view.rungs, judged))


_HANDLERS: Mapping[EventKind, Callable[[OperationView, Event], OperationView]] = {
    EventKind.STEP_INTENDED: lambda v, e: _with_node(v, e, "intended"),
    EventKind.STEP_VERIFIED: lambda v, e: _with_node(v, e, "verified"),
    EventKind.STEP_FAILED: lambda v, e: _with_node(v, e, "failed"),
    EventKind.GATE_OPENED: lambda v, e: _with_node(v, e, "verified"),
    EventKind.GATE_FAILED: lambda v, e: _with_node(v, e, "failed"),
    EventKind.APPROVAL_REQUESTED: lambda v, e: replace(v, requested={**v.requested, e.body["node"]: e.body}),
    EventKind.APPROVAL_GIVEN: _approval,
    EventKind.APPROVAL_REFUSED: lambda v, e: replace(v, refused_by={**v.refused_by, e.body["node"]: e.body["why"]}),
    EventKind.STOP_LOSS: _stop_loss,
    EventKind.TURNED_BACK: _turned_back,
    EventKind.HELD: _held,
    EventKind.RESUMED: _resumed,
    EventKind.RUNG_JUDGED: _rung_judged,
    EventKind.LEASE_TAKEN: lambda v, e: replace(v, taken_by="" if e.body.get("handed_back") else e.actor),
    EventKind.OVERRIDDEN: lambda v, e: replace(v, overridden=v.overridden | {str(e.body.get("rule", ""))}),
    EventKind.OPERATION_CLOSED: lambda v, e: replace(
        v, state=OperationState.CLOSED, outcome=Outcome(e.body["outcome"])
    ),
}
