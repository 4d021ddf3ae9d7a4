"""Requests and evidence for tests of the judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.judge.fold import Judge
from tidegate.judge.seen import Seen
from tidegate.judge.settings import JudgeSettings, StartPoints
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split

START = 1_700_000_000.0
AT_ONCE = StartPoints(first=1.0)


def settings(**changes: Any) -> JudgeSettings:
    """Two regions, two classes, stable in slot a, no margin, no start-point mixture, but for ``changes``."""
    plain: dict[str, Any] = {
        "alpha": 0.01,
        "margin_errors": 1.0,
        "margin_latency": 1.0,
        "endpoints": ("checkout", "browse"),
        "regions": ("east", "west"),
        "stable_slot": Slot.A,
        "availability": 0.999,
        "latency_p99": 2.0,
        "warm_up": 0.0,
        "starts": AT_ONCE,
    }
    return JudgeSettings(**{**plain, **changes})


def request(
    at: float = 0.0,
    *,
    candidate: bool = False,
    region: str = "east",
    weight: dict[str, int] | None = None,
    endpoint: str = "checkout",
    session: str | None = None,
    status: int = 200,
    ms: float = 40.0,
    epoch: int = 1,
) -> Observation:
    """``at``: seconds since :data:`START`. ``weight``: basis points of each region that are the candidate's."""
    split = canary_split({"east": 5_000, "west": 5_000}, Slot.A, {"east": 2_500} if weight is None else weight)
    arm = Arm(region, Slot.B if candidate else Slot.A)
    return Observation(START + at, arm, session, endpoint, status, ms, epoch, split)


def seen(*, candidate: bool, weight: float = 0.25, **changes: Any) -> Seen:
    """A request as the comparisons get it."""
    plain: dict[str, Any] = {
        "started": START,
        "ended": START,
        "region": "east",
        "endpoint": "checkout",
        "failed": False,
        "milliseconds": 40.0,
        "session": None,
    }
    return Seen(candidate=candidate, weight=weight, **{**plain, **changes})


def healthy(count: int, *, begin: float = 0.0, per_second: float = 100.0, **how: Any) -> Iterator[Observation]:
    """``count`` good requests, each fourth the candidate's, each of a session of its own, in turn of both classes."""
    for n in range(count):
        endpoint = "checkout" if n // 4 % 2 else "browse"
        yield request(begin + n / per_second, candidate=n % 4 == 0, endpoint=endpoint, session=f"h{begin}-{n}", **how)


def judged(observations: Iterator[Observation], **changes: Any) -> Judge:
    """A judge that has seen them."""
    judge = Judge(settings(**changes))
    for observation in observations:
        judge.observe(observation)
    return judge
