"""What starts ``failover__<service>``: a loss that the journal tells of, where the policy says more than a page.

The guard itself has no part in it, so it may run here, in a terminal, or be gone: the loss stands in the journal. Where
the guard may act it comes first, and the DAG carries the same operation on; it begins on its own if the guard does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from tidegate.engine import region_loss
from tidegate.engine.region_loss import ACT, PAGE, VOID_AFTER, Episode
from tidegate.engine.view import fold_operation
from tidegate.engine.world import World
from tidegate.model.operation import OperationState
from tidegate.plan.names import CUTOVER_END
from tidegate.workflow.detection import Detection
from tidegate.workflow.worlds import paper_world

log = logging.getLogger(__name__)

POLL = 0.5  # seconds between two looks at the journal's head
GUARD_FIRST = 5.0  # seconds that the guard has for the critical section before the DAG begins it too


def loss_asset(service: str, policy_digest: str) -> Asset:
    """What ``failover__<service>`` is scheduled on."""
    trigger = LossTrigger(service=service, policy=policy_digest)
    return Asset(
        name=f"tidegate_loss_{service}",
        uri=f"x-tidegate://{service}/loss",
        watchers=[AssetWatcher(name=f"loss_{service}", trigger=trigger)],
    )


class LossTrigger(BaseEventTrigger):
    """``policy``: digest of the policy it was made for; it tells triggers apart."""

    def __init__(self, service: str, policy: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.policy = service, policy

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"service": self.service, "policy": self.policy}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        watch = LossWatch(self.service)
        while True:
            found = await asyncio.to_thread(watch.look)
            if found is not None:
                yield TriggerEvent(found.to_json())  # type: ignore[no-untyped-call]  # Airflow's
            await asyncio.sleep(POLL)


class LossWatch:
    """The blocking half. Each loss is told once; after a restart again, which the DAG knows to be nothing new."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._told, self._said = "", ""

    def look(self) -> Detection | None:
        """A loss that a failover is to follow now, None if there is none. Never raises: a service whose losses nobody
        tells is worse than a line in a log."""
        try:
            found = self._look(paper_world(self._service))
            self._said = ""
            return found
        except Exception as error:
            if str(error) != self._said:
                log.exception("the losses of %s cannot be read", self._service)
            self._said = str(error)
            return None

    def _look(self, world: World) -> Detection | None:
        told = region_loss.episode(world.journal, self._service)
        if told is None or told.id == self._told or told.then == PAGE or not _due(world, told):
            return None
        self._told = told.id
        return Detection(self._service, told.why, told.observed_at, told.id)


def _due(world: World, told: Episode) -> bool:
    """Whether the DAG's turn has come, and is not over."""
    view = fold_operation(world.journal.events(world.service, operation=told.operation))
    now = world.clock.now()
    if view is None and now - told.observed_at > VOID_AFTER:
        return False
    if view is not None and view.state is OperationState.CLOSED:
        return False
    if told.then != ACT or now - told.at > GUARD_FIRST:
        return True
    return view is not None and view.verified(CUTOVER_END)
