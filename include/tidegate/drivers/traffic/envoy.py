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
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers._envoy_admin import EnvoyAdmin
from tidegate.drivers._files import append_line, locked, replace
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import _envoy_breaker as breaker
from tidegate.drivers.traffic import _envoy_file as route_file
from tidegate.drivers.traffic._rules import (
    refuse_alone,
    refuse_dead_arms,
    refuse_dead_preview,
    refuse_unfit_detours,
)
from tidegate.drivers.traffic.contract import DetourState, PreviewState, RouteState, WritesState
from tidegate.errors import LeaseLost, NotSettled, Refused, Unreachable
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.dependency import BreakerState
from tidegate.model.detour import Detour
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm
from tidegate.model.traffic import Endpoint, Split
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
    admin, routes = EnvoyAdmin(site.resolve(settings.admin)), site.path(settings.routes)
    return EnvoyTraffic(settings, admin, routes, site.endpoints)


@dataclass(frozen=True)
class _Beside:
    """One of the things that stand beside the split. ``called``: for people; ``shown``: in the log of effects."""

    part: Literal["preview", "writes", "detours"]
    state: PreviewState | WritesState | DetourState
    called: str
    shown: str

    def now(self, standing: route_file.Standing) -> PreviewState | WritesState | DetourState:
        found: PreviewState | WritesState | DetourState = getattr(standing, self.part)
        return found

    def holds(self, standing: route_file.Standing) -> bool:
        """Whether that is so, at this epoch or a newer one."""
        now = self.now(standing)
        return now == changed(self.state, epoch=now.epoch) and now.epoch >= self.state.epoch


class EnvoyTraffic:
    """The contract of ``traffic`` on one Envoy. Each write that was really made is a line in ``<routes>.log``."""

    def __init__(
        self, settings: Settings, admin: EnvoyAdmin, routes: Path, endpoints: tuple[Endpoint, ...] = ()
    ) -> None:
        self._settings, self._admin, self._routes, self._endpoints = settings, admin, routes, endpoints
        self._lock = routes.with_name(routes.name + ".lock")
        self.log = routes.with_name(routes.name + ".log")

    def ping(self) -> None:
        self._admin.ready()

    def observe(self) -> RouteState:
        return self._in_force().routed

    def observe_preview(self) -> PreviewState:
        return self._in_force().preview

    def observe_writes(self) -> WritesState:
        return self._in_force().writes

    def observe_detours(self) -> DetourState:
        return self._in_force().detours

    def _in_force(self) -> route_file.Standing:
        """As the router has it; routes by something that is not ours say nothing."""
        nothing = RouteState(0, None)
        found = self._admin.route_config(route_file.ROUTE_CONFIG)
        if found is None:
            return route_file.Standing(nothing)
        version, name, host = found
        try:
            routed = RouteState(*route_file.parse_version(name)) if version == name else nothing
        except ValueError:
            routed = nothing
        try:
            return route_file.beside(routed, host)
        except ValueError:
            return route_file.Standing(routed)

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
        healthy = self._soon_healthy(desired.arm) if desired else frozenset()
        state = PreviewState(token.epoch, desired)
        wanted = _Beside("preview", state, f"the preview {desired}", str(desired or ""))
        self._put_beside(wanted, token, lambda _: refuse_dead_preview(desired, healthy))

    def halt_writes(self, halt: Halt | None, token: Token) -> None:
        """See the contract. Everything else stays as it is in the file."""
        self._must_be_there()
        called = halt.words if halt else "that writes are taken again"
        wanted = _Beside("writes", WritesState(token.epoch, halt), called, str(halt or ""))
        self._put_beside(wanted, token, lambda _: None)

    def detour(self, detours: tuple[Detour, ...], token: Token) -> None:
        """See the contract. Everything else stays as it is in the file."""
        self._must_be_there()
        standing = self._in_force()
        new = [one for one in detours if one not in standing.detours.detours]
        arms = standing.routed.split.arms if new and standing.routed.split else ()
        healthy = self._healthy(arms) if arms else frozenset()
        shown = ",".join(map(str, detours))
        wanted = _Beside("detours", DetourState(token.epoch, detours), f"the detours {shown or '(none)'}", shown)
        self._put_beside(wanted, token, lambda split: refuse_unfit_detours(new, split, self._endpoints, healthy))

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

    def _put_beside(self, wanted: _Beside, token: Token, refuse: Callable[[Split], None]) -> None:
        """Whatever it is, it has epochs of its own, and the split and its epoch stay as they are in the file."""
        with locked(self._lock, self._settings.lock_seconds):
            self._write_beside(wanted, token, refuse)
        self._await(lambda: wanted.holds(self._in_force()), lambda: self._not_taken(wanted, token))

    def _write_beside(self, wanted: _Beside, token: Token, refuse: Callable[[Split], None]) -> None:
        standing, in_file = self._current()
        now = wanted.now(standing)
        if now.epoch > token.epoch:
            raise LeaseLost(f"{wanted.called}: the router is at epoch {now.epoch}, {token.operation} at {token.epoch}")
        if in_file and now == wanted.state:
            return
        refuse(refuse_alone(standing.routed))
        beside = {wanted.part: wanted.state}
        self._replace(changed(standing, **beside), token, {wanted.part: wanted.shown})  # type: ignore[arg-type]

    def _current(self) -> tuple[route_file.Standing, bool]:
        """As the file has it; a file that was deleted fences, and keeps what stands beside, all the same."""
        if written := route_file.read(self._routes):
            return written, True
        return self._in_force(), False

    def _replace(self, standing: route_file.Standing, token: Token, more: Mapping[str, str]) -> None:
        routed = standing.routed
        document = route_file.render(standing, self._settings.session_cookie, self._endpoints)
        replace(self._routes, json.dumps(document))
        effect = {"at": time.time(), "epoch": routed.epoch, "split": str(routed.split), "operation": token.operation}
        limited = {} if routed.admission == EVERYBODY else {"admission": str(routed.admission)}
        append_line(self.log, {**effect, **more, **limited})

    def _await(self, taken: Callable[[], bool], why_not: Callable[[], Exception]) -> None:
        deadline = time.monotonic() + self._settings.settle_seconds
        while not taken():
            if time.monotonic() >= deadline:
                raise why_not()
            time.sleep(_POLL)

    def _not_taken(self, wanted: _Beside, token: Token) -> Exception:
        epoch = wanted.now(self._in_force()).epoch
        if epoch > token.epoch:
            return LeaseLost(f"{wanted.called}: the router is at epoch {epoch}, {token.operation} wrote {token.epoch}")
        return NotSettled(
            f"Envoy has not taken {wanted.called} within {self._settings.settle_seconds} s",
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
