"""The gates of operations that move a service between its regions. Each looks, none changes anything.

None of them takes a guard: the edge's own counters are asked, so that a failover from a terminal has the same gates.

A declared failover goes on when it is blind, by its steps: nobody else is left to serve who has not been moved yet. So
a gate that has had no figures for ``blind_after`` seconds opens, and says that it knows nothing. One without
``blind_after`` holds until its time is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.engine import flights
from tidegate.engine.lost_writes import ledger_of, next_step
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import EffectError
from tidegate.judge.bounds import lower_limit, upper_limit
from tidegate.model.operation import OperationKind
from tidegate.model.traffic import TOTAL
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld
from tidegate.steps.region_room import room_for, room_of
from tidegate.steps.scale_region import needed

BLIND = "NOT KNOWN"  # how the words of a gate begin that opened without figures


def replication(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The region's database is a standby that streams, and is at most ``lag`` bytes behind. On the way of a switchover
    it is looked at once no older command can arrive any more."""
    region, now = seen.binding.region(gate.args["region"]), world.clock.now()
    if view.kind is OperationKind.SWITCHOVER:
        rows = world.journal.events(world.service, kinds=flights.KINDS)
        if why := flights.under_way(rows, view.id, now):
            return _one(region, Verdict.INCONCLUSIVE, why, now, {})
    state = seen.estate.database.observe()[region]
    figures = {"lag_bytes": state.lag_bytes, "lag_seconds": state.lag_seconds, "received": state.received}
    if state.role != "standby":
        why = f"{region}'s database is {state.role}{f' ({state.why})' if state.why else ''}, expected a standby"
        return _one(region, Verdict.NO_DATA if state.role == "unreachable" else Verdict.INCONCLUSIVE, why, now, figures)
    if not state.streaming:
        return _one(region, Verdict.INCONCLUSIVE, f"{region}'s database does not stream", now, figures)
    if state.lag_bytes is None:
        return _one(region, Verdict.NO_DATA, f"how far {region}'s database is behind is not known", now, figures)
    allowed = int(gate.args["lag"])
    words = f"{region}'s database streams, {state.lag_bytes} bytes behind ({allowed} allowed)"
    return _one(region, Verdict.PASS if state.lag_bytes <= allowed else Verdict.INCONCLUSIVE, words, now, figures)


