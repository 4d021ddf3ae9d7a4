"""From evidence to the verdict of a gate: pure, and blind is never a pass.

Exposure counts from the candidate's first request in this operation (warm-up included) and is asked of the gate's own
region; at full weight only judged requests *at* full weight count, since those before it say nothing of it. The bound
on how much worse the candidate may be uses what was compared in every region, so a later wave builds on the first
(:mod:`tidegate.judge.bounds`). A signal that crossed fails every gate of the operation, also on a stale document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.judge.bounds import difference, more_requests
from tidegate.judge.document import ArmEvidence, Document, RegionEvidence, Unreadable, read
from tidegate.judge.fold import SKEW
from tidegate.model.traffic import OTHER
from tidegate.model.verdict import Evidence, SignalReading, Verdict, combine

MALFORMED_PART = 0.05  # of all lines; above it nobody knows what the log says
FRESHNESS = "freshness"  # the reading that says whether anything can be relied on now
QUIET = 10.0  # mean gaps between two requests after which an arm counts as silent
OBJECTIVES = ("availability", "latency_p99")
SUSPICIOUS = 1.0  # log10 of E from which a gate waits for more


@dataclass(frozen=True)
class GateRequirement:
    """What the policy asks of one step (``StepEvidence``), in ``region``. ``full_weight``: the step gives the candidate
    all of the region, so nothing is left to compare with and the absolute objectives decide. ``endpoints``: the
    classes of which ``per_endpoint`` and ``not_worse_by`` are asked; all that have a name, if empty."""

    region: str
    requests: int = 1
    sessions: int = 0
    per_endpoint: int = 0
    not_worse_by: float | None = None
    confidence: float = 0.95
    full_weight: bool = False
    endpoints: tuple[str, ...] = ()

    def classes(self, judged: Sequence[str]) -> tuple[str, ...]:
        """Of ``judged``, those that the gate waits for: nobody knows whether any request is of no class."""
        return tuple(name for name in judged if name != OTHER and (not self.endpoints or name in self.endpoints))


@dataclass(frozen=True)
class BakeRequirement:
    """At full weight everywhere for ``lasts`` seconds, but not counted from before ``since`` (epoch seconds), and over
    ``requests`` judged requests of the candidate."""

    lasts: float
    requests: int
    since: float = 0.0


def assess(
    requirement: GateRequirement, document: object, now: float, stale_after: float, before: object = None
) -> Evidence:
    """The verdict of a step's gate. ``before``: an older document of the same operation, if the caller has one; counts
    that went backwards since are no data."""
    seen, blind = _look(document, now, stale_after, before)
    if seen is None or blind.verdict is not Verdict.PASS:
        return _blind(seen, blind)
    region = seen.regions.get(requirement.region)
    if region is None:
        return _blind(seen, _no_data("region", f"the evidence has no region {requirement.region!r}"))
    readings = [
        blind,
        *_signals(seen, hold=not requirement.full_weight),
        *_traffic(requirement, seen, region, stale_after),
    ]
    readings += _exposure(requirement, seen, region)
    if requirement.not_worse_by is not None:
        readings += [
            _not_worse(requirement, seen, region, endpoint) for endpoint in requirement.classes(seen.endpoints)
        ]
    return _evidence(seen, readings)


def assess_bake(requirement: BakeRequirement, document: object, now: float, stale_after: float) -> Evidence:
    """The verdict of the bake."""
    seen, blind = _look(document, now, stale_after, None)
    if seen is None or blind.verdict is not Verdict.PASS:
        return _blind(seen, blind)
    readings = [blind, *_signals(seen, hold=False)]
    for name, region in seen.regions.items():
        readings.append(_arm_speaks(f"traffic {name}", region.candidate, now, stale_after, "the candidate"))
    readings += _baked(requirement, seen)
    return _evidence(seen, readings)


def _look(document: object, now: float, stale_after: float, before: object) -> tuple[Document | None, SignalReading]:
    """The document if it can be read, and whether it can be relied on now."""
    if document is None:
        return None, _no_data(FRESHNESS, "the guard has left no evidence yet")
    try:
        seen = read(document)
        older = read(before) if before is not None else None
    except Unreadable as problem:
        return None, _no_data(FRESHNESS, f"the evidence cannot be read: {problem}")
    if older is not None and (lost := _backwards(older, seen)):
        return seen, _no_data(FRESHNESS, lost)
    return seen, _freshness(seen, now, stale_after)


def _freshness(seen: Document, now: float, stale_after: float) -> SignalReading:
    if seen.observed_at is None:
        return _no_data(FRESHNESS, "no request has been seen")
    for what, at in (("written", seen.written_at), ("newest request", seen.observed_at)):
        if not at <= now + SKEW:
            return _no_data(FRESHNESS, f"{what}: {at - now:.1f} s in the future")
        if not now - at <= stale_after:
            return _no_data(FRESHNESS, f"{what}: {now - at:.1f} s ago, {stale_after:g} s are allowed")
    odd = seen.malformed + seen.future
    if odd > MALFORMED_PART * (odd + seen.requests):
        return _no_data(FRESHNESS, f"{odd} log lines were not understood or future-dated, {seen.requests} were read")
    return SignalReading(FRESHNESS, Verdict.PASS, f"newest request {max(0.0, now - seen.observed_at):.1f} s ago")


def _backwards(older: Document, newer: Document) -> str:
    for name, was in older.regions.items():
        region = newer.regions.get(name)
        for role in ("candidate", "stable"):
            counts = [getattr(getattr(r, role), k) for r in (was, region) if r for k in ("requests", "errors")]
            if len(counts) < 4 or counts[0] > counts[2] or counts[1] > counts[3]:
                return f"{name}, {role}: requests and errors went backwards ({counts})"
    return ""


def _signals(seen: Document, *, hold: bool) -> Iterator[SignalReading]:
    """A signal that has crossed fails. With ``hold``, one that is on its way there keeps the gate shut meanwhile: E
    either goes on to its threshold or falls back. A good release is held by one signal in a tenth of all cases at most
    (Ville's inequality), and never failed by it. Not at full weight, where no comparison could let E fall again."""
    for name, signal in seen.signals.items():
        figures = {"log10_e": signal.log10_e, "threshold_log10": signal.threshold_log10, "alpha": signal.alpha}
        scale = f"E = 10^{signal.log10_e:.2f}, fails at 10^{signal.threshold_log10:.2f}"
        if signal.crossed_at is not None:
            yield SignalReading(name, Verdict.FAIL, seen.why, {**figures, "crossed_at": signal.crossed_at})
        elif hold and signal.log10_e >= SUSPICIOUS:
            missing = f"{name}: E to fall below {10**SUSPICIOUS:g}, or to cross"
            yield SignalReading(name, Verdict.INCONCLUSIVE, f"{name} is suspicious: {scale}", figures, missing)
        else:
            yield SignalReading(name, Verdict.PASS, f"{name}: {scale}", figures)


def _traffic(
    requirement: GateRequirement, seen: Document, region: RegionEvidence, stale_after: float
) -> Iterator[SignalReading]:
    """Both arms speak, and something was judged: at full weight the candidate alone."""
    assert seen.observed_at is not None
    yield _arm_speaks("candidate traffic", region.candidate, seen.observed_at, stale_after, "the candidate")
    if requirement.full_weight:
        missing = [name for name in OBJECTIVES if name not in seen.signals]
        if missing:
            yield _no_data("objectives", f"the evidence has no {' and no '.join(missing)}")
        return
    yield _arm_speaks("stable traffic", region.stable, seen.observed_at, stale_after, "the stable arm")
    mine = [s for strata in seen.compared.values() for s in strata if s.region == requirement.region]
    if "errors" not in seen.signals:
        yield _no_data("comparison", "the evidence has no error comparison")
    elif not any(s.candidate_requests for s in mine) or not any(s.stable_requests for s in mine):
        why = "nothing has been compared yet: warming up"
        yield SignalReading("comparison", Verdict.NO_DATA, why, missing="requests of both arms after the warm-up")


def _arm_speaks(signal: str, arm: ArmEvidence, now: float, stale_after: float, who: str) -> SignalReading:
    """``no_data`` for an arm without requests, or silent for far longer than its requests were apart so far."""
    if not arm.requests or arm.first_at is None or arm.last_at is None:
        return _no_data(signal, f"{who} has had no request", f"requests of {who}")
    gap = (arm.last_at - arm.first_at) / arm.requests
    allowed, silent = max(stale_after, QUIET * gap), now - arm.last_at
    if silent > allowed:
        return _no_data(signal, f"{who} has had no request for {silent:.1f} s", f"requests of {who}")
    return SignalReading(signal, Verdict.PASS, f"{who} has had {arm.requests} requests", {"requests": arm.requests})


def _exposure(requirement: GateRequirement, seen: Document, region: RegionEvidence) -> Iterator[SignalReading]:
    arm, what = region.candidate, f"candidate requests in {requirement.region}"
    have = arm.requests
    if requirement.full_weight:
        have, what = (region.full.requests if region.full else 0), f"{what} at full weight"
    yield _enough("requests", have, requirement.requests, what, arm.per_second)
    if requirement.sessions:
        yield _enough("sessions", arm.sessions, requirement.sessions, f"candidate sessions in {requirement.region}", 0)
    if requirement.per_endpoint:
        for name in requirement.classes(seen.endpoints):
            cell = arm.endpoints.get(name)
            requests, rate = (cell.requests, cell.per_second) if cell else (0, 0.0)
            yield _enough(f"requests {name}", requests, requirement.per_endpoint, f"candidate {name} requests", rate)


def _not_worse(requirement: GateRequirement, seen: Document, region: RegionEvidence, endpoint: str) -> SignalReading:
    limit, confidence = requirement.not_worse_by or 0.0, requirement.confidence
    signal, strata = f"not worse {endpoint}", seen.compared.get(endpoint, ())
    bound = difference(strata, confidence)
    if bound is None:
        return _no_data(signal, f"{endpoint}: nothing to compare yet", f"{endpoint} requests of both arms")
    figures = {
        "candidate": round(bound.candidate, 6),
        "stable": round(bound.stable, 6),
        "upper": round(bound.upper, 6),
        "limit": limit,
        "candidate_requests": bound.candidate_requests,
        "stable_requests": bound.stable_requests,
    }
    why = f"{endpoint}: worse by less than {bound.upper:.2%} at {confidence:.0%}, asked {limit:.2%}"
    if bound.upper < limit:
        return SignalReading(signal, Verdict.PASS, why, figures)
    more = more_requests(strata, confidence, limit)
    if more is None:
        return SignalReading(signal, Verdict.INCONCLUSIVE, why, figures, "a lower error rate of the candidate")
    cell = region.candidate.endpoints.get(endpoint)
    missing = _missing(more, f"candidate {endpoint} requests", cell.per_second if cell else 0.0)
    return SignalReading(signal, Verdict.INCONCLUSIVE, why, figures, missing)


def _baked(requirement: BakeRequirement, seen: Document) -> Iterator[SignalReading]:
    assert seen.observed_at is not None
    if seen.all_full is None:
        why = "the newest request was not routed with full weight everywhere"
        yield SignalReading("full weight", Verdict.INCONCLUSIVE, why, missing="full weight in every region")
        return
    lasted = seen.observed_at - max(seen.all_full.since, requirement.since)
    yield _enough("seconds", int(max(0.0, lasted)), requirement.lasts, "seconds at full weight everywhere", 1.0)
    rate = sum(r.candidate.per_second for r in seen.regions.values())
    what = "candidate requests at full weight everywhere"
    yield _enough("requests", seen.all_full.requests, requirement.requests, what, rate)


def _enough(signal: str, have: int, need: float, what: str, per_second: float) -> SignalReading:
    figures, why = {"have": have, "need": need}, f"{have} of {need:g} {what}"
    if have >= need:
        return SignalReading(signal, Verdict.PASS, why, figures)
    return SignalReading(signal, Verdict.INCONCLUSIVE, why, figures, _missing(need - have, what, per_second))


def _missing(count: float, what: str, per_second: float) -> str:
    """``120 more candidate checkout requests, about 14 s``; without the estimate where no rate is known."""
    return f"{count:g} more {what}" + (f", about {max(1, round(count / per_second))} s" if per_second > 0 else "")


def _no_data(signal: str, why: str, missing: str = "fresh, whole measurements") -> SignalReading:
    return SignalReading(signal, Verdict.NO_DATA, why, missing=missing)


def _blind(seen: Document | None, reading: SignalReading) -> Evidence:
    failed = [r for r in _signals(seen, hold=False) if r.verdict is Verdict.FAIL] if seen else []
    return _evidence(seen, [reading, *failed])


def _evidence(seen: Document | None, readings: list[SignalReading]) -> Evidence:
    verdict = combine(tuple(readings))
    worst = [r for r in readings if r.verdict is verdict]
    why = "; ".join(r.why for r in worst) if verdict is not Verdict.PASS else "all that was asked for is there"
    return Evidence(verdict, why, seen.observed_at if seen else None, tuple(readings))
