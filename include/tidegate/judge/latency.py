"""Latency of the candidate against the stable arm's, while both take traffic.

Each answered request is ranked among the last 512 of both arms, two minutes old at most, in the same region and
endpoint class, the candidate's latency divided by the margin first. Then bets are settled on *whose* it is
(:mod:`tidegate.judge.ranks`): a factor q/w for the candidate's, (1-q)/(1-w) for the stable arm's.

The unit is the session, in each class: sessions stick to an arm, and users differ (far away, huge carts), so the ranks
of a session agree with each other, and counting each as a coin of its own breaks the stated false-alarm rate
(``python -m benchmarks.race`` shows by how much). So a session's coin is bet on once by each bet: by rank, on its first
ranked request in the class; by level p, on the first of its requests that is among the slowest part p, if that is one
of its first (1-w)/p. A request without a session is a unit of its own. Bets and classes are averaged, never multiplied.

Null hypothesis: the candidate's latency divided by the margin is stochastically no greater than the stable arm's at the
same moment. By rank: q grows with the rank, so the mean factor, w E_c[q/w] + (1-w) E_s[(1-q)/(1-w)] = 1 + E_c[q] -
E_s[q], is at most 1. By level: the first slow request is the candidate's with probability at most w. (A faster
candidate's sessions stay at risk for longer and could catch up late; not within the first (1-w)/p requests, p/(1-w)
being the most that the stable arm's slow part s can be: x((1-xs)/(1-s))^n <= 1 for x <= 1 and n <= 1/s.) Whatever the
common latency does, both hold: what is random is the router's coin.

Ties (latencies in whole milliseconds) are broken by a number drawn from the observation's own content, so a replay
breaks them in the same way. Failed requests are not ranked: failing fast is no merit, and errors have their own signal.
Betting waits for 30 latencies in the window. Sessions are forgotten after ten minutes without a request, or when there
are more than 20,000; they would then count as new ones.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Mapping
from itertools import chain
from typing import Any

from tidegate.judge import ranks
from tidegate.judge.capital import Capital
from tidegate.judge.seen import Seen
from tidegate.judge.settings import JudgeSettings

WINDOW = 512
WINDOW_SECONDS = 120.0
ENOUGH = 30
IDLE = 600.0  # seconds after which a session is forgotten
REMEMBER = 20_000  # sessions, by class
_NOTHING = (0.0,) * ranks.BY_RANK
_NO_ODDS = (0.0,) * len(ranks.ODDS)


class Window:
    """The last latencies of one region and class, both arms, in order of time and of size."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float, bool]] = deque()  # (progress in whole seconds, scaled ms, candidate)
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def forget(self, before: float) -> None:
        while self._recent and self._recent[0][0] < before:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, value, _ = self._recent.popleft()
        del self._sorted[bisect_left(self._sorted, value)]

    def add(self, at: float, value: float, candidate: bool) -> None:
        self._recent.append((int(at), value, candidate))
        insort(self._sorted, value)
        if len(self._recent) > WINDOW:
            self._drop_oldest()

    def rank(self, value: float, draw: float) -> float:
        """Rank in (0, 1); ``draw`` in [0, 1) decides among equals."""
        below = bisect_left(self._sorted, value)
        equal = bisect_right(self._sorted, value) - below
        return (below + draw * (equal + 1)) / (len(self._sorted) + 1)

    def quantile(self, part: float, candidate: bool) -> float | None:
        """Of one arm's scaled latencies in the window, None if there are none."""
        values = sorted(v for _, v, c in self._recent if c is candidate)
        return values[min(len(values) - 1, int(part * len(values)))] if values else None

    def dump(self) -> list[tuple[int, float, int]]:
        return [(at, value, int(candidate)) for at, value, candidate in self._recent]

    @classmethod
    def load(cls, value: list[tuple[int, float, int]]) -> Window:
        window = cls()
        for at, latency, candidate in value:
            window.add(at, latency, bool(candidate))
        return window


