"""The real judge on simulated users of the sample shop: seconds from the first bad request to the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.race.shop import Behaviour, Shop, slow_tail
from tidegate.judge.fold import Judge
from tidegate.judge.settings import JudgeSettings
from tidegate.model.topology import Slot

START = 1_700_000_000.0


def settings(alpha: float = 0.01, margin: float = 1.5) -> JudgeSettings:
    """As the sample policy has it."""
    return JudgeSettings(
        alpha=alpha,
        margin_errors=margin,
        margin_latency=margin,
        endpoints=("checkout", "browse"),
        regions=("east", "west"),
        stable_slot=Slot.A,
        availability=0.999,
        latency_p99=2.0,
        warm_up=2.0,
    )


@dataclass(frozen=True)
class Detection:
    """Over ``runs``: seconds to the verdict (median, 90th percentile), how many never came, and which signal it was."""

    cell: str
    runs: int
    median: float | None
    p90: float | None
    missed: int
    signals: dict[str, int]


def until_verdict(shop: Shop, weight: int, seed: int, horizon: float) -> tuple[float, str] | None:
    """Seconds from the candidate's first request to the verdict, and the signal; None if it did not come."""
    judge, first = Judge(settings()), None
    for seen in shop.observations(lambda _: {"east": weight}, seed, START):
        if seen.at > START + horizon:
            return None
        judge.observe(seen)
        if first is None and seen.arm is not None and seen.arm.slot is Slot.B:
            first = seen.at
        if judge.failed:
            return seen.at - (first or seen.at), judge.document(seen.at)["crossed"][0]["signal"]
    return None


def measure(cell: str, shop: Shop, weight: int, runs: int, horizon: float, seed: int) -> Detection:
    """``runs`` releases of ``horizon`` seconds each, at ``weight`` basis points of east."""
    found = [until_verdict(shop, weight, seed + n, horizon) for n in range(runs)]
    hits = [f for f in found if f is not None]
    seconds = sorted(s for s, _ in hits)
    names = sorted({name for _, name in hits})
    return Detection(
        cell,
        runs,
        round(median(seconds), 1) if seconds else None,
        round(quantiles(seconds, n=10, method="inclusive")[-1], 1) if len(seconds) > 1 else None,
        runs - len(hits),
        {name: sum(n == name for _, n in hits) for name in names},
    )


CELLS = (
    ("2% of checkouts fail", Shop(candidate=Behaviour(checkout_errors=0.02)), 600.0),
    ("slowest 15% of checkouts take 3x", Shop(candidate=Behaviour(latency=slow_tail)), 300.0),
    ("good release, 120 s", Shop(), 120.0),
)
WEIGHTS = (2_500, 5_000)


def lab_cell(cell: int, weight: int, runs: int, seed: int) -> Detection:
    """One of :data:`CELLS`, at ``weight`` basis points of east."""
    name, shop, horizon = CELLS[cell]
    return measure(f"{name}, {weight / 100:g}% of east", shop, weight, runs, horizon, seed)
