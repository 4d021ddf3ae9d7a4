"""Waits in the triggerer while a person holds an operation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine import carriers
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.operation import OperationState
from tidegate.plan.model import Phase
from tidegate.workflow.identity import read
from tidegate.workflow.triggers import hold
from tidegate.workflow.worlds import world_for

POLL = 1.0  # seconds


class HoldTrigger(BaseTrigger):
    """Fires when the pause is over, or when the operation has turned back and this node is of the way forward."""

    def __init__(self, service: str, operation: str, node: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.operation, self.node = service, operation, node
        self._world: World | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"service": self.service, "operation": self.operation, "node": self.node}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        not_before = time.monotonic() + hold()
        while True:
            why = await asyncio.to_thread(self.look)
            if why is not None:
                await asyncio.sleep(not_before - time.monotonic())
                yield TriggerEvent({"why": why})  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(POLL)

    def look(self) -> str | None:
        """Why waiting is over, None if it is not. A journal that is away is waited for."""
        try:
            if self._world is None:
                self._world = world_for(self.service)
            carriers.sign(self._world, self.operation, who=f"airflow pause {self.node}", node=self.node)
            view = read(self._world, self.operation)
        except TidegateError as error:
            return None if error.retryable else str(error)
        if view is None or view.held is None:
            return "nobody holds the operation"
        forward = view.plan.node(self.node)[0].phase is Phase.FORWARD
        if view.state is OperationState.CLOSED or (forward and view.state is not OperationState.RUNNING):
            return f"the operation is {view.state}: {view.why_back}"
        return None
