"""The circuit breakers before what a service calls: what the router says of them, what it means and what to do.

A guard leaves it in the journal, so that pages need no router; `tidegate dependencies` asks the router itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.drivers.traffic.contract import BreakingTraffic
from tidegate.engine.world import World
from tidegate.journal.store import Journal
from tidegate.model.dependency import Breaker, BreakerState, Limits
from tidegate.policy.dependencies import Dependency

BEAT = "dependencies"  # name among the journal's beats
TTL = 5.0  # seconds for which a look counts
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Told:
    """One dependency. ``breaker``: a :class:`Breaker`'s value, or that it is not known. ``means``: for users; ``do``:
    what to do now; both "" where all is well."""

    name: str
    breaker: str
    counts: str
    means: str = ""
    do: str = ""

    @property
    def words(self) -> str:
        """One line, without what to do."""
        return "; ".join(part for part in (f"{self.name}: {self._shown}", self.means, self.counts) if part)

    @property
    def _shown(self) -> str:
        return self.breaker if self.breaker in (Breaker.CLOSED, UNKNOWN) else self.breaker.upper()


def look(world: World) -> tuple[Told, ...]:
    """Every dependency of the policy, as the router has it now. Raises ``Unreachable``."""
    wanted = world.policy.dependencies
    traffic = world.estate.traffic
    if not wanted:
        return ()
    if not isinstance(traffic, BreakingTraffic):
        kind = world.policy.drivers.traffic.kind
        return tuple(Told(name, UNKNOWN, "", f"the router {kind!r} cannot say", "") for name in wanted)
    found = traffic.observe_breakers(tuple(wanted))
    return tuple(tell(world.service, name, part, found.get(name)) for name, part in wanted.items())


def tell(service: str, name: str, part: Dependency, state: BreakerState | None) -> Told:
    """What the router's state of a breaker means. Pure."""
    remedy = f"give the router what `tidegate dependencies {service} --envoy` prints"
    if state is None:
        means = f"the router has no breaker for {name}: if it hangs, {_users(part)} hang"
        return Told(name, UNKNOWN, "", means, remedy)
    counts = _counts(state)
    if state.breaker is Breaker.OPEN:
        return Told(name, state.breaker, counts, f"no call gets through: {_degraded(part)}", _until_back(name, part))
    if state.breaker is Breaker.FULL:
        means = f"{part.connections} calls are under way; what comes on top is turned away at once: {_degraded(part)}"
        do = f"see why {name} is slow; if there is simply more traffic, raise dependencies.{name}.connections"
        return Told(name, state.breaker, counts, means, do)
    if state.breaker is Breaker.PARTLY:
        means = f"{state.out} of its {state.targets} targets get no calls"
        return Told(name, state.breaker, counts, means, _until_back(name, part))
    if differs := _differs(part.limits, state.limits):
        return Told(name, state.breaker, counts, f"the router's limits are not the policy's: {differs}", remedy)
    return Told(name, state.breaker, counts)


def _users(part: Dependency) -> str:
    return ", ".join(part.used_by)


def _degraded(part: Dependency) -> str:
    return part.without_it or f"{_users(part)} fail, everything else goes on"


def _until_back(name: str, part: Dependency) -> str:
    by = f"{part.probe} answers" if part.probe else "calls succeed"
    return f"find out why {name} does not answer; nothing is to be done here: the breaker closes by itself when {by}"


def _counts(state: BreakerState) -> str:
    counted = f"{state.calls} calls, {state.timed_out} timed out, {state.turned_away} turned away"
    return f"{counted}, opened {state.opened} times" if state.opened else counted


def _differs(wanted: Limits, found: Limits | None) -> str:
    if found is None:
        return "it has none of this form"
    pairs = [(key, value, getattr(found, key)) for key, value in asdict(wanted).items()]
    unequal = [(key, ours or "none", there or "none") for key, ours, there in pairs if ours != there]
    return ", ".join(f"{key} {there} instead of {ours}" for key, ours, there in unequal)


def publish(journal: Journal, service: str, told: tuple[Told, ...]) -> None:
    """Leave it for pages."""
    journal.beat(service, BEAT, ttl=TTL, body={"told": [asdict(one) for one in told]})


def last_seen(journal: Journal, service: str, now: float) -> tuple[Told, ...]:
    """What a guard saw just now; nothing where no guard looks, or there is nothing to look at."""
    beat = journal.beats(service).get(BEAT)
    if beat is None or beat.expires_at < now:
        return ()
    return tuple(_from_json(one) for one in beat.body.get("told", ()))


def _from_json(one: Mapping[str, Any]) -> Told:
    return Told(**{key: str(one.get(key, "")) for key in ("name", "breaker", "counts", "means", "do")})
