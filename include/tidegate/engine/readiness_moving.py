"""Whether the service could move to its other region: data, room, what runs, who looks and who would be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from tidegate.drivers.database.contract import DatabaseState
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.guarding import fresh_demand
from tidegate.engine.readiness_ground import ground
from tidegate.engine.readiness_item import Item, State, item, never, red
from tidegate.engine.world import World
from tidegate.errors import Refused, Rejected
from tidegate.model.roles import Action
from tidegate.model.topology import Arm
from tidegate.policy.failover import Failover
from tidegate.policy.schema import EVERYBODY, Policy

VANTAGE = "vantage:"  # among the journal's beats, with the point's name behind it
Observe = Callable[[], Mapping[str, DatabaseState]]


def moving(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Nothing for a service that stays where it is."""
    part, service = world.policy.failover, world.policy.service
    if part is None:
        return
    observe: Observe = cache(world.estate.database.observe)
    again = f"see why; once it answers: tidegate reprotect {service} --reason <why>"
    yield item("replication", partial(_replication, observe), again)
    yield item("lag", partial(_lag, world.policy, part, observe), "see what holds the standby up: network, disk, load")
    more = "raise failover.instances, capacity.instances or what an instance carries"
    for region in world.policy.regions:
        yield item("capacity", partial(_capacity, world, part), more, of=region)
        yield item(
            "runs", partial(_runs, world, facts, region), "deploy the stable release there, at its strength", of=region
        )
    if world.estate.flags is not None:
        yield item(
            "settings", partial(_settings, world, facts), "see who changed them; put them back, or set them anew"
        )
    yield _placed(service, facts)
    start = f"tidegate vantage {service} --name <where>, outside both regions, and a guard"
    yield item("vantage", partial(_vantage, world, part), start)
    yield item("approvers", partial(_approvers, world.policy, part), "name others in failover.approval, or in roles")
    yield from ground(world)


def _writer(states: Mapping[str, DatabaseState]) -> str:
    primaries = [region for region, state in states.items() if state.role == "primary"]
    if len(primaries) != 1:
        raise Refused(
            f"{' and '.join(primaries) or 'no database'} takes writes, expected one", next_step="look at once"
        )
    return primaries[0]


def _replication(observe: Observe) -> str:
    states = observe()
    writer = _writer(states)
    for region, state in states.items():
        if region != writer and state.role != "standby":
            raise Refused(f"{region}'s database is {state.role}{f' ({state.why})' if state.why else ''}")
        if region != writer and not state.streaming:
            raise Refused(f"{region}'s database does not stream from {writer}")
        if state.idle:
            words = f"nobody reads {', '.join(state.idle)} in {region}: the log is kept for it until the disk is full"
            drop = "if whoever it was for is gone for good: SELECT pg_drop_replication_slot('<its name>') there"
            raise Refused(f"a replication slot is left over: {words}", next_step=drop)
    return f"{', '.join(region for region in states if region != writer)} streams from {writer}"


def _lag(policy: Policy, part: Failover, observe: Observe) -> str:
    states = observe()
    writer = _writer(states)
    return "; ".join(_behind(policy, part, state) for region, state in states.items() if region != writer)


def _behind(policy: Policy, part: Failover, state: DatabaseState) -> str:
    """A standby that streams nothing shows all that it has, so bytes count as well as seconds."""
    if state.lag_bytes is None or state.lag_seconds is None:
        raise Refused(f"how far {state.region}'s database is behind is not known")
    words, rpo = (
        f"{state.region} is {state.lag_seconds:.1f} s and {state.lag_bytes} bytes behind",
        policy.objectives.rpo,
    )
    if state.lag_bytes > part.lag:
        raise Refused(f"{words}; a switchover would wait: failover.lag is {part.lag}")
    if rpo == 0 and not state.synchronous:
        mend = "drivers.database.synchronous: block or relax, and a reprotect; or an objective that can be kept"
        raise Refused(f"{words}, and writes do not wait for it, so that some may be lost: rpo is 0 s", next_step=mend)
    if rpo and state.lag_seconds >= rpo:
        raise Refused(f"{words}; rpo is {rpo:g} s")
    return f"{words}{f', rpo is {rpo:g} s' if rpo is not None else '; there is no objectives.rpo to hold it against'}"


