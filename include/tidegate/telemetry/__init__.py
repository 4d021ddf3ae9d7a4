"""Traces, metrics and logs for whoever collects them. Off unless the standard ``OTEL_*`` variables say otherwise.

Nothing of OpenTelemetry is imported before something is really exported.
"""