def scaled(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """N of N instances of the stable release, healthy at the edge too."""
    arm, wanted = seen.binding.arm(gate.args["region"], "stable"), needed(gate.args, seen)
    state, now = seen.estate.compute.observe(arm), world.clock.now()
    if not state.matches(SlotSpec(seen.release("stable"), wanted)):
        good = sum(i.healthy for i in state.instances)
        return Evidence(Verdict.INCONCLUSIVE, f"{arm}: {good} of {wanted} instances report the digest", now)
    healthy = seen.estate.metrics.counters().healthy.get(arm, 0)
    verdict = Verdict.PASS if healthy >= wanted else Verdict.INCONCLUSIVE
    return Evidence(verdict, f"{arm}: the edge sees {healthy} of {wanted} instances healthy", now)


def capacity_of(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The region's running instances carry what the next step brings, within their declared limit."""
    region, now = seen.binding.region(gate.args["region"]), world.clock.now()
    split = seen.estate.traffic.observe().split
    aim = seen.shares_at(int(gate.args["part"]))[region]
    if split is None:
        return Evidence(Verdict.NO_DATA, "the router has no route of ours", now)
    if split.region_share(region) >= aim:
        return Evidence(Verdict.PASS, f"{region} has {split.region_share(region) / 100:g}% already", now)
    try:
        row = room_of(seen, region)
    except EffectError as error:
        return went_on(view, gate, f"what {region} has room for ({error})", now)
    figures = {"demand_per_second": round(row.demand, 1), "carries": row.carries, "healthy_instances": row.healthy}
    words = f"{region}: {row.healthy} instances carry {row.carries:g}/s, {row.demand * aim / TOTAL:.0f}/s would come"
    if room_for(row) >= aim:
        return _one(region, Verdict.PASS, words, now, figures)
    return _one(region, Verdict.INCONCLUSIVE, words, now, figures, "more healthy instances, or fewer requests")


def region_health(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Few enough of the requests that the region's stable arm has answered since the step ``since`` have failed."""
    region, now = seen.binding.region(gate.args["region"]), world.clock.now()
    arm = seen.binding.arm(gate.args["region"], "stable")
    if not seen.shares_at(TOTAL)[region]:
        return Evidence(Verdict.PASS, f"{region} is to have no traffic", now)
    before = view.facts[gate.args["since"]].get("counters", [0, 0])
    try:
        counters = seen.estate.metrics.counters()
    except EffectError as error:
        return went_on(view, gate, f"how {region}'s users fare ({error})", now)
    requests, failed = _since(counters.requests.get(arm, 0), before[0]), _since(counters.errors.get(arm, 0), before[1])
    figures = {"requests": requests, "failed": failed}
    asked, limit, sure = int(gate.args["requests"]), float(gate.args["not_above"]), float(gate.args["confidence"])
    if requests < asked:
        words = f"{region}: {requests} of {asked} requests seen, {failed} failed"
        return _one(region, Verdict.INCONCLUSIVE, words, counters.read_at, figures, f"{asked - requests} more requests")
    words = f"{region}: {failed} of {requests} requests failed since the move"
    if upper_limit(failed, requests, sure) <= limit:
        return _one(region, Verdict.PASS, words, counters.read_at, figures)
    if lower_limit(failed, requests, sure) > limit:
        return _one(region, Verdict.FAIL, f"{words}: more than {limit:.2%}", counters.read_at, figures)
    return _one(region, Verdict.INCONCLUSIVE, words, counters.read_at, figures, "more requests that do not fail")


def went_on(view: OperationView, gate: Gate, what: str, now: float) -> Evidence:
    """Of a gate that has no figures: open once it has had patience enough, ``no_data`` before."""
    patience = gate.args.get("blind_after")
    waited = now - max((state.at or 0.0 for state in view.nodes.values()), default=view.opened_at)
    if patience is not None and waited > float(patience):
        return Evidence(Verdict.PASS, f"{BLIND} {what}: a failover goes on, in smaller steps", now)
    return Evidence(Verdict.NO_DATA, f"not to be told {what}", now)


def _since(now: int, before: int) -> int:
    """A router that was started again counts from nothing."""
    return now - before if now >= before else now


def one_writer(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """One database takes writes, proved by writing, and it is the one that is meant. Two are a failure at once."""
    region, now = seen.binding.region(gate.args["region"]), world.clock.now()
    writers = seen.estate.database.writers()
    if writers == (region,):
        return Evidence(Verdict.PASS, f"{region}'s database alone takes writes", now)
    if len(writers) > 1:
        return Evidence(Verdict.FAIL, f"SPLIT BRAIN: {' and '.join(writers)} both take writes; fence one of them", now)
    return Evidence(Verdict.INCONCLUSIVE, f"{writers[0] if writers else 'no database'} takes writes, not {region}", now)


def returned(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The region's control answers again."""
    region = seen.binding.region(gate.args["region"])
    seen.estate.compute.ping(region)
    return Evidence(Verdict.PASS, f"{region}'s control answers", world.clock.now())


def ledger_closed(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """People have said of each lost write what becomes of it."""
    ledger, now = ledger_of(partial(world.journal.events, world.service)), world.clock.now()
    if ledger is None or ledger.settled:
        return Evidence(Verdict.PASS, ledger.words if ledger else "nothing was lost", now)
    words = f"{ledger.words}; {next_step(ledger, world.service)}"
    return Evidence(Verdict.INCONCLUSIVE, words, now)


def _one(
    region: str,
    verdict: Verdict,
    why: str,
    at: float,
    figures: Mapping[str, float | int | None],
    missing: str = "",
) -> Evidence:
    return Evidence(verdict, why, at, (SignalReading(region, verdict, why, dict(figures), missing),))
