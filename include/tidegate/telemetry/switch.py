"""Whether anything is exported, by OpenTelemetry's own variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_HTTP = frozenset({"otlp", "otlp_proto_http"})  # the second is Airflow's name for OTLP over HTTP
LONGEST = 2.0  # seconds that one export may take, unless the variable asks for less


@dataclass(frozen=True)
class Switch:
    """``endpoint``: where to; empty: off. ``timeout``: seconds for one export. ``wrong``: what was asked for and is not
    done, in words."""

    endpoint: str = ""
    timeout: float = LONGEST
    wrong: str = ""


def switch(signal: str, environment: Mapping[str, str] = os.environ) -> Switch:
    """``signal``: ``traces`` or ``metrics``. On where an endpoint is given and the exporter is OTLP over HTTP."""
    name = signal.upper()
    endpoint = environment.get(f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT", "")
    general = environment.get(ENDPOINT, "")
    if not endpoint and general:
        endpoint = f"{general.rstrip('/')}/v1/{signal}"
    if not endpoint or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Switch()
    exporter = environment.get(f"OTEL_{name}_EXPORTER", "otlp")
    if exporter == "none":
        return Switch()
    if exporter not in _HTTP:
        return Switch(wrong=f"OTEL_{name}_EXPORTER={exporter} is not known to Tidegate: set otlp_proto_http, or none")
    protocol = environment.get(f"OTEL_EXPORTER_OTLP_{name}_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if (protocol or "http/protobuf") != "http/protobuf":
        return Switch(wrong=f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not spoken by Tidegate: set http/protobuf")
    return Switch(endpoint, _timeout(environment, name))


def _timeout(environment: Mapping[str, str], name: str) -> float:
    """The variables are in milliseconds. Longer than :data:`LONGEST` would hold a process up at its end."""
    given = environment.get(f"OTEL_EXPORTER_OTLP_{name}_TIMEOUT") or environment.get("OTEL_EXPORTER_OTLP_TIMEOUT") or ""
    return min(LONGEST, int(given) / 1000) if given.isdecimal() and int(given) else LONGEST
