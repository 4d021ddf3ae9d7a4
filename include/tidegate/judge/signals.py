"""The signals of one operation: which are on, when one has crossed, and in what words that is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.judge.business import BusinessComparison
from tidegate.judge.errors import ErrorComparison
from tidegate.judge.latency import LatencyComparison
from tidegate.judge.objective import Objective
from tidegate.judge.seen import Seen
from tidegate.judge.service import SLOW_BUDGET, ServiceSignal
from tidegate.judge.settings import JudgeSettings

LN10 = math.log(10)
NOT_PROVED = (
    "what users were promised is missed on both arms together; the cause is NOT PROVED: the candidate is not blamed, "
    "it may be this release, through what both arms share, or anything else"
)


class Signal(Protocol):
    """An e-process that can be kept and taken up again."""

    def log_e(self) -> float: ...
    def figures(self) -> dict[str, float]: ...
    def dump(self) -> dict[str, Any]: ...
    def load(self, value: Mapping[str, Any]) -> None: ...


@dataclass
class Crossing:
    """``peak``: highest natural log of E so far. ``at``: when an observation brought E to 1/α, if one did."""

    alpha: float
    peak: float = 0.0
    at: float | None = None
    why: str = ""

    @property
    def threshold(self) -> float:
        return -math.log(self.alpha)

    def look(self, name: str, signal: Signal, seen: Seen, at: float) -> None:
        """Note where E stands now; the first time it reaches 1/α is kept, with its words."""
        log_e = signal.log_e()
        self.peak = max(self.peak, log_e)
        if self.at is None and log_e >= self.threshold:
            self.at, self.why = at, self._words(name, signal, seen, log_e)

    def _words(self, name: str, signal: Signal, seen: Seen, log_e: float) -> str:
        figures = ", ".join(f"{k} {v}" for k, v in signal.figures().items())
        said = f"{NOT_PROVED}; " if name == "service" else ""
        return (
            f"{name}: {said}E = 10^{log_e / LN10:.2f} reached 1/α = 10^{self.threshold / LN10:.2f}"
            f" with a request of {seen.region}, {seen.endpoint} ({figures})"
        )


def evidence_of(signal: Signal, crossing: Crossing, *, asks: bool) -> dict[str, Any]:
    """The signal's part of the evidence document. ``asks``: its crossing is a question to people, no verdict."""
    return {
        "log10_e": round(signal.log_e() / LN10, 4),
        "peak_log10_e": round(crossing.peak / LN10, 4),
        "threshold_log10": round(crossing.threshold / LN10, 4),
        "alpha": crossing.alpha,
        "crossed_at": None if asks else crossing.at,
        "figures": signal.figures(),
    }


def compared_signals(settings: JudgeSettings) -> dict[str, ErrorComparison | LatencyComparison | BusinessComparison]:
    """Candidate against stable arm; in the order in which a request is shown to them."""
    found: dict[str, ErrorComparison | LatencyComparison | BusinessComparison] = {"errors": ErrorComparison(settings)}
    if settings.margin_latency is not None:
        found["latency"] = LatencyComparison(settings, settings.margin_latency)
    if settings.business is not None:
        found["business"] = BusinessComparison(settings, settings.business)
    return found


def promised_signals(settings: JudgeSettings) -> dict[str, Objective]:
    """The candidate alone at full weight, against what users were promised."""
    return {
        "availability": Objective(settings, settings.error_budget),
        "latency_p99": Objective(settings, SLOW_BUDGET),
    }


def service_signal(settings: JudgeSettings) -> ServiceSignal | None:
    """Both arms together; None if the policy does not ask for it."""
    return ServiceSignal(settings, settings.service) if settings.service is not None else None
