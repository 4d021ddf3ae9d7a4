"""Telling a collector what the journal holds of operations: beside the work, and never in its way.

After each row that is written here, the operation's rows are read again in a thread of its own, and those spans go out
that nobody has sent yet. Which were sent stands among the operation's running evidence, outside the chain. So a process
that dies leaves nothing out: the next one that writes a row of the operation sends what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.engine.measuring import LOOKS, measure, time_spans
from tidegate.engine.tracing import ENDING, spans
from tidegate.journal.model import Event
from tidegate.journal.store import Journal
from tidegate.telemetry import export, meter
from tidegate.telemetry.span import Attribute
from tidegate.telemetry.switch import Switch, switch
from tidegate.telemetry.worker import Worker, worker

TOLD = "telemetry"  # key of the running evidence: the spans that were taken by the collector
AT_THE_END = 2.0  # seconds that a process waits for its last spans, once its operation is closed


class Teller:
    """``note`` is the journal's ``after_commit``; ``journal`` is set before the first row is written."""

    journal: Journal

    def __init__(self, traces: Switch, metrics: Switch, beside: Worker = worker) -> None:
        self._traces = traces
        self._metrics = metrics
        self._beside = beside
        self._waiting: set[tuple[str, str]] = set()

    def note(self, event: Event) -> None:
        """A row was committed. Returns at once, and never raises."""
        if self._metrics.endpoint:
            self._beside.put(lambda: measure(event, self._metrics))
        if event.operation is not None and event.kind in ENDING:
            self._look_again(event.service, event.operation)

    def _look_again(self, service: str, operation: str) -> None:
        """One look is enough for all rows that are written before it."""
        which = (service, operation)
        if which in self._waiting:
            return
        self._waiting.add(which)
        if not self._beside.put(lambda: self._look(*which)):
            self._waiting.discard(which)

    def _look(self, service: str, operation: str) -> None:
        self._waiting.discard((service, operation))
        tell(self.journal, service, operation, self._traces, self._metrics, self._beside)


def tell(
    journal: Journal, service: str, operation: str, traces: Switch, metrics: Switch, beside: Worker = worker
) -> int:
    """Send what was not sent yet. Returns how many spans were taken; those that were not are sent another time."""
    told = _told(journal, service, operation)
    new = [span for span in spans(journal.events(service, operation=operation)) if span.span_id not in told]
    if not new:
        return 0
    if traces.endpoint and not export.send(new, traces):
        beside.note_failure(f"no answer from {traces.endpoint}")
        return 0
    journal.put_evidence(service, operation, TOLD, {"spans": sorted({*told, *(span.span_id for span in new)})})
    time_spans(new, metrics)
    return len(new)


def _told(journal: Journal, service: str, operation: str) -> frozenset[str]:
    document: Mapping[str, Any] = journal.evidence(service, operation, TOLD) or {}
    return frozenset(document.get("spans", ()))


def telling_journal(url: str, clock: Callable[[], float] = time.time) -> Journal:
    """A journal whose rows are told to the collector that the environment names; without one: a journal as any."""
    traces, metrics = switch("traces"), switch("metrics")
    for wrong in sorted({traces.wrong, metrics.wrong} - {""}):
        worker.note_failure(wrong)
    if not traces.endpoint and not metrics.endpoint:
        return Journal(url, clock=clock)
    teller = Teller(traces, metrics)
    teller.journal = Journal(url, clock=clock, after_commit=teller.note)
    return teller.journal


def last_words(seconds: float = AT_THE_END) -> None:
    """Wait for the last spans, ``seconds`` at most: for a process that ends. Never raises."""
    if worker.busy:
        worker.put(lambda: meter.flush(seconds))
        worker.flush(seconds)


def looked(service: str, verdict: str, blind: bool) -> None:
    """The guard has looked. Counted beside its work."""
    to = switch("metrics")
    if to.endpoint:
        said: dict[str, Attribute] = {"tidegate.service": service, "tidegate.verdict": verdict, "tidegate.blind": blind}
        worker.put(lambda: meter.count(to, LOOKS, said))
