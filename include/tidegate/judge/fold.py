"""The judge as a fold: observation by observation, resumable, the same in every replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tidegate.judge.seen import Malformed, Seen, see, weight_of
from tidegate.judge.settings import JudgeSettings
from tidegate.judge.signals import (
    Crossing,
    Signal,
    compared_signals,
    evidence_of,
    promised_signals,
    service_signal,
)
from tidegate.judge.tally import ROLES, Tally
from tidegate.model.canonical import digest
from tidegate.model.observation import Batch, Observation
from tidegate.model.topology import Arm
from tidegate.model.traffic import Split
from tidegate.model.verdict import Verdict

VERSION = 2
SKEW = 2.0  # seconds by which the edge's clock may run ahead of the reader's


class Judge:
    """Of one operation. Not thread-safe. A crossing is latched: once E reaches 1/α_signal the verdict is ``fail``; of a
    signal whose ``then`` is ``hold``, it is a question to people instead (``asks``), and no verdict."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        self._compared, self._promised = compared_signals(settings), promised_signals(settings)
        self._service = service_signal(settings)
        together: dict[str, Signal] = {"service": self._service} if self._service else {}
        self._signals: dict[str, Signal] = {**self._compared, **self._promised, **together}
        self._asking = {"service"} if settings.service and settings.service.then == "hold" else set()
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
        if seen.endpoint not in self.settings.endpoints:
            return
        if seen.weight < 1 and self._in_flight(seen):
            self._judge_service(seen, at)
        if self._warming(seen):
            return
        if seen.comparable and self._tally.stable_speaks(seen.region, at):
            self._tally.compare(seen, at)
            for name, signal in self._compared.items():
                signal.observe(seen, at)
                self._crossings[name].look(name, signal, seen, at)
        elif seen.candidate and not seen.comparable:
            self._count_full(seen)
            self._objectives(seen, at)

    def _objectives(self, seen: Seen, at: float) -> None:
        slow = seen.failed or self._slow(seen)
        for (name, signal), missed in zip(self._promised.items(), (seen.failed, slow), strict=True):
            signal.observe(seen, missed, at)
            self._crossings[name].look(name, signal, seen, at)

    def _judge_service(self, seen: Seen, at: float) -> None:
        if self._service is None:
            return
        self._service.observe(seen, at)
        if seen.failed or self._slow(seen):  # what keeps the objective never brings E up
            self._crossings["service"].look("service", self._service, seen, at)

    def _slow(self, seen: Seen) -> bool:
        return seen.milliseconds > self.settings.latency_p99 * 1000

    def _in_flight(self, seen: Seen) -> bool:
        """Whether the candidate has had a request in any region, and the warm-up after it is over."""
        began = min(self._tally.first_candidate_at.values(), default=None)
        return began is not None and seen.started >= began + self.settings.warm_up

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
        return bool(self._crossed(asking=False))

    def _crossed(self, *, asking: bool) -> list[tuple[float, str]]:
        """Signals that have crossed, the first first. ``asking``: those that ask people, else those that decide."""
        found = [(c.at, name) for name, c in self._crossings.items() if c.at is not None]
        return sorted((at, name) for at, name in found if (name in self._asking) is asking)

    def document(self, now: float) -> dict[str, Any]:
        """The evidence document: JSON, read by :mod:`tidegate.judge.document`."""
        verdict, why = self._verdict(now)
        return {
            "version": VERSION,
            "settings": digest(self.settings.to_json()),
            "unit": self.settings.unit,
            "endpoints": list(self.settings.endpoints),
            "written_at": now,
            "observed_at": self._progress,
            "verdict": verdict.value,
            "why": why,
            "crossed": self._told(self._crossed(asking=False)),
            "asks": self._told(self._crossed(asking=True)),
            "signals": {
                name: evidence_of(self._signals[name], crossing, asks=name in self._asking)
                for name, crossing in self._crossings.items()
            },
            "routing": {"epoch": max(self._routed[0], 0), "split": str(self._split or "")},
            "regions": {r: self._region(r, now) for r in self.settings.regions},
            "all_full": self._full.get("*"),
            "compared": self._tally.compared(),
            **self._counts,
            "sample": self._sample,
        }

    def _told(self, crossed: list[tuple[float, str]]) -> list[dict[str, Any]]:
        return [{"signal": name, "at": at, "why": self._crossings[name].why} for at, name in crossed]

    def _verdict(self, now: float) -> tuple[Verdict, str]:
        crossed = self._crossed(asking=False)
        if crossed:
            return Verdict.FAIL, self._crossings[crossed[0][1]].why
        if self._progress is None:
            return Verdict.NO_DATA, "no request has been seen"
        age = now - self._progress
        if not -SKEW <= age <= self.settings.stale_after:
            return (
                Verdict.NO_DATA,
                f"the newest request is {age:.1f} s old, {self.settings.stale_after:g} s are allowed",
            )
        return Verdict.INCONCLUSIVE, "no signal has crossed its threshold"

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
