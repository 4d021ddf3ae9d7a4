"""Databases that are only said to exist: for tests, and for services that keep no data of their own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Effect, refuse_stale, world_of
from tidegate.drivers.database._memory_ledger import Ledgers
from tidegate.drivers.database._memory_moves import Moves
from tidegate.drivers.database._memory_ready import Readiness
from tidegate.drivers.database._memory_server import Server
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.database.contract import DatabaseAddress, Difference, Repaired, RepairOrder
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Unreachable
from tidegate.model.projection import Projection

_NO_DIFFERENCE = Difference(0, 0, 0, (), "now")

Role = Literal["primary", "standby", "unreachable"]


class Settings(BaseModel):
    """``roles``: region -> role. Empty: the first region is the primary, the others are standbys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    roles: dict[str, Role] = {}


class MemoryDatabase(Ledgers, Moves, Readiness):
    """Says what it has been told with :meth:`set`, and what its servers have been through since. Its address cannot be
    connected to, so checks on it are no data.

    ``differs``: table -> how it differs from its events, until it is repaired. ``faults.fail_at`` takes the names of
    the moving verbs."""

    def __init__(self, settings: Settings, site: Site) -> None:
        if settings.roles and set(settings.roles) != set(site.regions):
            raise Refused(
                f"database roles {sorted(settings.roles)} are not the service's regions {sorted(site.regions)}",
                next_step="give drivers.database.roles one role per region",
            )
        fair: dict[str, Role] = {r: "standby" if n else "primary" for n, r in enumerate(site.regions)}
        self.world = world_of(site)
        self.differs: dict[str, Difference] = {}
        self._repaired: dict[tuple[str, str], Repaired] = {}
        self._epoch = 0
        self.ledgers, self.taken = {}, set()
        Readiness.__init__(self)
        super().__init__({region: Server(region, False) for region in site.regions})
        for region, role in (settings.roles or fair).items():
            self.set(region, role, lag_bytes=0 if role == "standby" else None)

    def set(self, region: str, role: Role, lag_bytes: int | None = None) -> None:
        """From now on, ``region`` answers so, and standbys follow the one that is a primary."""
        server = self.servers[region]
        server.away = role == "unreachable"
        if not server.away:
            server.primary, server.lag = role == "primary", lag_bytes
        primaries = [r for r, s in self.servers.items() if s.primary]
        for one in self.servers.values():
            one.follows = None if one.primary or len(primaries) != 1 else primaries[0]

    def primary(self) -> DatabaseAddress:
        region = the_primary(self.observe())
        return DatabaseAddress(region, f"memory://{region}")

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        others = [region for region, state in self.observe().items() if state.role != "primary"]
        return tuple(DatabaseAddress(region, f"memory://{region}") for region in others)

    def difference(self, projection: Projection, personal: Collection[str] = ()) -> Difference:
        self.primary()
        return self.differs.get(projection.projection, _NO_DIFFERENCE)

    def repaired(self, operation: str, name: str) -> Repaired | None:
        self.primary()
        return self._repaired.get((operation, name))

    def repair(self, order: RepairOrder, token: Token) -> Repaired:
        self.primary()
        with self.world.lock:
            refuse_stale("the record of repairs", self._epoch, token.epoch, token.operation)
            self._epoch, key = token.epoch, (token.operation, order.name)
            if key not in self._repaired:
                rows = 1 if order.projection is None else self.difference(order.projection).rows
                effect = Effect("database", "repair", order.name, token.epoch, token.operation, {"rows": rows})
                self.world.perform(effect, lambda: self._note(order, token, rows))
            return self._repaired[key]

    def _note(self, order: RepairOrder, token: Token, rows: int) -> None:
        if order.projection is not None:
            self.differs.pop(order.projection.projection, None)
        self._repaired[token.operation, order.name] = Repaired(order.name, True, rows, "now", token.epoch)

    def ping(self) -> None:
        if all(state.role == "unreachable" for state in self.observe().values()):
            raise Unreachable("no database answers", next_step="set a role")


def connect(settings: Settings, site: Site) -> MemoryDatabase:
    return MemoryDatabase(settings, site)
