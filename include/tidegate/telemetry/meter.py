"""Counting and timing by OpenTelemetry's metrics, sent by its SDK's own timer (``OTEL_METRIC_EXPORT_INTERVAL``).

Called from the worker's thread only, so that no import and no lock of the SDK is ever waited for by an operation.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from tidegate.telemetry.export import SCOPE, resource
from tidegate.telemetry.span import Attribute
from tidegate.telemetry.switch import Switch

EDGES = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds, of the histograms' buckets
_sending: list[Any] = []  # the provider, once there is one


def count(to: Switch, name: str, attributes: Mapping[str, Attribute], by: int = 1) -> None:
    """Add to a counter. ``to`` without an endpoint: nothing is done."""
    if to.endpoint:
        _counter(to, os.getpid(), name).add(by, dict(attributes))


def record(to: Switch, name: str, seconds: float, attributes: Mapping[str, Attribute]) -> None:
    """A duration, in seconds. ``to`` without an endpoint: nothing is done."""
    if to.endpoint:
        _histogram(to, os.getpid(), name).record(seconds, dict(attributes))


def flush(seconds: float) -> None:
    """Send what was counted, for a process that ends."""
    for provider in _sending:
        provider.force_flush(seconds * 1000)


@cache
def _counter(to: Switch, pid: int, name: str) -> Any:
    return _meter(to, pid).create_counter(name)


@cache
def _histogram(to: Switch, pid: int, name: str) -> Any:
    return _meter(to, pid).create_histogram(name, unit="s", explicit_bucket_boundaries_advisory=list(EDGES))


@cache
def _meter(to: Switch, pid: int) -> Any:
    """One for each process: a fork begins anew. The instance's id keeps the counters of two processes apart."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    for noisy in ("opentelemetry.exporter", "opentelemetry.sdk.metrics"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=to.endpoint, timeout=to.timeout))
    mine = resource().merge(Resource({"service.instance.id": f"{pid}-{uuid.uuid4().hex[:8]}"}))
    provider = MeterProvider([reader], mine, shutdown_on_exit=False)
    _sending[:] = [provider]
    return provider.get_meter(SCOPE)
