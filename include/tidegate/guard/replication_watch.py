"""What the primary has written, looked at once a second and left among the journal's beats. Once its region is dark,
that is all there is to measure a loss by: the standby knows what it has, and nobody else what it lacks."""

from __future__ import annotations

from tidegate.engine import guarding
from tidegate.engine.world import World
from tidegate.model.written import Written

EVERY = 1.0  # seconds
TTL = 10.0  # seconds


class ReplicationWatch:
    """One per guard. It goes on from what an earlier guard has left: a loss is no time to begin anew."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._written: Written | None = None

    def look(self) -> None:
        """Ask the databases once. Raises as reading and writing the journal do."""
        journal, service, began = self._world.journal, self._world.service, self._world.clock.now()
        if self._written is None:
            self._written = guarding.written(journal, service) or Written("")
        states = self._world.estate.database.observe().values()
        primaries = [state for state in states if state.role == "primary"]
        region, position = (primaries[0].region, primaries[0].position) if len(primaries) == 1 else ("", None)
        self._written = self._written.and_then(region, began, position)
        if self._written.looks:
            journal.beat(service, guarding.WRITTEN, ttl=TTL, body=self._written.to_json())