class AtRisk:
    """What each session has done in a class: last request, ranked requests, levels that it has already been slow at."""

    def __init__(self, entries: list[tuple[str, int, int, int]] | None = None) -> None:
        self._sessions = {name: (at, count, slow) for name, at, count, slow in entries or []}

    def levels(self, session: str | None, at: int, rank: float, weight: float) -> tuple[bool, list[int]]:
        """Note a ranked request: whether it is the session's first, and at which levels it is its first slow one."""
        _, count, slow = self._sessions.pop(session or "", (at, 0, 0))
        hit = [
            level
            for level, part in enumerate(ranks.LEVELS)
            if rank > 1 - part and not slow >> level & 1 and (session is None or count < (1 - weight) / part)
        ]
        if session is not None:
            self._sessions[session] = (at, count + 1, slow | sum(1 << level for level in hit))
            self._forget(at)
        return count == 0, hit

    def _forget(self, at: int) -> None:
        """Those idle longest stand first."""
        while self._sessions:
            name = next(iter(self._sessions))
            if self._sessions[name][0] >= at - IDLE and len(self._sessions) <= REMEMBER:
                return
            del self._sessions[name]

    def dump(self) -> list[tuple[str, int, int, int]]:
        return [(name, *entry) for name, entry in self._sessions.items()]


class LatencyComparison:
    """The e-process of the latencies. Feed it every comparable request, in the order read."""

    def __init__(self, settings: JudgeSettings, margin: float) -> None:
        self._margin = margin
        self._capital = Capital(settings.endpoints, ranks.PRIOR, settings.starts.schedule(), together=False)
        self._windows: dict[str, Window] = {}  # by "region endpoint"
        self._at_risk = {endpoint: AtRisk() for endpoint in settings.endpoints}
        self.judged = {"candidate": 0, "stable": 0}

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress in epoch seconds, never going back."""
        self._capital.advance(at)
        if seen.failed:
            return
        window = self._windows.setdefault(f"{seen.region} {seen.endpoint}", Window())
        window.forget(before=at - WINDOW_SECONDS)
        value = round(seen.milliseconds / (self._margin if seen.candidate else 1.0), 3)
        if len(window) >= ENOUGH:
            self._bet(seen, at, window.rank(value, _draw(seen)))
        window.add(at, value, seen.candidate)

    def _bet(self, seen: Seen, at: float, rank: float) -> None:
        first, slow = self._at_risk[seen.endpoint].levels(seen.session, int(at), rank, seen.weight)
        if not (first or slow):
            return
        arm = 0 if seen.candidate else 1
        by_rank = ranks.rank_factors(seen.weight)[arm][ranks.bin_of(rank)] if first else _NOTHING
        by_odds = ranks.level_factors(seen.weight)[arm]
        by_level = (by_odds if level in slow else _NO_ODDS for level in range(len(ranks.LEVELS)))
        self._capital.multiply(seen.endpoint, [*by_rank, *chain.from_iterable(by_level)])
        self.judged[seen.role] += 1

    def log_e(self) -> float:
        """Natural log of E."""
        return self._capital.log_e()

    def figures(self) -> dict[str, float]:
        """Requests that were bet on, by arm, and the 95th percentile of each arm's window, in milliseconds."""
        out: dict[str, float] = {"candidate_judged": self.judged["candidate"], "stable_judged": self.judged["stable"]}
        for key, window in self._windows.items():
            for candidate, role, scale in ((True, "candidate", self._margin), (False, "stable", 1.0)):
                value = window.quantile(0.95, candidate)
                if value is not None:
                    out[f"p95_ms {key} {role}"] = round(value * scale, 1)
        return out

    def dump(self) -> dict[str, Any]:
        windows = {key: window.dump() for key, window in self._windows.items()}
        at_risk = {endpoint: risk.dump() for endpoint, risk in self._at_risk.items()}
        return {"capital": self._capital.dump(), "windows": windows, "at_risk": at_risk, "judged": dict(self.judged)}

    def load(self, value: Mapping[str, Any]) -> None:
        self._capital.load(value["capital"])
        self._windows = {key: Window.load(entries) for key, entries in value["windows"].items()}
        self._at_risk = {endpoint: AtRisk(entries) for endpoint, entries in value["at_risk"].items()}
        self.judged = dict(value["judged"])


def _draw(seen: Seen) -> float:
    """A number in [0, 1) from the observation's content without its arm, the same at every replay."""
    text = f"{seen.started!r} {seen.session} {seen.endpoint} {seen.milliseconds!r}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48
