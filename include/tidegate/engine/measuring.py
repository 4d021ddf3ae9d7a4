"""Figures of rows and spans, for a collector of metrics. A row is counted by the process that wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.journal.model import Event, EventKind
from tidegate.telemetry import meter
from tidegate.telemetry.span import Attribute, SpanRecord
from tidegate.telemetry.switch import Switch

APPENDS = "tidegate.journal.appends"
VERDICTS = "tidegate.verdicts"
RECOVERY = "tidegate.recovery.duration"
LOOKS = "tidegate.guard.looks"
_VERDICTS = {EventKind.GATE_OPENED: "pass", EventKind.GATE_FAILED: "fail"}


def measure(event: Event, to: Switch) -> None:
    """Add what this row says."""
    said: dict[str, Attribute] = {"tidegate.service": event.service}
    meter.count(to, APPENDS, {**said, "tidegate.event": event.kind.value})
    if event.kind in _VERDICTS:
        evidence = event.body.get("evidence") or {}
        verdict = str(evidence.get("verdict") or _VERDICTS[event.kind])
        node = str(event.body["node"])
        meter.count(to, VERDICTS, {**said, "tidegate.gate": node, "tidegate.verdict": verdict})
    if event.kind is EventKind.OBJECTIVES_MEASURED:
        target = event.body.get("rto_target")
        met = "unknown" if target is None else str(event.body["gone"] <= target).lower()
        said |= {"tidegate.kind": str(event.body["kind"]), "tidegate.met": met}
        meter.record(to, RECOVERY, float(event.body["gone"]), said)


def time_spans(spans: Sequence[SpanRecord], to: Switch) -> None:
    """How long each took that was reached: ``tidegate.node.duration``, ``….stage.duration``, ``….operation.…``."""
    for span in spans:
        if span.attributes.get("tidegate.reached", True):
            kept = ("tidegate.service", "tidegate.kind", f"tidegate.{span.level}", "tidegate.outcome")
            said = {key: span.attributes[key] for key in kept if key in span.attributes and key != "tidegate.operation"}
            meter.record(to, f"tidegate.{span.level}.duration", max(0.0, span.end - span.begin), said)
