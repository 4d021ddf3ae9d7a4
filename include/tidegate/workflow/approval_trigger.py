"""Waits for the end of the time to answer, or for the operation to be stopped.

Airflow's API wakes a deferred task when its question is answered, without this trigger. The one answer it misses is
one given in the fraction of a second between the question and the deferral; that is looked up here, late and seldom:
the first such look makes the triggerer build the whole task API in its own process, which takes it some ten seconds.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail
from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine import carriers
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.operation import OperationState
from tidegate.workflow.identity import read
from tidegate.workflow.notices import tell_quietly
from tidegate.workflow.triggers import hold
from tidegate.workflow.worlds import world_for

POLL = 1.0  # seconds
MISSED_AFTER = 60.0  # seconds after which an answer that Airflow did not see is looked up


class ApprovalTrigger(BaseTrigger):
    """``task``: id of the task instance whose question it is."""

    def __init__(self, task: str, service: str, operation: str, node: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.task_key, self.service, self.operation, self.node = task, service, operation, node
        self._world: World | None = None
        self._looked_up = False
        self._began = time.monotonic()
        self._signed_at = -math.inf
        self._telling: asyncio.Task[None] | None = None  # nobody waits for it

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        ids = {"task": self.task_key, "service": self.service, "operation": self.operation, "node": self.node}
        return path, ids

    async def run(self) -> AsyncIterator[TriggerEvent]:
        not_before = time.monotonic() + hold()
        who = f"airflow approval {self.node}"
        self._telling = asyncio.create_task(asyncio.to_thread(tell_quietly, self.service, self.operation, who))
        while True:
            event = await asyncio.to_thread(self._look)
            if event is not None:
                await asyncio.sleep(not_before - time.monotonic())
                yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(POLL)

    def _look(self) -> dict[str, Any] | None:
        """Stopped comes first: a yes to an operation on its way back would mean nothing."""
        try:
            return self._superseded() or self._missed() or self._timed_out()
        except TidegateError as error:
            if error.retryable:
                return None
            return {"superseded": True, "why": str(error)}

    def _superseded(self) -> dict[str, Any] | None:
        if self._world is None:
            self._world = world_for(self.service)
        if (now := time.monotonic()) - self._signed_at >= carriers.SIGN_EVERY:
            carriers.sign(self._world, self.operation, who=f"airflow approval {self.node}", node=self.node)
            self._signed_at = now
        view = read(self._world, self.operation)
        if view is None or view.state is OperationState.RUNNING:
            return None
        return {"superseded": True, "why": f"the operation is {view.state}: {view.why_back}"}

    def _missed(self) -> dict[str, Any] | None:
        """Once, a minute after the question: what was answered before the task was deferred."""
        if self._looked_up or self._asked_for() < MISSED_AFTER:
            return None
        self._looked_up = True
        return self._answered()

    def _asked_for(self) -> float:
        return time.monotonic() - self._began

    def _answered(self) -> dict[str, Any] | None:
        detail = get_hitl_detail_content_detail(UUID(self.task_key))
        if not detail.response_received or not detail.chosen_options:
            return None
        user = detail.responded_by_user
        return {
            "chosen_options": list(detail.chosen_options),
            "responded_by_user": {"id": user.id, "name": user.name} if user else None,
        }

    def _timed_out(self) -> dict[str, Any] | None:
        assert self._world is not None
        view = read(self._world, self.operation)
        over = view is not None and view.time_is_over(self.node, self._world.clock.now())
        return {"timed_out": True} if over else None
