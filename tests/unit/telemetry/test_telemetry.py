"""Trace context, switches, log lines and the worker, each by itself."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.estate import ROOT
from tidegate.redaction import remember
from tidegate.telemetry import context
from tidegate.telemetry.logs import JsonLines
from tidegate.telemetry.switch import LONGEST, switch
from tidegate.telemetry.worker import Worker

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_w3c_context_there_and_back() -> None:
    found = context.parse(PARENT)
    assert found is not None and found.traceparent == PARENT


NO_TRACE = PARENT.replace(PARENT[3:35], "0" * 32)


@pytest.mark.parametrize("text", ["", "00-0-0-01", NO_TRACE, "ff" + PARENT[2:]])
def test_a_broken_header_is_none(text: str) -> None:
    assert context.parse(text) is None


def test_requests_carry_the_trace_inside_a_node_only() -> None:
    assert context.headers() == {}
    with context.at("shop/promotion/1", PARENT, "wave-1.deploy"):
        sent = context.parse(context.headers()["traceparent"])
        assert sent is not None and sent.trace_id == PARENT[3:35] and sent.span_id != PARENT[36:52]
    assert context.headers() == {}


def test_a_trace_that_is_there_already_is_joined() -> None:
    found = context.around({"TRACEPARENT": PARENT})
    assert found is not None and found.traceparent == PARENT
    assert context.around({}) is None


def test_nothing_goes_out_unless_asked_for() -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    assert not switch("traces", {}).endpoint
    assert switch("traces", there).endpoint == "http://collector:4318/v1/traces"
    assert switch("metrics", there).endpoint == "http://collector:4318/v1/metrics"
    assert not switch("traces", {**there, "OTEL_SDK_DISABLED": "true"}).endpoint
    assert not switch("traces", {**there, "OTEL_TRACES_EXPORTER": "none"}).endpoint
    assert switch("traces", {**there, "OTEL_TRACES_EXPORTER": "otlp_proto_http"}).endpoint
    for wrong in ({"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}):
        assert next(iter(wrong)) in switch("traces", {**there, **wrong}).wrong


def test_no_export_is_waited_for_long() -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert switch("traces", {**there, "OTEL_EXPORTER_OTLP_TIMEOUT": "60000"}).timeout == LONGEST
    assert switch("traces", {**there, "OTEL_EXPORTER_OTLP_TIMEOUT": "500"}).timeout == 0.5


def test_a_full_queue_drops_and_never_waits() -> None:
    worker, go, begun = Worker(room=2), threading.Event(), threading.Event()
    worker.put(lambda: (begun.set(), go.wait(30))[0])
    assert begun.wait(30)
    assert [worker.put(lambda: None) for _ in range(4)] == [True, True, False, False]
    assert worker.dropped == 2
    assert not worker.flush(0.01)
    go.set()
    assert worker.flush(30)


def test_json_lines_carry_the_trace_and_no_secret() -> None:
    remember("hunter2-the-password")
    record = logging.LogRecord("guard", logging.INFO, "f", 1, "at %s", ("db:hunter2-the-password",), None)
    with context.at("shop/promotion/1", PARENT, "wave-1.deploy"):
        said = json.loads(JsonLines().format(record))
    assert said["event"] == "at db:•••"
    assert (said["operation"], said["node"], said["trace_id"]) == ("shop/promotion/1", "wave-1.deploy", PARENT[3:35])


def test_nothing_of_opentelemetry_is_imported_while_it_is_off(tmp_path: Path) -> None:
    code = (
        "import sys, tidegate.engine.assemble, tidegate.plan.promotion, tidegate.policy.folder\n"
        "from tidegate.engine.telling import telling_journal\n"
        "telling_journal('sqlite:///journal.sqlite').migrate()\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "include")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
