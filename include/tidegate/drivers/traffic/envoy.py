"""Envoy as the router: weights by a route file that it watches, renamed into place.

Can hold a token: the epoch stands in the file and is compared under the file's lock, so that a write by an actor that
has been superseded is refused however late it comes. Longest flight of ``apply``: ``lock_seconds`` plus
``settle_seconds`` plus three questions to the admin interface (about 10 s as shipped);
of ``apply_preview`` ``settle_seconds`` more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace as changed
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers._envoy_admin import EnvoyAdmin
from tidegate.drivers._files import append_line, locked, replace
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import _envoy_breaker as breaker
from tidegate.drivers.traffic import _envoy_file as route_file
from tidegate.drivers.traffic._rules import refuse_alone, refuse_dead_arms, refuse_dead_preview
from tidegate.drivers.traffic.contract import PreviewState, RouteState, WritesState
from tidegate.errors import LeaseLost, NotSettled, Refused, Unreachable
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.dependency import BreakerState
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm
from tidegate.model.traffic import Split
from tidegate.model.writes import Halt

_POLL = 0.02  # seconds between two looks at what is in force; Envoy takes a file within 2-13 ms
_HEALTHY = "membership_healthy"


class Settings(BaseModel):
    """``admin``: connection of Envoy's admin interface. ``routes``: the file that Envoy watches. ``session_cookie``:
    what a session is told by; its value is hashed, never kept. ``*_seconds``: how long a write may wait."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    admin: str
    routes: str
    session_cookie: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    lock_seconds: float = Field(default=2.0, gt=0, le=30)
    settle_seconds: float = Field(default=2.0, gt=0, le=30)


def connect(settings: Settings, site: Site) -> EnvoyTraffic:
    """The driver. Nothing is sent yet. Raises ``Refused`` if the connection is not defined."""
    return EnvoyTraffic(settings, EnvoyAdmin(site.resolve(settings.admin)), site.path(settings.routes))


