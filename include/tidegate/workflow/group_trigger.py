"""Waits in the triggerer until something that concerns a group's member stands in the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine.group_view import GroupView
from tidegate.engine.groups import read_group
from tidegate.engine.view import fold_operation
from tidegate.errors import TidegateError
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationState
from tidegate.workflow.triggers import hold
from tidegate.workflow.worlds import paper_world

POLL = 1.0  # seconds
LOOK_AGAIN = 60.0  # seconds after which the task looks whether its member's run is still there


class GroupTrigger(BaseTrigger):
    """Fires when the group's chain has a row after ``seen``, when the member's operation is closed, or after a while:
    the task then sees for itself."""

    def __init__(self, group: str, operation: str, member: str, seen: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.group, self.operation, self.member, self.seen = group, operation, member, seen
        self._journal: Journal | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in ("group", "operation", "member", "seen")}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        not_before, until = time.monotonic() + hold(), time.monotonic() + LOOK_AGAIN
        while True:
            why = await asyncio.to_thread(self.look)
            if not why and time.monotonic() >= until:
                why = "is its run still there?"
            if why:
                await asyncio.sleep(not_before - time.monotonic())
                yield TriggerEvent({"why": why})  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(POLL)

    def look(self) -> str:
        """What there is to see, empty if nothing. A journal that is away is waited for."""
        try:
            self._journal = self._journal or paper_world(self.member).journal
            view = read_group(self._journal, self.group, self.operation)
            if view.last_seq > self.seen:
                return "the group's journal has news"
            return "its operation is closed" if self._ended(self._journal, view) else ""
        except TidegateError as error:
            return "" if error.retryable else str(error)

    def _ended(self, journal: Journal, view: GroupView) -> bool:
        """Whether the part that is under way is over."""
        if not view.under_way(self.member) or (leg := view.leg(self.member)) is None:
            return False
        for part in leg.parts:
            found = fold_operation(journal.events(part.service, operation=part.operation))
            if found is None:
                return part is not leg.parts[0]
            if found.state is not OperationState.CLOSED:
                return False
        return True
