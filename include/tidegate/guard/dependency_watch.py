"""The guard looks at the circuit breakers and leaves what it sees in the journal. It decides nothing by it: a breaker
opens and closes by itself, and what a dependency does to both arms alike blames no release."""

from __future__ import annotations

import logging

from tidegate.engine import dependencies
from tidegate.engine.world import World

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds


class DependencyWatch:
    """One per guard."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, str] = {}

    def look(self) -> None:
        """Once; what was left before runs out if it fails. Raises as the router's driver and the journal do."""
        told = dependencies.look(self._world)
        dependencies.publish(self._world.journal, self._world.service, told)
        self._tell(told)

    def _tell(self, told: tuple[dependencies.Told, ...]) -> None:
        """Each change once."""
        for one in told:
            if self._seen.get(one.name, one.breaker) != one.breaker:
                log.warning("guard of %s: %s", self._world.service, one.words)
            self._seen[one.name] = one.breaker
