"""The standing guard in the triggerer: an asset watcher, there for as long as ``rollback__<service>`` is not paused.

Its row is in Airflow's database; a triggerer that starts, or takes over from one that died, makes the trigger again by
itself and needs no scheduler for it. The guard never looks on the triggerer's own event loop.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from tidegate.guard.beside import look_on
from tidegate.guard.standing import stand_guard
from tidegate.guard.vigil import Alarm
from tidegate.workflow import notices
from tidegate.workflow.detection import Detection
from tidegate.workflow.notices import NoticeWatch
from tidegate.workflow.worlds import world_for

log = logging.getLogger(__name__)

POLL = 0.5  # seconds between two looks for a request of the guard
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a guard that fell over is begun again

Ask = Callable[[Detection], None]
Guarding = Callable[[str, threading.Event, Ask], None]


def guard_asset(service: str, policy_digest: str) -> Asset:
    """What ``rollback__<service>`` is scheduled on. A changed policy makes another trigger, hence a new guard."""
    trigger = GuardTrigger(service=service, policy=policy_digest)
    return Asset(
        name=f"tidegate_guard_{service}",
        uri=f"x-tidegate://{service}/guard",
        watchers=[AssetWatcher(name=f"guard_{service}", trigger=trigger)],
    )


def guarding(service: str, stop: threading.Event, ask: Ask) -> None:
    """Guard until told to stop. ``ask``: starts a rollback; while an operation is open the guard acts itself."""

    def say(alarm: Alarm) -> None:
        ask(Detection(alarm.service, alarm.reason, alarm.observed_at, alarm.id, alarm.fast_lane, alarm.target))

    stand_guard(world_for(service), stop, say)


class GuardTrigger(BaseEventTrigger):
    """``policy``: digest of the policy it was made for; it tells triggers apart."""

    def __init__(self, service: str, policy: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.policy = service, policy
        self._thread: GuardThread | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"service": self.service, "policy": self.policy}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        thread = self._thread = GuardThread(self.service)
        thread.start()
        stop = threading.Event()
        look_on(f"notices of {self.service}", NoticeWatch(self.service).look, notices.EVERY, stop)
        try:
            while True:
                for detection in thread.asked():
                    yield TriggerEvent(detection.to_json())  # type: ignore[no-untyped-call]  # Airflow's
                await asyncio.sleep(POLL)
        finally:
            stop.set()
            thread.end()

    async def cleanup(self) -> None:
        if self._thread is not None:
            self._thread.end()


class GuardThread:
    """The blocking loop in a thread of its own; begun again, later and later, when it falls over."""

    def __init__(self, service: str, body: Guarding = guarding, first_pause: float = FIRST_PAUSE) -> None:
        self.service = service
        self._body, self._pause = body, first_pause
        self._stop = threading.Event()
        self._asked: queue.SimpleQueue[Detection] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._keep, name=f"guard-{service}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Ask it to stop; it does within one look."""
        self._stop.set()

    def join(self, within: float) -> bool:
        """Whether it has stopped."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def asked(self) -> Iterator[Detection]:
        """Requests for a rollback since the last call."""
        while not self._asked.empty():
            yield self._asked.get_nowait()

    def _keep(self) -> None:
        pause = self._pause
        while not self._stop.is_set():
            try:
                self._body(self.service, self._stop, self._asked.put)
            except Exception:  # whatever it is, a service without a guard is worse
                log.exception("THE GUARD OF %s FELL OVER; it is begun again in %g s", self.service, pause)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
