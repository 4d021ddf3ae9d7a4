"""Latency of the candidate against the stable arm's, while both take traffic.

Each answered request is ranked among the last 512 of both arms, two minutes old at most, in the same region and
endpoint class, the candidate's latency divided by the margin first. Then the bets of :mod:`tidegate.judge.ranks` are
settled on *whose* it is: a factor q/w for the candidate's, (1-q)/(1-w) for the stable arm's.

Null hypothesis: the candidate's latency divided by the margin is stochastically no greater than the stable arm's at the
same moment. Since q grows with the rank, the mean factor w E_c[q/w] + (1-w) E_s[(1-q)/(1-w)] = 1 + E_c[q] - E_s[q] is
at most 1, given everything before: whatever the common latency does, since what is random is the router's coin.

Assumed of sessions: a session keeps its arm, so its requests share one coin. As q has mean w over uniform ranks, this
does no harm while a session's ranks are as good as independent (which holds where latency comes from the work and the
machines). Where some users are always slow (far away, huge carts), request ranks of one session agree, and the stated
rate is exceeded; ``python -m benchmarks.race`` prints by how much.

Ties (latencies in whole milliseconds) are broken by a number drawn from the observation's own content, so a replay
breaks them in the same way. Failed requests are not ranked: failing fast is no merit, and errors have their own signal.
Betting waits for 30 latencies in the window.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Mapping
from typing import Any

from tidegate.judge import ranks
from tidegate.judge.capital import Capital
from tidegate.judge.seen import Seen
from tidegate.judge.settings import JudgeSettings

WINDOW = 512
WINDOW_SECONDS = 120.0
ENOUGH = 30


class Window:
    """The last latencies of one region and class, both arms, in order of time and of size."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float, bool]] = deque()  # (progress, scaled ms, candidate)
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def forget(self, before: float) -> None:
        while self._recent and (self._recent[0][0] < before or len(self._recent) >= WINDOW):
            _, value, _ = self._recent.popleft()
            del self._sorted[bisect_left(self._sorted, value)]

    def add(self, at: float, value: float, candidate: bool) -> None:
        self._recent.append((at, value, candidate))
        insort(self._sorted, value)

    def rank(self, value: float, draw: float) -> float:
        """Rank in (0, 1); ``draw`` in [0, 1) decides among equals."""
        below = bisect_left(self._sorted, value)
        equal = bisect_right(self._sorted, value) - below
        return (below + draw * (equal + 1)) / (len(self._sorted) + 1)

    def quantile(self, part: float, candidate: bool) -> float | None:
        """Of one arm's scaled latencies in the window, None if there are none."""
        values = sorted(v for _, v, c in self._recent if c is candidate)
        return values[min(len(values) - 1, int(part * len(values)))] if values else None

    def dump(self) -> list[tuple[float, float, bool]]:
        return list(self._recent)

    @classmethod
    def load(cls, value: list[tuple[float, float, bool]]) -> Window:
        window = cls()
        for at, latency, candidate in value:
            window.add(at, latency, candidate)
        return window


class LatencyComparison:
    """The e-process of the latencies. Feed it every comparable request, in the order read."""

    def __init__(self, settings: JudgeSettings, margin: float) -> None:
        self._margin = margin
        self._capital = Capital(settings.endpoints, ranks.PRIOR, settings.starts.schedule())
        self._windows: dict[str, Window] = {}  # by "region endpoint"
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
            arms = ranks.log_factors(seen.weight)
            factors = arms[0 if seen.candidate else 1][ranks.bin_of(window.rank(value, _draw(seen)))]
            self._capital.multiply(seen.endpoint, factors)
            self.judged[seen.role] += 1
        window.add(round(at, 3), value, seen.candidate)

    def log_e(self) -> float:
        """Natural log of E."""
        return self._capital.log_e()

    def figures(self) -> dict[str, float]:
        """Requests that were ranked, by arm, and the 95th percentile of each arm's window, in milliseconds."""
        out: dict[str, float] = {"candidate_ranked": self.judged["candidate"], "stable_ranked": self.judged["stable"]}
        for key, window in self._windows.items():
            for candidate, role, scale in ((True, "candidate", self._margin), (False, "stable", 1.0)):
                value = window.quantile(0.95, candidate)
                if value is not None:
                    out[f"p95_ms {key} {role}"] = round(value * scale, 1)
        return out

    def dump(self) -> dict[str, Any]:
        windows = {key: window.dump() for key, window in self._windows.items()}
        return {"capital": self._capital.dump(), "windows": windows, "judged": dict(self.judged)}

    def load(self, value: Mapping[str, Any]) -> None:
        self._capital.load(value["capital"])
        self._windows = {key: Window.load(entries) for key, entries in value["windows"].items()}
        self.judged = dict(value["judged"])


def _draw(seen: Seen) -> float:
    """A number in [0, 1) from the observation's content without its arm, the same at every replay."""
    text = f"{seen.started!r} {seen.session} {seen.endpoint} {seen.milliseconds!r}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48
