"""Reads what the users saw, also while they are still at it. Times are epoch seconds.

A window is complete :data:`SETTLE` seconds after its end: until then requests in flight and unflushed lines miss.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.load.journal import Request, SessionEvent, entries

SETTLE = 1.5  # seconds


@dataclass(frozen=True)
class LoadWindow:
    """What users saw of requests that started in ``since <= at < until``.

    ``failed``: no answer or 5xx. ``bad``: failed, or an answer that a user sees is wrong. ``min_rps``: in the poorest
    whole second, the first and last left out; ``min_sessions``: fewest sessions open at once. None: not measured.
    """

    since: float
    until: float
    requests: int
    failed: int
    bad: int
    sessions_started: int
    sessions_broken: int
    orders_acknowledged: int
    min_rps: int | None
    mean_rps: float | None
    min_sessions: int | None
    mean_sessions: float | None


def read(directory: Path, since: float, until: float) -> LoadWindow:
    """The window. Raises FileNotFoundError if no load has ever written there."""
    all_requests, sessions = entries(directory)
    requests = [r for r in all_requests if since <= r.at < until]
    events = Counter(e.what for e in sessions if since <= e.at < until)
    open_sessions = concurrent_sessions(sessions, since, until)
    return LoadWindow(
        since=since,
        until=until,
        requests=len(requests),
        failed=sum(r.failed for r in requests),
        bad=sum(r.bad for r in requests),
        sessions_started=events["s"],
        sessions_broken=events["b"],
        orders_acknowledged=sum(bool(r.order) for r in requests),
        min_rps=poorest_second(requests, since, until),
        mean_rps=round(len(requests) / (until - since), 1) if until > since else None,
        min_sessions=min(open_sessions, default=None),
        mean_sessions=round(sum(open_sessions) / len(open_sessions), 1) if open_sessions else None,
    )


def whole_seconds(since: float, until: float) -> range:
    """The whole seconds of the window, the first and the last left out, since load begins and ends within them."""
    return range(math.floor(since) + 1, math.ceil(until) - 1)


def per_second(requests: Iterable[Request], since: float, until: float) -> list[int]:
    """Requests started in each of the window's whole seconds."""
    counted = Counter(math.floor(r.at) for r in requests)
    return [counted[second] for second in whole_seconds(since, until)]


def poorest_second(requests: Iterable[Request], since: float, until: float) -> int | None:
    """Requests started in the poorest of the window's whole seconds, None if it has none; quick for any window."""
    seconds = whole_seconds(since, until)
    counted = Counter(second for r in requests if (second := math.floor(r.at)) in seconds)
    if len(counted) < len(seconds):
        return 0
    return min(counted.values(), default=None)


def concurrent_sessions(events: Sequence[SessionEvent], since: float, until: float) -> list[int]:
    """How many sessions were open at ``since`` and after each change until ``until``; empty without any event."""
    ordered = sorted(events, key=lambda e: e.at)
    if not ordered or ordered[0].at >= until:
        return []
    steps = [(e.at, 1 if e.what == "s" else -1) for e in ordered]
    now = sum(step for at, step in steps if at < since)
    counts = [now]
    for at, step in steps:
        if since <= at < until:
            now += step
            counts.append(now)
    return counts


def bad_requests(directory: Path, since: float, until: float, release: str | None = None) -> list[Request]:
    """Bad requests that *ended* in the window, in the order they ended; of one release, or of all.

    An answer that no release gave (the edge's own 503, no answer at all) has release "".
    """
    requests, _ = entries(directory)
    found = [r for r in requests if r.bad and since <= r.ended < until and release in (None, r.release)]
    return sorted(found, key=lambda r: r.ended)


def last_bad(directory: Path, since: float, until: float, release: str | None = None) -> float | None:
    """When the last bad answer of the window was seen, None if there was none.

    With ``since`` the time of a verdict, the difference is how long users still suffered after it.
    """
    found = bad_requests(directory, since, until, release)
    return found[-1].ended if found else None


def last_seen(directory: Path, release: str, since: float, until: float) -> float | None:
    """When the last request that ``release`` answered, well or not, was *started*; None if there was none."""
    requests, _ = entries(directory)
    return max((r.at for r in requests if r.release == release and since <= r.at < until), default=None)


def requests_by_release(directory: Path, since: float, until: float) -> dict[str, tuple[int, int]]:
    """Release -> (requests, bad ones) of the window."""
    requests = [r for r in entries(directory)[0] if since <= r.at < until]
    total, bad = Counter(r.release for r in requests), Counter(r.release for r in requests if r.bad)
    return {release: (total[release], bad[release]) for release in sorted(total)}


def orders_acknowledged(directory: Path, since: float, until: float) -> list[str]:
    """Ids of the orders that users were told are placed, by requests started in the window."""
    return [r.order for r in entries(directory)[0] if r.order and since <= r.at < until]


def orders_lost(directory: Path, database_url: str, since: float, until: float) -> int:
    """How many acknowledged orders of the window the database does not hold, as an order *and* as an event."""
    import psycopg

    acknowledged = orders_acknowledged(directory, since, until)
    event = "exists (select from order_events where order_id = o.id)"
    query = f"select id::text from orders o where id = any(%s::uuid[]) and {event}"  # noqa: S608  # constants
    with psycopg.connect(database_url.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        kept = {row[0] for row in connection.execute(query, (acknowledged,))}
    return len(set(acknowledged) - kept)
