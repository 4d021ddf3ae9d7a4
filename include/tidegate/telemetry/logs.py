"""Log lines of the command line and of the guard: for people, or one JSON object a line (``TIDEGATE_LOG=json``).

Inside Airflow's tasks Airflow's own logging is used (``AIRFLOW__LOGGING__JSON_LOGS``).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping

from tidegate.redaction import redact
from tidegate.telemetry.context import here

VARIABLE = "TIDEGATE_LOG"
JSON, TEXT = "json", "text"


class JsonLines(logging.Formatter):
    """Time, level, logger, message; inside a node its operation, node, trace and span as well. Without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {
            "timestamp": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        if record.exc_info:
            said["exception"] = redact(self.formatException(record.exc_info))
        if place := here():
            said |= {"operation": place.operation, "node": place.node}
            said |= {"trace_id": place.trace.trace_id, "span_id": place.trace.span_id}
        return json.dumps(said, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """As people read them. Without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def begin(environment: Mapping[str, str] = os.environ) -> None:
    """Log lines of this process go to standard error from now on. A ``TIDEGATE_LOG`` that is neither ``json`` nor
    ``text`` is said so, as the first line, and lines are text."""
    wanted = environment.get(VARIABLE) or TEXT
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if wanted == JSON else PlainLines("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if wanted not in (JSON, TEXT):
        logging.getLogger(__name__).warning("%s=%s is neither json nor text: lines are text", VARIABLE, wanted)
