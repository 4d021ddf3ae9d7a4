"""PostgreSQL: which region's server takes writes, as it says itself, how far the others are behind, and moving it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers.database import _lost, _moves, _quiet, _reapply, _repair, _rights
from tidegate.drivers.database._address import libpq, sqlalchemy_url
from tidegate.drivers.database._moves import Wiring
from tidegate.drivers.database._probe import Probes
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.database.contract import (
    DatabaseAddress,
    DatabaseState,
    Difference,
    Fence,
    Repaired,
    RepairOrder,
)
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Unreachable
from tidegate.model.lost_write import Kept, LedgerOrder, LostWrite, Reapplied
from tidegate.model.projection import Projection

__all__ = ["PostgresDatabase", "Settings", "connect", "sqlalchemy_url"]


class Settings(BaseModel):
    """``regions``: region -> ``conn://name`` of its server (URI ``postgres://user:password@host:port/database``).
    ``repairs``: the same with a log-in that may write, for repairs alone; it has to be allowed to make the schema
    ``tidegate``, where they are noted. As ``regions`` if left out.

    What moves the primary is optional, and refused by name where it is missing. ``admin``: the same with a log-in that
    may promote, end sessions, reload, and ``ALTER SYSTEM`` two settings; it notes epochs in the schema ``tidegate``.
    ``control``: the region's supervisor, whose program ``postgres`` starts the server as a standby whatever it was, and
    whose program ``reprotect`` makes its files follow the other region's. ``power``: the region's outlet of a switch
    that stands outside it. ``synchronous``: whether the primary waits for the standby, and what it does without one:
    ``off``, ``block`` (writes wait until it is back) or ``relax`` (the guard lets them go on)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    regions: dict[str, str] = Field(min_length=1)
    repairs: dict[str, str] = {}
    admin: dict[str, str] = {}
    control: dict[str, str] = {}
    power: dict[str, str] = {}
    synchronous: Literal["off", "block", "relax"] = "off"


class PostgresDatabase:
    """Keeps no connection: every question opens one anew, so that the answer is about now. Connections are resolved
    each time too, so a rotated secret is picked up.

    Longest flights, after which a call that was cut off can change nothing more: 15 s for one to a database, 7 s for
    one to a region's control, 12 s for one to a power switch. :meth:`reprotect` makes many calls, and the region's own
    program goes on by itself."""

    def __init__(self, settings: Settings, site: Site) -> None:
        repairs = settings.repairs or settings.regions
        for what, given in (
            *(("regions", settings.regions), ("repairs", repairs)),
            *(("admin", settings.admin), ("control", settings.control), ("power", settings.power)),
        ):
            if set(given) != set(site.regions) and (given or what in ("regions", "repairs")):
                raise Refused(
                    f"database {what} {sorted(given)} are not the service's regions {sorted(site.regions)}",
                    next_step=f"give drivers.database.{what} one connection per region",
                )
        self._service, self._resolve = site.service, site.resolve
        self._regions, self._repairs = dict(settings.regions), dict(repairs)
        self._wiring = Wiring(
            *(site.service, site.resolve, settings.regions, repairs),
            *(settings.admin, settings.control, settings.power),
        )
        self._probes = Probes(settings.regions, site.resolve, lambda credential: libpq(sqlalchemy_url(credential)))

    def observe(self) -> Mapping[str, DatabaseState]:
        """All regions at once, within four seconds if a server hangs (eight if the primary begins to hang just then).

        A standby's lag is counted from the one primary that answers, which is asked again after the standby: it may be
        too large by what was written in between, never too small.
        """
        return self._wiring.observe()

    def probe(self, region: str) -> DatabaseState:
        return self._probes.probe(region)

    def primary(self) -> DatabaseAddress:
        region = the_primary(self.observe())
        return DatabaseAddress(region, sqlalchemy_url(self._resolve(self._regions[region])))

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        others = [region for region, state in self.observe().items() if state.role != "primary"]
        return tuple(DatabaseAddress(region, sqlalchemy_url(self._resolve(self._regions[region]))) for region in others)

    def difference(self, projection: Projection, personal: Collection[str] = ()) -> Difference:
        return _repair.look(libpq(self.primary().url), projection, personal)

    def repaired(self, operation: str, name: str) -> Repaired | None:
        return _repair.on_record(self._writer(), self._service, operation, name)

    def repair(self, order: RepairOrder, token: Token) -> Repaired:
        return _repair.repair(self._writer(), self._service, order, token)

    def quiesce(self, region: str, token: Token) -> int:
        return _quiet.quiesce(self._wiring, region, token)

    def unquiesce(self, region: str, token: Token) -> None:
        _quiet.unquiesce(self._wiring, region, token)

    def fence(self, region: str, token: Token, *, graceful: bool) -> Fence:
        return _moves.fence(self._wiring, region, token, graceful=graceful)

    def fenced(self, region: str) -> Fence | None:
        return _moves.fenced(self._wiring, region)

    def promote_database(self, region: str, token: Token) -> None:
        _moves.promote(self._wiring, region, token)

    def writers(self) -> tuple[str, ...]:
        with ThreadPoolExecutor(len(self._regions)) as pool:
            found = dict(zip(self._regions, pool.map(self._wiring.accepts_write, self._regions), strict=True))
        return tuple(region for region, accepts in found.items() if accepts)

    def reprotect(self, region: str, token: Token) -> str:
        return _moves.reprotect(self._wiring, region, token)

    def synchronise(self, region: str | None, token: Token) -> None:
        _quiet.synchronise(self._wiring, region, token)

    def mark(self, region: str) -> str:
        return _lost.mark(self._wiring, region)

    def keep_lost(self, order: LedgerOrder, token: Token) -> Kept:
        return _lost.keep(self._wiring, order, token)

    def kept(self, ledger: str) -> Kept | None:
        return _reapply.kept(self._writer(), self._service, ledger)

    def lost(self, ledger: str, numbers: Collection[int] = ()) -> tuple[LostWrite, ...]:
        return _reapply.lost(self._writer(), self._service, ledger, tuple(numbers))

    def reapply(self, ledger: str, number: int, token: Token) -> Reapplied:
        return _reapply.reapply(self._writer(), self._service, ledger, number, token)

    def rights(self, region: str) -> str:
        return _rights.rights(self._wiring, region)

    def clock(self, region: str) -> float:
        return _rights.clock(self._wiring, region)

    def ping(self) -> None:
        states = self.observe()
        if all(state.role == "unreachable" for state in states.values()):
            raise Unreachable(
                "no database answers: " + "; ".join(f"{s.region}: {s.why}" for s in states.values()),
                next_step="look at the servers and at the connections' addresses",
            )

    def _writer(self) -> str:
        """Asked anew each time which one is primary: a repair goes nowhere else."""
        region = self.primary().region
        return libpq(sqlalchemy_url(self._resolve(self._repairs[region])))


def connect(settings: Settings, site: Site) -> PostgresDatabase:
    """Raises ``Refused`` if the regions do not match. Opens no connection."""
    return PostgresDatabase(settings, site)
