"""A collector of OTLP over HTTP on loopback, which decodes what it is sent. Real bytes over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Collector:
    """``spans``: in the order they came, each a protobuf ``Span``. ``metrics``: likewise. ``refusing``: answers 503."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.refusing = False

    def take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        if path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(body)
            self.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        else:
            asked = ExportMetricsServiceRequest.FromString(body)
            self.metrics += [m for r in asked.resource_metrics for scope in r.scope_metrics for m in scope.metrics]

    @property
    def traces(self) -> set[str]:
        return {span.trace_id.hex() for span in self.spans}

    def level(self, level: str) -> list[str]:
        """Names of spans: ``stage`` or ``node``, as their attribute says."""
        return [said for span in self.spans if (said := attributes(span).get(f"tidegate.{level}")) is not None]


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            if not collector.refusing:
                collector.take(self.path, body)
            self.send_response(400 if collector.refusing else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
