"""Requests counted by region and by endpoint class, in as many buckets as a rule's windows need, and no more.

Each rule has a ring of its own: buckets of a twelfth of its short window, as many as its long window holds (144, and
the two at its ends). So memory is bounded by the policy: rules times buckets times regions and classes, three numbers
each, however much traffic there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

VERSION = 1
FINE = 12  # buckets in a short window
REGION, CLASS = "region ", "class "  # what a cell's key begins with
SLOWED = 2  # index of the slow ones in a cell; failures stand at 1


class Windowed(Protocol):
    """What a ring needs to know of a rule."""

    @property
    def name(self) -> str: ...
    @property
    def long(self) -> float: ...
    @property
    def short(self) -> float: ...


@dataclass(frozen=True)
class Counted:
    """``bad``: of the requests, those that broke the objective. ``seen``: seconds in which somebody looked."""

    requests: int = 0
    bad: int = 0
    seen: float = 0.0

    @property
    def part(self) -> float:
        return self.bad / self.requests if self.requests else 0.0

    def filled(self, seconds: float) -> Counted:
        """As if in the part of so many seconds in which nobody looked as many had come, and none of them badly."""
        missing = self.requests * max(0.0, seconds / self.seen - 1) if self.seen else 0.0
        return Counted(self.requests + round(missing), self.bad, self.seen)


@dataclass
class _Bucket:
    seen: float = 0.0
    cells: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sums:
    """One window of one rule. ``cells``: key -> requests, failures, slow ones."""

    seen: float
    cells: Mapping[str, list[int]]

    def of(self, scope: str, *, slow: bool = False, but: str = "") -> Counted:
        """``scope``: a class as :meth:`classes` has it, or anything else for all requests; ``but``: a region that is
        left out then."""
        mine = [cell for key, cell in self.cells.items() if _means(key, scope, but)]
        return Counted(sum(c[0] for c in mine), sum(c[SLOWED if slow else 1] for c in mine), self.seen)

    def classes(self) -> list[str]:
        """Those that were seen. One that is all there is, is the whole, and not told apart."""
        found = sorted(key for key in self.cells if key.startswith(CLASS))
        return found if len(found) > 1 else []


class Rings:
    """Counts of all rules. A request counts in the bucket in which it ended."""

    def __init__(self, rules: Iterable[Windowed]) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._buckets: dict[str, dict[int, _Bucket]] = {name: {} for name in self._rules}

    def add(self, at: float, region: str, endpoint: str, *, failed: bool, slow: bool) -> None:
        """``slow``: it broke the latency objective; one that failed does, too. ``at``: epoch seconds."""
        self.add_many(at, region, endpoint, 1, int(failed), int(slow or failed))

    def add_many(self, at: float, region: str, endpoint: str, requests: int, failed: int, slow: int) -> None:
        """As :meth:`add`, of so many that ended at the same time."""
        for name, rule in self._rules.items():
            cells = self._bucket(name, rule, at).cells
            for key in (REGION + region, CLASS + endpoint):
                cell = cells.setdefault(key, [0, 0, 0])
                cell[0] += requests
                cell[1] += failed
                cell[SLOWED] += slow

    def looked(self, since: float, now: float) -> None:
        """Somebody has looked from ``since`` to ``now``."""
        for name, rule in self._rules.items():
            self._bucket(name, rule, now).seen += now - since

    def sums(self, rule: Windowed, begin: float, end: float) -> Sums:
        """What was counted between two moments, to a bucket."""
        width = width_of(rule)
        first, last = int(begin // width) + 1, int(end // width)
        seen, cells = 0.0, dict[str, list[int]]()
        for index, bucket in self._buckets[rule.name].items():
            if not first <= index <= last:
                continue
            seen += bucket.seen
            for key, cell in bucket.cells.items():
                total = cells.setdefault(key, [0, 0, 0])
                for number, count in enumerate(cell):
                    total[number] += count
        return Sums(seen, cells)

    def dump(self, name: str) -> dict[str, Any]:
        """JSON of one rule's ring."""
        rule = self._rules[name]
        buckets = {str(at): [round(one.seen, 1), one.cells] for at, one in sorted(self._buckets[name].items())}
        return {"version": VERSION, "width": width_of(rule), "buckets": buckets}

    def load(self, name: str, value: Mapping[str, Any]) -> None:
        """Take one rule's ring up again. Raises ValueError for one of another version, or of other windows."""
        width = width_of(self._rules[name])
        if value.get("version") != VERSION or value.get("width") != width:
            raise ValueError(f"counts of version {value.get('version')!r} in buckets of {value.get('width')!r} s")
        try:
            self._buckets[name] = {
                int(at): _Bucket(float(seen), {str(key): [int(n) for n in cell] for key, cell in cells.items()})
                for at, (seen, cells) in value["buckets"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"counts that cannot be read: {error}") from None

    def _bucket(self, name: str, rule: Windowed, at: float) -> _Bucket:
        ring, width = self._buckets[name], width_of(rule)
        index = int(at // width)
        if index not in ring:
            ring[index] = _Bucket()
            if len(ring) > most(rule):
                oldest = max(ring) - most(rule)
                self._buckets[name] = ring = {i: bucket for i, bucket in ring.items() if i > oldest}
            return ring.get(index) or _Bucket()  # older than the ring: counted nowhere
        return ring[index]


def width_of(rule: Windowed) -> float:
    """Seconds of a bucket."""
    return rule.short / FINE


def most(rule: Windowed) -> int:
    """Buckets that are kept."""
    return round(rule.long / width_of(rule)) + 2


def _means(key: str, scope: str, but: str) -> bool:
    if scope.startswith(CLASS):
        return key == scope
    return key.startswith(REGION) and key != REGION + but
