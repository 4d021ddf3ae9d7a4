"""West has too little room: what is told of who was turned away, and what of it is not as it should be."""

from __future__ import annotations

from typing import Any

import pytest

from lab.load.journal import TURNED_AWAY, Request
from lab.story.turned_away import complaints, figures

ROUTES = [
    {"at": 100.0, "split": "west-a=10000", "admission": "3600/5"},
    {"at": 110.0, "split": "west-a=10000", "admission": "7500/5"},
    {"at": 120.0, "split": "west-a=10000"},
]
FLAGS = [
    {"at": 101.0, "flags": {"one": "0% exposed", "two": "0% exposed"}},
    {"at": 121.0, "flags": {"two": "100% exposed"}},
    {"at": 122.0, "flags": {"one": "100% exposed"}},
]
DEGRADED = ("one", "two")


def request(at: float, session: str, endpoint: str = "cart", status: int = 200, error: str = "") -> Request:
    return Request(at, session, endpoint, status, 20.0, "", "", error)


SEEN = [
    request(101.0, "a", status=503),  # the route may still be on its way
    request(103.0, "a", "checkout", 201),
    request(103.5, "b", status=503, error=TURNED_AWAY),
    request(104.0, "a"),
    request(112.0, "b"),
]


def told(**changed: Any) -> dict[str, Any]:
    return figures(**{"requests": SEEN, "routes": ROUTES, "flags": FLAGS, "until": 130.0, **changed})


def test_who_is_turned_away_is_counted_and_no_failure_of_those_who_are_served() -> None:
    found = told()
    assert found["stages"] == [(0.0, 3600), (10.0, 7500), (20.0, 10_000)]
    assert (found["turned_away"], found["sent_off"]) == (1, 0)
    assert found["served"]["checkout"] == {"requests": 1, "failed": 0, "p99_ms": 20.0}
    assert list(complaints(found, 0.999, 2.0, DEGRADED)) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"requests": [*SEEN, request(113.0, "b", status=503, error=TURNED_AWAY)]}, "turned away later: expected 0"),
        ({"requests": [*SEEN, request(113.0, "a", status=500)]}, "browse: 1 of 3 failed"),
        ({"requests": SEEN[1:2] + SEEN[3:]}, "nobody was turned away"),
        ({"routes": ROUTES[:2]}, "everybody in the end"),
        ({"routes": []}, "everybody in the end, got []"),
        ({"flags": FLAGS[:1] + FLAGS[:0:-1]}, "back one by one"),
        ({"flags": [FLAGS[0] | {"at": 111.0}, *FLAGS[1:]]}, "expected off before"),
    ],
    ids=["sent off", "failed", "room enough", "not all", "nothing", "wrong order", "off late"],
)
def test_what_is_not_as_it_should_be_is_said(changed: dict[str, Any], complaint: str) -> None:
    assert complaint in "; ".join(complaints(told(**changed), 0.999, 2.0, DEGRADED))
