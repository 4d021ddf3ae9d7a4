"""The guard and the standby that writes wait for: when it has gone, they go on without it, if the policy says so."""

from __future__ import annotations

import logging

from tidegate.engine import relaxing
from tidegate.engine.world import World

log = logging.getLogger(__name__)

ACTOR = "guard"
EVERY = 0.5  # seconds between two looks


class SyncWatch:
    """One per guard. Two do no harm: the record is withdrawn once, and a primary that waits for nobody stays so."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._gone_since: float | None = None

    def look(self) -> bool:
        """Look once. True if writes wait for nobody from now on. Raises as looking and the database's verbs do."""
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
