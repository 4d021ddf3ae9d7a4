"""Sessions that come, fail and go, fed to the judge's own error comparison: what foresight is measured against."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from tidegate.judge.errors import ErrorComparison
from tidegate.judge.seen import Seen
from tidegate.judge.settings import JudgeSettings
from tidegate.model.topology import Slot
from tidegate.policy.schema import Policy, Traffic
from tidegate.policy.sight import alpha_of


def seen_within(policy: Policy, endpoint: str, fault: float, weight: float, seconds: float, seed: int) -> bool:
    """Whether the judge sees ``fault`` in ``endpoint`` within ``seconds`` of one weight in the only region."""
    traffic = policy.traffic
    assert traffic is not None
    promotion = policy.promotion
    settings = JudgeSettings(
        alpha=promotion.alpha,
        margin_errors=promotion.signals.errors.margin,
        margin_latency=1.5 if promotion.signals.latency else None,
        endpoints=policy.judged_endpoints,
        regions=("east",),
        stable_slot=Slot.A,
        availability=policy.objectives.availability,
        latency_p99=policy.objectives.latency_p99,
    )
    comparison, threshold = ErrorComparison(settings), -math.log(alpha_of(policy, "errors"))
    comparison.observe(_request(0.0, "none", endpoint, False, weight, False), 0.0)  # starts the clock
    for seen in sorted(_failures(traffic, policy, endpoint, fault, weight, seconds, seed), key=lambda s: s.started):
        comparison.observe(seen, seen.started)
        if comparison.log_e() >= threshold:
            return True
    return False


def _failures(
    traffic: Traffic, policy: Policy, endpoint: str, fault: float, weight: float, seconds: float, seed: int
) -> Iterator[Seen]:
    """The first failure of every session, by class."""
    rng = random.Random(seed)
    each = traffic.rate / traffic.sessions  # requests per second of a session
    arrivals = [0.0] * traffic.sessions
    at = rng.expovariate(traffic.sessions / traffic.session_length)
    while at < seconds:
        arrivals.append(at)
        at += rng.expovariate(traffic.sessions / traffic.session_length)
    for number, start in enumerate(arrivals):
        end = min(seconds, start + rng.expovariate(1 / traffic.session_length))
        candidate = rng.random() < weight
        for name, part in traffic.mix.items():
            bad = traffic.errors + (fault if candidate and name == endpoint else 0.0)
            failed_at = start + rng.expovariate(each * part / 10_000 * bad)
            if failed_at < end and name in policy.judged_endpoints:
                yield _request(failed_at, f"s{number}", name, candidate, weight, True)


def _request(at: float, session: str, endpoint: str, candidate: bool, weight: float, failed: bool) -> Seen:
    return Seen(at, at, "east", endpoint, candidate, weight, failed, 10.0, session)
