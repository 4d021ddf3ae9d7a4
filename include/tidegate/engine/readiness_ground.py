"""What a move stands on: log-ins that may do what they will be asked for, clocks that agree, certificates that last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tidegate.drivers.certificates import certificate, uses_tls
from tidegate.drivers.ready import KnowsRights, TellsTime
from tidegate.engine.readiness_item import Item, item, never
from tidegate.engine.residency import refuse_outside
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.policy.connections import references

CLOCK_WITHIN = 2.0  # seconds that a region's clock may be off, beside what a look cannot tell
SECOND = 1.0  # some clocks are told to the second
DAYS = 14  # that a certificate has to last
_DAY = 86400.0


def ground(world: World) -> Iterator[Item]:
    """For each region its rights and clocks; then the other drivers, and certificates."""
    database = world.estate.database
    for region in world.policy.regions:
        if isinstance(database, KnowsRights):
            yield item("rights", partial(database.rights, region), "see that the region answers", of=region)
        else:
            yield never("rights", "the database's driver cannot be asked", "try a switchover", of=region)
        yield item("clocks", partial(_clocks, world, region), "chronyc tracking, here and there", of=region)
    for name, ask in _asked(world).items():
        yield item("answers", partial(_answer, ask), "see that it runs, and its log-in", of=name)
    if world.policy.residency is not None:
        yield item("residency", partial(_residency, world), "move it, or have residency allow it")
    yield item("certificates", partial(_certificates, world), "renew them")


def _asked(world: World) -> Mapping[str, Callable[[], object]]:
    """Drivers that are no region's own, each asked for what it needs: to read the log, to verify, to write."""
    estate = world.estate
    asked: dict[str, Callable[[], object]] = {
        "traffic": estate.traffic.ping,
        "metrics": estate.metrics.ping,
        "artifacts": estate.artifacts.index,
    }
    if estate.flags is not None:
        asked["flags"] = estate.flags.ping
    if estate.migrations is not None:
        asked["migrations"] = estate.migrations.observe
    return asked


def _answer(ask: Callable[[], object]) -> str:
    ask()
    return "answers"


def _residency(world: World) -> str:
    refuse_outside(world)
    assert world.policy.residency is not None  # asked only then
    return f"everything is kept within {', '.join(world.policy.residency.within)}"


def _clocks(world: World, region: str) -> str:
    """Against the clock of this machine, which dates the journal's rows."""
    owners = {"database": world.estate.database, "control": world.estate.compute}
    told = {name: _off(world, one, region) for name, one in owners.items() if isinstance(one, TellsTime)}
    words = ", ".join(f"{name} {off:+.1f} s" for name, (off, _) in told.items())
    wrong = [name for name, (off, unsure) in told.items() if abs(off) - unsure > CLOCK_WITHIN]
    if wrong:
        raise Refused(f"off this machine's clock by more than {CLOCK_WITHIN:g} s: {words}")
    return f"as this machine's: {words}" if told else "no driver tells its time"


def _off(world: World, one: TellsTime, region: str) -> tuple[float, float]:
    """Seconds by which it is ahead, and how far that may be wrong."""
    before = world.clock.now()
    told = one.clock(region)
    after = world.clock.now()
    return told - (before + after) / 2, (after - before) / 2 + SECOND


def _certificates(world: World) -> str:
    found = [world.estate.site.resolve(reference) for reference in references(world.policy)]
    lasting = [certificate(credential) for credential in found if uses_tls(credential)]
    if not lasting:
        return f"none used: none of {len(found)} connections verifies one"
    told = {one.address: (one.until - world.clock.now()) / _DAY for one in lasting}
    ending = {address: days for address, days in told.items() if days < DAYS}
    if ending:
        words = ", ".join(f"{address} in {days:.0f} days" for address, days in ending.items())
        raise Refused(f"certificates end soon: {words}")
    return f"{len(told)} good; the first ends in {min(told.values()):.0f} days"
