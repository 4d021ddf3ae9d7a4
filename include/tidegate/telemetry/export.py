"""Sending spans by OTLP over HTTP. OpenTelemetry's SDK is imported here, when the first span goes out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from tidegate.redaction import redact
from tidegate.telemetry.span import SpanRecord
from tidegate.telemetry.switch import Switch

NANO = 1_000_000_000
SCOPE = "tidegate"
ARGUMENT_LIMIT = 300  # characters of a text that goes along


def send(spans: Sequence[SpanRecord], to: Switch) -> bool:
    """Whether the receiver took them. Raises whatever the SDK raises; takes ``to.timeout`` seconds at most."""
    from opentelemetry.sdk.trace.export import SpanExportResult

    return _exporter(to).export([_readable(span) for span in spans]) is SpanExportResult.SUCCESS


@cache
def _exporter(to: Switch) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # what fails is counted and told once by us
    return OTLPSpanExporter(endpoint=to.endpoint, timeout=to.timeout)


@cache
def resource() -> Any:
    """Who is talking: ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES``, by default ``tidegate``."""
    import os

    from opentelemetry.sdk.resources import Resource

    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if named else {"service.name": SCOPE})


def _readable(span: SpanRecord) -> Any:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanKind, Status, StatusCode

    happened = [Event(one.name, _clean(one.attributes), int(one.at * NANO)) for one in span.happened]
    return ReadableSpan(
        name=span.name,
        context=_place(span.trace_id, span.span_id),
        parent=_place(span.trace_id, span.parent_id) if span.parent_id else None,
        resource=resource(),
        attributes=_clean(span.attributes),
        events=happened,
        kind=SpanKind.INTERNAL,
        instrumentation_scope=InstrumentationScope(SCOPE),
        status=Status(StatusCode.ERROR, _text(span.error)) if span.error else Status(StatusCode.OK),
        start_time=int(span.begin * NANO),
        end_time=int(span.end * NANO),
    )


def _place(trace_id: str, span_id: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1))


def _clean(attributes: Any) -> dict[str, Any]:
    return {key: _text(value) if isinstance(value, str) else value for key, value in attributes.items()}


def _text(text: str) -> str:
    return redact(text)[:ARGUMENT_LIMIT]