class EnvoyTraffic:
    """The contract of ``traffic`` on one Envoy. Each write that was really made is a line in ``<routes>.log``."""

    def __init__(self, settings: Settings, admin: EnvoyAdmin, routes: Path) -> None:
        self._settings, self._admin, self._routes = settings, admin, routes
        self._lock = routes.with_name(routes.name + ".lock")
        self.log = routes.with_name(routes.name + ".log")

    def ping(self) -> None:
        self._admin.ready()

    def observe(self) -> RouteState:
        found = self._admin.route_config(route_file.ROUTE_CONFIG)
        if found is None:
            return RouteState(0, None)
        version, name, _ = found
        try:
            routed = RouteState(*route_file.parse_version(name))
        except ValueError:
            return RouteState(0, None)  # routes by something that is not ours
        return routed if version == name else RouteState(0, None)

    def observe_preview(self) -> PreviewState:
        return self._beside()[0]

    def observe_writes(self) -> WritesState:
        return self._beside()[1]

    def _beside(self) -> tuple[PreviewState, WritesState]:
        """What stands beside the split."""
        nothing = route_file.NO_PREVIEW, route_file.NO_HALT
        found = self._admin.route_config(route_file.ROUTE_CONFIG)
        try:
            return route_file.parse_host_name(found[2]) if found else nothing
        except ValueError:
            return nothing  # routes by something that is not ours

    def observe_breakers(self, dependencies: Collection[str]) -> Mapping[str, BreakerState]:
        """See the contract. A dependency's cluster, and the route to it, are called ``to-<name>``."""
        if not dependencies:
            return {}
        stats = self._admin.stats(breaker.stats_expression(dependencies))
        clusters, routes = self._admin.clusters(), self._admin.routes()
        found: dict[str, BreakerState] = {}
        for name in dependencies:
            called = breaker.cluster_name(name)
            limits = breaker.limits_of(clusters.get(called, {}), routes.get(called, {}))
            if (state := breaker.state(name, stats, limits)) is not None:
                found[name] = state
        return found

    def apply_preview(self, desired: PreviewRoute | None, token: Token) -> None:
        """See the contract. The split and its epoch stay as they are in the file. Waits for Envoy to see
        a new instance healthy, ``settle_seconds`` at most. Raises ``NotSettled``."""
        self._must_be_there()
        wanted = PreviewState(token.epoch, desired)
        healthy = self._soon_healthy(desired.arm) if desired else frozenset()
        with locked(self._lock, self._settings.lock_seconds):
            self._write_preview(wanted, token, healthy)
        meant = f"the preview {desired}"
        self._await(lambda: self._took(wanted), lambda: self._not_taken(meant, self.observe_preview().epoch, token))

    def halt_writes(self, halt: Halt | None, token: Token) -> None:
        """See the contract. Split, admission, preview and their epochs stay as they are in the file."""
        self._must_be_there()
        wanted = WritesState(token.epoch, halt)
        with locked(self._lock, self._settings.lock_seconds):
            self._write_halt(wanted, token)
        meant = halt.words if halt else "that writes are taken again"
        self._await(lambda: self._heeds(wanted), lambda: self._not_taken(meant, self.observe_writes().epoch, token))

    def settled(self, desired: Split, token: Token) -> bool:
        state = self.observe()
        return state.split == desired and state.epoch >= token.epoch

    def apply(self, desired: Split, token: Token) -> None:
        """See the contract. Raises ``NotSettled`` if Envoy has not taken the file in time."""
        self._route(desired, None, token)

    def admit(self, split: Split, admission: Admission, token: Token) -> None:
        """See the contract. Raises ``NotSettled`` as :meth:`apply`."""
        self._route(split, admission, token)

    def _route(self, desired: Split, admission: Admission | None, token: Token) -> None:
        self._must_be_there()
        healthy = self._healthy(desired.arms)
        with locked(self._lock, self._settings.lock_seconds, token):
            wanted = self._write(desired, admission, token, healthy)
        self._await(lambda: self._has(wanted), lambda: self._why_not(wanted, token))

    def _must_be_there(self) -> None:
        if not self._routes.parent.is_dir():
            raise Unreachable(f"the route file's directory {self._routes.parent} is not there")

    def _soon_healthy(self, arm: Arm) -> frozenset[Arm]:
        """Envoy's own health check sees a new instance a moment after whoever started it does."""
        deadline = time.monotonic() + self._settings.settle_seconds
        while not (healthy := self._healthy((arm,))) and time.monotonic() < deadline:
            time.sleep(_POLL)
        return healthy

    def _healthy(self, arms: Iterable[Arm]) -> frozenset[Arm]:
        names = {f"cluster.{arm.name}.{_HEALTHY}": arm for arm in arms}
        stats = self._admin.stats(rf"^cluster\.[^.]+\.{_HEALTHY}$")
        unknown = [arm.name for name, arm in names.items() if name not in stats]
        if unknown:
            raise Refused(f"Envoy has no cluster {', '.join(unknown)}", next_step="add it to Envoy's configuration")
        return frozenset(arm for name, arm in names.items() if stats[name])

    def _write(self, desired: Split, admission: Admission | None, token: Token, healthy: frozenset[Arm]) -> RouteState:
        """``admission`` None: as it is."""
        standing, in_file = self._current()
        current = standing.routed
        if current.epoch > token.epoch:
            raise LeaseLost(f"the routes are at epoch {current.epoch}, {token.operation} writes at {token.epoch}")
        wanted = RouteState(token.epoch, desired, current.admission if admission is None else admission)
        if in_file and current == wanted:
            return wanted
        refuse_dead_arms(desired, current.split, healthy)
        self._replace(changed(standing, routed=wanted), token, {})
        return wanted

    def _write_preview(self, wanted: PreviewState, token: Token, healthy: frozenset[Arm]) -> None:
        standing, in_file = self._current()
        preview = standing.preview
        if preview.epoch > token.epoch:
            raise LeaseLost(f"the preview is at epoch {preview.epoch}, {token.operation} writes at {token.epoch}")
        if in_file and preview == wanted:
            return
        refuse_alone(standing.routed)
        refuse_dead_preview(wanted.route, healthy)
        self._replace(changed(standing, preview=wanted), token, {"preview": str(wanted.route or "")})

    def _write_halt(self, wanted: WritesState, token: Token) -> None:
        standing, in_file = self._current()
        writes = standing.writes
        if writes.epoch > token.epoch:
            raise LeaseLost(f"whether writes are taken is at epoch {writes.epoch}, this one is of {token.epoch}")
        if in_file and writes == wanted:
            return
        refuse_alone(standing.routed)
        self._replace(changed(standing, writes=wanted), token, {"writes": str(wanted.halt or "")})

    def _current(self) -> tuple[route_file.Standing, bool]:
        """As the file has it; a file that was deleted fences, and keeps what is shown, all the same."""
        if written := route_file.read(self._routes):
            return written, True
        return route_file.Standing(self.observe(), *self._beside()), False

    def _replace(self, standing: route_file.Standing, token: Token, more: Mapping[str, str]) -> None:
        epoch, split, admission = standing.routed.epoch, standing.routed.split, standing.routed.admission
        assert split is not None, "nobody writes a route file without a split"
        cookie = self._settings.session_cookie
        document = route_file.render(epoch, split, cookie, standing.preview, admission, standing.writes)
        replace(self._routes, json.dumps(document))
        effect = {"at": time.time(), "epoch": epoch, "split": str(split), "operation": token.operation, **more}
        limited = {} if admission == EVERYBODY else {"admission": str(admission)}
        append_line(self.log, {**effect, **limited})

    def _await(self, taken: Callable[[], bool], why_not: Callable[[], Exception]) -> None:
        deadline = time.monotonic() + self._settings.settle_seconds
        while not taken():
            if time.monotonic() >= deadline:
                raise why_not()
            time.sleep(_POLL)

    def _took(self, wanted: PreviewState) -> bool:
        """Whether the router has this preview, at this epoch or a newer one."""
        state = self.observe_preview()
        return state.route == wanted.route and state.epoch >= wanted.epoch

    def _heeds(self, wanted: WritesState) -> bool:
        """Whether the router has this halt, or this end of one, at this epoch or a newer one."""
        state = self.observe_writes()
        return state.halt == wanted.halt and state.epoch >= wanted.epoch

    def _not_taken(self, what: str, epoch: int, token: Token) -> Exception:
        """``epoch``: of what the router has instead."""
        if epoch > token.epoch:
            return LeaseLost(f"{what}: the router is at epoch {epoch}, {token.operation} wrote at {token.epoch}")
        return NotSettled(
            f"Envoy has not taken {what} within {self._settings.settle_seconds} s",
            next_step="look at Envoy's log and its counter http.edge.rds.tidegate.update_rejected",
        )

    def _has(self, wanted: RouteState) -> bool:
        """Whether the router has this routing, at this epoch or a newer one."""
        state = self.observe()
        return (state.split, state.admission) == (wanted.split, wanted.admission) and state.epoch >= wanted.epoch

    def _why_not(self, wanted: RouteState, token: Token) -> Exception:
        state = self.observe()
        if state.epoch > token.epoch:
            return LeaseLost(f"the router is at epoch {state.epoch}, {token.operation} wrote at {token.epoch}")
        return NotSettled(
            f"Envoy has not taken {wanted.split} at epoch {token.epoch} within {self._settings.settle_seconds} s "
            f"({wanted.admission.words}); in force: {state.split} at epoch {state.epoch} ({state.admission.words})",
            next_step="look at Envoy's log and its counter http.edge.rds.tidegate.update_rejected",
        )
