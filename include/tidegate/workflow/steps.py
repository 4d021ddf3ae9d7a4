"""The task of a step: the engine does it, the log tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.engine import guarding
from tidegate.engine.execute import StepReport
from tidegate.engine.section import run_section
from tidegate.engine.view import GROWING
from tidegate.engine.world import World
from tidegate.errors import NotYet, Paused
from tidegate.plan.model import Step
from tidegate.steps.registry import verb
from tidegate.workflow.identity import actor
from tidegate.workflow.node import NodeOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

_CHANGED = {
    "done_now": "Yes, just now",
    "was_done": "No, it was so already",
    "already_verified": "No, an earlier try or the guard had done it",
    "nothing_to_do": "No, nothing was needed",
}


class StepOperator(NodeOperator):
    """Brings one step about. A step that is not needed succeeds and says so."""

    ui_color = "#e8eef7"

    def execute(self, context: Context) -> None:
        with self.telling(context):
            world, view = self.enter(context)
            step = view.plan.node(self.node)[1]
            assert isinstance(step, Step)
            self.log.info("Step: %s", verb(step.verb).describe(step.args))
            for report in self._run(world, view.id, step, actor(context), context["ti"].try_number):
                done = view.plan.node(report.node)[1]
                assert isinstance(done, Step)
                self._tell(done, report)
            self.skip_unneeded(world, view.id, actor(context))

    def _run(self, world: World, operation: str, step: Step, who: str, attempt: int) -> list[StepReport]:
        """Once, with the rest of its section if it is of one; but where only the guard is missing, wait for it: weights
        stand still until one is there."""
        deadline = world.clock.now() + guarding.WITHIN
        said = False
        while True:
            try:
                return run_section(world, operation, step.id, actor=who, attempt=attempt)
            except Paused:
                raise
            except NotYet as error:
                if step.verb not in GROWING or _guarded(world) or world.clock.now() >= deadline:
                    raise
                if not said:
                    self.log.warning("Waiting up to %.0f s: %s", guarding.WITHIN, error)
                said = True
                world.clock.sleep(guarding.POLL)

    def _tell(self, step: Step, report: StepReport) -> None:
        if step.id != self.node:
            self.log.info("Right after it, of the same section: %s: %s", step.id, verb(step.verb).describe(step.args))
        self.log.info("Looked: %s", report.looked)
        changed = _CHANGED[report.outcome] if step.effect else "No, this step looks and records"
        self.log.info("Did anything change? %s.", changed)
        self.log.info("Verified: %s", report.detail)


def _guarded(world: World) -> bool:
    return guarding.alive(world.journal, world.service, world.clock.now())
