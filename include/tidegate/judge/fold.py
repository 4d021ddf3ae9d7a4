"""The judge as a fold: observation by observation, resumable, the same in every replay."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.judge.errors import ErrorComparison
from tidegate.judge.latency import LatencyComparison
from tidegate.judge.objective import Objective
from tidegate.judge.seen import Malformed, Seen, see, weight_of
from tidegate.judge.settings import JudgeSettings
from tidegate.judge.tally import ROLES, Tally
from tidegate.model.canonical import digest
from tidegate.model.observation import Batch, Observation
from tidegate.model.topology import Arm
from tidegate.model.traffic import Split
from tidegate.model.verdict import Verdict

VERSION = 1
SKEW = 2.0  # seconds by which the edge's clock may run ahead of the reader's
SLOW_BUDGET = 0.01  # what "p99" leaves
LN10 = math.log(10)


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


class Judge:
    """Of one operation. Not thread-safe. A crossing is latched: once E reaches 1/α_signal the verdict is ``fail``."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        self._signals: dict[str, ErrorComparison | LatencyComparison | Objective] = {
            "errors": ErrorComparison(settings),
            "availability": Objective(settings, settings.error_budget),
            "latency_p99": Objective(settings, SLOW_BUDGET),
        }
        if settings.margin_latency is not None:
            self._signals["latency"] = LatencyComparison(settings, settings.margin_latency)
        self._crossings = {name: Crossing(alpha) for name, alpha in settings.alphas().items()}
        self._tally = Tally(settings)
        self._progress: float | None = None  # newest end of a request, epoch seconds; never goes back
        self._routed = (-1, 0.0)  # epoch and start of the newest request
        self._split: Split | None = None  # its routing
        self._full: dict[str, dict[str, Any]] = {}  # region, or "*" for all of them -> {"since", "requests"}
        self._counts = {"malformed": 0, "unrouted": 0, "future": 0, "sessionless": 0}
        self._sample = ""

    def observe_all(self, batch: Batch) -> None:
        """Fold a batch; what lies further ahead than the reader's clock is counted as ``future``, not folded."""
        self._counts["malformed"] += batch.malformed
        self._sample = batch.sample or self._sample
        for observation in batch.observations:
            self.observe(observation, read_at=batch.read_at)

    def observe(self, observation: Observation, read_at: float | None = None) -> None:
        """Fold one observation; raises nothing for what it holds. ``read_at``: the reader's clock, if known."""
        if observation.arm is None:
            self._counts["unrouted"] += 1
            return
        try:
            seen = see(observation, observation.arm, self.settings)
        except Malformed as problem:
            self._counts["malformed"] += 1
            self._sample = str(problem)[:200]
            return
        if read_at is not None and seen.ended > read_at + SKEW:
            self._counts["future"] += 1
            return
        self._fold(seen, observation)

    def _fold(self, seen: Seen, observation: Observation) -> None:
        self._progress = at = max(seen.ended, self._progress or seen.ended)
        self._counts["sessionless"] += seen.session is None
        self._tally.expose(seen, at)
        self._note_split(observation)
        if seen.endpoint not in self.settings.endpoints or self._warming(seen):
            return
        if seen.comparable and self._tally.stable_speaks(seen.region, at):
            self._tally.compare(seen, at)
            self._compare(seen, at)
        elif seen.candidate and not seen.comparable:
            self._count_full(seen)
            self._objectives(seen, at)

    def _compare(self, seen: Seen, at: float) -> None:
        for name in ("errors", "latency"):
            signal = self._signals.get(name)
            if isinstance(signal, ErrorComparison | LatencyComparison):
                signal.observe(seen, at)
                self._look(name, seen, at)

    def _objectives(self, seen: Seen, at: float) -> None:
        slow = seen.failed or seen.milliseconds > self.settings.latency_p99 * 1000
        for name, missed in (("availability", seen.failed), ("latency_p99", slow)):
            signal = self._signals[name]
            if isinstance(signal, Objective):
                signal.observe(seen, missed, at)
                self._look(name, seen, at)

    def _look(self, name: str, seen: Seen, at: float) -> None:
        crossing, log_e = self._crossings[name], self._signals[name].log_e()
        crossing.peak = max(crossing.peak, log_e)
        if crossing.at is None and log_e >= crossing.threshold:
            crossing.at = at
            figures = ", ".join(f"{k} {v}" for k, v in self._signals[name].figures().items())
            crossing.why = (
                f"{name}: E = 10^{log_e / LN10:.2f} reached 1/α = 10^{crossing.threshold / LN10:.2f}"
                f" with a request of {seen.region}, {seen.endpoint} ({figures})"
            )

    def _warming(self, seen: Seen) -> bool:
        first = self._tally.first_candidate_at.get(seen.region)
        return first is None or seen.started < first + self.settings.warm_up

    def _note_split(self, observation: Observation) -> None:
        """Keep the newest routing and since when a region is wholly the candidate's; late lines change nothing."""
        order = (observation.epoch, observation.at)
        if order <= self._routed:
            return
        self._routed = order
        if observation.split == self._split:
            return
        self._split = split = observation.split
        parts = [(r, split.within_region(Arm(r, self.settings.stable_slot.other))) for r in self.settings.regions]
        full = {r for r, part in parts if part == 1} | ({"*"} if all(part == 1 for _, part in parts) else set())
        self._full = {key: self._full.get(key, {"since": float(observation.at), "requests": 0}) for key in full}

    def _count_full(self, seen: Seen) -> None:
        for key in (seen.region, "*"):
            if key in self._full and seen.started >= self._full[key]["since"]:
                self._full[key]["requests"] += 1

    def tick(self, now: float) -> None:
        """Let go of what no document from ``now`` on can show. Changes no verdict."""
        self._tally.prune(now)

    @property
    def failed(self) -> bool:
        """Whether any signal has crossed."""
        return any(c.at is not None for c in self._crossings.values())

    def document(self, now: float) -> dict[str, Any]:
        """The evidence document: JSON, read by :mod:`tidegate.judge.document`."""
        verdict, why = self._verdict(now)
        crossed = sorted((c.at, name) for name, c in self._crossings.items() if c.at is not None)
        return {
            "version": VERSION,
            "settings": digest(self.settings.to_json()),
            "unit": self.settings.unit,
            "endpoints": list(self.settings.endpoints),
            "written_at": now,
            "observed_at": self._progress,
            "verdict": verdict.value,
            "why": why,
            "crossed": [{"signal": name, "at": at, "why": self._crossings[name].why} for at, name in crossed],
            "signals": {name: self._signal(name) for name in self._crossings},
            "routing": {"epoch": max(self._routed[0], 0), "split": str(self._split or "")},
            "regions": {r: self._region(r, now) for r in self.settings.regions},
            "all_full": self._full.get("*"),
            "compared": self._tally.compared(),
            **self._counts,
            "sample": self._sample,
        }

    def _verdict(self, now: float) -> tuple[Verdict, str]:
        first = min((c for c in self._crossings.values() if c.at is not None), key=lambda c: c.at or 0, default=None)
        if first is not None:
            return Verdict.FAIL, first.why
        if self._progress is None:
            return Verdict.NO_DATA, "no request has been seen"
        age = now - self._progress
        if not -SKEW <= age <= self.settings.stale_after:
            return (
                Verdict.NO_DATA,
                f"the newest request is {age:.1f} s old, {self.settings.stale_after:g} s are allowed",
            )
        return Verdict.INCONCLUSIVE, "no signal has crossed its threshold"

    def _signal(self, name: str) -> dict[str, Any]:
        signal, crossing = self._signals[name], self._crossings[name]
        return {
            "log10_e": round(signal.log_e() / LN10, 4),
            "peak_log10_e": round(crossing.peak / LN10, 4),
            "threshold_log10": round(crossing.threshold / LN10, 4),
            "alpha": crossing.alpha,
            "crossed_at": crossing.at,
            "figures": signal.figures(),
        }

    def _region(self, region: str, now: float) -> dict[str, Any]:
        weight = weight_of(self._split, region, self.settings.stable_slot.other) if self._split else None
        return {
            "weight": weight,
            "full": self._full.get(region),
            **{role: self._tally.arm(region, role, now) for role in ROLES},
        }

    def dump(self) -> str:
        """Checkpoint, JSON. ``load(dump())`` goes on exactly where this one stands."""
        state = {
            "version": VERSION,
            "settings": self.settings.to_json(),
            "signals": {name: signal.dump() for name, signal in self._signals.items()},
            "crossings": {name: asdict(crossing) for name, crossing in self._crossings.items()},
            "tally": self._tally.dump(),
            "progress": self._progress,
            "routing": [*self._routed, str(self._split or "")],
            "full": self._full,
            "counts": self._counts,
            "sample": self._sample,
        }
        return json.dumps(state, separators=(",", ":"), allow_nan=False)

    @classmethod
    def load(cls, text: str) -> Judge:
        """Inverse of :meth:`dump`. Raises ValueError for a checkpoint of another version or shape."""
        state: Mapping[str, Any] = json.loads(text)
        if state.get("version") != VERSION:
            raise ValueError(f"judge checkpoint: version {state.get('version')!r}, expected {VERSION}")
        judge = cls(JudgeSettings.from_json(state["settings"]))
        for name, signal in judge._signals.items():
            signal.load(state["signals"][name])
        judge._crossings = {name: Crossing(**crossing) for name, crossing in state["crossings"].items()}
        judge._tally.load(state["tally"])
        judge._progress = state["progress"]
        epoch, started, split = state["routing"]
        judge._routed, judge._split = (int(epoch), float(started)), Split.parse(split) if split else None
        judge._full, judge._counts = dict(state["full"]), dict(state["counts"])
        judge._sample = state["sample"]
        return judge
