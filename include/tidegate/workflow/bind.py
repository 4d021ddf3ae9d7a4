"""The first task: what a person or an event asked for becomes an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

from tidegate.engine import making_room, region_loss
from tidegate.engine.mixing import unfit
from tidegate.engine.open import Request, open_operation
from tidegate.engine.tracing import trace_id
from tidegate.engine.world import World
from tidegate.errors import GivesWay, Refused, TidegateError
from tidegate.journal.model import EventKind
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind
from tidegate.workflow.detection import Detection, detection_in, operation_of, over, request_id, stale
from tidegate.workflow.identity import Blueprint, actor, requester, run_id, same_plan
from tidegate.workflow.links import ReportLink
from tidegate.workflow.room_trigger import RoomTrigger
from tidegate.workflow.skipping import nodes_behind, skip
from tidegate.workflow.worlds import world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

NOTHING = "nothing to do"
REFUSED = "request refused"
CARRIED_AS = "this run carries on"  # with the operation's id, on the id that the run's name would have made


class BindOperator(BaseOperator):
    """Opens the operation, or finds it opened by an earlier try. Pushes its id, and nothing else."""

    template_fields = ()
    ui_color = "#dcefe4"
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, blueprint: Blueprint, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blueprint = blueprint

    def execute(self, context: Context) -> str:
        world = world_of(self.blueprint.loaded)
        detection = detection_in(context)
        if detection is not None:
            self._refuse_stale(world, context, detection)
            self._say_which(world, context)
        try:
            view = open_operation(
                world, self._request(world, context, detection), self.blueprint.plan, actor=actor(context)
            )
            same_plan(view, self.blueprint)
        except GivesWay as way:
            self._wait_for(world, way, context)
        except Refused as error:
            _note(world, self.blueprint.operation(run_id(context)), REFUSED, str(error), actor(context))
            self.log.error("%s: %s", type(error).__name__, error.message)
            self.log.error("Did anything change? No. What next? %s.", error.next_step or "see the message above")
            raise
        self.log.info("Operation %s (%s), requested by %s: %s", view.id, view.kind, view.requester, view.reason)
        self.log.info(
            "Plan %s. Stable: %s in slot %s.", view.plan_digest, view.binding.stable.version, view.binding.stable_slot
        )
        self.log.info("Trace %s", trace_id(view))
        self.log.info("Did anything change? No: the operation is in the journal, and holds the service.")
        return view.id

    def _wait_for(self, world: World, way: GivesWay, context: Context) -> NoReturn:
        """What this outranks goes back first. It is waited for in the triggerer, however long it lasts."""
        self.log.info("Waiting: %s.", way.message)
        safe = making_room.make_safe(world, way.operation, actor=actor(context))
        self.log.info("Is it safe? %s", safe or f"{way.operation} has no traffic to take away.")
        self.log.info("What next? %s.", way.next_step)
        self.defer(trigger=RoomTrigger(self.blueprint.service, way.operation), method_name="after_room")
        raise AssertionError("a deferral ends the task")

    def after_room(self, context: Context, event: dict[str, str]) -> str:
        """The lower operation is closed; or nobody carries it on, then this task does, to its end."""
        if event["stranded"]:
            self.log.warning("%s Carrying %s to its end here.", event["stranded"], event["lower"])
            world, taker = world_of(self.blueprint.loaded), self._operation(context)
            who, person = actor(context), requester(context)
            making_room.carry_to_its_end(world, event["lower"], taker=taker, person=person, actor=who)
        return self.execute(context)

    def _operation(self, context: Context) -> str:
        return operation_of(self.blueprint, context)

    def _say_which(self, world: World, context: Context) -> None:
        """For pages, which know a run by its name only."""
        named, meant = self.blueprint.operation(run_id(context)), self._operation(context)
        notes = world.journal.events(world.service, operation=named, kinds={EventKind.NOTE})
        if named != meant and not any(row.body["what"] == CARRIED_AS for row in notes):
            _note(world, named, CARRIED_AS, meant, actor(context))

    def _mix(self, world: World, detection: Detection | None) -> str | None:
        """The mix that the guard asks for, if it still may be gone back to; else all of the release goes back."""
        if detection is None or not detection.target:
            return None
        if why := unfit(world, detection.target):
            self.log.warning("All of it goes back, and not only to %s: %s.", detection.target, why)
            return None
        return detection.target

    def _part(self, world: World, detection: Detection | None) -> str:
        """What a loss that the journal tells of has to move; empty: everything."""
        moves = detection is not None and self.blueprint.kind is OperationKind.FAILOVER
        return region_loss.answer_to_alarm(world, detection.id) if detection is not None and moves else ""

    def _request(self, world: World, context: Context, detection: Detection | None) -> Request:
        params = context["params"]
        given = detection.reason if detection else params.get("reason")
        return Request(
            kind=self.blueprint.kind,
            request_id=request_id(self.blueprint, context),
            requester=requester(context),
            reason=given or "no reason was given",
            target=params.get("version") or params.get("target") or self._mix(world, detection),
            fast_lane=detection.fast_lane if detection else bool(params.get("fast_lane", False)),
            exempt=Exemption(params["exempt"]) if params.get("exempt") else None,
            fast_track=bool(params.get("fast_track", False)),
            only=params.get("only") or self._part(world, detection),
        )

    def _refuse_stale(self, world: World, context: Context, detection: Detection) -> None:
        moves = self.blueprint.kind is OperationKind.FAILOVER
        why = stale(world, detection, self._operation(context)) or (
            over(world, self._operation(context)) if moves else ""
        )
        if why:
            _note(world, self.blueprint.operation(run_id(context)), NOTHING, why, actor(context))
            self.log.info("Nothing to do: %s. Did anything change? No.", why)
            skip(nodes_behind(self.blueprint.plan, None))


def _note(world: World, operation: str, what: str, why: str, who: str) -> None:
    """The journal keeps requests that became nothing as well. Best effort: the request's own error matters more."""
    try:
        with world.journal.locked(world.service) as txn:
            txn.append(EventKind.NOTE, {"what": what, "why": why}, actor=who, operation=operation)
    except TidegateError:
        return
