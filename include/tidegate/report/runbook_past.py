"""What the journal has of a service's operations of a kind, as a runbook tells it: how long each node took, and when it
was last done for real, last rehearsed, last failed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tidegate.engine.drills import drills
from tidegate.engine.recovery_forecast import took
from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.drill import DrillResult
from tidegate.model.operation import GOOD_END, OperationKind


@dataclass(frozen=True)
class Once:
    """One time that it was done. ``at``: epoch seconds at which it ended. ``why``: what was wrong, "" if nothing."""

    operation: str
    at: float
    why: str = ""

    @property
    def good(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class Took:
    """Seconds over ``count`` runs. ``most``: 95 of 100 of them took no longer (nearest rank)."""

    median: float
    most: float
    count: int


@dataclass(frozen=True)
class KindPast:
    """Oldest first. ``seconds``: by node, of operations that ended as meant."""

    real: tuple[Once, ...] = ()
    drilled: tuple[Once, ...] = ()
    seconds: Mapping[str, Took] = field(default_factory=dict)

    @property
    def failed(self) -> Once | None:
        """The last time that it did not end as meant, for real or in a drill."""
        return max((one for one in (*self.real, *self.drilled) if not one.good), key=lambda o: o.at, default=None)


def past(journal: Journal, service: str) -> dict[OperationKind, KindPast]:
    """By kind; a kind of which there is nothing is left out."""
    return fold_past(_operations(journal, service), [r for held in drills(journal, service) for r in held.results])


def fold_past(
    operations: Iterable[tuple[OperationView, float]], drilled: Sequence[DrillResult]
) -> dict[OperationKind, KindPast]:
    """``operations``: those that are over, each with when it ended; oldest first. Pure."""
    real: dict[str, list[Once]] = {}
    seconds: dict[str, dict[str, list[float]]] = {}
    for view, at in operations:
        one = Once(view.id, at, _why(view))
        real.setdefault(view.kind.value, []).append(one)
        if one.good:
            for node, spent in took(view, view.opened_at).items():
                seconds.setdefault(view.kind.value, {}).setdefault(node, []).append(spent)
    rehearsed: dict[str, list[Once]] = {}
    for result in drilled:
        if result.kind:
            rehearsed.setdefault(result.kind, []).append(
                Once(result.operation or result.drill, result.ended, "; ".join(result.wrong))
            )
    return {
        OperationKind(kind): KindPast(
            tuple(real.get(kind, ())),
            tuple(rehearsed.get(kind, ())),
            {node: _took(spans) for node, spans in seconds.get(kind, {}).items()},
        )
        for kind in dict.fromkeys([*real, *rehearsed])
    }


def _operations(journal: Journal, service: str) -> Iterable[tuple[OperationView, float]]:
    for event in journal.events(service, kinds={EventKind.OPERATION_CLOSED}):
        view = fold_operation(journal.events(service, operation=event.operation)) if event.operation else None
        if view is not None and view.kind in GOOD_END:
            yield view, event.at


def _why(view: OperationView) -> str:
    if view.outcome is GOOD_END[view.kind]:
        return ""
    return view.why_back or f"ended {view.outcome.value.replace('_', ' ') if view.outcome else 'unknown'}"


def _took(spans: Sequence[float]) -> Took:
    ordered = sorted(spans)
    return Took(median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], len(ordered))
