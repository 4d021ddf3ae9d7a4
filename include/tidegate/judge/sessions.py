"""What is remembered of sessions, bounded."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

FORGET_AFTER = 3600.0  # seconds without another failure
REMEMBER = 20_000  # sessions


class Spent:
    """Sessions that have had their say: only the first failure of a session counts.

    A session is forgotten an hour after its last failure, and the one that failed longest ago when there are more than
    20,000: it would then count once more. Sessions live for minutes, so neither happens unless a failure is so broad
    that the verdict is long in.
    """

    def __init__(self) -> None:
        self._last: dict[str, float] = {}  # in order of the last failure

    def first(self, session: str, at: float) -> bool:
        """Whether this failure is the session's first; remembers it either way."""
        last = self._last.pop(session, None)
        self._last[session] = at if last is None else max(at, last)
        if len(self._last) > REMEMBER:
            del self._last[next(iter(self._last))]
        return last is None or at - last > FORGET_AFTER

    def __contains__(self, session: str) -> bool:
        return session in self._last

    def dump(self) -> list[tuple[str, float]]:
        return list(self._last.items())

    @classmethod
    def load(cls, value: list[tuple[str, float]]) -> Spent:
        spent = cls()
        spent._last = {session: float(at) for session, at in value}
        return spent


class Distinct:
    """How many different sessions were seen: exact up to 512, then an estimate with a standard error of 4.4 %.

    Keeps the 512 smallest hashes (Bar-Yossef and others, 2002); sets can be united.
    """

    KEEP = 512
    SPACE = 2**48

    def __init__(self, smallest: list[int] | None = None) -> None:
        self._smallest = smallest or []

    def add(self, session: str) -> None:
        value = int.from_bytes(hashlib.blake2b(session.encode(), digest_size=6).digest())
        kept = self._smallest
        if len(kept) == self.KEEP and value >= kept[-1]:
            return
        index = bisect_left(kept, value)
        if index == len(kept) or kept[index] != value:
            insort(kept, value)
            del kept[self.KEEP :]

    def count(self) -> int:
        kept = self._smallest
        return len(kept) if len(kept) < self.KEEP else round((self.KEEP - 1) * self.SPACE / kept[-1])

    def __or__(self, other: Distinct) -> Distinct:
        return Distinct(sorted({*self._smallest, *other._smallest})[: self.KEEP])

    def dump(self) -> list[int]:
        return list(self._smallest)


class Recent:
    """Requests and failures of the last minute, by second: for rates and burn."""

    KEEP = 60

    def __init__(self, buckets: Mapping[int, list[int]] | None = None) -> None:
        self._buckets: dict[int, list[int]] = dict(buckets or {})

    def add(self, at: float, failed: bool) -> None:
        bucket = self._buckets.setdefault(int(at), [0, 0])
        bucket[0] += 1
        bucket[1] += failed
        if len(self._buckets) > self.KEEP + 10:
            self.prune(max(self._buckets))

    def prune(self, now: float) -> None:
        """Drop what is older than a minute before ``now``."""
        self._buckets = {s: b for s, b in self._buckets.items() if s > now - self.KEEP}

    def over(self, now: float, seconds: float) -> tuple[int, int]:
        """(requests, failures) of the last ``seconds`` (60 at most) before ``now``, to the second."""
        inside = [b for s, b in self._buckets.items() if now - seconds - 1 < s <= now]
        return sum(b[0] for b in inside), sum(b[1] for b in inside)

    def dump(self) -> dict[str, Any]:
        return {str(s): b for s, b in self._buckets.items()}

    @classmethod
    def load(cls, value: Mapping[str, list[int]]) -> Recent:
        return cls({int(s): list(b) for s, b in value.items()})
