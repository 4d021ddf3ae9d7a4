"""How each kind of gate is assessed. Every function looks, none changes anything; unseen is ``no_data``."""

from __future__ import annotations

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.engine import guarding
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Unreachable
from tidegate.journal.store import Journal
from tidegate.judge.gate import BakeRequirement, GateRequirement
from tidegate.judge.gate import assess as judge_assess
from tidegate.judge.gate import assess_bake as judge_bake
from tidegate.model.verdict import Evidence, SignalReading, Verdict, combine
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld
from tidegate.steps.stable_capacity import measure


def guard_alive(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The standing guard's last beat is fresh."""
    now = world.clock.now()
    expires = guarding.beat_expires_at(world.journal, world.service)
    if expires is None:
        return Evidence(
            Verdict.NO_DATA, "no guard has been seen yet: is rollback__ unpaused and the triggerer up?", None
        )
    if expires < now:
        return Evidence(Verdict.NO_DATA, f"the guard's last beat ran out {now - expires:.1f} s ago", expires)
    return Evidence(Verdict.PASS, "a guard is alive", expires)


def ready(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """N of N instances report the digest, and the edge itself sees them healthy."""
    arm = seen.binding.arm(gate.args["region"], gate.args["role"])
    instances = int(seen.settings["capacity"]["instances"])
    state = seen.estate.compute.observe(arm)
    now = world.clock.now()
    if not state.matches(SlotSpec(seen.release(gate.args["role"]), instances)):
        good = sum(i.healthy for i in state.instances)
        return Evidence(Verdict.INCONCLUSIVE, f"{arm}: {good} of {instances} instances report the digest", now)
    healthy = seen.estate.metrics.counters().healthy.get(arm, 0)
    if healthy < instances:
        return Evidence(Verdict.INCONCLUSIVE, f"the edge sees {healthy} of {instances} instances of {arm} healthy", now)
    return Evidence(
        Verdict.PASS, f"{arm}: {instances} of {instances} report the digest and are healthy at the edge", now
    )


def reachable(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Router, metrics and every region's slot control answer."""
    seen.estate.traffic.ping()
    seen.estate.metrics.ping()
    for region in seen.shares:
        seen.estate.compute.ping(region)
    return Evidence(Verdict.PASS, "router, metrics and every region's control answer", world.clock.now())


def answering(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Router and metrics answer, and at least one region's slot control. What is to be done in a region that is silent
    becomes a debt of the way back."""
    seen.estate.traffic.ping()
    seen.estate.metrics.ping()
    silent = [region for region in seen.shares if not _answers(seen, region)]
    now = world.clock.now()
    if len(silent) == len(seen.shares):
        return Evidence(Verdict.NO_DATA, "no region's control answers", now)
    words = f"; {', '.join(silent)} does not, and is left as a debt" if silent else ""
    return Evidence(Verdict.PASS, f"router and metrics answer{words}", now)


def _answers(seen: StepWorld, region: str) -> bool:
    try:
        seen.estate.compute.ping(region)
    except Unreachable:
        return False
    return True


def capacity(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The stable arms can take what the next return step brings them, within their declared limit."""
    now, aim = world.clock.now(), int(gate.args["at_most"])
    split = seen.estate.traffic.observe().split
    if split is None:
        return Evidence(Verdict.NO_DATA, "the router has no route of ours", now)
    moving = {region for region, weight in seen.candidate_weights(split).items() if weight > aim}
    if not moving:
        return Evidence(Verdict.PASS, "nothing to move", now)
    rows = [row for row in measure(seen).values() if row.region in moving]
    if seen.fast_lane and not (empty := [row.region for row in rows if not row.healthy and row.lowest_safe]):
        return Evidence(Verdict.PASS, "fast lane: the limit yields to speed", now)
    if seen.fast_lane:  # but not to nothing: a router refuses weight on an arm without a healthy target
        why = f"fast lane: no healthy stable instance yet in {', '.join(empty)}"
        return Evidence(Verdict.INCONCLUSIVE, why, now)
    mine = tuple(_room(row.region, row.demand, row.healthy, row.lowest_safe, aim) for row in rows)
    verdict = combine(mine)
    return Evidence(verdict, "; ".join(r.why for r in mine), now, mine)


def _room(region: str, demand: float, healthy: int, lowest_safe: int, aim: int) -> SignalReading:
    figures: dict[str, float | int | str | None] = {
        "demand_per_second": round(demand, 1),
        "healthy_instances": healthy,
        "lowest_safe_percent": lowest_safe / 100,
    }
    if lowest_safe <= aim:
        return SignalReading(region, Verdict.PASS, f"{region}: room for {demand * (1 - aim / 10_000):.0f}/s", figures)
    why = f"{region}: {healthy} healthy stable instances carry the candidate down to {lowest_safe / 100:g}% only"
    return SignalReading(region, Verdict.INCONCLUSIVE, why, figures, "more healthy stable instances")


def drained(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """No request is in flight on a candidate arm."""
    counters = seen.estate.metrics.counters()
    arms = [seen.binding.arm(region, "candidate") for region in seen.shares]
    flying = sum(counters.active.get(arm, 0) for arm in arms)
    verdict = Verdict.PASS if flying == 0 else Verdict.INCONCLUSIVE
    return Evidence(verdict, f"{flying} requests in flight on the candidate's arms", counters.read_at)


def evidence(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """What the guard has left in the journal, against what the policy asks for at this step."""
    return from_journal(world.journal, view, gate, world.clock.now())


def bake(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """At full weight everywhere: long enough, over enough requests, no signal failing."""
    return from_journal(world.journal, view, gate, world.clock.now())


def from_journal(journal: Journal, view: OperationView, gate: Gate, now: float) -> Evidence:
    """What a gate of the kinds ``evidence`` and ``bake`` says now. It takes the journal alone: no estate, no lease."""
    document = journal.evidence(view.service, view.id, guarding.EVIDENCE)
    stale_after = float(view.plan.settings["judge"]["stale_after"])
    if gate.kind == "bake":
        since = max((state.at or 0.0 for state in view.nodes.values()), default=view.opened_at)
        baked = BakeRequirement(lasts=gate.args["lasts"], requests=gate.args["requests"], since=since)
        return judge_bake(baked, document, now, stale_after)
    return judge_assess(_requirement(gate), document, now, stale_after)


def _requirement(gate: Gate) -> GateRequirement:
    args = gate.args
    return GateRequirement(
        requests=args["requests"],
        sessions=args["sessions"],
        per_endpoint=args["per_endpoint"],
        not_worse_by=args["not_worse_by"],
        confidence=args["confidence"],
        region=args["region"],
        full_weight=args["full_weight"],
        endpoints=tuple(args.get("endpoints", ())),
    )
