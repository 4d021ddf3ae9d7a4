"""Lines as the edge's access log has them."""

from __future__ import annotations

import json
import time
from typing import Any

ROUTE = "7;east-b=250,east-a=4750,west-a=5000,west-b=0"


def record(**changes: Any) -> dict[str, Any]:
    """One good line's fields, with ``changes``."""
    good = {
        "t": f"{time.time():.6f}",
        "us": 1234,
        "ms": 1,
        "code": 200,
        "flags": "-",
        "route": ROUTE,
        "cluster": "east-a",
        "host": "127.0.0.1:1",
        "method": "GET",
        "path": "/",
        "session": "ab12",
    }
    return good | changes


def line(**changes: Any) -> bytes:
    """One good line with ``changes``, without its newline."""
    return json.dumps(record(**changes)).encode()
