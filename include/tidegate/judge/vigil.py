"""A certified release at full traffic, after its promotion: nothing is left to compare it with.

It is held against two things, by tests that are valid at every look. *What users were promised*: availability and p99,
as :mod:`tidegate.judge.objective` does in the bake. *The past*: what the baseline before it showed in its last hour.
From that history an upper bound U of each class's error part is taken (:func:`tidegate.judge.past.upper_bounds`, at
confidence 1 - δ); the null hypothesis is that each request of the class fails with probability at most
:data:`MARGIN` times U; the capital is the mean of one likelihood-ratio capital per class (Wald 1945; Ville 1939).

False alarms: the watch spends an α of its own, as large as the promotion's: a quarter each for availability and p99,
half for the past, of which half is δ (the bound may be wrong) and half the test. So a release under which nothing got
worse than that is taken back with probability at most α, *if the world stands still*. It does not have to: there is no
control arm, and errors that come from elsewhere count against the release. That cannot be had otherwise, and the words
say so; ``make race`` shows how much drift it takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tidegate.judge.blame import TOLD, failing
from tidegate.judge.capital import log_sum
from tidegate.judge.objective import Objective, burn
from tidegate.judge.past import Counts, upper_bounds
from tidegate.judge.seen import Malformed, Seen, see
from tidegate.judge.service import SLOW_BUDGET
from tidegate.judge.sessions import Recent
from tidegate.judge.settings import JudgeSettings
from tidegate.judge.signals import Crossing, Signal, evidence_of
from tidegate.model.observation import Batch, Observation

VERSION = 1
SKEW = 2.0  # seconds by which the edge's clock may run ahead of the reader's
PARTS = {"availability": 0.25, "latency_p99": 0.25, "history": 0.25}  # of α; the last quarter is δ
DELTA = 0.25  # part of α that the bounds of the past may be wrong with
MARGIN = 2.0  # times the past's upper bound that a class may fail with
MOST = 0.5  # a class whose bound allows more is left to the objectives


class AgainstPast:
    """Errors by class against the past. Without any usable class E stays 1: nothing is said."""

    def __init__(self, settings: JudgeSettings, bounds: Mapping[str, float]) -> None:
        self.budgets = {name: MARGIN * upper for name, upper in bounds.items() if MARGIN * upper < MOST}
        plain = replace(settings, service=None, business=None)
        self._classes = {n: Objective(replace(plain, endpoints=(n,)), budget) for n, budget in self.budgets.items()}

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress, never going back."""
        if seen.endpoint in self._classes:
            self._classes[seen.endpoint].observe(seen, seen.failed, at)

    def log_e(self) -> float:
        """Natural log of E."""
        logs = [one.log_e() for one in self._classes.values()]
        return log_sum(logs) - math.log(len(logs)) if logs else 0.0

    def figures(self) -> dict[str, float]:
        """By class: failures, and the part that is still allowed."""
        out: dict[str, float] = {}
        for name, one in self._classes.items():
            out[f"{name}_requests"], out[f"{name}_failures"] = one.requests, one.failures
            out[f"{name}_allowed"] = round(self.budgets[name], 6)
        return out

    def dump(self) -> dict[str, Any]:
        return {name: one.dump() for name, one in self._classes.items()}

    def load(self, value: Mapping[str, Any]) -> None:
        for name, one in self._classes.items():
            one.load(value[name])


