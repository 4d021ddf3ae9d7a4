"""The evidence document, read as if a stranger had written it.

Whatever is missing, of another type, not finite, negative, inconsistent or from the future makes it unreadable, and an
unreadable document is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.judge.bounds import Stratum
from tidegate.judge.fold import VERSION
from tidegate.judge.seen import is_number
from tidegate.model.verdict import Verdict


class Unreadable(ValueError):
    """The document cannot be relied on; the message says where and why."""


@dataclass(frozen=True)
class Counted:
    """An endpoint class on one arm."""

    requests: int
    errors: int
    sessions: int
    per_second: float


@dataclass(frozen=True)
class ArmEvidence:
    """One arm of a region. ``first_at`` and ``last_at`` are None without requests."""

    requests: int
    errors: int
    sessions: int
    first_at: float | None
    last_at: float | None
    endpoints: Mapping[str, Counted]

    @property
    def per_second(self) -> float:
        return sum(e.per_second for e in self.endpoints.values())


@dataclass(frozen=True)
class Full:
    """Wholly the candidate's since then, with so many of its requests."""

    since: float
    requests: int


@dataclass(frozen=True)
class RegionEvidence:
    """``weight``: the candidate's part of the region by the newest request, None before any."""

    weight: float | None
    full: Full | None
    candidate: ArmEvidence
    stable: ArmEvidence


@dataclass(frozen=True)
class SignalEvidence:
    log10_e: float
    threshold_log10: float
    alpha: float
    crossed_at: float | None


@dataclass(frozen=True)
class Document:
    """What :meth:`tidegate.judge.fold.Judge.document` wrote. ``compared``: by endpoint class. ``asks``: why people are
    asked, in the words of the signals whose crossing is no verdict."""

    written_at: float
    observed_at: float | None
    verdict: Verdict
    why: str
    endpoints: tuple[str, ...]
    signals: Mapping[str, SignalEvidence]
    regions: Mapping[str, RegionEvidence]
    all_full: Full | None
    compared: Mapping[str, tuple[Stratum, ...]]
    malformed: int
    future: int
    asks: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        return sum(r.candidate.requests + r.stable.requests for r in self.regions.values())


def read(value: object) -> Document:
    """Check every part that a gate leans on. Raises :class:`Unreadable`."""
    root = _Node("document", value)
    if root.at("version").value != VERSION:
        raise Unreadable(f"document.version is {root.at('version').value!r}, expected {VERSION}")
    document = Document(
        written_at=root.at("written_at").number(),
        observed_at=root.at("observed_at").number_or_none(),
        verdict=root.at("verdict").verdict(),
        why=root.at("why").text(),
        endpoints=root.at("endpoints").texts(),
        signals={name: _signal(node) for name, node in root.at("signals").items()},
        regions={name: _region(node) for name, node in root.at("regions").items()},
        all_full=_full(root.at("all_full")),
        compared=_compared(root.at("compared")),
        malformed=root.at("malformed").count(),
        future=root.at("future").count(),
        asks=_asks(root.at("asks")),
    )
    _agree(document)
    return document


def _agree(document: Document) -> None:
    """Nothing may be newer than the newest observation, and requests need one."""
    newest = document.observed_at
    arms = [(f"{n}.{role}", getattr(r, role)) for n, r in document.regions.items() for role in ("candidate", "stable")]
    for name, arm in arms:
        if arm.requests and (newest is None or arm.last_at is None or arm.last_at > newest):
            raise Unreadable(f"{name} was seen at {arm.last_at}, after the newest observation at {newest}")
    crossed = [name for name, signal in document.signals.items() if signal.crossed_at is not None]
    if bool(crossed) != (document.verdict is Verdict.FAIL):
        raise Unreadable(f"the verdict is {document.verdict}, but the signals that crossed are {crossed}")


