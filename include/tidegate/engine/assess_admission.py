"""The gate of a staged admission: room for more sessions. That those who are served are well is
:func:`~tidegate.engine.assess_moving.region_health`.

Where a gate opens blind, the step behind it goes half of its way, and notes it in the journal. A gate without
``blind_after``, the one before the last step, holds until its time is over.
"""

from __future__ import annotations

from tidegate.engine.assess_moving import went_on
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.model.traffic import TOTAL
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.plan.names import CUTOVER_END
from tidegate.steps.admitted import COUNTED_AFTER, Carried, carried
from tidegate.steps.contract import StepWorld


def admission_room(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """The region's running instances carry the sessions that the next step admits, within their declared limit."""
    now, part = world.clock.now(), int(gate.args["part"])
    admission = seen.estate.traffic.observe().admission
    if admission.admitted >= part:
        return Evidence(Verdict.PASS, admission.words, now)
    since = float(view.facts.get(gate.args["since"], {}).get("at", 0.0))
    if now - since < COUNTED_AFTER:
        return Evidence(Verdict.INCONCLUSIVE, f"{admission.words}; what they ask for is being counted", now)
    found = carried(seen, seen.binding.region(gate.args["region"]))
    if found is None:
        return went_on(view, gate, "how many sessions the region has room for", now)
    before = int(view.facts.get(CUTOVER_END, {}).get("refused", 0))
    return _room(found, part, max(0, seen.estate.metrics.counters().refused - before), now)


def _room(found: Carried, part: int, refused: int, now: float) -> Evidence:
    """``refused``: requests that were turned away so far."""
    enough = found.sessions >= part
    coming = found.demand * part / TOTAL
    words = f"{found.region}: {found.healthy} instances carry {found.carries:g}/s, {coming:.0f}/s would come"
    words += f"; {refused} requests turned away so far"
    figures: dict[str, float | int | str | None] = {
        "demand_per_second": round(found.demand, 1),
        "carries": found.carries,
        "healthy_instances": found.healthy,
        "refused": refused,
    }
    verdict = Verdict.PASS if enough else Verdict.INCONCLUSIVE
    missing = "" if enough else "more healthy instances, or fewer requests"
    return Evidence(verdict, words, now, (SignalReading(found.region, verdict, words, figures, missing),))