def _capacity(world: World, part: Failover) -> str:
    """At the strength that a move gives it, against what is seen now or said in the policy, whichever is more."""
    capacity, traffic = world.policy.capacity, world.policy.traffic
    seen = fresh_demand(world.journal, world.policy.service, world.clock.now())
    known = [float(traffic.rate)] if traffic else []
    demand = max([*known, *([sum(seen.values())] if seen else [])], default=None)
    if demand is None:
        raise Refused("how much comes is not known", next_step="add traffic to the policy, or start a guard")
    count = part.instances or capacity.instances
    carries = count * float(capacity.per_instance)
    words = f"{count} instances carry {carries:g}/s, {demand:.0f}/s come"
    if carries < demand:
        raise Refused(f"alone it is too small: {words}")
    return f"alone it is large enough: {words}"


def _runs(world: World, facts: ServiceFacts, region: str) -> str:
    """Every instance of the stable slot reports the digest that is on record, so both regions report the same."""
    if facts.stable is None or facts.stable_slot is None:
        raise Refused("nothing is adopted", next_step=f"tidegate adopt {world.policy.service} VERSION")
    arm = Arm(region, facts.stable_slot)
    instances = world.estate.compute.observe(arm).instances
    wrong = [one.name for one in instances if not (one.healthy and one.runs(facts.stable))]
    if wrong or not instances:
        told = f"{', '.join(wrong)} of {len(instances)} do not run" if wrong else "no instance runs"
        raise Refused(f"{arm}: {told} {facts.stable.version} as certified")
    if len(instances) < world.policy.capacity.instances:
        wanted = f"capacity.instances says {world.policy.capacity.instances}"
        raise Refused(f"{arm} is too small: {len(instances)} instances run, {wanted}")
    return f"{len(instances)} instances report {facts.stable.digest}"


def _settings(world: World, facts: ServiceFacts) -> str:
    """One source serves every region; it holds what is on record."""
    assert world.estate.flags is not None  # asked only then
    state = world.estate.flags.observe()
    if state.broken:
        raise Rejected(f"the source of flags cannot be understood: {state.broken}")
    edited = sorted(
        {*state.edited, *(key for key, fact in facts.flags.items() if _differs(state.flags, key, fact.now))}
    )
    edited = [key for key in edited if key not in facts.retired_flags]
    if edited:
        raise Refused(f"flags are not as on record: {', '.join(edited)}")
    return f"one source of flags serves {', '.join(world.policy.regions)}: {len(state.flags)} as on record"


def _differs(there: Mapping[str, object], key: str, wanted: object) -> bool:
    return there.get(key) != wanted


def _placed(service: str, facts: ServiceFacts) -> Item:
    place, mend = facts.placement, f"tidegate reprotect {service} --reason <why>"
    if place is None:
        why = "nobody has recorded where the service is, and whether writes wait for the other region"
        return never("placement", why, f"{mend}: on a service that is well it only records")
    if not place.protected:
        return red("placement", f"not protected since {place.operation}: no second database follows", mend)
    synced = f"; {place.synced} has every acknowledged write" if place.synced else ""
    return Item("placement", State.READY, f"writes go to {place.primary}, protected{synced}")


def _vantage(world: World, part: Failover) -> str:
    now, wanted = world.clock.now(), part.decide.vantage_points
    beats = {n: b for n, b in world.journal.beats(world.policy.service).items() if n.startswith(VANTAGE)}
    fresh = sorted(name.removeprefix(VANTAGE) for name, beat in beats.items() if beat.expires_at >= now)
    silent = sorted(name.removeprefix(VANTAGE) for name in beats if name.removeprefix(VANTAGE) not in fresh)
    words = f"{len(fresh)} of {wanted} look: {', '.join(fresh) or 'nobody'}"
    words += f"; silent: {', '.join(silent)}" if silent else ""
    if len(fresh) < wanted:
        raise Refused(f"{words}: a lost region would not be noticed")
    return words


def _approvers(policy: Policy, part: Failover) -> str:
    """Those who are asked are known to the roles, and enough of them are left whoever it is that asks."""
    asked, quorum = part.approval.people, part.approval.quorum
    roles = policy.roles
    if roles is not None:
        known = roles.who_may(Action.APPROVE)
        strangers = [person for person in asked if not {person, EVERYBODY} & known]
        if strangers:
            raise Refused(f"{', '.join(strangers)} would be asked, and may not approve by roles")
        requesters = roles.who_may(Action.REQUEST) - {EVERYBODY}
        stuck = sorted(one for one in requesters if len({*asked} - {one}) < quorum)
        if stuck and set(stuck) == requesters:
            raise Refused(f"whoever may request is asked too, and never approves: {', '.join(stuck)}")
    elif len(set(asked)) - 1 < quorum:
        return f"{quorum} of {', '.join(asked)}, if none of them is the one who asks; roles says nothing of them"
    return f"{quorum} of {', '.join(asked)}"
