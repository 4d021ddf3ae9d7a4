"""What waits in the triggerer. Triggers carry ids only, and do all looking in a thread."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.configuration import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine import carriers
from tidegate.engine.gates import GateReport, look_at_gate
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.verdict import Evidence, Verdict
from tidegate.workflow.worlds import world_for

log = logging.getLogger(__name__)

POLL = 0.5  # seconds between two looks, or twice what a look takes
SAY_EVERY = 30.0


class GateTrigger(BaseTrigger):
    """Looks at a gate until it is settled. What it fires is news for the task, never authority."""

    def __init__(self, service: str, operation: str, node: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.operation, self.node = service, operation, node

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"service": self.service, "operation": self.operation, "node": self.node}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        watch, not_before = GateWatch(self.service, self.operation, self.node), time.monotonic() + hold()
        while True:
            started = time.monotonic()
            settled = await asyncio.to_thread(watch.look)
            if settled is not None:
                await asyncio.sleep(not_before - time.monotonic())
                yield TriggerEvent(settled)  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(max(POLL, 2 * (time.monotonic() - started)))


def hold() -> float:
    """Seconds that a task stays deferred at least. Airflow 3.3.2 notices that the deferring process has ended up to
    ``[workers] min_heartbeat_interval`` late; a task that is resumed before is taken for one that got lost, and runs
    twice."""
    return float(conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0)) + 0.5


class GateWatch:
    """The blocking half of :class:`GateTrigger`."""

    def __init__(self, service: str, operation: str, node: str) -> None:
        self.service, self.operation, self.node = service, operation, node
        self._world: World | None = None
        self._said = ("", 0.0)
        self._signed_at = -math.inf

    def look(self) -> dict[str, str] | None:
        """The event's payload once it is settled. What may heal (a journal that is away) is waited for."""
        try:
            if self._world is None:
                self._world = world_for(self.service)
            self._sign(self._world)
            report = look_at_gate(self._world, self.operation, self.node, actor=f"airflow gate {self.node}"[:200])
        except TidegateError as error:
            if error.retryable:
                self._say(str(error))
                return None
            return {"verdict": Verdict.FAIL.value, "why": f"{type(error).__name__}: {error}"}
        return self._told(report)

    def _sign(self, world: World) -> None:
        """The operation is carried on for as long as this trigger looks."""
        if (now := time.monotonic()) - self._signed_at >= carriers.SIGN_EVERY:
            carriers.sign(world, self.operation, who=f"airflow gate {self.node}", node=self.node)
            self._signed_at = now

    def _told(self, report: GateReport) -> dict[str, str] | None:
        evidence = report.evidence
        missing = missing_words(evidence)
        why = f"{evidence.why}. Still missing: {missing}" if missing else evidence.why
        if evidence.verdict is Verdict.PASS or report.final:
            return {"verdict": evidence.verdict.value, "why": why}
        self._say(f"{self.node} waits ({evidence.verdict}, {report.waited:.0f} s): {why}")
        return None

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if text != self._said[0] and now - self._said[1] >= SAY_EVERY:
            log.info("%s", text)
            self._said = (text, now)


def missing_words(evidence: Evidence) -> str:
    """What the readings that do not pass still need."""
    return "; ".join(f"{r.signal}: {r.missing}" for r in evidence.readings if r.missing)