@dataclass(frozen=True)
class _Node:
    """A value and the path to it."""

    path: str
    value: Any

    def at(self, key: str) -> _Node:
        if not isinstance(self.value, dict):
            raise Unreadable(f"{self.path} is {_kind(self.value)}, expected an object")
        if key not in self.value:
            raise Unreadable(f"{self.path}.{key} is missing")
        return _Node(f"{self.path}.{key}", self.value[key])

    def items(self) -> list[tuple[str, _Node]]:
        if not isinstance(self.value, dict) or not self.value:
            raise Unreadable(f"{self.path} is {_kind(self.value)}, expected an object that is not empty")
        return [(str(key), self.at(key)) for key in self.value]

    def number(self, low: float = 0.0) -> float:
        if not is_number(self.value) or self.value < low:
            raise Unreadable(f"{self.path} is {self.value!r}, expected a finite number of at least {low:g}")
        return float(self.value)

    def number_or_none(self) -> float | None:
        return None if self.value is None else self.number()

    def count(self) -> int:
        if type(self.value) is not int or self.value < 0:
            raise Unreadable(f"{self.path} is {self.value!r}, expected a whole number of at least 0")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise Unreadable(f"{self.path} is {_kind(self.value)}, expected a text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        if not isinstance(self.value, list) or not self.value:
            raise Unreadable(f"{self.path} is {_kind(self.value)}, expected a list that is not empty")
        return tuple(_Node(f"{self.path}[{i}]", v).text() for i, v in enumerate(self.value))

    def verdict(self) -> Verdict:
        try:
            return Verdict(self.text())
        except ValueError:
            raise Unreadable(f"{self.path} is {self.value!r}, expected one of {[v.value for v in Verdict]}") from None


def _kind(value: object) -> str:
    return "empty" if value in ({}, [], "") else type(value).__name__


def _signal(node: _Node) -> SignalEvidence:
    threshold, alpha = node.at("threshold_log10").number(), node.at("alpha").number()
    if not 0 < alpha < 1:
        raise Unreadable(f"{node.path}.alpha is {alpha}, expected between 0 and 1")
    crossed = node.at("crossed_at").number_or_none()
    return SignalEvidence(node.at("log10_e").number(low=-1e9), threshold, alpha, crossed)


def _asks(node: _Node) -> tuple[str, ...]:
    if not isinstance(node.value, list):
        raise Unreadable(f"{node.path} is {_kind(node.value)}, expected a list")
    return tuple(_Node(f"{node.path}[{i}]", v).at("why").text() for i, v in enumerate(node.value))


def _region(node: _Node) -> RegionEvidence:
    weight = node.at("weight").number_or_none()
    if weight is not None and weight > 1:
        raise Unreadable(f"{node.path}.weight is {weight}, expected at most 1")
    return RegionEvidence(weight, _full(node.at("full")), _arm(node.at("candidate")), _arm(node.at("stable")))


def _full(node: _Node) -> Full | None:
    return None if node.value is None else Full(node.at("since").number(), node.at("requests").count())


def _arm(node: _Node) -> ArmEvidence:
    requests, errors = _pair(node)
    endpoints = node.at("endpoints")
    cells = {name: _cell(cell) for name, cell in endpoints.items()} if endpoints.value else {}
    if sum(c.requests for c in cells.values()) != requests or sum(c.errors for c in cells.values()) != errors:
        raise Unreadable(f"{node.path}: its endpoint classes do not add up to {requests} requests, {errors} errors")
    first, last = node.at("first_at").number_or_none(), node.at("last_at").number_or_none()
    if requests and (first is None or last is None or last < first):
        raise Unreadable(f"{node.path} has {requests} requests from {first} to {last}")
    return ArmEvidence(requests, errors, node.at("sessions").count(), first, last, cells)


def _cell(node: _Node) -> Counted:
    requests, errors = _pair(node)
    return Counted(requests, errors, node.at("sessions").count(), node.at("per_second").number())


def _pair(node: _Node) -> tuple[int, int]:
    requests, errors = node.at("requests").count(), node.at("errors").count()
    if errors > requests:
        raise Unreadable(f"{node.path}: {errors} errors in {requests} requests cannot be")
    return requests, errors


def _compared(node: _Node) -> dict[str, tuple[Stratum, ...]]:
    if not isinstance(node.value, list):
        raise Unreadable(f"{node.path} is {_kind(node.value)}, expected a list")
    found: dict[str, tuple[Stratum, ...]] = {}
    for index, item in enumerate(node.value):
        row = _Node(f"{node.path}[{index}]", item)
        counts: list[int] = []
        for role in ("candidate", "stable"):
            counts += [*_pair(row.at(role)), row.at(role).at("units").count()]
        endpoint = row.at("endpoint").text()
        found[endpoint] = (*found.get(endpoint, ()), Stratum(row.at("region").text(), *counts))
    return found
