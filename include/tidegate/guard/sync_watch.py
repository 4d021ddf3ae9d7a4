"""The guard and the standby that writes wait for: when it has gone, they go on without it, if the policy says so.

In a thread of its own, since a region that hangs takes seconds to ask; the guard's loop has no time for that.
"""

from __future__ import annotations

import logging
import threading

from tidegate.engine import relaxing
from tidegate.engine.world import World
from tidegate.errors import TidegateError

log = logging.getLogger(__name__)

ACTOR = "guard"
EVERY = 0.5  # seconds between two looks


class SyncWatch:
    """One per guard. Two do no harm: the record is withdrawn once, and a primary that waits for nobody stays so."""

    def __init__(self, world: World) -> None:
        self._world, self._said = world, ""
        self._gone_since: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set. Whatever goes wrong is logged once, and the next look is made all the same."""
        while not stop.wait(EVERY):
            try:
                self.look()
            except TidegateError as error:
                self._say(str(error))

    def look(self) -> bool:
        """Look once. True if writes wait for nobody from now on."""
        wait = relaxing.waiting(self._world)
        if wait is None:
            self._gone_since = None
            return False
        now = self._world.clock.now()
        if not relaxing.nobody_confirms(wait, dict(self._world.estate.database.observe())):
            self._gone_since = None
            return False
        self._gone_since = now if self._gone_since is None else self._gone_since
        if now - self._gone_since < relaxing.GONE_FOR:
            return False
        words = relaxing.relax(self._world, wait, actor=ACTOR)
        if words:
            log.critical("guard of %s: %s", self._world.service, words)
        return bool(words)

    def _say(self, text: str) -> None:
        if text != self._said:
            log.error("guard of %s: whether writes wait cannot be watched: %s", self._world.service, text)
        self._said = text


def start(world: World, stop: threading.Event) -> None:
    """Watch beside the guard's loop, where the policy says ``relax``."""
    if relaxing.may_relax(world):
        threading.Thread(target=SyncWatch(world).run, args=(stop,), name="sync-watch", daemon=True).start()
