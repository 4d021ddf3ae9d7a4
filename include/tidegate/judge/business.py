"""What a session brings, the candidate's against the stable arm's: orders per session, say.

A release that answers 200 and sells nothing has no errors and no slow answers. So each session is counted: successes
(2xx, 3xx) of one endpoint class in the first ``within`` seconds after its first compared request. It is settled when
that time is over by the log's own clock, whether the session came back or not; what it brought never decides whether it
counts. Then it is ranked among the last 512 settled of its region, both arms, and bets are placed on *whose* it is by
how little it brought (:mod:`tidegate.judge.ranks`, bets by rank): q/w if it is the candidate's, else (1-q)/(1-w).

Margin m: each success of a stable session is kept with probability m before it is counted (binomial thinning, after
Steutel and van Harn 1979), so "m times as much" is a statement about whole distributions, not about means.

Null hypothesis: a candidate session brings stochastically no less than a thinned stable one of the same moment. q grows
with the rank from the most to the least, so the mean factor 1 + E_c[q] - E_s[q] is at most 1, whatever the shop sells
today: campaigns and night hours hit both arms. By Ville's inequality false alarms are at most the signal's part of α at
any look. Assumed: the router's coin knows nothing of what a session will buy, and sessions buy independently of where
others went. Each session is bet on once. A change of weight begins every open count of the region anew, on both arms
alike, so that the coin of a count is the weight at which it began. Ties (most sessions bring 0, 1 or 2) are broken by
numbers drawn from the session's key: a replay draws them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.judge import ranks
from tidegate.judge.capital import Capital
from tidegate.judge.latency import ENOUGH, Window
from tidegate.judge.seen import Seen
from tidegate.judge.sessions import REMEMBER, Spent
from tidegate.judge.settings import BusinessRate, JudgeSettings

PRIOR = (1 / ranks.BY_RANK,) * ranks.BY_RANK
_ALL = "sessions"  # the one class of this signal's capital


@dataclass
class Count:
    """A session that is being counted: at which weight and on which arm since when, and what it brought."""

    region: str
    candidate: bool
    weight: float
    since: float
    successes: int = 0


class BusinessComparison:
    """The e-process of what sessions bring. Feed it every comparable request, in the order read."""

    def __init__(self, settings: JudgeSettings, business: BusinessRate) -> None:
        self._business = business
        self._capital = Capital((_ALL,), PRIOR, settings.starts.schedule())
        self._open: dict[str, Count] = {}  # by session, in order of ``since``
        self._settled = Spent()
        self._windows: dict[str, Window] = {}
        self._weights: dict[str, tuple[float, float]] = {}  # region -> weight, start of the request that showed it
        self._totals = {"candidate": [0, 0], "stable": [0, 0]}  # sessions, successes

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress in epoch seconds, never going back."""
        self._capital.advance(at)
        self._settle(at)
        if seen.session is None or seen.session in self._settled or self._late(seen):
            return
        count = self._open.get(seen.session)
        if count is None or (count.region, count.candidate, count.weight) != (seen.region, seen.candidate, seen.weight):
            self._open.pop(seen.session, None)
            count = self._open[seen.session] = Count(seen.region, seen.candidate, seen.weight, at)
            if len(self._open) > REMEMBER:
                del self._open[next(iter(self._open))]
        count.successes += seen.succeeded and seen.endpoint == self._business.endpoint

    def _late(self, seen: Seen) -> bool:
        """Note the region's weight; whether the request was routed before the weight that is in force."""
        weight, since = self._weights.get(seen.region, (seen.weight, seen.started))
        if seen.weight != weight and seen.started <= since:
            return True
        if seen.weight != weight or seen.region not in self._weights:
            self._weights[seen.region] = (seen.weight, seen.started)
        return False

    def _settle(self, at: float) -> None:
        while self._open:
            session, count = next(iter(self._open.items()))
            if count.since > at - self._business.within:
                return
            del self._open[session]
            if count.weight == self._weights[count.region][0]:
                self._settled.first(session, at)
                self._bet(session, count, at)

    def _bet(self, session: str, count: Count, at: float) -> None:
        role = "candidate" if count.candidate else "stable"
        self._totals[role][0] += 1
        self._totals[role][1] += count.successes
        brought = count.successes if count.candidate else self._thinned(session, count.successes)
        window = self._windows.setdefault(count.region, Window())
        if len(window) >= ENOUGH:
            rank = window.rank(-float(brought), _draw(session, "tie"))  # from the most to the least
            factors = ranks.rank_factors(count.weight)[0 if count.candidate else 1]
            self._capital.multiply(_ALL, factors[ranks.bin_of(rank)])
        window.add(at, -float(brought), count.candidate)

    def _thinned(self, session: str, successes: int) -> int:
        return sum(_draw(session, str(n)) < self._business.margin for n in range(successes))

    def log_e(self) -> float:
        """Natural log of E."""
        return self._capital.log_e()

    def figures(self) -> dict[str, float]:
        """Sessions that were settled and what one of them brought on average, by arm."""
        out: dict[str, float] = {}
        for role, (sessions, successes) in self._totals.items():
            out[f"{role}_sessions"] = sessions
            out[f"{role}_per_session"] = round(successes / sessions, 3) if sessions else 0.0
        return out

    def dump(self) -> dict[str, Any]:
        return {
            "capital": self._capital.dump(),
            "open": [[session, asdict(count)] for session, count in self._open.items()],
            "settled": self._settled.dump(),
            "windows": {region: window.dump() for region, window in self._windows.items()},
            "weights": {region: list(entry) for region, entry in self._weights.items()},
            "totals": self._totals,
        }

    def load(self, value: Mapping[str, Any]) -> None:
        self._capital.load(value["capital"])
        self._open = {session: Count(**count) for session, count in value["open"]}
        self._settled = Spent.load(value["settled"])
        self._windows = {region: Window.load(entries) for region, entries in value["windows"].items()}
        self._weights = {region: (entry[0], entry[1]) for region, entry in value["weights"].items()}
        self._totals = {role: list(entry) for role, entry in value["totals"].items()}


def _draw(session: str, what: str) -> float:
    """A number in [0, 1), the same at every replay."""
    return int.from_bytes(hashlib.blake2b(f"{session} {what}".encode(), digest_size=6).digest()) / 2**48
