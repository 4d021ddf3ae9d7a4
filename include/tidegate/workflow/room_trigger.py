"""Waits in the triggerer while a lower operation makes room for this request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine import making_room
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.operation import OperationState
from tidegate.workflow.identity import read
from tidegate.workflow.triggers import hold
from tidegate.workflow.worlds import paper_world

POLL = 1.0  # seconds


class RoomTrigger(BaseTrigger):
    """Fires when the lower operation is closed, or when nobody carries it on: then whoever waits does."""

    def __init__(self, service: str, lower: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.lower = service, lower
        self._world: World | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"service": self.service, "lower": self.lower}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        not_before = time.monotonic() + hold()
        while True:
            seen = await asyncio.to_thread(self.look)
            if seen is not None:
                await asyncio.sleep(not_before - time.monotonic())
                yield TriggerEvent(seen)  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(POLL)

    def look(self) -> dict[str, str] | None:
        """``lower`` with ``stranded`` (why nobody carries it on, empty if it is closed); None while it goes on. A
        journal that is away is waited for."""
        try:
            if self._world is None:
                self._world = paper_world(self.service)
            view = read(self._world, self.lower)
            if view is None or view.state is OperationState.CLOSED:
                return {"lower": self.lower, "stranded": ""}
            why = making_room.stranded(self._world, self.lower)
        except TidegateError as error:
            return None if error.retryable else {"lower": self.lower, "stranded": str(error)}
        return {"lower": self.lower, "stranded": why} if why else None
