"""Reads only in the story: what counts as a read, and what is told as a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from lab.load.journal import Request
from lab.story.reads_only import Turned, figures, mistakes

READ = Request(1.0, "s", "products", 200, 9.0, "1.0.0", "", "")
FIRST = Request(1.0, "", "home", 200, 9.0, "1.0.0", "", "")
WRITE = Request(1.0, "s", "checkout", 503, 2.0, "", "", "not placed")
TURNED = Turned(503, "7")


@pytest.mark.parametrize(
    ("requests", "asked", "writes", "complaint"),
    [
        ((READ, FIRST, WRITE), (TURNED,), 2, ""),
        ((WRITE,), (TURNED,), 2, "reads: expected"),
        ((READ, FIRST._replace(status=503, error="no session"), WRITE), (TURNED,), 2, "reads: expected"),
        ((READ._replace(status=503), WRITE), (TURNED,), 2, "reads: expected"),
        ((READ, WRITE._replace(release="1.0.0")), (TURNED,), 2, "writes: expected every one"),
        ((READ, WRITE._replace(ms=5000.0)), (TURNED,), 2, "writes: expected every one"),
        ((READ, WRITE), (Turned(503, "2"),), 2, "Retry-After: 7 on each"),
        ((READ, WRITE), (TURNED,), 3, "routes: expected one write"),
    ],
    ids=[
        "well",
        "no reads",
        "a first page failed",
        "a read failed",
        "the shop answered",
        "it hung",
        "told otherwise",
        "one more",
    ],
)
def test_what_is_a_mistake(requests: Any, asked: Any, writes: int, complaint: str) -> None:
    told = "; ".join(mistakes({"reads_only": figures(requests, asked), "route_writes": writes}))
    assert complaint in told
    assert bool(told) == bool(complaint)