class Vigil:
    """The fold over one certified release's requests. ``settings``: those of its promotion. ``before``: the past of the
    baseline that it replaced. ``since``: epoch seconds; requests that started earlier are not judged."""

    def __init__(self, settings: JudgeSettings, before: Counts, since: float) -> None:
        self.settings, self._before, self._since = settings, dict(before), since
        self._past = AgainstPast(settings, upper_bounds(before, settings.alpha * DELTA))
        self._availability = Objective(settings, settings.error_budget)
        self._slow = Objective(settings, SLOW_BUDGET)
        self._signals: dict[str, Signal] = {
            "availability": self._availability,
            "latency_p99": self._slow,
            "history": self._past,
        }
        self._crossings = {name: Crossing(settings.alpha * part) for name, part in PARTS.items()}
        self._recent = Recent()
        self._by_class: dict[str, Recent] = {}
        self._progress: float | None = None
        self.requests = self.errors = 0

    def observe_all(self, batch: Batch) -> None:
        """Fold a batch; what cannot be read, or lies ahead of the reader's clock, is passed over."""
        for observation in batch.observations:
            self._observe(observation, batch.read_at)

    def _observe(self, observation: Observation, read_at: float) -> None:
        if observation.arm is None or observation.at < self._since:
            return
        try:
            seen = see(observation, observation.arm, self.settings)
        except Malformed:
            return
        if seen.candidate and seen.weight == 1 and seen.ended <= read_at + SKEW:
            self._fold(seen)

    def _fold(self, seen: Seen) -> None:
        self._progress = at = max(seen.ended, self._progress or seen.ended)
        self.requests += 1
        self.errors += seen.failed
        self._recent.add(seen.ended, seen.failed)
        if seen.endpoint not in self.settings.endpoints:
            return
        self._by_class.setdefault(seen.endpoint, Recent()).add(seen.ended, seen.failed)
        slow = seen.failed or seen.milliseconds > self.settings.latency_p99 * 1000
        self._availability.observe(seen, seen.failed, at)
        self._slow.observe(seen, slow, at)
        self._past.observe(seen, at)
        if slow:  # what keeps every promise never brings an E up
            for name, crossing in self._crossings.items():
                crossing.look(name, self._signals[name], seen, at)

    @property
    def crossed(self) -> Crossing | None:
        """The first signal that has crossed; latched."""
        found = [c for c in self._crossings.values() if c.at is not None]
        return min(found, key=lambda c: c.at or 0.0, default=None)

    @property
    def failing(self) -> tuple[str, ...]:
        """The classes that have failed of late, once a signal has crossed; empty where they are not told."""
        crossed = [(crossing.at, name) for name, crossing in self._crossings.items() if crossing.at is not None]
        if not crossed or min(crossed)[1] not in TOLD:
            return ()
        now, seconds = self._progress or 0.0, self.settings.burn_window
        counts = {name: recent.over(now, seconds) for name, recent in self._by_class.items()}
        budget = self.settings.error_budget
        return failing(counts, {name: self._past.budgets.get(name, budget) for name in counts})

    def burn(self) -> float:
        """How fast the error budget has burnt of late, as a lower bound: 1.0 is as fast as promised."""
        requests, errors = self._recent.over(self._progress or 0.0, self.settings.burn_window)
        return burn(requests, errors, self.settings.error_budget).at_least or 0.0

    def document(self, now: float) -> dict[str, Any]:
        """For pages: what was judged and how it stands."""
        crossed = self.crossed
        return {
            "version": VERSION,
            "written_at": now,
            "observed_at": self._progress,
            "since": self._since,
            "verdict": "fail" if crossed else "no_data" if self._progress is None else "inconclusive",
            "why": crossed.why if crossed else "no signal has crossed its threshold",
            "requests": self.requests,
            "errors": self.errors,
            "past": {name: list(counts) for name, counts in self._before.items()},
            "signals": {
                n: evidence_of(self._signals[n], crossing, asks=False) for n, crossing in self._crossings.items()
            },
        }

    def dump(self) -> str:
        """Checkpoint, JSON. ``load(dump())`` goes on exactly where this one stands."""
        state = {
            "version": VERSION,
            "settings": self.settings.to_json(),
            "before": {name: list(counts) for name, counts in self._before.items()},
            "since": self._since,
            "signals": {name: signal.dump() for name, signal in self._signals.items()},
            "crossings": {name: asdict(crossing) for name, crossing in self._crossings.items()},
            "recent": self._recent.dump(),
            "by_class": {name: recent.dump() for name, recent in self._by_class.items()},
            "progress": self._progress,
            "counts": [self.requests, self.errors],
        }
        return json.dumps(state, separators=(",", ":"), allow_nan=False)

    @classmethod
    def load(cls, text: str) -> Vigil:
        """Inverse of :meth:`dump`. Raises ValueError for a checkpoint of another version or shape."""
        state: Mapping[str, Any] = json.loads(text)
        if state.get("version") != VERSION:
            raise ValueError(f"checkpoint of the watch: version {state.get('version')!r}, expected {VERSION}")
        before = {name: (int(n), int(failed)) for name, (n, failed) in state["before"].items()}
        vigil = cls(JudgeSettings.from_json(state["settings"]), before, float(state["since"]))
        for name, signal in vigil._signals.items():
            signal.load(state["signals"][name])
        vigil._crossings = {name: Crossing(**crossing) for name, crossing in state["crossings"].items()}
        vigil._recent = Recent.load(state["recent"])
        vigil._by_class = {name: Recent.load(value) for name, value in state.get("by_class", {}).items()}
        vigil._progress = state["progress"]
        vigil.requests, vigil.errors = state["counts"]
        return vigil
