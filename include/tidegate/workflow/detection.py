"""A rollback that the standing guard asked for: what the asset event carries, and when it is void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState, operation_id
from tidegate.workflow.identity import ASSET_TRIGGERED, Blueprint, read, run_id

if TYPE_CHECKING:
    from airflow.sdk import Context

VOID_AFTER = 120.0  # seconds: older news starts nothing


@dataclass(frozen=True)
class Detection:
    """``id``: of the detection, for the journal. ``observed_at``: epoch seconds of what was seen. ``fast_lane``: the
    budget burns so fast that all traffic goes back at once. ``target``: the mix to go back to; empty: the baseline
    before."""

    service: str
    reason: str
    observed_at: float
    id: str
    fast_lane: bool = False
    target: str = ""

    def to_json(self) -> dict[str, Any]:
        value = asdict(self)
        if not self.target:
            del value["target"]  # the event is as it was before there were mixes
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Detection:
        """Raises :class:`Refused` for anything else."""
        try:
            service, reason, fast = str(value["service"]), str(value["reason"]), value.get("fast_lane", False) is True
            return cls(
                service, reason, float(value["observed_at"]), str(value["id"]), fast, str(value.get("target", ""))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(f"this asset event is no detection of the guard: {error}") from None


def detection_in(context: Context) -> Detection | None:
    """The newest detection among the events that started the run; None for a run that a person started."""
    run = context["dag_run"]
    if str(getattr(run.run_type, "value", run.run_type)) != ASSET_TRIGGERED:
        return None
    found = [
        Detection.from_json(event.extra.get("payload") or {})
        for events in context["triggering_asset_events"].values()
        for event in events
    ]
    if not found:
        raise Refused("this run was started by an asset event that carries nothing")
    return max(found, key=lambda d: d.observed_at)


def request_id(blueprint: Blueprint, context: Context) -> str:
    """What the run's operation is found by. A failover that an event has started is the guard's own: the loss names it,
    so that whichever of them comes first opens it, and the other one carries it on."""
    if blueprint.kind is OperationKind.FAILOVER and (found := detection_in(context)) is not None:
        return found.id
    return blueprint.request_id(run_id(context))


def operation_of(blueprint: Blueprint, context: Context) -> str:
    """The operation that the run of this context is."""
    return operation_id(blueprint.service, blueprint.kind, request_id(blueprint, context))


def over(world: World, operation: str) -> str:
    """Why an event that names an operation has nothing to begin: it is closed. Empty if it is not."""
    view = read(world, operation)
    return f"{operation} is over already: {view.outcome}" if view and view.state is OperationState.CLOSED else ""


def stale(world: World, detection: Detection, operation: str) -> str:
    """Why the detection is void by now, empty if it is not. One that became ``operation`` already is not."""
    if world.journal.events(world.service, operation=operation, kinds={EventKind.OPERATION_OPENED}):
        return ""
    if detection.service != world.service:
        return f"the detection is about {detection.service!r}"
    age = world.clock.now() - detection.observed_at
    if age > VOID_AFTER:
        return f"the detection {detection.id} is {age:.0f} s old, and void after {VOID_AFTER:.0f} s"
    opened = world.journal.events(world.service, kinds={EventKind.OPERATION_OPENED})
    if opened and opened[-1].at > detection.observed_at:
        return f"operation {opened[-1].operation} was opened after it was observed"
    return ""
