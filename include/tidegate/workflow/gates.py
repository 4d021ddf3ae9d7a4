"""The task of a gate: look for a few seconds here, then wait in the triggerer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException

from tidegate.engine import carriers
from tidegate.engine.gates import GateReport, look_at_gate
from tidegate.engine.world import World
from tidegate.model.verdict import Evidence, Verdict
from tidegate.plan.model import Gate
from tidegate.workflow.identity import actor
from tidegate.workflow.node import NodeOperator
from tidegate.workflow.triggers import GateTrigger, missing_words

if TYPE_CHECKING:
    from airflow.sdk import Context

PATIENCE = 5.0  # seconds of looking in the task: a deferral alone costs two to three
POLL = 0.25
HEAVY = {
    "data": 2.0,
    "rung": 1.0,
}  # kinds of gate that are looked at in tasks only, and how often: importing Great Expectations in
# the triggerer would hold up the guard for seconds
SAY_EVERY = 10.0  # seconds between two lines of progress


class GateSensor(NodeOperator, BaseSensorOperator):
    """Succeeds once the gate is open; fails, without a retry, once the evidence is against it or time is up.

    Cleared, or tried again, it looks anew.
    """

    ui_color = "#fdf3d8"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(mode="poke", poke_interval=POLL, **kwargs)

    @property
    def gate(self) -> Gate:
        node = self.blueprint.plan.node(self.node)[1]
        assert isinstance(node, Gate)
        return node

    def execute(self, context: Context) -> None:
        with self.telling(context):
            world, view = self.enter(context)
            if self._look(world, view.id, actor(context)):
                self.skip_unneeded(world, view.id, actor(context))
                return
        self.log.info("Waiting on in the triggerer.")
        self.defer(
            trigger=GateTrigger(service=world.service, operation=view.id, node=self.node),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """What the trigger saw. A pass is looked up in the journal; the event itself opens nothing."""
        if event["verdict"] != Verdict.PASS.value:
            raise AirflowFailException(event["why"])
        self.execute(context)

    def _look(self, world: World, operation: str, who: str) -> bool:
        """Look until the gate is settled, or the patience here is over; a heavy one has its ``within`` only."""
        kind = self.gate.kind
        give_up, say_next = world.clock.now() + (math.inf if kind in HEAVY else PATIENCE), 0.0
        while True:
            report = look_at_gate(world, operation, self.node, actor=who)
            if self._settled(report):
                return True
            now = world.clock.now()
            if now >= say_next:
                carriers.sign(world, operation, who=who, node=self.node, ttl=carriers.STEP_TTL)
                self.log.info("%s after %.0f s: %s", report.evidence.verdict, report.waited, words(report.evidence))
                say_next = now + SAY_EVERY
            if now >= give_up:
                return False
            world.clock.sleep(HEAVY.get(kind, POLL))

    def _settled(self, report: GateReport) -> bool:
        if report.evidence.verdict is Verdict.PASS:
            self.log.info("Open: %s", report.evidence.why)
            self.log.info("Did anything change? No, a gate only looks.")
            return True
        if report.final:
            raise AirflowFailException(f"{self.node} stays shut: {words(report.evidence)}")
        return False


def words(evidence: Evidence) -> str:
    """The evidence as a person reads it, with what is missing."""
    missing = missing_words(evidence)
    return f"{evidence.why}. Still missing: {missing}" if missing else evidence.why
